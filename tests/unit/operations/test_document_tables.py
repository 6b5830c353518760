"""docs/tables.md is what the declarations say. Where it is not: `make docs`."""

import re
from pathlib import Path

from memdyn.config.document import BEGIN, END
from memdyn.operations.document_tables import table_lists, tables_page
from memdyn.tables import STAGES, study

PAGE = Path(__file__).resolve().parents[3] / "docs" / "tables.md"


def test_the_page_is_up_to_date():
    text = PAGE.read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    assert text == tables_page(text), "run `make docs`"


def test_every_table_and_column_has_its_line():
    sections = dict(re.findall(r"^### `(.+?)`\n(.*?)(?=^##|\Z)", table_lists() + "\n", re.DOTALL | re.MULTILINE))
    for stage, tables in STAGES.items():
        for name, one in tables.items():
            if stage == "study" and name not in study.OWN:
                assert f"`{name}`" in table_lists(), "taken over"
                continue
            section = sections[name if stage == "study" else f"{stage}: {name}"]
            assert f"Key: {', '.join(f'`{key}`' for key in one.key)}." in section
            for column in one.columns:
                (row,) = re.findall(rf"^\| `{re.escape(column.name)}` \|.*$", section, re.MULTILINE)
                assert len(re.findall(r"(?<!\\)\|", row)) == 5 and f"| {column.kind} |" in row
