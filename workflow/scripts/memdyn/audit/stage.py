"""An audit of one run: its bounds, from the margins of its models at the last checkpoint."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import trim_mean

from memdyn.audit.bounds import guessing_bound, rates_bound
from memdyn.audit.guesses import Rule
from memdyn.stats.jackknife import TooFewModels

GUESSES, RATES, ALL = "guesses", "rates", "all"
FEWEST_REFERENCES = 4  # two degrees of freedom of a sample's variance


def bounds_table(margins: NDArray, mask: NDArray[np.bool_], options: Mapping[str, Any]) -> pd.DataFrame:
    """The table `bounds`: all targets together by guesses, then by rates, then each target by guesses alone.

    Args:
        margins: [M, n]; a model of which one is not finite counts as failed.
        mask: [M, n].
        options: targets (the last so many models), delta, confidence.

    Raises:
        TooFewModels: where models that failed leave too few references.
    """
    targets, first = options["targets"], len(margins) - options["targets"]
    margins = np.where(np.isfinite(margins).all(axis=1, keepdims=True), margins, np.nan)
    references = ~np.isnan(margins[:first]).any(axis=1)
    if references.sum() < FEWEST_REFERENCES:
        raise TooFewModels(
            f"an audit needs {FEWEST_REFERENCES} reference models, got {references.sum()} that did not fail"
        )
    # the margins of a model as a whole may lie higher or lower, by chance of its training, and that tells of no sample
    values = margins - trim_mean(margins.astype(np.float64), 0.25, axis=1)[:, None]
    rule = Rule.of(values[:first][references], mask[:first][references], targets, options["confidence"])
    rows = _rows(rule, values[first:], mask[first:], first, options)
    return pd.DataFrame([row | {name: options[name] for name in ("delta", "confidence")} for row in rows])


def _rows(
    rule: Rule, margins: NDArray, mask: NDArray[np.bool_], first: int, options: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    delta, confidence = options["delta"], options["confidence"]
    correct = rule.correct(margins, mask)

    def guessed(target: str, right: NDArray) -> dict[str, Any]:
        counts = int(right.sum()), len(right) * rule.guesses, len(right) * mask.shape[1]
        return _row(GUESSES, target, *counts, guessing_bound(*counts, delta, confidence))

    yield guessed(ALL, correct)
    member, said = mask[:, rule.canary], rule.decisions(margins)
    rates = int((said & member).sum()), int(member.sum()), int((said & ~member).sum()), int((~member).sum())
    right = int((said == member).sum())
    yield _row(RATES, ALL, right, len(mask), len(mask), rates_bound(*rates, delta, confidence))
    yield from (guessed(str(first + k), correct[k : k + 1]) for k in range(len(correct)))


def _row(method: str, target: str, correct: int, guesses: int, canaries: int, bound: float) -> dict[str, Any]:
    return {
        "method": method,
        "target": target,
        "correct": correct,
        "guesses": guesses,
        "canaries": canaries,
        "epsilon_lower": bound,
    }
