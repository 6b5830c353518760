"""Half A, half B: random splits of the pairs of models, and the jackknife's deletions inside them.

Halves share no model, so what is read off both (a difficulty and a vulnerability, an early and a final risk) agrees
only where the samples do. Half 2s is half A of split s, half 2s + 1 its half B; both directions are used. A deleted
group leaves the other pairs in their halves, and each split gives every group's pairs to both halves evenly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from memdyn.attacks.base import Attack
from memdyn.attacks.signals import Signals
from memdyn.dynamics.dprime import posterior_deviation
from memdyn.stats import jackknife
from memdyn.stats.jackknife import Pairs, TooFewModels
from memdyn.stats.shrinkage import MIN_VARIANCE, Prior, fit_prior

FEWEST_PAIRS = 2  # in a half: no variance of one pair


@dataclass(frozen=True)
class Splits:
    """Splits of P pairs into two halves, with the groups of the jackknife.

    Attributes:
        halves: float [2S, P], 1 where the pair is in the half; rows 2s and 2s + 1 are complementary.
        inner: int [2S, P], the side of each pair in the two-fold cross-fitting inside its half.
        group: int [P], the jackknife's group of each pair.
        drawn: [2S, P], random; the largest of a half is the pair that stands for it where one model is asked for.
        deleted: the groups to leave out, one at a time; empty (no interval) where a half would become too small.
    """

    halves: np.ndarray
    inner: np.ndarray
    group: np.ndarray
    drawn: np.ndarray
    deleted: Sequence[int]

    @classmethod
    def of_pairs(cls, pairs: Pairs, splits: int, most_groups: int, seed: int) -> "Splits":
        """The splits of all pairs of the design, without those that are not left: the others stay where they are.

        Args: see `random`.

        Raises:
            TooFewModels: where too few are left.
        """
        every = cls.random(pairs.planned, splits, most_groups, seed)
        halves, inner, drawn = (v.take(pairs.numbers, axis=1) for v in (every.halves, every.inner, every.drawn))
        return cls._deleting(halves, inner, every.group[pairs.numbers], drawn)

    @classmethod
    def where_possible(cls, pairs: Pairs, splits: int, most_groups: int, seed: int) -> "Splits | None":
        """As `of_pairs`; None where too few pairs are left."""
        try:
            return cls.of_pairs(pairs, splits, most_groups, seed)
        except TooFewModels:
            return None

    @classmethod
    def random(cls, n_pairs: int, splits: int, most_groups: int, seed: int) -> "Splits":
        """Independent random splits.

        Args:
            n_pairs: pairs of models, P.
            splits: S.
            most_groups: of the jackknife.
            seed: the same for all runs of a study, whose differences are paired.

        Raises:
            TooFewModels: where a half would have fewer than two pairs.
        """
        if n_pairs < 2 * FEWEST_PAIRS:
            raise TooFewModels(f"halves need at least {4 * FEWEST_PAIRS} models, got {2 * n_pairs}")
        group = jackknife.groups(n_pairs, most_groups)
        rng = np.random.default_rng([seed, n_pairs])
        halves, inner = np.zeros((2 * splits, n_pairs)), np.zeros((2 * splits, n_pairs), dtype=int)
        for s in range(splits):
            # Dealing out the pairs group by group, in random order, spreads each group evenly over the halves.
            order = np.lexsort((rng.random(n_pairs), rng.permutation(group.max() + 1)[group]))
            for side in (0, 1):
                mine = order[side::2]
                halves[2 * s + side, mine] = 1
                inner[2 * s + side, mine] = np.arange(len(mine)) % 2
        drawn = np.random.default_rng([seed, n_pairs, 1]).random(halves.shape)  # own stream: halves stay what they were
        return cls._deleting(halves, inner, group, drawn)

    @classmethod
    def _deleting(cls, halves: np.ndarray, inner: np.ndarray, group: np.ndarray, drawn: np.ndarray) -> "Splits":
        """With all deletions, or none where a half would become too small."""
        candidate = cls(halves, inner, group, drawn, np.unique(group).tolist())
        fewest = [int(candidate.counts(replicate).min()) for replicate in range(candidate.n_replicates)]
        if fewest[0] < FEWEST_PAIRS:
            raise TooFewModels(
                f"halves need at least {2 * FEWEST_PAIRS} models each, got {2 * fewest[0]}: too few are left"
            )
        return candidate if min(fewest) >= FEWEST_PAIRS else replace(candidate, deleted=())

    @property
    def n_replicates(self) -> int:
        """The estimate (replicate 0) and one a deleted group, in their order."""
        return 1 + len(self.deleted)

    @property
    def sizes(self) -> np.ndarray:
        """[G] pairs a deleted group."""
        return np.array([np.count_nonzero(self.group == g) for g in self.deleted], dtype=int)

    def kept(self, replicate: int) -> np.ndarray:
        """bool [P], the pairs of a replicate."""
        return self.group != self.deleted[replicate - 1] if replicate else np.ones(len(self.group), bool)

    def counts(self, replicate: int) -> np.ndarray:
        """[2S] pairs of each half in a replicate."""
        return (self.halves * self.kept(replicate)).sum(axis=1)

    def sums(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """[2S, n] a replicate: the halves' sums of values [P, n]; each deletion costs its own pairs only."""
        halves = self.halves.astype(values.dtype)
        total = halves @ values
        yield total
        for g in self.deleted:
            part = self.group == g
            yield total - halves[:, part] @ values[part]

    def means(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """[2S, n] a replicate: the halves' means of values [P, n]."""
        for replicate, sums in enumerate(self.sums(values)):
            yield sums / self.counts(replicate)[:, None].astype(values.dtype)

    def one(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """[2S, n] a replicate: the values [P, n] of one random pair of each half; another if it is deleted."""
        for replicate in range(self.n_replicates):
            yield values[np.where(self.halves * self.kept(replicate), self.drawn, -1).argmax(axis=1)]

    def effects(self, inside: np.ndarray, outside: np.ndarray) -> Iterator[np.ndarray]:
        """[2S, n] a replicate: d' of IN and OUT margins [P, n], variance prior fitted inside the half.

        It is `effect_sizes(...).raw` of the half's pairs. Posterior means grow with it, but for the ratio of the IN to
        the OUT standard deviation, which they take from the trend over samples (rank correlation .999 and more).
        """
        start = None
        for replicate, (difference, squares) in enumerate(self._moments(inside, outside)):
            effects = np.empty_like(difference)
            counts = self.counts(replicate).astype(int)
            for count in np.unique(counts):
                rows = counts == count
                near = Prior(start.nu[rows], start.variance[rows]) if start is not None else None
                df = 2 * int(count) - 2
                prior = fit_prior(squares[rows], df, near)
                nu, variance = prior.nu[:, None], prior.variance[:, None]
                effects[rows] = difference[rows] / posterior_deviation(squares[rows], df + nu, nu, variance)[0]
                if start is None and rows.all():
                    start = prior
            yield effects

    def _moments(self, inside: np.ndarray, outside: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Mean IN - mean OUT, and sums of squares about the IN and the OUT mean, [2S, n] each."""
        centres = inside.mean(axis=0), outside.mean(axis=0)
        inside, outside = inside - centres[0], outside - centres[1]  # squares of what is left do not cancel
        for replicate, (sum_in, sum_out, total) in enumerate(
            zip(self.sums(inside), self.sums(outside), self.sums(inside**2 + outside**2), strict=True)
        ):
            counts = self.counts(replicate)[:, None]
            squares = total - (sum_in**2 + sum_out**2) / counts
            floor = (2 * counts - 2) * MIN_VARIANCE
            yield (sum_in - sum_out) / counts + (centres[0] - centres[1]), np.maximum(squares, floor)

    def calibrated(self, signals: Signals, half: int, replicate: int) -> Signals:
        """The models of one half as a world of its own, to be cross-fitted by halves inside it."""
        pairs = np.flatnonzero(self.halves[half] * self.kept(replicate))
        return replace(signals.take(pairs), half=self.inner[half, pairs])

    def for_attack(self, attack: Attack, most_splits: int) -> "Splits | None":
        """The first splits only, with no deletion where the attack could not be calibrated; None where it never can."""
        few = replace(self, **{name: getattr(self, name)[: 2 * most_splits] for name in ("halves", "inner", "drawn")})
        if few._fits(attack, few.n_replicates):
            return few
        return replace(few, deleted=()) if few._fits(attack, 1) else None

    def _fits(self, attack: Attack, n_replicates: int) -> bool:
        return all(
            attack.can_score(inner[(half * self.kept(replicate)).astype(bool)], "halves")
            for half, inner in zip(self.halves, self.inner, strict=True)
            for replicate in range(n_replicates)
        )


def opposite(values: np.ndarray) -> np.ndarray:
    """Values [2S, ...] of the other half of each split."""
    return values.reshape(-1, 2, *values.shape[1:])[:, ::-1].reshape(values.shape)
