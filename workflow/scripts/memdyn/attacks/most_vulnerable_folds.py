"""The most vulnerable samples by themselves, of models that lie in folds; see `memdyn.attacks.most_vulnerable`.

The folds are in two halves. Who is most vulnerable is decided on one half, of each sample by as many IN as OUT models,
and they are attacked under the models of the other half.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from memdyn.attacks.folds import Folded
from memdyn.attacks.most_vulnerable import FEWEST_PAIRS, QUANTITIES, SHARES, count_of, luck_of, moderated_t
from memdyn.design.references import there_are
from memdyn.stats.roc import cuts_at_fprs, roc

UNDECIDED = 0.05
"""The share of samples that may have too few models in a half to be looked at."""


def halves_of(fold: np.ndarray) -> np.ndarray:
    """int [M], 0 or 1: folds of even and of odd numbers, so that one keeps its half when others leave."""
    return fold % 2


def count_in_halves(given: Folded) -> tuple[int, int]:
    """How many IN and OUT models decide on all samples but `UNDECIDED` in either half: of all folds, and without one.

    0 where there are too few.
    """
    half = halves_of(given.fold)
    whole = [half == side for side in (0, 1)]
    less = [(half == half[given.fold == number][0]) & (given.fold != number) for number in given.folds]
    return _fewest(given.mask, whole), _fewest(given.mask, less)


def _fewest(mask: np.ndarray, parts: list[np.ndarray]) -> int:
    found = min(int(np.quantile(there_are(mask, part), UNDECIDED, method="lower")) for part in parts)
    return found if found >= FEWEST_PAIRS else 0


@dataclass(frozen=True)
class MostVulnerableInFolds:
    """The most vulnerable of one checkpoint, as each half of the folds sees them.

    Attributes:
        risk: [2, n]; how vulnerable each sample looks in either half; -inf where it has too few models there to tell,
            NaN where all have.
        half: int [M], 0 or 1, of each model.
    """

    risk: np.ndarray
    half: np.ndarray

    @classmethod
    def of(cls, given: Folded, count: int, without: int | None = None) -> "MostVulnerableInFolds":
        """From the margins of one checkpoint.

        Args:
            count: of `count_in_halves`.
            without: a fold that is left out.
        """
        half, left = halves_of(given.fold), given.fold != without
        risk = np.full((2, given.margins.shape[1]), -np.inf if count else np.nan)
        for side in (0, 1) if count else ():
            seen = there_are(given.mask, left & (half == side)) >= count
            made = given.references(seen, [without, *given.folds[halves_of(given.folds) != side]], count)
            margins = np.take_along_axis(given.margins.T[seen], given.order[seen], axis=1)
            risk[side, seen] = moderated_t(*(margins[chosen].reshape(-1, count).T for chosen in made))
        return cls(risk, half[left])

    def attacked(self, share: float) -> np.ndarray:
        """bool [M, n]: each model on the top share of the samples by the risk in the other half."""
        chosen = np.zeros(self.risk.shape, dtype=bool)
        most = np.argsort(-self.risk, axis=1, kind="stable")[:, : count_of(share, self.risk.shape[1])]
        np.put_along_axis(chosen, most, True, axis=1)
        return chosen[1 - self.half]

    def measure(self, scores: np.ndarray, mask: np.ndarray, fprs: Sequence[float]) -> np.ndarray:
        """How an attack fares on them, [SHARES, 1 + A, QUANTITIES], as `MostVulnerable.measure` has it.

        Args:
            scores: [M, n], NaN where there is none.
            mask: bool [M, n].
            fprs: [A].
        """
        fprs = np.asarray(fprs, dtype=float)
        members, others = mask & ~np.isnan(scores), ~mask & ~np.isnan(scores)
        found = np.full((len(SHARES), 1 + len(fprs), len(QUANTITIES)), np.nan)
        cuts, seen = cuts_at_fprs(scores[others], fprs)[:, None], fprs * others.sum() >= 1 - 1e-9
        for k, (inside, outside) in enumerate(self._scores(scores, members, others)):
            if not len(inside) or not len(outside):
                continue
            curve = roc(inside, outside, fprs)
            found[k, 0, [0, 2]] = curve.auc
            found[k, 1:, 0] = np.where(seen, (inside > cuts).mean(axis=1), np.nan)
            found[k, 1:, 1] = np.where(seen, (outside > cuts).mean(axis=1), np.nan)
            found[k, 1:, 2] = curve.tpr
        return found

    def luck(self, scores: np.ndarray, mask: np.ndarray, fprs: Sequence[float], level: float) -> np.ndarray:
        """What the luck of thresholds may have made of `measure`, see `memdyn.attacks.most_vulnerable.luck_of`."""
        members, others = mask & ~np.isnan(scores), ~mask & ~np.isnan(scores)
        return luck_of(self._scores(scores, members, others), scores[others], fprs, level)

    def _scores(
        self, scores: np.ndarray, members: np.ndarray, others: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """IN and OUT scores of each share; nothing where a half cannot tell who is vulnerable."""
        for share in () if np.isnan(self.risk).any() else SHARES:
            at = self.attacked(share)
            yield scores[members & at], scores[others & at]
