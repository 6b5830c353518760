"""RMIA by sorting, against the matrix of all pairs (sample x, population sample z).

Claim: at least 10 times faster with the same shares (and samples of one share put in order). Both start from the same
margins and form the same ratios; the matrix is filled a block of samples at a time, so that it fits the memory. Writes
nothing.

    python benchmarks/bench_rmia.py
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.special import expit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.attacks.rmia import RMIA
from memdyn.attacks.signals import Signals

MODELS, SAMPLES, POPULATION, BLOCK, REPEATS = 16, 20_000, 2_000, 1_000, 3


def make_inputs() -> Signals:
    """Normal margins, members one standard deviation higher."""
    rng = np.random.default_rng(0)
    mask = np.empty((MODELS, SAMPLES), dtype=bool)
    mask[0::2] = rng.random((MODELS // 2, SAMPLES)) < 0.5
    mask[1::2] = ~mask[0::2]
    mean, mean_z = rng.normal(1, 2, SAMPLES), rng.normal(1, 2, POPULATION)
    margins = mean + rng.standard_normal(mask.shape) + mask
    return Signals.of_margins(margins, mask, mean_z + rng.standard_normal((MODELS, POPULATION)))


def matrix_scores(inputs: Signals, gamma: float) -> np.ndarray:
    """The definition: for each model and x the share of z with R(x) / R(z) >= gamma."""
    p, p_z = expit(inputs.margins), expit(inputs.population["margin"])
    scores = np.empty(p.shape)
    for model in range(MODELS):
        others = np.delete(np.arange(MODELS), [model, model ^ 1])
        ratio, ratio_z = p[model] / p[others].mean(axis=0), p_z[model] / p_z[others].mean(axis=0)
        for left in range(0, SAMPLES, BLOCK):
            block = slice(left, left + BLOCK)
            scores[model, block] = (ratio[block, None] / ratio_z >= gamma).mean(axis=1)
    return scores


def timed(function: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    """The result, and the fewest seconds of some repetitions."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)


def main() -> None:
    """Times both, compares the scores, prints one line."""
    inputs, attack = make_inputs(), RMIA("online", 0.3, 1.0)
    scores, fast = timed(lambda: attack.score(inputs, "pairs"))
    slow_scores, slow = timed(lambda: matrix_scores(inputs, attack.gamma))
    np.testing.assert_array_equal(np.floor(scores * POPULATION + 1e-6), np.round(slow_scores * POPULATION))
    print(
        f"rmia: ratio {slow / fast:.0f} (target 10): sorting {fast * 1e3:.0f} ms, matrix {slow * 1e3:.0f} ms; "
        f"{MODELS} models x {SAMPLES} samples x {POPULATION} population samples, same shares"
    )


if __name__ == "__main__":
    main()
