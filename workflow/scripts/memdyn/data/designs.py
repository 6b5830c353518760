"""Who trained on what, as other tools draw it: complementary pairs of models, or models in folds."""

from collections import defaultdict, deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memdyn.design.references import LOST, n_references
from memdyn.stats.groups import groups as grouped

FEWEST_REFERENCES = 2  # of either kind: no variance of one model


@dataclass(frozen=True)
class Design:
    """The models in the order in which they are studied.

    Attributes:
        order: int [M], rows of the mask; of pairs models 2k and 2k + 1 are one.
        fold: int [M], of each; None of complementary pairs.
    """

    order: NDArray[np.int64]
    fold: NDArray[np.int64] | None = None


def find_design(mask: NDArray[np.bool_], most: int, together: NDArray[np.integer] | None = None) -> Design:
    """Complementary pairs where there are, else folds.

    Args:
        mask: bool [M, n].
        most: folds.
        together: int [M], models that must not calibrate each other have one number; then there are folds in any case.

    Raises:
        ValueError: for pairs of which some are broken; for a design by which nobody can be calibrated.
    """
    if together is None:
        order, alone = pair_models(mask)
        if not len(alone):
            return Design(order)
        if len(order) >= len(alone):  # a slip, and not another design
            raise ValueError(_unpaired(mask, alone))
    unit = _together(mask) if together is None else _numbered(together)
    _refuse_apart(mask, unit)
    fold = grouped(int(unit.max()) + 1, most)[unit]
    _refuse_few(mask, fold)
    return Design(np.arange(len(mask)), fold)


def _numbered(values: NDArray) -> NDArray[np.int64]:
    """0, 1, ... for equal values, in the order in which they first come."""
    _, first, number = np.unique(values, return_index=True, return_inverse=True, axis=0)
    return np.argsort(np.argsort(first))[number.reshape(-1)]


def _together(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Which models must not calibrate each other, int [M].

    Those of one set of samples, or of its complement, where there are any: whoever knows one's members knows those of
    the others. Else rounds of cross-validation, in each of which a sample is in the same number of models, if models
    lie round after round, or the first of each round first. Else each is by itself.
    """
    alike = _numbered(np.packbits(mask ^ mask[:, :1], axis=1))
    if alike.max() + 1 < len(mask):
        return alike
    models = np.arange(len(mask))
    for size in range(2, len(mask) // 2 + 1):
        if len(mask) % size == 0:
            for unit in (models // size, models % (len(mask) // size)):
                if _is_balanced(mask, unit):
                    return unit
    return models


def _is_balanced(mask: NDArray[np.bool_], unit: NDArray[np.int64]) -> bool:
    """Whether each sample is in the same number of models of each unit."""
    wanted = mask[unit == 0].sum(axis=0)
    if (wanted != wanted[0]).any():
        return False
    return all((mask[unit == number].sum(axis=0) == wanted).all() for number in range(1, int(unit.max()) + 1))


def _refuse_apart(mask: NDArray[np.bool_], unit: NDArray[np.int64]) -> None:
    alike = _numbered(np.packbits(mask ^ mask[:, :1], axis=1))
    for number in range(int(alike.max()) + 1):
        first, *others = np.flatnonzero(alike == number)
        apart = [other for other in others if unit[other] != unit[first]]
        if apart:
            what = "the same samples" if (mask[first] == mask[apart[0]]).all() else "complementary samples"
            raise ValueError(
                f"together: models {first} and {apart[0]} trained on {what}, and have the numbers {unit[first]} and "
                f"{unit[apart[0]]} (counted from 0): each betrays the other's members; allowed: one number for both"
            )


def _refuse_few(mask: NDArray[np.bool_], fold: NDArray[np.int64]) -> None:
    found = n_references(mask, fold)
    if found >= FEWEST_REFERENCES:
        return
    inside = mask.sum(axis=0)
    rarest = int(np.minimum(inside, len(mask) - inside).argmin())
    raise ValueError(
        f"mask: the models are no complementary pairs, so they are scored in {int(fold.max()) + 1} folds, each with "
        f"models of the others; outside of a fold there must be at least {FEWEST_REFERENCES} models that trained on a "
        f"sample and as many that did not, for all but {LOST:.0%} of each model's members and non-members, and there "
        f"are {found} (sample {rarest} is in {inside[rarest]} of {len(mask)} models); allowed: complementary pairs, "
        "more models, fewer samples that are in nearly all or nearly no models, or another `together` (of one "
        "cross-validation alone no model is left that did not train on a sample: repeat it with other folds)"
    )


def pair_models(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Complementary pairs among models in any order.

    Each model joins the earliest one that waits for its complement, so that models of equal masks are paired in their
    order, and pairs that lie side by side stay as they are.

    Args:
        mask: bool [models, samples].

    Returns:
        order: rows of the mask, pair after pair, in the order of each pair's first model; alone: those without one.
    """
    waiting: defaultdict[bytes, deque[int]] = defaultdict(deque)
    partner: dict[int, int] = {}
    for model, (own, other) in enumerate(zip(mask, ~mask, strict=True)):
        first = waiting[np.packbits(other).tobytes()]
        if first:
            partner[first.popleft()] = model
        else:
            waiting[np.packbits(own).tobytes()].append(model)
    alone = sorted(model for models in waiting.values() for model in models)
    order = [model for first in sorted(partner) for model in (first, partner[first])]
    return np.array(order, np.int64), np.array(alone, np.int64)


def _unpaired(mask: NDArray[np.bool_], alone: NDArray[np.int64]) -> str:
    """What is wrong where others are complementary pairs."""
    first = alone[0]
    nearest = (mask != mask[first]).sum(axis=1).max()
    return (
        f"mask: {len(alone)} of {len(mask)} models have no complement, one that trained on exactly the samples that "
        f"they did not, and the others have; the first is model {first}, whose mask no other one contradicts in more "
        f"than {nearest} of {mask.shape[1]} samples; allowed: complementary pairs, in any order, or other designs (an "
        "array `together` says that this is one)"
    )
