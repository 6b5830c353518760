"""The proxy attack, PMIA (Du et al., NDSS 2026, "Cascading and Proxy Membership Inference Attacks").

Offline, nobody has trained on the sample: its OUT law is known and its IN law is not. In its place stands that of
proxies, other samples that the reference models did train on. The paper takes all of them, those of the sample's class,
or the image that looks most alike; here the third kind is alike in how models that did not train on it see it.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack, Fold, folds_of
from memdyn.attacks.lira import Normal, fit_law, log_ratios
from memdyn.attacks.signals import Signals
from memdyn.stats.shrinkage import MIN_VARIANCE

PROXIES = ("all", "class", "nearest")


@dataclass(frozen=True)
class Proxy(Attack):
    """log N(margin; proxies' IN margins) - log p(margin | OUT).

    The normal has the mean and the variance (over their number) of all IN margins that the proxies have in the
    reference pairs. The sample is no proxy of itself, so its own IN margins are not used. (The paper's code takes
    medians for means. Reference models that trained on a proxy may here have trained on the sample too: what that does
    to others' margins is not taken out.)

    Attributes:
        proxies: "all" other samples; "class": those of the sample's class, or all where it is alone in it; "nearest":
            the samples next to it in the order of the mean OUT margin in the reference pairs, half of them on either
            side; at the ends of the order those that are next; with all that are tied with it or with the last of them.
        neighbours: how many are nearest; all others where there are fewer.
        variance: of the OUT law, as LiRA's.
    """

    proxies: str
    neighbours: int
    variance: str
    threshold: ClassVar[float] = 0.0
    min_references: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if self.proxies not in PROXIES:
            raise ValueError(f"unknown proxies {self.proxies!r}; allowed: {', '.join(PROXIES)}")

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        return signals.join(*self.score_pairs(signals, folds))

    def score_pairs(self, signals: Signals, folds: str) -> tuple[np.ndarray, np.ndarray]:
        """Scores of IN and OUT models, [P, n] each.

        Raises:
            ValueError: for proxies of the class, where classes are not known; where there is one sample alone.
        """
        self.check(signals, folds)
        values = signals.split(signals.margins)
        if values[0].shape[1] < 2:
            raise ValueError("the proxy attack needs at least two samples: one is the other's proxy")
        scores = np.empty_like(values[0]), np.empty_like(values[1])
        for fold in folds_of(signals.half, folds):
            outside = fit_law(self.variance, values[1], fold)
            inside = self._law(*fold.moments(values[0]), outside.mean, fold, signals.arrays.labels)
            log_ratios(inside, outside, zip(values, scores, strict=True), fold.scored)
            for score in scores:
                score[fold.scored] += inside.constant - outside.constant
        return scores

    def _law(
        self, mean: np.ndarray, squares: np.ndarray, outside: np.ndarray, fold: Fold, labels: np.ndarray | None
    ) -> Normal:
        """The law of each sample's proxies, of the samples' IN moments and OUT means [F, n].

        Proxies stand next to each other in some order, so that sums over them are differences of sums from the start.
        """
        n_samples = mean.shape[1]
        match self.proxies:
            case "all":
                order, first, last = _everybody(n_samples)
            case "class":
                order, first, last = _of_class(labels, n_samples)
            case "nearest":
                order, first, last = _next_to(outside, min(self.neighbours, n_samples - 1))
        centre = mean.mean(axis=1, keepdims=True)  # or the variance would be a difference of large squares
        apart = mean - centre
        spread = squares / fold.count + apart**2
        order = np.broadcast_to(order, mean.shape)
        number = last - first - 1
        of_proxies = (_others(each, order, first, last) / number for each in (apart, spread))
        pooled, spread = (_back(each, order) for each in of_proxies)
        return Normal(centre + pooled, np.maximum(spread - pooled**2, MIN_VARIANCE))


def _everybody(n_samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An order of the samples [1, n], and where the proxies of each place start and end, [1, n] each."""
    return np.arange(n_samples)[None], np.zeros((1, n_samples), int), np.full((1, n_samples), n_samples)


def _of_class(labels: np.ndarray | None, n_samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same by class; a class of one sample has everybody."""
    if labels is None:
        raise ValueError("proxies = 'class', but the classes of the samples are not known")
    order = np.argsort(labels, kind="stable")
    ranked = labels[order]
    first, last = (np.searchsorted(ranked, ranked, side=side) for side in ("left", "right"))
    alone = last - first == 1
    return order[None], np.where(alone, 0, first)[None], np.where(alone, n_samples, last)[None]


def _next_to(values: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same by values [F, n], `width` others or, with ties, more: [F, n] each."""
    order = np.argsort(values, axis=1)
    ranked = np.take_along_axis(values, order, axis=1)
    places, steps = np.arange(ranked.shape[1]), ranked[:, 1:] != ranked[:, :-1]
    # where the block of values that are equal to each starts and ends
    starts, ends = (np.pad(steps, ((0, 0), sides), constant_values=True) for sides in ((1, 0), (0, 1)))
    start = np.maximum.accumulate(np.where(starts, places, 0), axis=1)
    end = np.minimum.accumulate(np.where(ends, places, len(places))[:, ::-1], axis=1)[:, ::-1]
    lowest, highest = (np.clip(each - width // 2, 0, places[-1] - width) for each in (start, end))
    return order, np.take_along_axis(start, lowest, axis=1), np.take_along_axis(end, highest + width, axis=1) + 1


def _others(values: np.ndarray, order: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Sums of values [F, n] over places first to last - 1 of an order [F, n], without the place itself; by place."""
    ranked = np.take_along_axis(values, order, axis=1)
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(ranked, axis=1, out=sums[:, 1:])
    ends = (np.take_along_axis(sums, np.broadcast_to(each, order.shape), axis=1) for each in (last, first))
    return np.subtract(*ends) - ranked


def _back(ranked: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Values by place as values by sample, [F, n]."""
    values = np.empty_like(ranked)
    np.put_along_axis(values, order, ranked, axis=1)
    return values
