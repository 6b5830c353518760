"""Weights go once all have read them: at a start, and after each job; another study's note keeps them."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from finished_studies import finish
from memdyn.config.load import load_study
from memdyn.jobs.retention import mark
from memdyn.operations.discard import discard_read, watch
from memdyn.operations.wanted import note_path, note_wanted
from memdyn.plan.study import build_plan
from studies import study

BLOCK = "block-0000-0007"


def planned(**changes):
    return build_plan(load_study(study({"results": "results"} | changes)))


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """All is there, weights included, which are marked."""
    monkeypatch.chdir(tmp_path)
    made = planned()
    finish(made)
    for folder in weights_of(made):
        folder.mkdir()
        mark(folder, True)
    return made


def weights_of(plan):
    return [Path(plan.results, run.train.path, BLOCK, "checkpoints") for run in plan.runs]


def there(plan):
    return [folder.exists() for folder in weights_of(plan)]


def lose(plan, product):
    Path(plan.results, product).unlink()


def with_measures():
    return planned(**{"difficulty.measures": ["grand"]})


def take_measures(plan):
    for run in plan.runs:
        taken = Path(plan.results, run.probes["grand"].product(BLOCK))
        taken.parent.mkdir(parents=True, exist_ok=True)
        taken.touch()


# -- at a start -----------------------------------------------------------------------------------------------------


def test_weights_go_where_they_are_marked_and_read(plan):
    mark(weights_of(plan)[1], False)
    discard_read(plan)
    assert there(plan) == [False, True]


def test_weights_stay_that_are_not_read(plan):
    lose(plan, plan.runs[0].outputs.product(BLOCK))
    discard_read(plan)
    assert there(plan) == [True, False]


def test_weights_stay_that_the_study_keeps(plan):
    """Though another study's probe, which keeps none, has marked them."""
    discard_read(planned(keep_checkpoints="all"))
    assert there(plan) == [True, True]


def test_weights_stay_until_all_probes_have_read_them(plan):
    wanted = with_measures()
    discard_read(wanted)
    assert there(plan) == [True, True]
    take_measures(wanted)
    discard_read(wanted)
    assert there(plan) == [False, False]


# -- other studies --------------------------------------------------------------------------------------------------


def noted(plan, folder, **changes):
    """The note of another checkout, changed; a value of None takes a key away."""
    own, theirs = note_path(Path(plan.folder), Path.cwd()), note_path(Path(plan.folder), Path(folder))
    note_wanted(plan)
    content = yaml.safe_load(own.read_text()) | changes
    own.unlink()
    theirs.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))


def test_weights_stay_that_another_study_has_still_to_read(plan):
    wanted = with_measures()
    noted(wanted, "elsewhere")
    discard_read(plan)
    assert there(plan) == [True, True]
    take_measures(wanted)
    discard_read(plan)
    assert there(plan) == [False, False]


def test_weights_stay_that_another_study_keeps(plan):
    noted(planned(keep_checkpoints="all"), "elsewhere")
    discard_read(plan)
    assert there(plan) == [True, True]


def test_weights_go_of_which_another_study_knows_nothing(plan):
    noted(planned(**{"base.epochs": 5, "base.checkpoints": [0, 5], "keep_checkpoints": "all"}), "elsewhere")
    discard_read(plan)
    assert there(plan) == [False, False]


def test_weights_stay_for_a_note_of_an_older_release(plan):
    """Which does not tell who reads them."""
    noted(plan, "elsewhere", readers=None, keeps=None)
    discard_read(plan)
    assert there(plan) == [True, True]


@pytest.mark.parametrize("said", ["folders: 3", "{", "{folders: [], versions: [], readers: x}"])
def test_weights_stay_where_it_cannot_be_told_who_reads_them(plan, said):
    note = note_path(Path(plan.folder), Path("elsewhere"))
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(said)
    discard_read(plan)
    assert there(plan) == [True, True]


# -- after a job ----------------------------------------------------------------------------------------------------


class Graph:
    """As much of Snakemake's as is asked for, of one training with a probe for each of its readers."""

    def __init__(self, plan, needed=False, notemp=False, dryrun=False):
        self.workflow = SimpleNamespace(dryrun=dryrun, storage_settings=SimpleNamespace(notemp=notemp))
        pool, run = plan.runs[0].train.path.split("/")
        self.train = job({"pool": pool, "run": run, "block": BLOCK}, checkpoints=weights_of(plan)[0], log="log")
        self.probe = job({}, signals="signals")
        self.dependencies = {self.train: {}, self.probe: {self.train: ["checkpoints", "log"]}}
        self.needed, self.ended = needed, []

    def is_needed_tempfile(self, maker, weights):
        assert (maker, weights) == (self.train, self.train.output["checkpoints"])
        return self.needed


class Job:
    def is_group(self):
        return False


def job(wildcards, **output):
    made = Job()
    made.wildcards_dict, made.output = wildcards, {name: str(path) for name, path in output.items()}
    return made


@pytest.fixture
def after(plan):
    """Tells of a job that has ended."""

    class Watched(Graph):
        async def handle_temp(self, job):
            self.ended.append(job)

    watch(Watched, planned())
    watch(Watched, plan)  # a process may read the Snakefile twice

    def tell(who, **settings):
        dag = Watched(plan, **settings)
        asyncio.run(dag.handle_temp(getattr(dag, who)))
        assert dag.ended == [getattr(dag, who)]

    return tell


@pytest.mark.parametrize("who", ["train", "probe"])
def test_weights_go_with_the_last_job_that_reads_them(plan, after, who):
    after(who)
    assert there(plan) == [False, True], "those of the job alone"


@pytest.mark.parametrize("why", ["needed", "notemp", "dryrun"])
def test_weights_stay_while_another_job_needs_them_or_where_none_are_to_go(plan, after, why):
    """A job that is forced reads them again, though what it makes is there already."""
    after("probe", **{why: True})
    assert there(plan) == [True, True]


def test_weights_stay_for_a_probe_of_a_later_run(plan, after):
    lose(plan, plan.runs[0].outputs.product(BLOCK))
    after("train")
    assert there(plan) == [True, True]


def test_a_note_that_appears_while_jobs_run_is_seen(plan, after):
    noted(with_measures(), "elsewhere")
    after("probe")
    assert there(plan) == [True, True]
