# The config becomes plain objects and file names here; no science, no torch.
import gc
import inspect
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow" / "scripts"))

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.config.yaml_file import refuse_misread
from memdyn.design.blocks import block_names, mask_names, models_of
from memdyn.plan.study import build_plan
from memdyn.operations import attempts, locked, slurm
from memdyn.operations.cost import statement
from memdyn.operations.guard import (
    discard_read,
    link_current,
    refuse_missing_data,
    refuse_needless_training,
)
from memdyn.operations.interruption import Interruption
from memdyn.operations.progress import Progress
from memdyn.operations.refusal import Refusal, plainly
from memdyn.operations.shown import Shown
from memdyn.operations.status import all_jobs, failures
from memdyn.operations.wanted import announce, note_wanted
from memdyn.operations.weights import is_to_be_trained
from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake.settings.types import ExecMode

# a plan is millions of objects that stay: looking for garbage among them takes a sixth of the time of planning
gc.set_threshold(1_000_000)


# two lines a choice of jobs, hundreds in a run, which say nothing that the lines of the jobs do not
_OF_THE_SCHEDULER = re.compile(r"Select jobs to execute|Execute \d+ jobs")
logger.addFilter(lambda record: not _OF_THE_SCHEDULER.match(str(record.msg)))
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
BLOCKS = block_names(OPTIONS.shadow_models)
HAS_TEACHERS = any(run.train.needs for run in PLAN.trained)
IMPORTS = PLAN.imports
POOLS = {} if IMPORTS else {run.pool.path: run.run.pool for run in PLAN.runs}
POOL_FILE = f"{RESULTS}/{{pool}}/pool.arrow"


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
    try:
        lines = list(statement(PLAN, jobs_at_once()))
    except (OSError, ValueError) as error:  # a file that a job is just replacing
        lines = [f"unknown ({error})"]
    yield from (f"cost: {line}" for line in lines)


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
        discard_read(PLAN)


# Every path names what it was made from, so files are never too old: inputs are `ancient`, and only what is missing
# is made.
def stage(*path):
    """The stage whose folder is the path; its options and code, as one sorted dict."""
    try:
        return PLAN.stage("/".join(path)).params()
    except LookupError as error:
        raise Refusal(str(error)) from None


def masks_of(pool, models):
    return ancient(
        [f"{RESULTS}/{pool}/membership/{name}.npz" for name in mask_names(models)]
    )


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
def block_masks(wc):
    return masks_of(wc.pool, models_of(wc.block))


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


def source_files(pool):
    """Files that the samples of a pool are read from."""
    return POOLS[pool].dataset.source_files(OPTIONS.data_dir)


def downloaded_files(pool):
    return source_files(pool) if POOLS[pool].dataset.downloadable else []


# Snakemake makes anew what has an input that is made anew, be it `ancient`, while that input is not there. So what is
# finished names no weights, or one more probe would take all others again from weights that are trained again for it.
def is_finished(product, wc):
    """Asked by a start alone: its jobs have been told to do what they do. Nor where it will be made again all the same:
    where jobs are forced, or pool or masks, which it is made of too, are to be made anew.
    """
    settings = workflow.dag_settings
    forced = settings.forceall or settings.forcerun or settings.forcetargets
    made_of = [product, f"{RESULTS}/{wc.pool}/pool.arrow", *block_masks(wc)]
    return IS_MAIN and not forced and all(map(os.path.exists, made_of))


@asked_often
def weights_of(wc):
    """Weights that a probe has still to read."""
    product = f"{RESULTS}/{wc.pool}/{wc.run}/{wc.probe}/{wc.block}/signals.parquet"
    folder = f"{RESULTS}/{wc.pool}/{wc.run}/{wc.block}/checkpoints"
    return [] if is_finished(product, wc) else ancient(folder)


@asked_often
def log_of(wc):
    """The log of the training of these weights."""
    product = f"{RESULTS}/{wc.pool}/{wc.run}/{wc.probe}/{wc.block}/signals.parquet"
    folder = f"{RESULTS}/{wc.pool}/{wc.run}/{wc.block}"
    return [] if is_finished(product, wc) else ancient(f"{folder}/log.parquet")


# for studies with teachers alone, since each function is asked of each block
def teachers_of(wc):
    """Weights of the same block of those that a run learns from."""
    train = PLAN.stage(f"{wc.pool}/{wc.run}")
    log = f"{RESULTS}/{train.path}/{wc.block}/log.parquet"
    if is_finished(log, wc) and not is_to_be_trained(PLAN, train, wc.block):
        return []
    needs = train.needs.values()
    return ancient([f"{RESULTS}/{need.path}/{wc.block}/checkpoints" for need in needs])


def check_inputs():
    """Refuses, before Snakemake deletes anything, to make again what is finished without the weights it was made of."""
    if not IS_MAIN:
        return
    for job in workflow.dag.needrun_jobs():
        is_probe = job.rule.name == "probe_block" and not job.input.get("checkpoints")
        is_student = (
            HAS_TEACHERS
            and job.rule.name == "train_block"
            and job.params.get("teachers")
            and not job.input.get("teachers")
        )
        if is_probe or is_student:
            raise Refusal(
                f"{job.output[0]} is finished, and Snakemake would delete it and make it again without the weights that it "
                f"was made of: leave out --rerun-triggers, or force it with -R {job.rule.name}"
            )


def teacher_params(wc):
    """The mechanism and the recipe of each of them."""
    train = PLAN.stage(f"{wc.pool}/{wc.run}")
    mechanisms = [mechanism for mechanism, _ in train.options.get("teachers", ())]
    return [
        {"mechanism": mechanism, "options": need.options}
        for mechanism, need in zip(mechanisms, train.needs.values())
    ]


def signals_of(folder):
    """What a probe has read off all blocks, from the path of its folder below the results."""
    probe = PLAN.stage(folder)
    return ancient(
        [
            f"{RESULTS}/{folder}/{block}/signals.parquet"
            for block in BLOCKS
            if probe.is_of(block)
        ]
    )


def outputs_of(wc):
    return signals_of(f"{wc.pool}/{wc.run}/{wc.outputs}")


def read_besides(*path):
    """What the stage of this path reads of other probes than the outputs, by their names."""
    needs = stage(*path)["options"].get("needs", {})
    return {name: signals_of(folder) for name, folder in needs.items()}


def attack_files(name):
    """One table of every attack of every run, runs in order, attacks in order."""
    return [
        f"{RESULTS}/{attack.path}/{name}.parquet"
        for run in PLAN.runs
        for attack in run.attacks.values()
    ]


def uncalibrated_files(name):
    """One table of what every run says without shadow models; none where the study does not ask for it."""
    return [
        f"{RESULTS}/{run.uncalibrated.path}/{name}.parquet"
        for run in PLAN.runs
        if run.uncalibrated
    ]


def run_files(pattern):
    return [f"{RESULTS}/{pattern(run)}" for run in PLAN.runs]


def missing_downloads():
    """Published data set -> its files that are not there; only these are declared as outputs, which Snakemake deletes."""
    wanted = {
        pool.dataset.name: source_files(folder)
        for folder, pool in POOLS.items()
        if pool.dataset.downloadable
    }
    missing = {
        name: [file for file in files if not Path(file).exists()]
        for name, files in wanted.items()
    }
    return {name: files for name, files in missing.items() if files}


DOWNLOADS = missing_downloads()
