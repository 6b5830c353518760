"""Do attacks find the same samples, and would more models name others?

Attacks on the same models share these models' noise: a sample that looks vulnerable by luck looks so to all of them.
So an attack on one half of the pairs of models is held against the other attack on the OTHER half, both ways, averaged
over random splits. Halves share no model, and masks, calibration and thresholds are of one half alone. The question is
then: who is found by one attack on some models, is he found by the other attack on other models?

Chance: the share p of the samples itself. Above it, kappa = (overlap - p) / (1 - p) is Cohen's, and the correlation of
being in the one top share with being in the other. Given the samples, halves are independent, so that this is the
covariance over samples of two propensities, q_a(i) and q_b(i): how often sample i is in the top share of an attack when
half of the models are drawn anew, divided by p (1 - p). Hence (Cauchy, Schwarz)

    |kappa_ab| <= sqrt(kappa_aa kappa_bb),

where kappa_aa is of ONE attack in both halves: Spearman's bound of attenuation (1904), for sets. The ceiling is
p + (1 - p) of that, and is never below chance: where one attack names nobody again, no other can agree with it, however
steady. What is reached of it (`relative`) is the correlation of q_a and q_b over samples, without the noise of models.
For ranks the ceiling is the root of the product of both attacks' Spearman correlations with themselves.

All are of half of the models, since halves are what can be compared, and are not carried over to all of them: Spearman
and Brown's formula is for means of parallel scores, not for ranks and top shares, and promises too much (overlap of the
top tenth by the loss: measured .53, .61, .69 of 4, 8, 16 models with heavy tails, from .53 it foretells .68, .81).
Whether more models would name other samples is measured in two disjoint sets of 4, 8, 16, ... models.

An attack whose scoring is costly is scored on the halves alone: no jackknife, so no limits, and of its stability the
point of half of the models.

A top share of fewer than 20 samples has no limits, and no ceiling, which is nothing without them: what it has in common
is a handful of samples, often none in any replicate, and the jackknife, which sees no change, would be sure of what it
cannot know. Of more samples limits are on the safe side. A set has a border, where the number of samples that change
places goes with the size of a change of all values, and not with its square: of G groups the jackknife then makes the
variance too large by the root of G. That is so of what is each sample's own luck; not of what a model does to all of
them, which is what is left where samples are many.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations, product

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from memdyn.attacks.base import Attack
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.attacks.signals import Signals
from memdyn.dynamics.splits import FEWEST_PAIRS, Splits, opposite
from memdyn.dynamics.top_share import count, highest
from memdyn.dynamics.vulnerability import vulnerability
from memdyn.stats import jackknife
from memdyn.stats.jackknife import Pairs, TooFewModels
from memdyn.stats.ranks import ranks

TOPS = (0.01, 0.05, 0.1)
"""Shares of the samples that are looked at: the most vulnerable of them."""

FEWEST_SAMPLES = 20
"""In a top share, for limits of what it has in common, and for a ceiling."""

SPLITS = 4
MOST_GROUPS = 8
"""Of the jackknife, if not fewer: where samples change places by luck, limits are Student's t times the fourth root of
the number of groups as wide, which is least here."""

SMALLEST_SET = 4  # models
FEWEST_SETS = 16  # over all deals; at most `SPLITS` of these
AGREEMENT = [
    *("attack", "other", "top", "overlap", "low", "high", "ceiling", "ceiling_low", "ceiling_high"),
    *("relative", "relative_low", "relative_high", "correlation", "correlation_low", "correlation_high"),
    *("correlation_ceiling", "level"),
]
STABILITY = [
    *("attack", "top", "n_models", "overlap", "low", "high"),
    *("correlation", "correlation_low", "correlation_high", "level"),
]


@dataclass(frozen=True)
class Settings:
    """How agreement is measured.

    Attributes:
        groups: the most groups of pairs of the jackknife.
        level: confidence level of the intervals.
        seed: of the splits.
    """

    groups: int
    level: float
    seed: int


def agreement_tables(
    scores: ShadowScores,
    attacks: Mapping[str, Attack],
    costly: Collection[str],
    sample_ids: np.ndarray,
    settings: Settings,
    tell: Callable[[str], None],
) -> dict[str, pd.DataFrame]:
    """All tables of a run at one checkpoint: of those at which the most attacks can be compared, the last.

    Attacks that are of the first samples alone are left out beside attacks of more.

    Args:
        scores: with all that the attacks read.
        attacks: by label.
        costly: labels of those that are scored on the halves alone.
        sample_ids: [n], of the scored samples.
        tell: is told which attacks are left out, and why.

    Returns:
        vulnerability_matrix, agreement and stability; see `Agreement`.

    Raises:
        TooFewModels: where no attack can be calibrated.
    """
    if len(scores.pairs) < FEWEST_PAIRS:
        raise TooFewModels(f"whom attacks find needs at least {2 * FEWEST_PAIRS} models, got {2 * len(scores.pairs)}")
    readable = {}
    for label, attack in attacks.items():
        try:
            readable[label] = scores.for_attack(attack)
        except TooFewModels as reason:
            tell(f"{label} is left out, because {reason}")
    if not readable:
        raise TooFewModels("no attack can be calibrated")
    sizes = {label: own.parts["scored"].stop for label, own in readable.items()}
    n_samples = max(sizes.values())
    for label in [label for label, size in sizes.items() if size < n_samples]:
        del readable[label]
        tell(f"{label} is left out: it is of {sizes[label]} samples alone, and others are of {n_samples}")
    by_epoch = Counter(epoch for own in readable.values() for epoch in own.epochs)
    epoch = max(by_epoch, key=lambda each: (by_epoch[each], each))
    tell(f"{by_epoch[epoch]} attacks are compared at epoch {epoch}")
    found, margins = Agreement(scores.pairs, settings), next(iter(readable.values())).loader("scored")(epoch)
    for label, own in readable.items():
        if epoch in own.epochs:
            signals = own.signals_for(attacks[label], margins, "scored", epoch)
            found.add(label, attacks[label], signals, costly=label in costly)
        else:
            tell(f"{label} is left out: epoch {epoch}, at which most attacks are compared, is none of its checkpoints")
    return {
        "vulnerability_matrix": found.matrix(sample_ids[:n_samples]),
        "agreement": found.agreement().assign(epoch=epoch),
        "stability": found.stability().assign(epoch=epoch),
    }


@dataclass(frozen=True)
class Ordered:
    """Samples ordered by vulnerability, in rows that are compared with other rows.

    Attributes:
        values: float32 [..., n].
    """

    values: np.ndarray

    @classmethod
    def of(cls, vulnerabilities: Sequence) -> "Ordered":
        """Of [..., n] by `memdyn.dynamics.vulnerability`.

        In single precision, or samples that tie (where scores have few levels) would be told apart by the rounding of
        their sums, which the order of the models decides.
        """
        return cls(np.array(vulnerabilities, np.float32))

    @cached_property
    def unit(self) -> np.ndarray:
        """Ranks [..., n], centred, of length 1: their products add up to Spearman's correlation; 0 if all tie."""
        rows = ranks(self.values.reshape(-1, self.values.shape[-1]))
        rows -= rows.mean(axis=1, keepdims=True)
        length = np.sqrt((rows**2).sum(axis=1, keepdims=True))
        return (rows / np.where(length > 0, length, 1)).reshape(self.values.shape)

    def top(self, share: float) -> np.ndarray:
        """Weights [..., n] of the top share, whose sum is 1; those that tie at its border share what is left of it."""
        rows = self.values.reshape(-1, self.values.shape[-1])
        size = count(rows.shape[1], share)
        return highest(rows, np.full(len(rows), size)).reshape(self.values.shape) / np.sqrt(size)

    def measures(self) -> Iterator[np.ndarray]:
        """Rows [..., n] whose sums of products are the correlation, then the overlap at each of `TOPS`."""
        yield self.unit
        for share in TOPS:
            yield self.top(share)


@dataclass(frozen=True)
class Halves:
    """One attack in both halves of each split.

    Attributes:
        rows: a measure each (see `Ordered.measures`): float32 [R, 2S, n], of all pairs, then without each group.
    """

    rows: list[np.ndarray]

    @classmethod
    def of(cls, attack: Attack, signals: Signals, splits: Splits, costly: bool) -> "Halves | None":
        """Of one replicate only where the attack is costly or needs each group; None where it cannot be calibrated."""
        if not _fits(attack, signals, splits, 0):
            return None
        every = range(splits.n_replicates)
        whole = not costly and all(_fits(attack, signals, splits, replicate) for replicate in every)
        values = [
            [vulnerability(attack, signals.take(pairs)) for pairs in _pairs(splits, replicate)]
            for replicate in (every if whole else range(1))
        ]
        return cls([rows.astype(np.float32) for rows in Ordered.of(values).measures()])

    def common(self, other: "Halves", measure: int) -> np.ndarray:
        """[R]: a measure of this attack in one half with the other attack in the other one, both ways."""
        own, others = self.rows[measure], other.rows[measure]
        replicates = min(len(own), len(others))
        both = zip(own[:replicates], others[:replicates], strict=True)
        return np.array([np.einsum("hn,hn->", a, opposite(b)) for a, b in both], dtype=float) / own.shape[1]


def _pairs(splits: Splits, replicate: int) -> list[np.ndarray]:
    """The pairs of each half without a group."""
    return [np.flatnonzero(half * splits.kept(replicate)) for half in splits.halves]


def _fits(attack: Attack, signals: Signals, splits: Splits, replicate: int) -> bool:
    return all(attack.can_score(signals.half[pairs], "pairs") for pairs in _pairs(splits, replicate))


class Agreement:
    """Collects attacks one at a time, since only one's signals are in memory; then tells what they have in common."""

    def __init__(self, pairs: Pairs, settings: Settings) -> None:
        """Of the pairs of models that are left in a run."""
        self.settings = settings
        self.splits = Splits.where_possible(pairs, SPLITS, min(settings.groups, MOST_GROUPS), settings.seed)
        self.columns: dict[str, np.ndarray] = {}
        self.halves: dict[str, Halves | None] = {}
        self.curves: list[tuple] = []

    def add(self, label: str, attack: Attack, signals: Signals, costly: bool = False) -> None:
        """An attack that all pairs can calibrate, with what it has made of its signals."""
        self.columns[label] = vulnerability(attack, signals)
        self.halves[label] = Halves.of(attack, signals, self.splits, costly) if self.splits else None
        sets = () if costly else _stability(attack, signals, self.settings.seed)
        for models, crossed in sets:
            self._note(label, models, *_limits_over_sets(crossed, self.settings.level))
        own = self.halves[label]
        if own:
            found = [self._limits(own.common(own, measure), 0 if measure else -1) for measure in range(1 + len(TOPS))]
            self._note(label, 2 * (signals.n_pairs // 2), *np.transpose(found))

    def matrix(self, sample_ids: np.ndarray) -> pd.DataFrame:
        """`vulnerability_matrix`: a row a sample, a column an attack; d', of all models."""
        return pd.DataFrame({"sample_id": sample_ids} | self.columns)

    def agreement(self) -> pd.DataFrame:
        """`agreement`: a row an ordered pair of different attacks and top share; NaN where models are too few."""
        rows = []
        for (attack, own), (other, others) in product(self.halves.items(), repeat=2):
            if attack != other:
                rows += [[attack, other, *row, self.settings.level] for row in self._compared(own, others)]
        return pd.DataFrame(rows, columns=AGREEMENT)

    def stability(self) -> pd.DataFrame:
        """`stability`: a row an attack, top share and number of models in each of two disjoint sets."""
        return pd.DataFrame(self.curves, columns=STABILITY)

    def _compared(self, own: Halves | None, other: Halves | None) -> Iterator[list[float]]:
        """A row for each of `TOPS`, from its share to the correlation's ceiling."""
        if own is None or other is None:
            yield from ([share, *[np.nan] * 13] for share in TOPS)
            return
        bound = _ceiling(own.common(own, 0), other.common(other, 0), 0.0)
        of_ranks = [*self._limits(own.common(other, 0), -1), bound[0]]
        n_samples = own.rows[0].shape[-1]
        for measure, share in enumerate(TOPS, start=1):
            overlap, itself = own.common(other, measure), [each.common(each, measure) for each in (own, other)]
            size = count(n_samples, share)
            of_top = self._limits(overlap), *self._against_noise(overlap, itself, size / n_samples)
            if size < FEWEST_SAMPLES:
                of_top = (overlap[0], np.nan, np.nan), *[[np.nan] * 3] * 2
            yield [share, *chain(*of_top), *of_ranks]

    def _against_noise(self, overlap: np.ndarray, itself: list[np.ndarray], chance: float) -> Iterator[Sequence[float]]:
        """(value, low, high) of the ceiling, then of what is reached of it, where it is surely above chance.

        The ceiling grows with both attacks' overlap with themselves, so that its limits are those of theirs, at half of
        the error each. A jackknife of it would end where one of them is chance, which is where the root has a corner.
        """
        ceiling = _ceiling(*itself, chance)
        halved = (1 + self.settings.level) / 2
        ends = np.array([self._limits(each, level=halved) for each in itself])
        _, low, high = _ceiling(*ends, chance)
        yield ceiling[0], low, high
        with np.errstate(invalid="ignore", divide="ignore"):
            reached = (overlap - chance) / (ceiling - chance)
        yield self._limits(reached, None) if low > chance else [np.nan] * 3

    def _limits(self, values: np.ndarray, least: float | None = 0, level: float | None = None) -> tuple[float, ...]:
        """(value, low, high) of a value and those without each group; between `least` and 1, or anywhere."""
        sizes = self.splits.sizes[: len(values) - 1]
        found = values[0], *jackknife.interval(values[0], values[1:], sizes, level or self.settings.level)
        return tuple(map(float, found if least is None else np.clip(found, least, 1)))

    def _note(self, label: str, models: int, value: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        """Rows of `stability`, of the measures [1 + TOPS] with limits."""
        of_ranks, level, n_samples = (value[0], low[0], high[0]), self.settings.level, len(self.columns[label])
        for share, *found in zip(TOPS, value[1:], low[1:], high[1:], strict=True):
            self.curves.append((label, share, models, *_if_enough(n_samples, share, *found), *of_ranks, level))


def _if_enough(n_samples: int, share: float, value: float, low: float, high: float) -> tuple[float, float, float]:
    """Value and limits; no limits where the share is of fewer than `FEWEST_SAMPLES` samples."""
    return (value, low, high) if count(n_samples, share) >= FEWEST_SAMPLES else (value, np.nan, np.nan)


def _ceiling(own: np.ndarray, other: np.ndarray, chance: float) -> np.ndarray:
    """What noise leaves of two attacks, from what each has in common with itself; never below chance.

    Above chance (o - p) / (1 - p) is a correlation; p + (1 - p) root of the product of two is what is written here.
    """
    return chance + np.sqrt(np.maximum(own - chance, 0) * np.maximum(other - chance, 0))


def _stability(attack: Attack, signals: Signals, seed: int) -> Iterator[tuple[int, np.ndarray]]:
    """(models of a set, measures [S, 1 + TOPS, K, K] of all sets with each other), below half of the models.

    The pairs are dealt out into K disjoint sets at random, as many as there are, S times: once where they are many.
    """
    models = SMALLEST_SET
    while models < signals.n_pairs:
        of_set = models // 2
        n_sets = signals.n_pairs // of_set
        rng = np.random.default_rng([seed, signals.n_pairs, models])
        deals = min(SPLITS, -(-FEWEST_SETS // n_sets))
        order = [rng.permutation(signals.n_pairs)[: n_sets * of_set].reshape(n_sets, of_set) for _ in range(deals)]
        if n_sets > 2 and attack.can_score(np.zeros(of_set, dtype=int), "pairs"):
            yield models, np.array([_crossed(attack, signals, sets) for sets in order])
        models *= 2


def _crossed(attack: Attack, signals: Signals, sets: np.ndarray) -> np.ndarray:
    """[1 + TOPS, K, K] of the disjoint sets [K, pairs]."""
    values = [vulnerability(attack, signals.take(np.sort(pairs))) for pairs in sets]
    return np.array([rows @ rows.T for rows in Ordered.of(values).measures()])


def _limits_over_sets(crossed: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, lower and upper limit [1 + TOPS], from the jackknife over sets.

    The mean over all pairs of K sets is a U-statistic, whose jackknife leaves out a set at a time (Arvesen 1969). The
    standard error is that of one deal, though the value is the mean of several: on the safe side.

    Args:
        crossed: [S, 1 + TOPS, K, K].
    """
    n_sets = crossed.shape[-1]
    pairs = np.array(list(combinations(range(n_sets), 2)))
    found = crossed[..., pairs[:, 0], pairs[:, 1]]  # [S, 1 + TOPS, pairs of sets]
    value = found.mean(axis=-1)
    deleted = np.array([found[..., (pairs != k).all(axis=1)].mean(axis=-1) for k in range(n_sets)])
    error = np.sqrt((jackknife.standard_error(value, deleted, np.ones(n_sets)) ** 2).mean(axis=0))
    half, value = stdtrit(n_sets - 1, (1 + level) / 2) * error, value.mean(axis=0)
    least = np.array([-1.0, *[0.0] * len(TOPS)])
    return value, np.clip(value - half, least, 1), np.clip(value + half, least, 1)
