"""Verdicts on the claims C1, C2 and C3 by rules that were fixed before any result.

    C1  data, architecture and optimizer change the RATE and the SEVERITY at which samples become vulnerable
    C2  a sample's learning difficulty correlates with its vulnerability
    C3  the risk of the finally most vulnerable samples is largely determined EARLY in training

A claim is cut into cells, each one number with an interval. The intervals of a claim hold jointly (Bonferroni): with
m cells each has level 1 - (1 - level) / m, so that one false verdict among them has a chance of at most 1 - level.

    C1 cell  mean advantage of one run minus another's that differs in one factor only, at an equal epoch: at the last
             checkpoint within `early_share` of the epochs (rate), at the last checkpoint (severity). Runs on one pool
             are compared on these samples; on two pools the error is that of models and of samples together.
             supported: wholly outside [-difference, +difference]; contradicted: wholly inside; else undecided.
             A factor and aspect: supported if any two runs are, contradicted if all are, else undecided.
    C2 cell  Spearman of a difficulty (`DIFFICULTIES`: of models without the sample) with d', from disjoint halves,
             without the noise of few models (`memdyn.dynamics.attenuation`), signed so that + means "harder is more
             vulnerable", its error that of models and of samples together.
             supported: wholly above `correlation`; contradicted: wholly below; else undecided.
             A run: what most of its difficulties say; undecided without a majority.
    C3 cell  the latent share (`memdyn.dynamics.latent`) at the last checkpoint within `early_share` of the epochs: of
             the samples in the top share by the true final d', how many are in the top share by the true d' then, above
             chance; a run; its error that of models and of samples together.
             supported: wholly above `found`; contradicted: wholly below; else undecided.

    What is asked for in C2 and C3 does not depend on the number of models: with few of them an interval is wide, and a
    cell whose d' (or difficulty) may be nothing but noise is undecided; its `why` says so.

    A claim is a conjunction of its parts that were tested: supported if all are, contradicted if any is, else
    undecided. What a study does not say is a part as well, and not tested: a factor that no two runs differ in, or its
    rate without an early checkpoint (C1), a run with too few models, without the full analysis, or without an early
    checkpoint (C2, C3). The claim's `scope` names what its word is about; where nothing was tested, the claim is not.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from memdyn.dynamics.attenuation import attenuation_limits
from memdyn.dynamics.difficulty import HARDER
from memdyn.dynamics.latent import latent_limits

SUPPORTED, CONTRADICTED, UNDECIDED, NOT_TESTED = "supported", "contradicted", "undecided", "not tested"
FACTORS = ("dataset", "architecture", "optimizer")
DIFFICULTIES = ("learning_epoch", "el2n", "aum", "loss", "c_score")
COLUMNS = ["claim", "part", "cell", "estimate", "low", "high", "bound", "verdict", "why"]
_RELIABLE = 0.5  # as much signal as noise


@dataclass(frozen=True)
class Rules:
    """The numbers in the rules.

    Attributes:
        level: chance that all intervals of a claim hold.
        difference: the smallest change of the mean advantage that counts (C1).
        correlation: the smallest rank correlation that counts (C2).
        early_share: what share of the epochs is early (C1's rate, C3).
        found: what latent share is "largely" (C3).
    """

    level: float
    difference: float
    correlation: float
    early_share: float
    found: float


@dataclass(frozen=True)
class Verdict:
    """The verdict on a claim and the numbers that it rests on.

    Attributes:
        claim: "C1", "C2" or "C3".
        verdict: supported, contradicted, undecided or not tested.
        parts: part -> its verdict.
        cells: claim, part, cell, estimate, low, high (joint level), bound, verdict, why (of an undecided cell whose
            numbers are mostly noise; else "").
    """

    claim: str
    verdict: str
    parts: dict[str, str]
    cells: pd.DataFrame

    @property
    def scope(self) -> str:
        """What the verdict is about, where that is not all: `for optimizer; dataset and architecture not tested`."""
        others = [v for v in (SUPPORTED, CONTRADICTED, UNDECIDED) if v != self.verdict and v in self.parts.values()]
        untested = self._subjects(NOT_TESTED)
        if self.verdict == NOT_TESTED or not (others or untested):
            return ""
        words = [f"for {self._subjects(self.verdict)}", *(f"{v} for {self._subjects(v)}" for v in others)]
        return "; ".join(words + ([f"{untested} {NOT_TESTED}"] if untested else []))

    def _subjects(self, verdict: str) -> str:
        """`dataset and optimizer (rate)`: the parts of a verdict, without the aspect where all aspects agree."""
        names = []
        for part in (part for part, found in self.parts.items() if found == verdict):
            subject, _, aspect = part.partition(": ")
            alike = {found for other, found in self.parts.items() if other.partition(": ")[0] == subject}
            names.append(subject if len(alike) == 1 else f"{subject} ({aspect})")
        names = list(dict.fromkeys(names))
        return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


@dataclass(frozen=True)
class _Cell:
    """A number of a part, its limits at any level, and how reliable what it rests on is (name -> half against half)."""

    part: str
    name: str
    estimate: float
    limits: Callable[[float], tuple[float, float]]
    reliabilities: Mapping[str, float] = field(default_factory=dict)

    def why(self, known: bool) -> str:
        """What keeps it undecided: noise, or no interval at all; "" where the interval just holds the bound."""
        constant = [name for name, value in self.reliabilities.items() if np.isnan(value)]
        if constant:
            return f"not measurable with these models: {constant[0]} is alike in all samples"
        name, least = min(self.reliabilities.items(), key=lambda one: one[1], default=("", np.inf))
        if not least < _RELIABLE:
            return "" if known else "no interval: too few models"
        words = "mostly noise" if known else "not measurable with these models"
        words += f": reliability of {name}, half of the models against half, is {round(least, 2) + 0:.2f}"
        more = f"; with about {(1 - least) / least:.0f} times as many it would be {_RELIABLE:g}"
        return words + (more if least > 0 else "")


def outside(low: float, high: float, bound: float) -> str:
    """Whether a number is farther from 0 than a bound."""
    if low > bound or high < -bound:
        return SUPPORTED
    return CONTRADICTED if -bound < low and high < bound else UNDECIDED


def above(low: float, high: float, bound: float) -> str:
    """Whether a number is above a bound."""
    if low > bound:
        return SUPPORTED
    return CONTRADICTED if high < bound else UNDECIDED


def all_of(verdicts: Iterable[str]) -> str:
    """A conjunction: one counterexample is enough."""
    verdicts = list(verdicts)
    if CONTRADICTED in verdicts:
        return CONTRADICTED
    return SUPPORTED if verdicts and set(verdicts) == {SUPPORTED} else UNDECIDED


def any_of(verdicts: Iterable[str]) -> str:
    """A disjunction: one example is enough."""
    verdicts = list(verdicts)
    if SUPPORTED in verdicts:
        return SUPPORTED
    return CONTRADICTED if verdicts and set(verdicts) == {CONTRADICTED} else UNDECIDED


def most_of(verdicts: Iterable[str]) -> str:
    """A majority."""
    verdicts = list(verdicts)
    return next((v for v in (SUPPORTED, CONTRADICTED) if 2 * verdicts.count(v) > len(verdicts)), UNDECIDED)


def pairs_by_factor(runs: pd.DataFrame) -> pd.DataFrame:
    """run_a, run_b, factor: the pairs of runs that differ in exactly one of `FACTORS`, and in nothing else.

    Args:
        runs: from `memdyn.compare.runs.factor_row`. A learning rate belongs to its optimizer, a width to its
            architecture; epochs, batch size, augmentation and precision must be equal.
    """
    rows = []
    for first, second in combinations(runs.to_dict("records"), 2):
        differing = [factor for factor in FACTORS if first[factor] != second[factor]]
        if len(differing) == 1 and first["rest"] == second["rest"]:
            rows.append((first["run"], second["run"], differing[0]))
    return pd.DataFrame(rows, columns=["run_a", "run_b", "factor"])


def judge_c1(differences: pd.DataFrame, factors: pd.DataFrame, rules: Rules, failed: Collection[str] = ()) -> Verdict:
    """C1.

    Args:
        differences: of the mean advantage, from `memdyn.compare.series.at_equal_epochs`: run_a, run_b, attack,
            threshold (one an attack), at, difference, se, df.
        factors: from `pairs_by_factor`, of all runs.
        rules: see `Rules`.
        failed: runs that have no numbers.
    """
    cells = []
    table = differences.merge(factors, on=["run_a", "run_b"])
    keys = ["run_a", "run_b", "attack", "threshold", "factor"]
    for (first, second, attack, threshold, factor), curve in table.groupby(keys, sort=False):
        epochs = {"severity": curve["at"].max()}
        early = curve.loc[(curve["at"] > 0) & (curve["at"] <= rules.early_share * curve["at"].max()), "at"]
        if len(early):
            epochs["rate"] = early.max()
        for aspect, epoch in epochs.items():
            row = curve[curve["at"] == epoch].iloc[0]
            name = f"{first} - {second}, {attack} at {threshold}, epoch {epoch:g}"
            limits = partial(_student_limits, row["difference"], row["se"], row["df"])
            cells.append(_Cell(f"{factor}: {aspect}", name, row["difference"], limits))
    parts = {cell.part for cell in cells}
    varied = [factor for factor in FACTORS if f"{factor}: severity" in parts]
    missing = [f"{factor}: rate" for factor in varied if f"{factor}: rate" not in parts]  # no early checkpoint
    lost = set(factors.loc[factors["run_a"].isin(failed) | factors["run_b"].isin(failed), "factor"])
    missing += [f"{f}: {'a run failed' if f in lost else 'not varied alone'}" for f in FACTORS if f not in varied]
    return _verdict("C1", cells, rules.difference, rules.level, outside, any_of, missing)


def judge_c2(correlations: pd.DataFrame, runs: Sequence[str], rules: Rules, failed: Collection[str] = ()) -> Verdict:
    """C2.

    Args:
        correlations: run, attack, and the columns of `disattenuated` of
            `memdyn.dynamics.correlation.correlation_tables`. d' is of the margin, whichever attack the table was made
            with.
        runs: of the study.
        rules: see `Rules`.
        failed: those of the runs that have no numbers.
    """
    table = correlations[
        (correlations["models"] == "out")
        & (correlations["target"] == "d_prime")
        & correlations["difficulty"].isin(DIFFICULTIES)
    ].drop_duplicates(["run", "difficulty"])
    cells = []
    for row in table.to_dict("records"):
        sign = HARDER[row["difficulty"]]
        signed = row | {"observed": sign * row["observed"], "covariance": sign * row["covariance"]}
        reliabilities = {"d'": row["reliability"], row["difficulty"]: row["reliability_difficulty"]}
        limits = partial(attenuation_limits, signed)
        cells.append(_Cell(row["run"], row["difficulty"], sign * row["estimate"], limits, reliabilities))
    return _verdict("C2", cells, rules.correlation, rules.level, above, most_of, _silent(runs, cells, failed))


def judge_c3(
    early: pd.DataFrame, profiles: pd.DataFrame, runs: Sequence[str], rules: Rules, failed: Collection[str] = ()
) -> Verdict:
    """C3.

    Args:
        early, profiles: run, attack, and the columns of `memdyn.dynamics.early.early_tables`; d' as in `judge_c2`.
        runs: of the study.
        rules: see `Rules`.
        failed: those of the runs that have no numbers.
    """
    cells = []
    risk = early[(early["target"] == "top") & (early["predictor"] == "d_prime")]
    for run, table in risk.drop_duplicates(["run", "epoch", "metric"]).groupby("run", sort=False):
        last = table["epoch"].max()
        epoch = table.loc[table["epoch"] <= rules.early_share * last, "epoch"].max()
        if not epoch > 0:
            continue  # no trained checkpoint is early
        of = table.set_index(["metric", "epoch"])
        profile = profiles[(profiles["run"] == run) & (profiles["epoch"] == epoch)]
        profile = profile.drop_duplicates(["copula", "share"])
        estimate = of.loc[("latent_share", epoch), "estimate"]
        limits = partial(latent_limits, profile) if np.isfinite(estimate) else lambda level: (np.nan, np.nan)
        reliabilities = {f"d' at epoch {at}": of.loc[("reliability", at), "estimate"] for at in (epoch, last)}
        name = f"recall without noise, above chance, epoch {epoch} of {last}"
        cells.append(_Cell(run, name, np.clip(estimate, 0, 1), limits, reliabilities))
    return _verdict("C3", cells, rules.found, rules.level, above, all_of, _silent(runs, cells, failed))


def _student_limits(estimate: float, se: float, df: float, level: float) -> tuple[float, float]:
    half = stdtrit(df, (1 + level) / 2) * se if df >= 1 else np.nan
    return estimate - half, estimate + half


def _silent(runs: Sequence[str], cells: Sequence[_Cell], failed: Collection[str]) -> list[str]:
    """The runs that say nothing."""
    found = {cell.part for cell in cells}
    return [f"{run}: {'failed' if run in failed else 'nothing to judge by'}" for run in runs if run not in found]


def _verdict(
    claim: str,
    cells: Sequence[_Cell],
    bound: float,
    level: float,
    rule: Callable[[float, float, float], str],
    combine: Callable[[Iterable[str]], str],
    missing: Sequence[str],
) -> Verdict:
    """`missing` are parts without any cell."""
    rows = []
    for cell in cells:
        low, high = cell.limits(1 - (1 - level) / len(cells))
        known = bool(np.isfinite(high - low))
        decided = rule(low, high, bound) if known else UNDECIDED
        why = cell.why(known) if decided == UNDECIDED else ""
        rows.append((claim, cell.part, cell.name, cell.estimate, low, high, bound, decided, why))
    table = pd.DataFrame(rows, columns=COLUMNS)
    parts = {part: combine(group["verdict"]) for part, group in table.groupby("part", sort=False)}
    verdict = all_of(parts.values()) if parts else NOT_TESTED
    return Verdict(claim, verdict, parts | dict.fromkeys(missing, NOT_TESTED), table)
