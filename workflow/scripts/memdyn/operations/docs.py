"""Writes what is generated of the docs: the config's schema, the keys in config/README.md, the lists of docs/tables.md
and the table of docs/mechanisms.md.

After a change of the config classes or of the tables' declarations. Only what differs is written.
"""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from memdyn.config.document import BEGIN, END, json_schema, key_table
from memdyn.operations.document_mechanisms import mechanisms_page
from memdyn.operations.document_tables import tables_page

ROOT = Path(__file__).resolve().parents[4]


def schema(_: str) -> str:
    """The JSON schema of a study's YAML file."""
    return json.dumps(json_schema(), indent=2) + "\n"


def readme(text: str) -> str:
    """The README with its key table made anew.

    Raises:
        ValueError: where it has no place for one.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"config/README.md: no place for the key table, between {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{key_table()}\n{END}{after}"


# each file and what makes its text of the text that it has
PAGES: list[tuple[Path, Callable[[str], str]]] = [
    (ROOT / "workflow" / "schemas" / "study.schema.json", schema),
    (ROOT / "config" / "README.md", readme),
    (ROOT / "docs" / "tables.md", tables_page),
    (ROOT / "docs" / "mechanisms.md", mechanisms_page),
]


def arguments(_: ArgumentParser) -> None:
    """None."""


def run(_: Namespace) -> None:
    """Makes all texts before any is written.

    Raises:
        FileNotFoundError: outside of a checkout.
    """
    if not (ROOT / "Snakefile").is_file():
        raise FileNotFoundError(f"{ROOT} is no checkout of the project, so there are no docs to write")
    old = {path: path.read_text(encoding="utf-8") if path.exists() else "" for path, _ in PAGES}
    new = {path: generate(old[path]) for path, generate in PAGES}
    for path, text in new.items():
        name, differs = path.relative_to(ROOT), text != old[path]
        if differs:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        print(f"{name}: {'written' if differs else 'was up to date'}")
