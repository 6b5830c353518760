"""The rooms of the package: each imports only rooms above it, nothing runs in circles, and what digests leave out."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from memdyn.identity.digest import OUTSIDE, PACKAGE_ROOT

# A room may import the rooms above it; those of one line do not import each other.
ROOMS = [
    ["registry", "terms"],
    ["tables"],
    ["jobs"],
    ["config"],
    ["own"],
    ["stats", "design"],
    ["store"],
    ["data", "optim"],
    ["models"],
    ["compute"],
    ["mechanisms"],
    ["training", "probes"],
    ["attacks"],
    ["dynamics"],
    ["audit"],
    ["compare"],
    ["report"],
    ["identity"],
    ["plan"],
    ["operations"],
    ["__main__"],
]
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}
# Rooms whose code can change no number but through a hashed option, so that an edit there makes no job run.
OUTSIDE_THE_DIGESTS = {"config", "identity", "jobs", "operations", "plan", "tables"}
# What a page and its figures may need of the package besides their own room: tables have said the rest.
NEEDED_BY_THE_REPORT = {"report", "terms", "stats"}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE_ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_of(path): path for path in sorted(PACKAGE_ROOT.rglob("*.py"))}
MODULES = [module for module in FILES if module != "memdyn"]


def room_of(module: str) -> str:
    return module.split(".")[1]


def imports(module: str) -> Iterator[str]:
    """The modules of the package that a module imports, wherever in its text."""
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in FILES)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: relative imports hide the room"
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (member if member in FILES else node.module for member in members if node.module in FILES)


def test_every_room_is_on_the_list():
    assert {room_of(module) for module in MODULES} == set(FLOOR)


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_rooms_above_it_only(module):
    rooms = {room_of(name) for name in imports(module)} - {room_of(module)}
    assert {room for room in rooms if FLOOR[room] >= FLOOR[room_of(module)]} == set()


def test_no_file_is_imported_in_a_circle():
    """Raises CycleError, naming the files, where there is one. A room's registry is no file of its own here."""
    graph = {module: {name for name in imports(module) if name != module} for module in MODULES}
    TopologicalSorter(graph).prepare()


def test_the_report_needs_words_and_statistics_only():
    needed = {room_of(name) for module in MODULES if room_of(module) == "report" for name in imports(module)}
    assert needed <= NEEDED_BY_THE_REPORT


def test_runs_are_made_without_what_compares_them():
    """Else an edit of a comparison would rename, and make anew, what it compares."""
    comparing = {path.stem for path in PACKAGE_ROOT.parent.glob("*.py") if "memdyn.compare" in path.read_text()}
    assert comparing == {"compare_audits", "compare_folds", "compare_runs", "measure_uncalibrated"}


def test_what_digests_leave_out():
    assert set(OUTSIDE) == OUTSIDE_THE_DIGESTS


def test_no_file_is_longer_than_400_lines():
    long = {module: lines for module, path in FILES.items() if (lines := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_tests_mirror_the_package():
    """A file of tests lies in the folder of the room that it is about."""
    tests = Path(__file__).parent
    rooms = {path.name for path in tests.iterdir() if path.is_dir() and any(path.glob("test_*.py"))}
    assert rooms <= set(FLOOR)
