"""Weights go once all have read them: at a start, and after each job; another study's note keeps them."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from finished_studies import finish
from memdyn.config.load import load_study
from memdyn.design.blocks import progress_folder
from memdyn.jobs.retention import mark
from memdyn.operations.discard import discard_at_the_end, discard_read, reading, watch
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


def discard_all(plan):
    discard_read(plan, [(train.path, block) for train, block in plan.trained_blocks()])


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
    discard_all(plan)
    assert there(plan) == [False, True]


def test_weights_stay_that_are_not_read(plan):
    lose(plan, plan.runs[0].outputs.product(BLOCK))
    discard_all(plan)
    assert there(plan) == [True, False]


def test_weights_stay_that_the_study_keeps(plan):
    """Though another study's probe, which keeps none, has marked them."""
    discard_all(planned(keep_checkpoints="all"))
    assert there(plan) == [True, True]


def test_weights_stay_until_all_probes_have_read_them(plan):
    wanted = with_measures()
    discard_all(wanted)
    assert there(plan) == [True, True]
    take_measures(wanted)
    discard_all(wanted)
    assert there(plan) == [False, False]


def test_what_training_has_left_goes_with_weights_that_no_probe_has_tidied_up(plan):
    """Such as those of a training whose log was lost; they are the same files."""
    left = [progress_folder(folder.parents[1], BLOCK) for folder in weights_of(plan)]
    for folder in left:
        (folder / "model-0000").mkdir(parents=True)
    (left[1] / "lease").touch()
    discard_all(plan)
    assert there(plan) == [False, False]
    assert [folder.exists() for folder in left] == [False, True], "a job is at work in the second"


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
    discard_all(plan)
    assert there(plan) == [True, True]
    take_measures(wanted)
    discard_all(plan)
    assert there(plan) == [False, False]


def test_weights_stay_that_another_study_keeps(plan):
    noted(planned(keep_checkpoints="all"), "elsewhere")
    discard_all(plan)
    assert there(plan) == [True, True]


def test_weights_go_of_which_another_study_knows_nothing(plan):
    noted(planned(**{"base.epochs": 5, "base.checkpoints": [0, 5], "keep_checkpoints": "all"}), "elsewhere")
    discard_all(plan)
    assert there(plan) == [False, False]


def test_weights_stay_for_a_note_of_an_older_release(plan):
    """Which does not tell who reads them."""
    noted(plan, "elsewhere", readers=None, keeps=None)
    discard_all(plan)
    assert there(plan) == [True, True]


@pytest.mark.parametrize("said", ["folders: 3", "{", "{folders: [], versions: [], readers: x}"])
def test_weights_stay_where_it_cannot_be_told_who_reads_them(plan, said):
    note = note_path(Path(plan.folder), Path("elsewhere"))
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(said)
    discard_all(plan)
    assert there(plan) == [True, True]


def test_weights_stay_that_another_snakemake_reads_while_it_runs(plan):
    """What it makes of them is there, of this one; it will delete that before it starts its job."""
    noted(plan, "elsewhere", reading=[plan.runs[0].train.path])
    discard_all(plan)
    assert there(plan) == [True, False]


def test_what_another_snakemake_has_read_goes_at_the_end_of_the_last_one(plan):
    dag = Graph(plan)
    dag.jobs = [SimpleNamespace(input=list(map(str, weights_of(plan))))]
    assert reading(dag, plan) == sorted(run.train.path for run in plan.runs)
    note_wanted(plan, reading(dag, plan))
    own = note_path(Path(plan.folder), Path.cwd())
    theirs = own.with_name("wanted-elsewhere.yaml")
    theirs.write_bytes(own.read_bytes())

    discard_at_the_end(dag, plan)
    assert there(plan) == [True, True], "the other one runs"
    assert yaml.safe_load(own.read_text())["reading"] == []

    theirs.write_bytes(own.read_bytes())
    dag.workflow.storage_settings.notemp = True
    discard_at_the_end(dag, plan)
    assert there(plan) == [True, True]
    dag.workflow.storage_settings.notemp = False
    discard_at_the_end(dag, plan)
    assert there(plan) == [False, False]


# -- after a job ----------------------------------------------------------------------------------------------------


class Graph:
    """As much of Snakemake's as is asked for, of one training with a probe for each of its readers."""

    def __init__(self, plan, needed=False, notemp=False, dryrun=False):
        self.workflow = SimpleNamespace(dryrun=dryrun, storage_settings=SimpleNamespace(notemp=notemp))
        pool, run = plan.runs[0].train.path.split("/")
        self.train = job({"pool": pool, "run": run, "block": BLOCK}, checkpoints=weights_of(plan)[0], log="log")
        self.probe = job({}, signals="signals")
        self.dependencies = {self.train: {}, self.probe: {self.train: ["checkpoints", "log"]}}
        self.needed, self.ended, self.targetfiles, self.jobs = needed, [], set(), []

    def needrun_jobs(self):
        return self.jobs

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

        async def postprocess(self, update_needrun=True, check_initial=False):
            self.ended.append(check_initial)

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


# -- before the first job -------------------------------------------------------------------------------------------


@pytest.fixture
def begin(plan):
    """Begins a run of these jobs, each with what it reads."""

    class Watched(Graph):
        async def handle_temp(self, job):
            raise AssertionError

        async def postprocess(self, update_needrun=True, check_initial=False):
            self.ended.append(check_initial)

    def tell(read=(), targets=(), check_initial=True, **settings):
        watch(Watched, plan)
        watch(Watched, plan)  # a process may read the Snakefile twice
        dag = Watched(plan, **settings)
        dag.jobs, dag.targetfiles = [SimpleNamespace(input=[str(file)]) for file in read], set(map(str, targets))
        asyncio.run(dag.postprocess(check_initial=check_initial))
        assert dag.ended == [check_initial]

    return tell


def test_weights_that_a_killed_start_has_left_go(plan, begin):
    begin(read=["another file"])
    assert there(plan) == [False, False]


@pytest.mark.parametrize("how", ["read", "targets"])
def test_weights_stay_that_a_forced_job_reads_or_that_were_asked_for(plan, begin, how):
    begin(**{how: weights_of(plan)[:1]})
    assert there(plan) == [True, False]


@pytest.mark.parametrize("how", [{"notemp": True}, {"dryrun": True}, {"check_initial": False}])
def test_weights_stay_where_nothing_is_run_or_is_to_go(plan, begin, how):
    begin(**how)
    assert there(plan) == [True, True]


def test_weights_stay_while_another_run_of_this_checkout_may_read_them(plan, begin):
    """It may be of the same study with one more probe: its note is taken for one's own."""
    lock = Path(".snakemake/locks/0.output.lock")
    lock.parent.mkdir(parents=True)
    lock.touch()
    begin()
    assert there(plan) == [True, True]
    lock.unlink()
    begin()
    assert there(plan) == [False, False]
