"""Leave-pair-out LiRA for all models in closed form, against a loop over models that is vectorised over samples.

Claim: at least 20 times faster at 128 models x 50,000 samples, in at most 2 GiB, with the same scores.
Both fit the default variance model (shrunken) anew for every fold. The loop is timed on a few models and scaled to all;
the peak is of a process of its own that makes the inputs and the scores. Writes nothing.

    python benchmarks/bench_lira.py
"""

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy.special import gammaln

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.attacks.lira import LiRA
from memdyn.attacks.signals import Signals
from memdyn.stats.shrinkage import fit_prior

MODELS, SAMPLES, TIMED_MODELS, REPEATS = 128, 50_000, (0, 37, 90, 127), 3


def make_inputs() -> Signals:
    """Normal margins, stored as float32, members one standard deviation higher."""
    rng = np.random.default_rng(0)
    mask = np.empty((MODELS, SAMPLES), dtype=bool)
    mask[0::2] = rng.random((MODELS // 2, SAMPLES)) < 0.5
    mask[1::2] = ~mask[0::2]
    deviation = np.exp(0.5 * rng.standard_normal(SAMPLES))
    margins = (deviation * (rng.standard_normal(mask.shape) + mask)).astype(np.float32)
    return Signals.of_margins(margins, mask, margins[:, :1])


def log_density(x: np.ndarray, values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Student-t predictive log density of x [n] given the chosen values [m, n], but for a constant."""
    count = len(values) // 2  # pairs: as many IN as OUT
    mean = np.where(chosen, values, 0).sum(axis=0) / count
    squares = (np.where(chosen, values - mean, 0) ** 2).sum(axis=0)
    prior = fit_prior(squares[None], count - 1)
    dof = prior.nu + count - 1
    spread = (1 + 1 / count) * (prior.nu * prior.variance + squares)
    return (
        gammaln((dof + 1) / 2)
        - gammaln(dof / 2)
        - np.log(spread) / 2
        - (dof + 1) / 2 * np.log1p((x - mean) ** 2 / spread)
    )


def loop_score(inputs: Signals, model: int) -> np.ndarray:
    """One model's scores [n] from the models of all other pairs."""
    others = np.delete(np.arange(MODELS), [model, model ^ 1])
    values, members = inputs.margins[others], inputs.mask[others]
    x = inputs.margins[model]
    return log_density(x, values, members) - log_density(x, values, ~members)


def peak_gib() -> float:
    """Peak memory of a process that does nothing but make the inputs and score them."""
    output = subprocess.run([sys.executable, __file__, "peak"], check=True, capture_output=True, text=True).stdout
    return float(output)


def main() -> None:
    """Times both, compares the scores, prints one line."""
    attack = LiRA("online", "shrunken")
    if sys.argv[1:] == ["peak"]:
        attack.score(make_inputs(), "pairs")
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        return

    peak = peak_gib()
    inputs = make_inputs()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        scores = attack.score(inputs, "pairs")
        seconds.append(time.perf_counter() - start)
    closed = min(seconds)

    start = time.perf_counter()
    looped = [loop_score(inputs, model) for model in TIMED_MODELS]
    loop = (time.perf_counter() - start) / len(TIMED_MODELS) * MODELS
    np.testing.assert_allclose(scores[list(TIMED_MODELS)], looped, rtol=1e-9, atol=1e-9)
    print(
        f"lira: ratio {loop / closed:.0f} (target 20): closed form {closed:.2f} s, peak {peak:.2f} GiB (target 2), "
        f"loop over models {loop:.0f} s ({len(TIMED_MODELS)} models timed, extrapolated); "
        f"{MODELS} models x {SAMPLES} samples, same scores to 1e-9"
    )


if __name__ == "__main__":
    main()
