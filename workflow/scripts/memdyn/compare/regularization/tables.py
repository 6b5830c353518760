"""All that a study says of its runs against their baselines."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from memdyn.compare.regularization.choice import combinations_table, front_table, selection_table
from memdyn.compare.regularization.course import course_table
from memdyn.compare.regularization.effects import effects_table
from memdyn.compare.regularization.losses import LastMargins
from memdyn.compare.regularization.names import mechanisms_of
from memdyn.compare.regularization.overlap import overlap_table
from memdyn.compare.regularization.ranks import rank_correlations
from memdyn.compare.regularization.series import Against, runs_series
from memdyn.compare.regularization.verdicts import Bounds, verdict_tables
from memdyn.compare.series import Comparison


def against_baselines(
    tables: Mapping[str, pd.DataFrame],
    runs: Sequence[Mapping[str, Any]],
    sizes: Mapping[str, np.ndarray],
    level: float,
    options: Mapping[str, Any],
    reasons: Mapping[str, str],
) -> Against:
    """The runs beside their baselines.

    Args:
        tables: see `runs_series`.
        runs: name, pool (its folder) and recipe (resolved options) of every run, those that failed too.
        sizes: [G] pairs of each run in each group of the jackknife.
        level: of the intervals.
        options: baseline (names), strong (labels of attacks).
        reasons: run -> why it failed, or what it lacks.
    """
    recipes, pool_of = ({run["name"]: run[key] for run in runs} for key in ("recipe", "pool"))
    on_pool = {pool_of[name]: name for name in options["baseline"]}
    baseline_of = {run: on_pool[pool_of[run]] for run in recipes if run not in options["baseline"]}
    mechanisms = {run: mechanisms_of(recipe, recipes[on_pool[pool_of[run]]]) for run, recipe in recipes.items()}
    series = runs_series(tables, options["strong"])
    return Against(series, baseline_of, Comparison(pool_of, sizes, level), options["strong"], mechanisms, reasons)


def regularization_tables(
    against: Against,
    margins: Mapping[str, LastMargins],
    distances: pd.DataFrame | None,
    groups: int,
    options: Mapping[str, Any],
) -> dict[str, pd.DataFrame]:
    """The tables of `memdyn.tables.regularization`, by name.

    Args:
        margins: of the runs that did not fail, in the study's order.
        distances: the table `level_distance`, where there is one.
        groups: the most groups of the jackknife.
        options: the section `regularization`; with top, the share of the most vulnerable, and last, each run's last
            checkpoint.
    """
    bounds = Bounds(options["difference"], options["weak_difference"], options["chance"])
    pool_of, level = against.comparison.pool_of, against.comparison.level
    return {
        "mechanisms": effects_table(against),
        "mechanism_course": course_table(against),
        "mechanism_front": front_table(against),
        "mechanism_selection": selection_table(against, options["rad"]),
        "combinations": combinations_table(against),
        "loss_rank_correlation": rank_correlations(margins, pool_of, groups, level),
        "vulnerable_overlap": overlap_table(margins, against.baseline_of, options["top"], groups, level),
        **verdict_tables(against, distances, bounds, options["last"]),
    }
