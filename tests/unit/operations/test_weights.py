"""Which weights are still to be read, told alike by a plan and by its note."""

from dataclasses import replace
from pathlib import Path

import pytest

from finished_studies import finish
from memdyn.operations.wanted import Wanted, note_path, note_wanted, read_note
from memdyn.operations.weights import Reader, Readers
from memdyn.plan.stage import TRAIN
from studies import plan

FIRST, SECOND = "block-0000-0007", "block-0008-0015"
RUNS = [{"name": "base"}, {"name": "student", "mechanisms": {"distillation": {"temperature": 2}}}]


@pytest.fixture(params=["plan", "note"])
def told(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A finished study of a teacher and its student, without weights, and its readers as one of the two tells them."""
    monkeypatch.chdir(tmp_path)
    made = plan({"runs": RUNS, "results": "results", "shadow_models": 16})
    finish(made)
    if request.param == "plan":
        return made, Readers.of_plan(made)
    note_wanted(made)
    note = read_note(note_path(Path(made.folder), tmp_path))
    return made, Readers(Path(made.results), note.readers)


def lose(made, product: str) -> None:
    Path(made.results, product).unlink()


def test_nothing_is_to_be_read_of_a_finished_study(told):
    made, readers = told
    assert not any(readers.unread(run.train.path, block) for run in made.runs for block in (FIRST, SECOND))
    assert not any(readers.is_to_be_trained(run.train.path, FIRST) for run in made.runs)


def test_a_missing_probe_has_still_to_read_its_block(told):
    made, readers = told
    base = made.runs[0]
    lose(made, base.outputs.product(FIRST))
    assert readers.unread(base.train.path, FIRST) == [base.outputs.path]
    assert readers.is_to_be_trained(base.train.path, FIRST)
    assert not readers.unread(base.train.path, SECOND) and not readers.is_to_be_trained(base.train.path, SECOND)


def test_a_student_without_its_own_weights_has_to_read_its_teachers(told):
    made, readers = told
    base, student = made.runs
    lose(made, student.outputs.product(FIRST))
    assert readers.unread(base.train.path, FIRST) == [student.train.path]
    Path(made.results, student.train.path, FIRST, "checkpoints").mkdir()
    assert not readers.unread(base.train.path, FIRST)
    lose(made, student.train.product(FIRST))
    assert readers.unread(base.train.path, FIRST) == [student.train.path]


def test_a_reader_of_fewer_models_has_no_later_block(tmp_path):
    reader = Reader("pool/run/probe", "signals.parquet", models=8)
    readers = Readers(tmp_path, {"pool/run": [reader]})
    assert readers.unread("pool/run", FIRST) == ["pool/run/probe"] and not readers.unread("pool/run", SECOND)
    teacher = Readers(tmp_path, {"pool/run": [replace(reader, product=TRAIN.product)]})
    assert not teacher.unread("pool/run", SECOND)


@pytest.mark.parametrize(
    "readers",
    ["pool", {"pool": 3}, {"pool": [{"folder": "x"}]}, {"pool": [{"folder": 1, "product": "", "models": 8}]}],
)
def test_a_note_that_says_something_else_is_told(readers, tmp_path):
    with pytest.raises((TypeError, ValueError)):
        Wanted.of({"folders": [], "versions": [], "readers": readers})
