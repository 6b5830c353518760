"""What a study will do and cost, before it does anything: jobs, time, disk, and what its numbers will be able to say.

Times are those of finished jobs where there are any, else those that `--calibrate` has measured, else rough. Intervals
are foretold from finished attacks on the same training, with however many models. Without `--calibrate` nothing is
written.
"""

import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import defaultdict
from collections.abc import Iterator
from math import isinf
from operator import attrgetter

from scipy.special import ndtri, stdtrit

from memdyn.operations.asked import config_of, plan_of, study_arguments
from memdyn.operations.calibrate.ask import calibrate
from memdyn.operations.cost import statement
from memdyn.operations.drawn import figures
from memdyn.operations.status import DONE, all_jobs
from memdyn.operations.widths import Width, group_sizes, own_error, widths
from memdyn.plan.study import StudyPlan
from memdyn.tables import AUDITED, FOLDED, STAGES, study_tables
from memdyn.terms import FPRS, tpr_at

FEW = 10  # false positives, with which a TPR is a matter of chance
ENOUGH_GROUPS = 8  # of the jackknife


def arguments(parser: ArgumentParser) -> None:
    study_arguments(parser)
    parser.add_argument(
        "--jobs", type=_positive, metavar="N", default=os.cpu_count() or 1, help="side by side (default: cores here)"
    )
    parser.add_argument(
        "--half-width",
        type=_half,
        default=0.01,
        metavar="W",
        help="of intervals that are wanted (default: %(default)s)",
    )
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="first measure this machine for this study, about a minute; what it tells is kept with the results",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r}: must be a whole number from 1 on")
    return int(text)


def _half(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 0.5:
        raise ArgumentTypeError(f"{text!r}: must be between 0 and 0.5")
    return value


def run(given: Namespace) -> None:
    """Prints it.

    Raises:
        ConfigError: for a bad study.
    """
    plan = plan_of(given)
    if given.calibrate:
        print(*calibrate(config_of(given), plan.study.config.threads), sep="\n")
    for line in (*_jobs(plan), *statement(plan, given.jobs), *_resolution(plan), *_widths(plan, given.half_width)):
        print(line)


def _jobs(plan: StudyPlan) -> Iterator[str]:
    """By kind of stage: to run, and there."""
    left: dict[str, int] = defaultdict(int)
    there: dict[str, int] = defaultdict(int)
    for jobs in all_jobs(plan).values():
        for job in jobs:
            (there if job.state == DONE else left)[job.stage.kind.name] += 1
    yield f"{'':14}  to run  there"
    for kind in dict.fromkeys((*there, *left)):
        yield f"{kind:14}  {left[kind]:6,}  {there[kind]:5,}"
    yield f"{'in all':14}  {sum(left.values()):6,}  {sum(there.values()):5,}"
    yield f"files in the end, besides weights that are kept: about {_files(plan):,}"


def _files(plan: StudyPlan) -> int:
    """Clusters have quotas for them. A job leaves its tables, its log, that of this attempt and its record; a stage a
    recipe."""
    of_stages = filter(None, all_jobs(plan).values())
    of_jobs = sum(1 + len(jobs) * (len(STAGES.get(jobs[0].stage.kind.name, "1")) + 3) for jobs in of_stages)
    return of_jobs + _shown_files(plan)


def _shown_files(plan: StudyPlan) -> int:
    """Tables of the study, each as CSV too, and figures, of which there is a PDF where it is asked for."""
    config = plan.study.config
    of_runs = (any(map(attrgetter(name), plan.runs)) for name in ("reliability", "realised", "uncalibrated"))
    asked = config.analysis.enabled, bool(config.level_distance), bool(config.regularization), *of_runs
    tables = AUDITED if config.audit else FOLDED if plan.folds else study_tables(*asked)
    return 2 * len(tables) + (1 + config.report.pdf) * figures(plan)


def _resolution(plan: StudyPlan) -> Iterator[str]:
    """What cannot be said with so many models and samples, however the attacks turn out."""
    models = plan.study.config.shadow_models
    if not plan.folds:  # masks of any design: not half of the models, nor of the samples
        others = min(run.pool.options["parts"]["scored"] for run in plan.runs) // 2  # non-members of a model
        yield from _of_rates(others, models)
    if not plan.study.config.audit:
        yield from _of_statistics(plan)


def _of_rates(others: int, models: int) -> Iterator[str]:
    """What so many non-members of each model resolve."""
    pooled = others * models
    of_sample = f"1/{models // 2} of a sample over its OUT models"
    yield f"resolution of FPRs: 1/{others:,} in a model, 1/{pooled:,} in all, {of_sample}"
    for fpr in FPRS:
        if others * fpr < 1:
            yield f"{tpr_at(fpr)} has no false positive in a model: read it pooled"
        if pooled * fpr < FEW:
            yield f"{tpr_at(fpr)} rests on {pooled * fpr:.1f} false positives in all: take more samples or more models"


def _of_statistics(plan: StudyPlan) -> Iterator[str]:
    """Where the groups of the jackknife are too few."""
    statistics, models = plan.study.config.statistics, plan.study.config.shadow_models
    count = len(group_sizes(plan.folds, models, statistics.jackknife_groups))
    if count < 2:
        yield f"{models} models make one group of the jackknife: no interval at all; take 8 models or more"
    elif count < min(ENOUGH_GROUPS, statistics.jackknife_groups):
        wide = stdtrit(count - 1, (1 + statistics.level) / 2) / ndtri((1 + statistics.level) / 2)
        yield (
            f"{models} models make {count} groups of the jackknife: an interval's width is known to "
            f"{own_error(count):.0%}, and {wide:.1f} times as wide as with many groups; take "
            f"{2 * ENOUGH_GROUPS} models or more"
        )


def _widths(plan: StudyPlan, wanted: float) -> Iterator[str]:
    """Intervals of the widest run, by attack and metric."""
    found: dict[tuple[str, str], Width] = {}
    for each in widths(plan, wanted):
        key = each.attack, each.metric
        if key not in found or each.half > found[key].half:
            found[key] = each
    if not found:
        yield "intervals: unknown until a few models of it have finished; a study of 8 or 16 tells what more will give"
        return
    models = plan.study.config.shadow_models
    count = len(group_sizes(plan.folds, models, plan.study.config.statistics.jackknife_groups))
    yield (
        f"intervals with {models} models (the widest of all runs), and models for one of +-{wanted:g}; an interval of "
        f"{count} groups knows its own width to {own_error(count):.0%}, and may come out half or twice as wide as said:"
    )
    for each in found.values():
        needed = "more than 10,000" if isinf(each.models) else f"{each.models:,.0f}"
        yield f"  {each.attack} {each.metric}: +-{each.half:.2g}; {needed} (from {each.measured} models of {each.run})"
