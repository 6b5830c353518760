"""Writes workflow/schemas/study.schema.json, the key table of config/README.md and the lists of docs/tables.md."""

import json
from pathlib import Path

from memdyn.config.document import BEGIN, END, json_schema, key_table
from memdyn.operations.document_tables import write_tables_page

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "workflow" / "schemas" / "study.schema.json"
README = ROOT / "config" / "README.md"


def generated_readme(text: str) -> str:
    """The README with its key table made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{key_table()}\n{END}{after}"


if __name__ == "__main__":
    SCHEMA.parent.mkdir(parents=True, exist_ok=True)
    SCHEMA.write_text(json.dumps(json_schema(), indent=2) + "\n")
    README.write_text(generated_readme(README.read_text()))
    write_tables_page(ROOT / "docs" / "tables.md")
