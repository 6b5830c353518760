"""Does a score tell members from others, and does it tell more than the margin and the class do?

Each control is an AUC of the score with the margin's own, of the same comparisons, beside it. All are two-sided:
members may lie farther from a level than others of the same margin, where the network is flatter around them.

    plain             all samples of a model
    truncated_margin  the score's half below the level ("distance to confident") against min(margin, level), of which it
                      may be a function
    strata            among some ten samples of one class whose margins are next to each other
    matched           pairs of a member and another of one class whose margins are next to each other; the margin's own
                      AUC is 1/2 by construction
    regression        logistic regression on (margin, score, class) against that on (margin, class), each model judged
                      by a fit to the other half of the pairs
    lira              LiRA on the score against LiRA on the margin, each calibrated without the scored model's pair
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import ndtri
from sklearn.linear_model import LogisticRegression

from memdyn.attacks.lira import LiRA
from memdyn.attacks.signals import Signals
from memdyn.stats import jackknife
from memdyn.stats.jackknife import Pairs
from memdyn.stats.rates import limits
from memdyn.stats.roc import roc
from memdyn.stats.stratified import matched_auc, matched_wins, neighbours, wins_within
from memdyn.stats.threshold_luck import tprs_by_chance
from memdyn.terms import FPRS, tpr_at

STRATUM = 10  # samples
CONTROLS = ("plain", "truncated_margin", "strata", "matched", "regression", "lira")

Estimate = Callable[[np.ndarray], np.ndarray]
"""Some of the pairs (indices) -> their numbers [k]; NaN where they are too few."""


@dataclass(frozen=True)
class Scored:
    """A score of the evaluated samples, and what it is held against.

    Attributes:
        score: float [M, n], finite, higher = member.
        margin: float [M, n], finite.
        members: bool [M, n].
        labels: int [n], classes.
        pairs: of the models.
        halves: what of score and margin lies below a level, [M, n] each; None: the score knows no level.
        known: scores [M, k] and membership [M, k] of samples that the attacker knows.
    """

    score: np.ndarray
    margin: np.ndarray
    members: np.ndarray
    labels: np.ndarray
    pairs: Pairs
    halves: tuple[np.ndarray, np.ndarray] | None
    known: tuple[np.ndarray, np.ndarray]

    def wins(self, values: np.ndarray, strata: np.ndarray) -> np.ndarray:
        """[M, 2], see `wins_within`."""
        return np.array([wins_within(*of) for of in zip(values, self.members, strata, strict=True)])

    @cached_property
    def one_stratum(self) -> np.ndarray:
        return np.zeros(self.score.shape, dtype=int)

    @cached_property
    def strata(self) -> np.ndarray:
        return np.array([neighbours(row, self.labels, STRATUM) for row in self.margin])


def separation(given: Scored, level: float, most_groups: int) -> pd.DataFrame:
    """All controls of one score.

    Args:
        level: confidence level of the limits.
        most_groups: of pairs, of the jackknife.

    Returns:
        control; auc, margin_auc and their difference, with limits; of the control `plain` advantage and tpr_at_fpr_*
        with limits as well.
    """
    group = given.pairs.groups(most_groups)
    sizes = np.unique(group, return_counts=True)[1]
    everyone = np.arange(len(group))
    parts = [everyone, *(np.flatnonzero(group != one) for one in np.unique(group) if len(sizes) > 1)]
    rows = []
    for control, estimate in _controls(given):
        found = np.array([_with_difference(estimate(pairs)) for pairs in parts])
        names = ("auc", "margin_auc", "difference")
        rows.append({"control": control} | _limited(names, found, sizes, level))
        if control == "plain":
            usefulness = _usefulness(given)
            useful = np.array([usefulness(pairs) for pairs in parts])
            rows[-1] |= _limited(("advantage",), useful[:, :1], sizes, level)
            rows[-1] |= _limited_tprs(given, useful[:, 1:], sizes, level)
    table = pd.DataFrame(rows)
    return table.rename(columns={"auc_low": "low", "auc_high": "high"}).drop(
        columns=["margin_auc_low", "margin_auc_high"]
    )


def _with_difference(aucs: np.ndarray) -> np.ndarray:
    return np.array([*aucs, aucs[0] - aucs[1]])


def _limited(names: tuple[str, ...], found: np.ndarray, sizes: np.ndarray, level: float) -> dict[str, float]:
    """Of each number in found [1 + G, k] itself and its limits, which are no more than the number can be."""
    least = np.array([-1.0 if name in ("difference", "advantage") else 0.0 for name in names])
    low, high = np.clip(jackknife.interval(found[0], found[1:], sizes, level), least, 1)
    return _columns(names, found[0], low, high)


def _limited_tprs(given: Scored, found: np.ndarray, sizes: np.ndarray, level: float) -> dict[str, float]:
    """Of the TPRs [1 + G, FPRS] over all models."""
    members, others = given.score[given.members], given.score[~given.members]
    luck = tprs_by_chance(members, others, np.array(FPRS), level)
    return _columns(tuple(map(tpr_at, FPRS)), found[0], *limits(found, sizes, members.size, level, luck))


def _columns(names: tuple[str, ...], value: np.ndarray, low: np.ndarray, high: np.ndarray) -> dict[str, float]:
    row = {}
    for place, name in enumerate(names):
        row |= {name: value[place], f"{name}_low": low[place], f"{name}_high": high[place]}
    return row


def _controls(given: Scored) -> Iterator[tuple[str, Estimate]]:
    yield "plain", _of_wins(given, given.score, given.margin, given.one_stratum)
    if given.halves:
        yield "truncated_margin", _of_wins(given, *given.halves, given.one_stratum)
    yield "strata", _of_wins(given, given.score, given.margin, given.strata)
    yield "matched", _matched(given)
    yield "regression", _regression(given)
    yield "lira", _lira(given)


def _models(pairs: np.ndarray) -> np.ndarray:
    return (2 * pairs[:, None] + np.arange(2)).ravel()


def _of_wins(given: Scored, score: np.ndarray, margin: np.ndarray, strata: np.ndarray) -> Estimate:
    counts = np.stack([given.wins(values, strata) for values in (score, margin)])  # [2, M, 2]
    return lambda pairs: _quotient(counts[:, _models(pairs)].sum(axis=1))


def _quotient(counts: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return counts[..., 0] / counts[..., 1]


def _matched(given: Scored) -> Estimate:
    rows = zip(given.score, given.members, given.margin, strict=True)
    counts = np.array([matched_wins(*of, given.labels) for of in rows])  # [M, 4]
    return lambda pairs: np.array([matched_auc(counts[_models(pairs)].sum(axis=0)), 0.5])


def _regression(given: Scored) -> Estimate:
    of_score, of_margin, of_class = _features(given)
    reduced = np.concatenate([of_margin, of_class], axis=2)
    full = np.concatenate([of_score, reduced], axis=2)
    half = given.pairs.half

    def estimate(pairs: np.ndarray) -> np.ndarray:
        sides = [_models(pairs[half[pairs] == side]) for side in (0, 1)]
        if not all(map(len, sides)):
            return np.full(2, np.nan)
        return np.array([_crossfitted(given, features, sides) for features in (full, reduced)])

    return estimate


def _features(given: Scored) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of score, margin and class: [M, n, *].

    Score and margin enter as normal scores of their ranks within model and class, up to the third power: a score that
    is an increasing function of the margin in each class is the same as the margin then, and cannot add a bend to it.
    """
    score, margin = (_normal_scores(values, given.labels) for values in (given.score, given.margin))
    indicator = (given.labels[:, None] == np.unique(given.labels)).astype(float)
    of_class = np.concatenate(
        [np.broadcast_to(indicator, (*margin.shape, indicator.shape[1])), margin[..., None] * indicator], axis=2
    )
    return _powers(score), _powers(margin), of_class


def _normal_scores(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    found = np.empty(values.shape)
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        order = np.argsort(values[:, mine], axis=1, kind="stable")
        ranks = np.argsort(order, axis=1, kind="stable")
        found[:, mine] = ndtri((ranks + 0.5) / len(mine))
    return found


def _powers(z: np.ndarray) -> np.ndarray:
    return np.stack([z, z**2 - 1, z**3 - 3 * z], axis=-1)


def _crossfitted(given: Scored, features: np.ndarray, sides: list[np.ndarray]) -> float:
    """AUC of each half's models by a fit to the other's."""
    counts = np.zeros(2)
    for scored, fitted in (sides, sides[::-1]):
        x, y = features[fitted].reshape(-1, features.shape[2]), given.members[fitted].ravel()
        fit = LogisticRegression(C=1.0, solver="newton-cholesky", max_iter=100).fit(x, y)
        for model in scored:
            found = features[model] @ fit.coef_[0]
            counts += wins_within(found, given.members[model], given.one_stratum[model])
    return float(_quotient(counts))


def _lira(given: Scored) -> Estimate:
    attack = LiRA("online", "shrunken")
    nobody = np.zeros((len(given.score), 0))
    signals = [Signals.of_margins(v, given.members, nobody, given.pairs) for v in (given.score, given.margin)]

    def estimate(pairs: np.ndarray) -> np.ndarray:
        if not attack.can_score(given.pairs.half[pairs], "pairs"):
            return np.full(2, np.nan)
        return np.array([_auc_of_models(attack, each.take(pairs)) for each in signals])

    return estimate


def _auc_of_models(attack: LiRA, signals: Signals) -> float:
    scores = attack.score_prepared(signals, "pairs")
    alone = np.zeros(scores.shape[1], dtype=int)
    counts = [wins_within(row, mask, alone) for row, mask in zip(scores, signals.mask, strict=True)]
    return float(_quotient(np.sum(counts, axis=0)))


def _usefulness(given: Scored) -> Estimate:
    """Advantage at a threshold that is fitted on what the attacker knows, and TPRs over all models."""
    advantages = np.array([_advantage(*of) for of in zip(given.score, given.members, *given.known, strict=True)])

    def estimate(pairs: np.ndarray) -> np.ndarray:
        models = _models(pairs)
        score, members = given.score[models], given.members[models]
        return np.array([advantages[models].mean(), *roc(score[members], score[~members], np.array(FPRS)).tpr])

    return estimate


def _advantage(score: np.ndarray, members: np.ndarray, known: np.ndarray, known_members: np.ndarray) -> float:
    """TPR - FPR of one model at the cut that has the largest on the known samples: 2 * (balanced accuracy) - 1."""
    if known_members.all() or not known_members.any():
        return np.nan
    cuts = np.append(np.unique(known), np.inf)
    called = known[:, None] >= cuts
    best = cuts[np.argmax(called[known_members].mean(axis=0) - called[~known_members].mean(axis=0))]
    return float((score[members] >= best).mean() - (score[~members] >= best).mean())
