"""Facts of code that are kept from process to process: found again, never stale, not missed where they are not."""

import json
import os

import pytest

from fresh_code import forget_code
from memdyn.identity import digest, kept
from memdyn.identity.digest import code_digest

FILES = {
    "job.py": "from memdyn.work import run\n",
    "memdyn/__init__.py": "",
    "memdyn/work.py": "run = 1\n",
    "memdyn/one.py": 'from memdyn.work import run\n\nSECTION = make(figures=run, tables="t")\n',
}
ENTRY = "memdyn.one:SECTION.figures"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package in place of memdyn."""
    for name, text in FILES.items():
        path = tmp_path / "scripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(digest, "SCRIPTS", tmp_path / "scripts")
    monkeypatch.setattr(digest, "PACKAGE_ROOT", tmp_path / "scripts" / "memdyn")
    yield tmp_path / "scripts" / "memdyn"
    forget_code()


@pytest.fixture
def read(monkeypatch):
    """What was read of code since, by name and part."""
    seen, truly = [], kept.read_facts

    def read_facts(code, name, part, is_package):
        seen.append(f"{name}:{part}")
        return truly(code, name, part, is_package)

    monkeypatch.setattr(kept, "read_facts", read_facts)
    return seen


def now():
    """The digest as another process finds it."""
    forget_code()
    return code_digest(["job.py"], [ENTRY])


def file_of(package):
    (file,) = package.glob("__pycache__/digests.*.json")
    return file


def test_another_process_reads_no_code_again(package, read):
    first = now()
    assert sorted(read) == ["job.py:", "memdyn/__init__.py:", "memdyn/one.py:SECTION.figures", "memdyn/work.py:"]
    read.clear()
    assert now() == first and read == []


def test_an_edit_is_read_though_its_time_and_its_size_stay(package, read):
    first, work = now(), package / "work.py"
    times = work.stat().st_atime_ns, work.stat().st_mtime_ns
    work.write_text("run = 2\n")
    os.utime(work, ns=times)
    read.clear()
    assert now() != first and read == ["memdyn/work.py:"]
    work.write_text("run = 1\n")
    assert now() == first


def test_files_that_changed_places_keep_nothing_of_each_other(package):
    (package / "other.py").write_text("run = 3\n")
    (package.parent / "job.py").write_text("from memdyn import work, other\n")
    first = now()
    one, other = package / "work.py", package / "other.py"
    texts = one.read_text(), other.read_text()
    other.write_text(texts[0]), one.write_text(texts[1])
    swapped = now()
    file_of(package).unlink()
    assert swapped == now() != first


def test_what_another_reader_kept_counts_for_nothing(package, read, monkeypatch):
    first = now()
    read.clear()
    monkeypatch.setattr(kept, "_reader", lambda: "newer")
    assert now() == first and len(read) == 4


BROKEN = ["", "{", "[]", "null", '{"reader": 1}', "\0", '{"reader": READER, "facts": 1}', '{"reader": READER}']


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_written_anew(package, text):
    first = now()
    file_of(package).write_text(text.replace("READER", json.dumps(kept._reader())))
    assert now() == first
    assert len(json.loads(file_of(package).read_text())["facts"]) == 4


def test_where_nothing_can_be_written_code_is_read(package, read):
    (package / "__pycache__").write_text("no folder")
    assert now() == now() and len(read) == 8


def test_of_two_that_write_none_takes_the_facts_of_the_other(package):
    first, second = kept.KeptFacts(package), kept.KeptFacts(package)
    one, two = first.of("one.py", b"x = 1", "", True), second.of("two.py", b"x = 2", "", True)
    first.save(), second.save()
    facts = json.loads(file_of(package).read_text())["facts"]
    assert {key: value[1] for key, value in facts.items()} == {"one.py:": one.hash, "two.py:": two.hash}


def test_kept_facts_are_those_that_reading_gives():
    """Of all of this package: whatever lies in its folder now."""
    scripts = digest.SCRIPTS
    facts = kept.KeptFacts(digest.PACKAGE_ROOT)
    for path in [*scripts.glob("*.py"), *digest.PACKAGE_ROOT.rglob("*.py")]:
        label, is_package = path.relative_to(scripts).as_posix(), path.is_relative_to(digest.PACKAGE_ROOT)
        assert facts.of(label, path.read_bytes(), "", is_package) == kept.read_facts(
            path.read_bytes(), label, "", is_package
        )
