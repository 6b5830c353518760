"""Whom a model is calibrated by where masks are no complementary pairs: as many IN as OUT models of each sample.

Models lie in folds, and a fold is left out whole. What is left of a sample's models betrays who was left out: where a
sample is in half of all models, a member's fold leaves fewer IN models behind. (A pair leaves equal counts behind.) So
of each sample the same number of IN and of OUT models is taken, in a random order of the models that is drawn once a
sample: how many there were is not seen. A sample with fewer of either is not scored in that fold, which betrays
nothing either: the scores that are left have one law on noise, whatever was left behind.
"""

import numpy as np
from numpy.typing import NDArray

LOST = 0.02
"""Of the members, and of the others, of any model, the share that may have too few models to be scored.

Where masks are coins, some samples are in nearly all models or in nearly none. Calibration by as few models as these
have would throw away most of the others': of 64 models of 50,000 samples 13 instead of 21 of 32.
"""


def order_of_models(n_models: int, n_samples: int, seed: int) -> NDArray[np.int32]:
    """A random order of the models for each sample, int [n, M]; the same with and without any fold."""
    models = np.broadcast_to(np.arange(n_models, dtype=np.int32), (n_samples, n_models))
    return np.random.default_rng([seed, n_models]).permuted(models, axis=1)


def there_are(mask: NDArray[np.bool_], allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many IN and as many OUT models of each sample are among the allowed ones, int [n].

    Args:
        mask: bool [M, n].
        allowed: bool [M].
    """
    inside = mask[allowed].sum(axis=0)
    return np.minimum(inside, np.count_nonzero(allowed) - inside)


def n_references(mask: NDArray[np.bool_], fold: NDArray[np.integer]) -> int:
    """How many IN and OUT models outside of its fold calibrate each model: of all its samples but `LOST`.

    Args:
        mask: bool [M, n].
        fold: int [M], of each model.
    """
    return min(_of_fold(mask, fold == number, fold != number) for number in np.unique(fold))


def n_references_without_one(mask: NDArray[np.bool_], fold: NDArray[np.integer]) -> int:
    """The same where any one fold is missing besides: what every replicate of the jackknife can have."""
    numbers = np.unique(fold)
    if len(numbers) < 2:
        return 0
    return min(n_references(mask[fold != number], fold[fold != number]) for number in numbers)


def _of_fold(mask: NDArray[np.bool_], scored: NDArray[np.bool_], others: NDArray[np.bool_]) -> int:
    found = there_are(mask, others)
    if not found.any():
        return 0
    return min(_all_but_a_few(found[kind]) for own in mask[scored] for kind in (own, ~own) if kind.any())


def _all_but_a_few(counts: NDArray[np.integer]) -> int:
    """The largest number that all of the counts but `LOST` reach."""
    lower = np.cumsum(np.bincount(counts))  # how many counts are at most 0, 1, ...
    return int(np.searchsorted(lower, int(LOST * len(counts)), side="right"))


def references(
    member: NDArray[np.bool_], allowed: NDArray[np.bool_], count: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The first IN and the first OUT models of each sample in its order: bool [n, M] each, `count` True in each row.

    Args:
        member: bool [n, M], whether each model, in the order of the sample, trained on it.
        allowed: bool [n, M], those that may be taken; at least `count` of either kind for each sample.
    """
    return _first(allowed & member, count), _first(allowed & ~member, count)


def _first(wanted: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    kind = np.min_scalar_type(wanted.shape[1])
    wanted &= np.cumsum(wanted, axis=1, dtype=kind) <= count
    return wanted
