"""Verdicts R1 to R4 on each run against its baseline, by rules that were fixed before any result (docs/claims.md).

    R1  this mechanism lowers the leak
    R2  it raises the leak
    R3  the combination leaks less than each of its parts
    R4  false sense of privacy: by attack, where a weak attack says that it protects and the strong ones do not; by
        distance, where the attacks are at chance and the distance to a confident region tells members apart

The leak is the AUC of the best strong attack at the run's last checkpoint, and all differences are paired. Each claim
is cut into cells, numbers with intervals that hold jointly over all runs of the study (Bonferroni: with m cells each
has level 1 - (1 - level) / m):

    R1, R2  leak of the run minus that of the baseline: one cell a run.
            R1 supported: wholly below -difference; contradicted: wholly above -difference.
            R2 supported: wholly above +difference; contradicted: wholly below +difference.
    R3      leak of the combination minus that of each part: one cell a part.
            supported: all wholly below -difference; contradicted: any wholly above -difference.
    R4 by attack    the cell of R1, and the advantages of AVG and of POW minus the baseline's: two more cells a run,
                    which hold jointly among themselves, since the word needs both sides.
            supported: one of AVG and POW wholly below -weak_difference, and the leak wholly above -difference;
            contradicted: both wholly above -weak_difference (no weak attack says that it protects), or the leak wholly
            below -difference (the strong ones agree).
    R4 by distance  the leak itself, and the AUC of the level distance on samples matched by their margin, at each of
            its levels: one cell a run, and one a level.
            supported: the leak's interval holds 1/2 and reaches no further above it than `chance`, and that of the
            distance is wholly on one side of 1/2 at any level; contradicted: the leak wholly above 1/2 (the attacks see
            it), or the distance at every level within 1/2 +- `chance`.

Otherwise undecided; not tested where a number is missing, or has no interval.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from memdyn.attacks.known import AVG, POW
from memdyn.compare.failures import FAILED
from memdyn.compare.regularization.choice import ACCURATE, combined
from memdyn.compare.regularization.names import label_of
from memdyn.compare.regularization.series import BEST, Against
from memdyn.compare.series import COMPARED
from memdyn.compare.uncalibrated import ADVANTAGE
from memdyn.compare.verdicts import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDECIDED
from memdyn.terms import AUC

LEAK = (BEST, AUC)
BY_ATTACK, BY_DISTANCE = "attack", "distance"
COLUMNS = ["claim", "run", "by", "mechanism", "verdict", "estimate", "low", "high"]
CELLS = ["claim", "run", "by", "cell", "estimate", "low", "high", "bound"]
COST = ["accuracy_difference", "accuracy_low", "accuracy_high", "status", "reason"]


@dataclass(frozen=True)
class Bounds:
    """The numbers in the rules: see the configuration's section `regularization`."""

    difference: float
    weak_difference: float
    chance: float


@dataclass(frozen=True)
class Cell:
    """A number with its interval at the claim's joint level, and the bound that it is held against."""

    name: str
    estimate: float
    low: float
    high: float
    bound: float

    @property
    def is_known(self) -> bool:
        """Whether there is an interval."""
        return bool(np.isfinite([self.estimate, self.low, self.high]).all())

    @property
    def is_below(self) -> bool:
        """Wholly below the bound."""
        return self.high < self.bound

    @property
    def is_above(self) -> bool:
        """Wholly above the bound."""
        return self.low > self.bound


def verdict_tables(
    against: Against, distances: pd.DataFrame | None, bounds: Bounds, last: Mapping[str, int]
) -> dict[str, pd.DataFrame]:
    """The tables `regularization_verdicts` and `regularization_cells`.

    Args:
        distances: the table `level_distance`; None where no run has it.
        last: each run's last checkpoint.

    Returns:
        regularization_verdicts: claim, run, by ("attack" or "distance" of R4, else ""), mechanism, verdict, estimate,
            low, high (of the cell that tells most: see `_telling`), the difference of the test accuracy to the
            baseline with its limits (each by itself); status ("compared", or "failed") and the reason.
        regularization_cells: every number behind them, with the limits of the joint level and its bound.
    """
    claims = [
        *(("R1", "", run, cells, _lowers) for run, cells in _leaks(against, -bounds.difference)),
        *(("R2", "", run, cells, _raises) for run, cells in _leaks(against, bounds.difference)),
        *(("R3", "", run, cells, _all_below) for run, cells in _parts(against, -bounds.difference)),
        *(("R4", BY_ATTACK, run, cells, _hides_from_weak) for run, cells in _weak_and_strong(against, bounds)),
        *(
            ("R4", BY_DISTANCE, run, cells, lambda cells: _hides_from_attacks(cells, bounds.chance))
            for run, cells in _distances(against, distances, last)
        ),
    ]
    rows, cells = [], []
    for claim, by, run, numbers, rule in claims:
        known = numbers and all(cell.is_known for cell in numbers)
        verdict, told = (rule(numbers) if known else NOT_TESTED), _telling(numbers)
        named = (claim, run, by, label_of(against.mechanisms[run]), verdict)
        rows.append((*named, told.estimate, told.low, told.high, *_cost(against, run)))
        cells += [(claim, run, by, c.name, c.estimate, c.low, c.high, c.bound) for c in numbers]
    return {
        "regularization_verdicts": pd.DataFrame(rows, columns=[*COLUMNS, *COST]),
        "regularization_cells": pd.DataFrame(cells, columns=CELLS),
    }


def _telling(cells: Sequence[Cell]) -> Cell:
    """The one that stands in the table of verdicts.

    R1, R2: the only one. R3: the difference to the part that leaks least. R4 by attack: the weak attack that says most
    that it protects; by distance: the level that is farthest from 1/2.
    """
    if not cells:
        return Cell("", np.nan, np.nan, np.nan, np.nan)
    if cells[0].name.startswith("minus "):
        return max(cells, key=lambda cell: cell.estimate)
    if len(cells) == 1:
        return cells[0]
    if cells[1].name.startswith("distance"):
        return max(cells[1:], key=lambda cell: abs(cell.estimate - 0.5))
    return min(cells[1:], key=lambda cell: cell.estimate)


def _cost(against: Against, run: str) -> tuple[float, float, float, str, str]:
    cost, reason = against.difference(run, against.baseline_of[run], ACCURATE), against.failure(run)
    status = (COMPARED, "") if reason is None else (FAILED, reason)
    return cost["difference"], cost["low"], cost["high"], *status


def _lowers(cells: Sequence[Cell]) -> str:
    return SUPPORTED if cells[0].is_below else CONTRADICTED if cells[0].is_above else UNDECIDED


def _raises(cells: Sequence[Cell]) -> str:
    return SUPPORTED if cells[0].is_above else CONTRADICTED if cells[0].is_below else UNDECIDED


def _all_below(cells: Sequence[Cell]) -> str:
    if all(cell.is_below for cell in cells):
        return SUPPORTED
    return CONTRADICTED if any(cell.is_above for cell in cells) else UNDECIDED


def _hides_from_weak(cells: Sequence[Cell]) -> str:
    leak, *weak = cells
    if leak.is_above and any(cell.is_below for cell in weak):
        return SUPPORTED
    return CONTRADICTED if leak.is_below or all(cell.is_above for cell in weak) else UNDECIDED


def _hides_from_attacks(cells: Sequence[Cell], chance: float) -> str:
    leak, *distances = cells
    at_chance = leak.low <= 0.5 <= leak.high <= 0.5 + chance
    if at_chance and any(cell.is_above or cell.is_below for cell in distances):
        return SUPPORTED
    nothing = all(0.5 - chance <= cell.low and cell.high <= 0.5 + chance for cell in distances)
    return CONTRADICTED if leak.is_above or nothing else UNDECIDED


def _leaks(against: Against, bound: float) -> Iterator[tuple[str, list[Cell]]]:
    """One cell a run."""
    level = _joint(against.comparison.level, len(against.pairs()))
    for run, baseline in against.baseline_of.items():
        yield run, [_difference_cell(against, "leak", run, baseline, LEAK, level, bound)]


def _parts(against: Against, bound: float) -> Iterator[tuple[str, list[Cell]]]:
    """A cell a part of each combination; a part that failed has no interval."""
    found = list(combined(against, against.mechanisms))
    level = _joint(against.comparison.level, sum(len(parts) for _, parts in found))
    for run, parts in found:
        yield run, [_difference_cell(against, f"minus {part}", run, part, LEAK, level, bound) for part in parts]


def _weak_and_strong(against: Against, bounds: Bounds) -> Iterator[tuple[str, list[Cell]]]:
    """The cell of R1, then those of the weak attacks.

    The word needs both sides, and is wrong only where one is: so each side has the whole chance of a miss for itself,
    the strong one over its cells, the weak one over its own.
    """
    level = _joint(against.comparison.level, 2 * len(against.pairs()))
    for run, cells in _leaks(against, -bounds.difference):
        baseline = against.baseline_of[run]
        weak = [
            _difference_cell(against, attack, run, baseline, (attack, ADVANTAGE), level, -bounds.weak_difference)
            for attack in (AVG, POW)
        ]
        yield run, [*cells, *weak]


def _distances(
    against: Against, distances: pd.DataFrame | None, last: Mapping[str, int]
) -> Iterator[tuple[str, list[Cell]]]:
    """The leak, then the matched AUC of each level."""
    table = pd.DataFrame(columns=["run", "epoch", "level", "control", "auc", "low", "high"])
    if distances is not None and len(distances):
        table = distances[distances["control"] == "matched"]
    found = {run: table[(table["run"] == run) & (table["epoch"] == last.get(run))] for run in against.baseline_of}
    level = _joint(against.comparison.level, sum(1 + len(rows) for rows in found.values() if len(rows)))
    for run, rows in found.items():
        cells = [Cell("leak", *against.limits(run, LEAK, level), 0.5)]
        for row in rows.to_dict("records"):
            wider = _widening(against, run, level, row.get("n_models", np.inf))
            ends = [row["auc"] + wider * (row[end] - row["auc"]) for end in ("low", "high")]
            low, high = np.clip(ends, 0, 1)  # as those of the table are
            norm = f"{row['norm']}, " if "norm" in row else ""
            cells.append(Cell(f"distance, {norm}level {row['level']}", row["auc"], low, high, 0.5))
        yield run, cells if len(rows) else []


def _widening(against: Against, run: str, level: float, models: float) -> float:
    """What takes half an interval of the study's level to half one of another: both are Student's.

    Args:
        models: of which the distances are, perhaps fewer than the run's: they bound the groups of the jackknife.
    """
    df = min(np.count_nonzero(against.comparison.sizes[run]), models // 2) - 1
    return float(stdtrit(df, (1 + level) / 2) / stdtrit(df, (1 + against.comparison.level) / 2)) if df >= 1 else np.nan


def _difference_cell(
    against: Against, name: str, run: str, other: str, key: tuple[str, str], level: float, bound: float
) -> Cell:
    found = against.difference(run, other, key, level)
    return Cell(name, found["difference"], found["low"], found["high"], bound)


def _joint(level: float, cells: int) -> float:
    return 1 - (1 - level) / max(cells, 1)
