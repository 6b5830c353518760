"""Targets held out, with all that an attacker chooses: attack, threshold and laws are of other pairs of models alone.

Groups of pairs are held out in turn, as by the jackknife. An attacker of the models of a group has the other pairs, on
whose OUT models he tries his attack (each scored without its own pair): thresholds are quantiles of these scores, and
the law of a sample's OUT score is that of these. Nothing of the target's pair enters either.

The same without another group is a replicate of the jackknife, so that every two groups are left out together once:
with G groups 1 + G + G (G - 1) / 2 refits. Hence at most eight: of more than 16 models a group is of several pairs, and
the attacker has so many fewer to choose by than his score is calibrated with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from memdyn.attacks.base import Attack, Prepared
from memdyn.attacks.most_vulnerable import MostVulnerable
from memdyn.attacks.out_p_values import FEWEST_REFERENCES, p_values, surprise
from memdyn.attacks.refits import checked
from memdyn.attacks.signals import exchange
from memdyn.stats.jackknife import TooFewModels
from memdyn.stats.roc import cuts_at_fprs
from memdyn.stats.threshold_luck import fprs_by_chance

MOST_GROUPS = 8


@dataclass(frozen=True)
class HeldOut:
    """Some pairs of models, each attacked by what was chosen on the others.

    Attributes:
        mask: bool [M, n].
        group: int [P], of each pair; the pairs of a group were held out together.
        vulnerable: the most vulnerable samples, chosen in the other half of the pairs.
        scores: [M, n], of the attack, calibrated without the model's pair.
        surprise: [M, n], how far out the score lies among the sample's OUT scores of the other groups.
        cuts: [3, A, P], the threshold at each nominal FPR ("member" iff above it), then those between which luck may
            have put it; NaN where it would allow less than one of the other groups' OUT scores.
    """

    mask: np.ndarray
    group: np.ndarray
    vulnerable: MostVulnerable
    scores: np.ndarray
    surprise: np.ndarray
    cuts: np.ndarray

    @classmethod
    def of(cls, attack: Attack, given: Prepared, group: np.ndarray, n_fprs: int) -> "HeldOut":
        """Scored, with nothing chosen yet."""
        scores = checked(attack, attack.score_prepared(given.signals, "pairs"), given.mask.shape)
        nothing = np.full(scores.shape, np.nan), np.full((3, n_fprs, len(group)), np.nan)
        return cls(given.mask, group, MostVulnerable.of(given.margins), scores, *nothing)

    def split(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values [M, n] as those of the pairs' IN and OUT models, [P, n] each."""
        return exchange(values[0::2], values[1::2], self.mask[0::2])

    @property
    def outside(self) -> np.ndarray:
        """[P, n], the scores of OUT models."""
        return self.split(self.scores)[1]

    def choose(self, group: int, references: np.ndarray, fprs: np.ndarray, level: float) -> None:
        """Fills in what an attacker of one group chooses by the OUT scores [n_references, n] that he has."""
        pairs = self.group == group
        models = np.repeat(pairs, 2)
        self.surprise[models] = surprise(self.scores[models], references)
        tried = np.vstack([fprs, fprs_by_chance(fprs, references.size, level)])
        cuts = cuts_at_fprs(references, np.maximum(tried, 0).ravel()).reshape(tried.shape)
        cuts = np.where(tried < 0, np.inf, cuts)
        self.cuts[..., pairs] = np.where(fprs * references.size >= 1 - 1e-9, cuts, np.nan)[..., None]

    def p_values(self) -> np.ndarray:
        """[M, n], by the surprises of the OUT models of the other groups, held out as the target was."""
        outside, found = self.split(self.surprise)[1], np.empty_like(self.surprise)
        for group in np.unique(self.group):
            pairs = self.group == group
            models = np.repeat(pairs, 2)
            found[models] = p_values(self.surprise[models], np.sort(outside[~pairs], axis=None))
        return found


def held_out(
    attack: Attack,
    given: Prepared,
    most_groups: int,
    fprs: Sequence[float],
    level: float = 0.95,
    replicates: bool = True,
) -> tuple[HeldOut, ...]:
    """All pairs, held out a group at a time; then the same without each group where it is asked for and there are
    models enough.

    Args:
        most_groups: of the pairs, as of the jackknife.
        fprs: nominal FPRs of the thresholds.
        level: of the limits of luck.
        replicates: whether it is asked for.

    Raises:
        TooFewModels: where an attacker of some group lacks models.
        ValueError: for an attack that gives no scores [M, n], or NaN.
    """
    group = given.signals.pairs.groups(min(most_groups, MOST_GROUPS))
    numbers, fprs = np.unique(group), np.asarray(fprs, dtype=float)
    for number in numbers:
        _check(attack, given, group != number)

    def without(*left_out: int) -> HeldOut:
        kept = np.flatnonzero(~np.isin(group, left_out))
        return HeldOut.of(attack, given.take(kept) if left_out else given, group[kept], len(fprs))

    everyone, fewer = without(), {number: without(number) for number in numbers}
    for number, rest in fewer.items():
        everyone.choose(number, rest.outside, fprs, level)
    two = list(combinations(numbers, 2))
    if not replicates or len(numbers) < 3 or not all(_can(attack, given, ~np.isin(group, each)) for each in two):
        return (everyone,)
    for first, second in two:
        references = without(first, second).outside
        fewer[first].choose(second, references, fprs, level)
        fewer[second].choose(first, references, fprs, level)
    return (everyone, *fewer.values())


def _can(attack: Attack, given: Prepared, kept: np.ndarray) -> bool:
    """Whether an attacker can do with the pairs that are kept, bool [P]."""
    return np.count_nonzero(kept) >= FEWEST_REFERENCES and attack.can_score(given.signals.half[kept], "pairs")


def _check(attack: Attack, given: Prepared, kept: np.ndarray) -> None:
    if not _can(attack, given, kept):
        needed = max(attack.min_pairs("pairs"), FEWEST_REFERENCES)
        lost = given.signals.pairs.planned - given.n_pairs
        raise TooFewModels(
            f"{attack}, its targets held out, needs at least {2 * needed} models beside them, "
            f"got {2 * np.count_nonzero(kept)}" + (f" (models that diverged took {lost} pairs away)" if lost else "")
        )
