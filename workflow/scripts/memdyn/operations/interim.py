"""Tables, figures and page of what is finished of a study, at any time: while it runs, after it failed.

It shows the runs of which enough models are finished, each with the same number of models, and says what is missing.
Nothing is trained or scored. The numbers are those of a study of these runs and models, for that is what is run: one of
its own, in results/studies/NAME/interim, on links to the finished files. The study itself is not touched, may go on
meanwhile, and makes its own report when it ends; `memdyn clean` then lists the interim one.
"""

import csv
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.config.yaml_file import read_yaml
from memdyn.design.blocks import block_names, models_of
from memdyn.jobs.atomic import atomic_path, discard
from memdyn.operations.asked import plan_of, study_arguments
from memdyn.operations.clean import unused
from memdyn.operations.finished import RunState, is_finished, run_states
from memdyn.operations.links import link_finished
from memdyn.operations.wanted import INTERIM
from memdyn.plan.study import StudyPlan, build_plan

CONFIG, MISSING = "config.yaml", "missing.csv"
_STANDS_ON = "stands on the training of a run that is not finished"


@dataclass(frozen=True)
class Part:
    """What is shown of a study.

    Attributes:
        config: of the study of these runs and models, but for its results.
        plan: of it, on the results of the whole study.
    """

    config: dict[str, Any]
    plan: StudyPlan

    @property
    def models(self) -> int:
        return self.plan.study.config.shadow_models

    @property
    def said(self) -> list[str]:
        """What is there and what is not."""
        told = self.plan.study.config.interim
        shown = f"{len(told.shown)} of {len(told.runs)} runs, with {self.models} of {told.models} models each"
        lacking = [f"  {run.name}: {run.missing}" for run in told.runs if run.missing]
        return [f"{told.study}: {shown}", *(["missing:", *lacking] if lacking else []), *told.left_out]


def arguments(parser: ArgumentParser) -> None:
    study_arguments(parser)
    parser.add_argument("--models", type=int, metavar="N", help="models a run (default: what shows most models in all)")
    parser.add_argument("--cores", default="all", metavar="N", help="as Snakemake's (default: %(default)s)")
    parser.add_argument("--profile", metavar="FOLDER", help="as Snakemake's: `slurm` for a cluster")
    parser.add_argument("--dry-run", action="store_true", help="say what would be shown and what is missing, no more")


def run(given: Namespace) -> None:
    """Makes the report.

    Raises:
        ConfigError: for a bad study.
        RuntimeError: where there is nothing to show, or nothing missing; where Snakemake fails.
    """
    plan = plan_of(given)
    refuse_others(plan)
    raw = read_yaml(given.configfile) | {"results": plan.results}
    part = choose(plan, raw, run_states(plan), given.models)
    print("\n".join(part.said), flush=True)
    if given.dry_run:
        return
    place = Path(plan.folder, INTERIM)
    report = prepare(part, place)
    profile = ["--profile", given.profile] if given.profile else []
    command = ["snakemake", report, "--configfile", str(place / CONFIG), "--cores", given.cores, *profile]
    done = subprocess.run([sys.executable, "-m", *command], check=False)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed; what it said stands above")
    for each in unused(place):  # of earlier interim reports
        discard(each.folder)
    print("\n".join(part.said))
    print(f"the report is {shown_place(part, place)}/report.html, what is missing is in {place / MISSING}")


def refuse_others(plan: StudyPlan) -> None:
    """Of what there is no part to show.

    Raises:
        RuntimeError: saying why.
    """
    config, report = plan.study.config, Path(plan.versions, plan.report.folder, plan.report.kind.product)
    if config.scores:
        raise RuntimeError("a study of scores trains nothing that could be half done: run snakemake")
    if config.interim:
        raise RuntimeError(f"this is the interim study of {config.interim.study}: give the config of that one")
    if report.exists():
        raise RuntimeError(f"{config.study} has ended, and nothing is missing: its report is {report}")


def choose(plan: StudyPlan, raw: dict[str, Any], states: Sequence[RunState], models: int | None) -> Part:
    """The runs and the number of models that are shown: those with the most models in all, then with the most a run.

    Args:
        raw: the study's config as written.
        models: as asked for.

    Raises:
        RuntimeError: where nothing is finished, or not so much.
    """
    most, blocks = max(state.models for state in states), block_names(plan.study.config.shadow_models)
    numbers = [models_of(block).stop for block in blocks if models_of(block).stop <= most]
    missing = "".join(f"\n  {state.run.name}: {state.missing}" for state in states)
    if not numbers:
        raise RuntimeError(
            f"no run of {plan.study.config.study} has a finished first block of models yet, as code and config are "
            f"now, so there is nothing to show:{missing}"
        )
    runs = {number: sum(state.models >= number for state in states) for number in numbers}
    if models is not None and models not in numbers:
        told = ", ".join(f"{number} ({runs[number]} runs)" for number in numbers)
        raise RuntimeError(f"--models {models}: not finished, or no whole blocks; allowed: {told}{missing}")
    problems = []
    for number in sorted(numbers, key=lambda n: (n * runs[n], n), reverse=True) if models is None else [models]:
        try:
            return part_of(plan, raw, states, number)
        except ConfigError as error:
            problems.append(f"\nof {number} models a run: {error}")
    raise RuntimeError(f"what is finished makes no valid study yet:{''.join(problems)}")


def part_of(plan: StudyPlan, raw: dict[str, Any], states: Sequence[RunState], models: int) -> Part:
    """The study of the runs that have so many finished models.

    Raises:
        ConfigError: where these make no valid study.
    """
    missing = {state.run.name: state.missing for state in states}
    shown = {state.run.name for state in states if state.models >= models}
    while shown:
        part = _valid(plan, raw, states, models, shown, missing)
        lost = {run.name for run in part.plan.runs if not is_finished(part.plan, run)}
        if not lost:
            return part
        shown -= lost  # such as a run that is the checkpoint of a longer one, which is not among them
        missing |= {name: "; ".join(filter(None, (missing[name], _STANDS_ON))) for name in lost}
    raise ConfigError([f"no run has {models} finished models of its own"])


def _valid(
    plan: StudyPlan,
    raw: dict[str, Any],
    states: Sequence[RunState],
    models: int,
    shown: set[str],
    missing: dict[str, str],
) -> Part:
    """With the comparison with a baseline where that is there."""
    problem: ConfigError | None = None
    for regularization, left_out in _comparisons(raw.get("regularization"), shown):
        interim = {
            "study": plan.study.config.study,
            "models": plan.study.config.shadow_models,
            "runs": [
                {
                    "name": state.run.name,
                    "shown": state.run.name in shown,
                    "models": state.models,
                    "checkpoints": len(state.run.epochs),
                    "missing": missing[state.run.name],
                }
                for state in states
            ],
            "left_out": left_out,
        }
        config = raw | {"study": f"{plan.study.config.study}-{INTERIM}", "shadow_models": models, "interim": interim}
        config |= {"regularization": regularization} if "regularization" in raw else {}
        try:
            return Part(config, build_plan(load_study(config)))
        except ConfigError as error:
            problem = problem or error
    raise problem


def _comparisons(
    regularization: dict[str, Any] | None, shown: set[str]
) -> Iterator[tuple[dict[str, Any] | None, list[str]]]:
    """The section `regularization` as far as its baselines are there, and none of it, with what is to be said."""
    if regularization:
        named = regularization["baseline"]
        baselines = [name for name in ([named] if isinstance(named, str) else named) if name in shown]
        lacking = ", ".join(name for name in ([named] if isinstance(named, str) else named) if name not in shown)
        if baselines:
            yield regularization | {"baseline": named if isinstance(named, str) else baselines}, []
        why = f"the baseline {lacking} is not finished" if lacking else "there is no run to compare"
        yield None, [f"Runs are not compared with a baseline, for {why}"]
    else:
        yield regularization, []


def prepare(part: Part, place: Path) -> str:
    """Links, config and list of what is missing.

    Args:
        place: `INTERIM` in the folder of the whole study; nothing is written elsewhere.

    Returns:
        the page that Snakemake is to make.
    """
    link_finished(part.plan, place)
    config = part.config | {"results": str(place)}
    plan = build_plan(load_study(config))
    if (folder := plan.report.folder) != part.plan.report.folder:
        raise RuntimeError(f"{place}: the linked files lead to {folder}, not to {part.plan.report.folder}")
    with atomic_path(place / CONFIG) as temporary:
        temporary.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    with atomic_path(place / MISSING) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["run", "shown", "models", "of_models", "checkpoints", "missing"])
        told = plan.study.config.interim
        rows.writerows(
            [each.name, each.shown, each.models, told.models, each.checkpoints, each.missing] for each in told.runs
        )
    return f"{plan.versions}/{plan.report.folder}/{plan.report.kind.product}"


def shown_place(part: Part, place: Path) -> Path:
    """Where the links to tables, figures and page are."""
    return place / "studies" / part.plan.study.config.study
