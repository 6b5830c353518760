"""AVG and POW: one threshold on the loss, set with the help of samples whose membership the attacker knows.

Yeom et al. 2018, "Privacy Risk in Machine Learning" (the mean training loss), and Kaya & Dumitras 2021, "When Does Data
Augmentation Help With Membership Inference Attacks?" (the power attack). They need no shadow models: the attacker knows
some members and some non-members of the target itself. Both decide at one threshold, and what they are worth is their
advantage there, not a ROC: that of any threshold on the loss is the attack `loss`. So they are no attacks that give
scores, and the known samples, which set the threshold, are not judged.
"""

from dataclasses import dataclass

import numpy as np

AVG, POW = "avg", "pow"
STEPS = np.linspace(-5, 5, 1001)  # in standard deviations of the known members' loss


@dataclass(frozen=True)
class KnownSamples:
    """What the attacker knows of each model, in several draws.

    Attributes:
        members, others: int [D, M, k], samples that the model did and did not train on.
    """

    members: np.ndarray
    others: np.ndarray

    @classmethod
    def draw(cls, mask: np.ndarray, models: np.ndarray, count: int, draws: int, seed: int) -> "KnownSamples":
        """Of each model `count` random members and as many random non-members.

        Args:
            mask: bool [M, n]; each model has more than `count` of both.
            models: int [M], numbers of the models in the design: what is known of one does not depend on the others.
            seed: of all draws; runs on one pool share it, so that they are judged on the same samples.

        Raises:
            ValueError: where nothing would be left to judge.
        """
        fewest = int(min(mask.sum(axis=1).min(), (~mask).sum(axis=1).min()))
        if not 0 < count < fewest:
            raise ValueError(f"{count} known members and non-members of {fewest} each; allowed: 1 to {fewest - 1}")
        chosen = np.empty((2, draws, len(mask), count), dtype=np.int64)
        for place, (number, member) in enumerate(zip(models, mask, strict=True)):
            order = np.random.default_rng([seed, int(number)]).random((draws, len(member)))
            for side, where in enumerate((member, ~member)):
                chosen[side, :, place] = np.argpartition(order + ~where, count, axis=1)[:, :count]
        return cls(*chosen)


def advantages(losses: np.ndarray, mask: np.ndarray, known: KnownSamples) -> dict[str, np.ndarray]:
    """TPR - FPR (2 x balanced accuracy - 1) of each model on the samples that are not known, mean over draws.

    Args:
        losses: cross-entropy [M, n], in nats; a sample is called a member where it is BELOW the threshold.
        mask: bool [M, n].

    Returns:
        "avg", "pow" -> [M].
    """
    found = {AVG: np.zeros(len(losses)), POW: np.zeros(len(losses))}
    for members, others in zip(known.members, known.others, strict=True):
        for model, (own, member) in enumerate(zip(losses, mask, strict=True)):
            given = own[members[model]], own[others[model]]
            unknown = np.ones(len(own), dtype=bool)
            unknown[members[model]] = unknown[others[model]] = False
            inside, outside = own[unknown & member], own[unknown & ~member]
            for name, threshold in ((AVG, given[0].mean()), (POW, power_threshold(*given))):
                found[name][model] += (inside < threshold).mean() - (outside < threshold).mean()
    return {name: total / len(known.members) for name, total in found.items()}


def power_threshold(members: np.ndarray, others: np.ndarray) -> float:
    """mean + c std of the members' loss with the c of `STEPS` that tells the two apart best; the first of several."""
    thresholds = members.mean() + STEPS * members.std()
    below = [np.searchsorted(np.sort(side), thresholds, side="left") / len(side) for side in (members, others)]
    return float(thresholds[np.argmax(below[0] - below[1])])
