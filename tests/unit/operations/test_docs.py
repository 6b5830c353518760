"""What is generated of the docs is up to date (where it is not: `make docs`), and written only where it differs."""

from argparse import Namespace
from pathlib import Path

import pytest

from memdyn.config.document import BEGIN, END, key_table
from memdyn.operations import docs


@pytest.mark.parametrize(("path", "generate"), docs.PAGES, ids=lambda value: getattr(value, "name", None))
def test_up_to_date(path, generate):
    text = path.read_text(encoding="utf-8")
    assert text == generate(text), "run `make docs`"


def test_the_table_is_put_between_its_marks():
    made = docs.readme(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert made == f"before\n{BEGIN}\n{key_table()}\n{END}\nafter\n" == docs.readme(made)


@pytest.mark.parametrize("text", ["", "no marks", f"{BEGIN}\nno end", f"{END}\n{BEGIN}"])
def test_a_readme_without_a_place_for_the_table(text):
    with pytest.raises(ValueError, match=r"config/README.md: no place for the key table"):
        docs.readme(text)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "Snakefile").touch()
    (tmp_path / "fresh").write_text("new")
    (tmp_path / "stale").write_text("old")
    pages = [(tmp_path / name, lambda _: "new") for name in ("fresh", "stale", "folder/missing")]
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    monkeypatch.setattr(docs, "PAGES", pages)
    return tmp_path


def test_only_what_differs_is_written(checkout, capsys):
    before = (checkout / "fresh").stat().st_mtime_ns
    docs.run(Namespace())
    assert [Path(checkout, name).read_text() for name in ("fresh", "stale", "folder/missing")] == ["new"] * 3
    assert (checkout / "fresh").stat().st_mtime_ns == before
    said = capsys.readouterr().out.splitlines()
    assert said == ["fresh: was up to date", "stale: written", "folder/missing: written"]


def test_nothing_is_written_where_a_text_cannot_be_made(checkout, monkeypatch):
    monkeypatch.setattr(docs, "PAGES", [*docs.PAGES, (checkout / "last", docs.readme)])
    with pytest.raises(ValueError):
        docs.run(Namespace())
    assert (checkout / "stale").read_text() == "old"


def test_outside_of_a_checkout(checkout):
    (checkout / "Snakefile").unlink()
    with pytest.raises(FileNotFoundError, match="is no checkout"):
        docs.run(Namespace())
