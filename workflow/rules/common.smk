# The config becomes plain objects and file names here; no science, no torch.
import gc
import inspect
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow" / "scripts"))

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.config.yaml_file import refuse_misread
from memdyn.design.blocks import models_of
from memdyn.plan.files import CHECKPOINTS, Files
from memdyn.plan.study import build_plan
from memdyn.operations import attempts, locked, slurm
from memdyn.operations.cost import statement
from memdyn.operations.discard import discard_at_the_end, reading, watch
from memdyn.operations.guard import (
    link_current,
    refuse_missing_data,
    refuse_needless_training,
)
from memdyn.operations.inputs import Forced, Inputs
from memdyn.operations.interruption import Interruption
from memdyn.operations.part import part
from memdyn.operations.progress import Progress
from memdyn.operations.refusal import Refusal, plainly
from memdyn.operations.shown import Shown, silence_the_scheduler
from memdyn.operations.status import all_jobs, failures
from memdyn.operations.wanted import announce, note_wanted
from memdyn.operations.weights import Readers
from snakemake.dag import DAG
from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake.settings.types import ExecMode

# a plan is millions of objects that stay: looking for garbage among them takes a sixth of the time of planning
gc.set_threshold(1_000_000)


silence_the_scheduler()
logger.addFilter(plainly)

IS_MAIN = workflow.exec_mode == ExecMode.DEFAULT
PROFILES = sorted(Path(workflow.basedir).glob("profiles/*/*.yaml"))


def running_jobs():
    return list(workflow.scheduler.running) if workflow.scheduler else []


if IS_MAIN:  # what it says and does when jobs fail, or when it is to stop
    attempts.watch()
    slurm.mend()
    logger.addFilter(locked.explain)
    Interruption(running_jobs, is_cluster=lambda: not workflow.local_exec).watch()


def make_plan():
    try:
        if IS_MAIN:
            refuse_misread([*workflow.configfiles, *PROFILES])
        study = load_study(config, workflow.config_settings.config_args or ())
        # with --sdm, jobs have packages of their own
        same = not workflow.deployment_settings.deployment_method
        return build_plan(study, is_job=not IS_MAIN, judge_installed=same)
    except (ConfigError, OSError, SyntaxError) as error:
        raise Refusal(str(error)) from None


PLAN = make_plan()
OPTIONS = PLAN.study.config
RESULTS = OPTIONS.results
VERSIONS = PLAN.versions
STUDY_REPORT = f"{VERSIONS}/{PLAN.report.folder}/report.html"
HAS_TEACHERS = any(run.train.needs for run in PLAN.trained)
IMPORTS = PLAN.imports
FILES = Files(PLAN)
READERS = Readers.of_plan(PLAN)
POOL_FILE = f"{RESULTS}/{{pool}}/pool.arrow"
WEIGHTS = f"{RESULTS}/{{pool}}/{{run}}/{{block}}/{CHECKPOINTS}"
TRAINING_LOG = f"{RESULTS}/{{pool}}/{{run}}/{{block}}/log.parquet"


def jobs_at_once():
    """Jobs of training and scoring side by side: --jobs on a cluster, else as cores and GPUs of this machine allow."""
    settings, gpu = workflow.resource_settings, workflow.global_resources.get("gpu")
    if settings.nodes:
        return settings.nodes
    jobs = (settings.cores or 1) // OPTIONS.threads
    if OPTIONS.device == "cuda" and gpu is not None:
        jobs = min(jobs, gpu.value)
    return max(1, jobs)


def cost_lines():
    """What the study stands on and will cost."""
    for pool, file in PLAN.gone.items():
        yield f"data: {file} is gone; its pool, {RESULTS}/{pool}, is built and stands for it"
    if asked := part(workflow.dag_settings, STUDY_REPORT):
        yield f"cost: what follows is of the whole study, of which {asked} makes a part"
    try:
        lines = list(statement(PLAN, jobs_at_once()))
    except (OSError, ValueError) as error:  # a file that a job is just replacing
        lines = [f"unknown ({error})"]
    yield from (f"cost: {line}" for line in lines)


def check_inputs():
    """Refuses to make again what is finished without all that it was made of."""
    try:
        INPUTS.refuse_remaking(workflow.dag.needrun_jobs())
    except RuntimeError as error:
        raise Refusal(str(error)) from None


def state_cost():
    """Prints it: a real run when it starts, a dry run at its end, or at once where Snakemake's own listing is wanted."""
    if IS_MAIN and Quietness.ALL not in (workflow.output_settings.quiet or ()):
        SHOWN.say(cost_lines())


def show_run():
    """Begins the picture of the run, with what its jobs are expected to take."""
    if not IS_MAIN:
        return
    jobs = workflow.dag.needrun_jobs()
    SHOWN.begin((job.rule.name, job.wildcards_dict) for job in jobs)
    Progress(PLAN, jobs_at_once(), SHOWN.tally, SHOWN.progress).start()


def tell_failures():
    """Says at the end of a run that failed what its jobs said last, where that is not just above."""
    if not IS_MAIN:
        return
    SHOWN.stop()
    if not SHOWN.failures_in_sight:
        SHOWN.say(failures(PLAN, all_jobs(PLAN)))
    SHOWN.end_badly()


def check_work():
    """Refuses work that is needless or cannot be done: a dry run at once, a real one when it starts, so that `--unlock` and the like work."""
    try:
        refuse_needless_training(PLAN, *map(os.path.relpath, workflow.configfiles[-1:]))
        refuse_missing_data(PLAN)
    except RuntimeError as error:
        raise Refusal(str(error)) from None


if IS_MAIN:
    SHOWN = Shown(
        workflow.output_settings,
        PLAN,
        cost_lines,
        f"{PLAN.folder}/report.html",
        lambda: [rule.name for rule in workflow.rules],
    )
    SHOWN.install()
    if workflow.output_settings.dryrun:  # `workflow.dryrun` is not set yet
        check_work()
        if not SHOWN.is_installed:
            state_cost()
    else:
        announce(PLAN)
        if link_current(PLAN):  # there is nothing to start
            note_wanted(PLAN)
        watch(DAG, PLAN)


# Every path names what it was made from, so files are never too old: inputs are `ancient`, and only what is missing
# is made; what is finished names of its inputs those alone that are there.
INPUTS = Inputs((lambda: Forced.of(workflow.dag_settings)) if IS_MAIN else None)


def stage(*path):
    """The stage whose folder is the path; its options and code, as one sorted dict."""
    try:
        return PLAN.stage("/".join(path)).params()
    except LookupError as error:
        raise Refusal(str(error)) from None


def tables_of(names, folder):
    """Tables by name, in a folder of a run's outputs."""
    outputs = f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}"
    return {name: f"{outputs}/{folder}/{name}.parquet" for name in names}


# input functions
def masks_of(wc):
    return FILES.masks(wc.pool)


def block_masks(wc):
    return FILES.masks(wc.pool, models_of(wc.block))


def outputs_of(wc):
    return FILES.signals(f"{wc.pool}/{wc.run}/{wc.outputs}")


def read_besides(wc):
    """What a stage of a run's outputs reads of other probes, by their names."""
    needs = stage(*dict(wc.items()).values())["options"].get("needs", {})
    return {name: FILES.signals(folder) for name, folder in needs.items()}


def teachers_of(wc):
    return FILES.teachers(f"{wc.pool}/{wc.run}", wc.block)


def downloads_of(wc):
    return FILES.downloaded(wc.pool)


def is_to_be_trained(wc):
    return READERS.is_to_be_trained(f"{wc.pool}/{wc.run}", wc.block)


# params and resources
def asked_often(function):
    """Of each of thousands of blocks: its signature at hand, which Snakemake works out anew two or three times a job."""
    function.__signature__ = inspect.signature(function)
    return function


def first_blocks_first(priority):
    """Of a block's job: what is finished at any time are the first models of each run, which make a study of their own."""

    @asked_often
    def of_block(wc):
        return priority - models_of(wc.block).start / OPTIONS.shadow_models

    return of_block


@asked_often
def block_memory(wc, attempt):
    return 8000 * attempt


@asked_often
def block_minutes(wc, attempt):
    """Four hours for eight models."""
    return 240 * attempt * -(-len(models_of(wc.block)) // 8)


@asked_often
def pool_stage(wc):
    return stage(wc.pool)


@asked_often
def train_stage(wc):
    return stage(wc.pool, wc.run)


@asked_often
def probe_stage(wc):
    return stage(wc.pool, wc.run, wc.probe)


def study_memory(attempt):
    """MB for figures, which hold the states of all samples at one threshold: some 450 bytes each at their peak."""
    states = sum(
        len(run.epochs)
        * run.pool.options["parts"]["scored"]
        * len(run.dynamics.options["attacks"])
        for run in PLAN.runs
        if run.dynamics
    )
    return max(8000, 4000 + states // 2200) * attempt


def gpus():
    return 1 if OPTIONS.device == "cuda" else 0


def teacher_params(wc):
    """The mechanism and the recipe of each of them."""
    train = PLAN.stage(f"{wc.pool}/{wc.run}")
    mechanisms = [mechanism for mechanism, _ in train.options.get("teachers", ())]
    return [
        {"mechanism": mechanism, "options": need.options}
        for mechanism, need in zip(mechanisms, train.needs.values())
    ]
