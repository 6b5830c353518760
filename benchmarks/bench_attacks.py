"""Every attack at its default options and every dialect: seconds and peak memory of the scores of one checkpoint.

Claim: 128 models x 50,000 samples take each attack at most 60 CPU seconds, on one core, and 4 GiB: none that is
calibrated per sample loops over models or samples in Python, but for an order or a search a model (rmia, ye), a row of
densities a pair (lira; it stays in the cache) and a fit a view. Each attack has a process of its own that makes the
signals it reads (10 classes, 2 views, 10 checkpoints, 8 students), members one standard deviation higher, and leaves
one pair out (`pairs`). Peaks hold the signals, whose size stands beside them; the workflow prepares wide ones in chunks
and holds less. Writes nothing.

    python benchmarks/bench_attacks.py [--models 128 --samples 50000] [LABEL ...]
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.attacks.base import Attack, build
from memdyn.attacks.embedding_norm import NORMS
from memdyn.attacks.features import COMPONENTS
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values
from memdyn.config.attacks.lira import VARIANCES
from memdyn.config.attacks.sections import AttackConfig

POPULATION, CLASSES, VIEWS, CHECKPOINTS, STUDENTS = 1000, 10, 2, 10, 8
OWN = {"logits": [CLASSES], "embedding_norms": [len(NORMS)]}  # axes that signals have besides
TARGET_SECONDS, TARGET_GIB = 60, 4
MORE = {
    "lira": [{"mode": "offline"}]
    + [{"dialect": name, "variance": allowed[0]} for name, allowed in VARIANCES.items() if name != "memdyn"],
    "ye": [{"smoothing": "linear"}, {"reference": "population", "smoothing": "linear"}],
    "proxy": [{"proxies": "class"}],
    "rmia": [{"mode": "offline"}],
}
"""Options worth a line of their own, beside the default ones."""


def sections() -> dict[str, Any]:
    """label -> config section, of all attacks that ship."""
    kinds = [kind for kind in get_args(get_args(AttackConfig)[0]) if kind.model_fields["name"].default != "custom"]
    found = [kind(**more) for kind in kinds for more in ({}, *MORE.get(kind.model_fields["name"].default, []))]
    return {section.label(): section for section in found}


def make_signals(attack: Attack, models: int, samples: int) -> Signals:
    """What the attack reads, and the margin; every signal is the margin with noise of its own."""
    rng = np.random.default_rng(0)
    mask = np.empty((models, samples), dtype=bool)
    mask[0::2] = rng.random((models // 2, samples)) < 0.5
    mask[1::2] = ~mask[0::2]
    deviation = np.exp(0.5 * rng.standard_normal(samples))
    margins = deviation * (rng.standard_normal(mask.shape) + mask)
    outside = rng.standard_normal((models, POPULATION))

    def signal(read: Reads, of: np.ndarray) -> np.ndarray:
        shape = [STUDENTS] * bool(read.of) + [CHECKPOINTS] * read.history + [VIEWS] * read.views
        shape += OWN.get(read.signal, [])
        if not shape:
            return of
        wide = rng.standard_normal((*of.shape, *shape), dtype=np.float32).astype(np.float64)
        wide += of.reshape(*of.shape, *[1] * len(shape))
        return wide

    reads = {read.name: read for read in (Reads("margin"), *attack.reads)}
    of_samples = any(read.of_samples for read in attack.reads)
    values = (
        Values(
            {name: signal(read, of) for name, read in reads.items() if not read.of_samples},
            rng.integers(0, CLASSES, of.shape[1]),
            tuple(range(CHECKPOINTS)) if any(read.history for read in attack.reads) else (),
            rng.standard_normal((of.shape[1], COMPONENTS)) if of_samples else None,
        )
        for of in (margins, outside)
    )
    return Signals.of(*values, mask)


def one(label: str, models: int, samples: int) -> None:
    """Prints what one attack takes, in this process."""
    attack = build(sections()[label].model_dump())
    signals = make_signals(attack, models, samples)
    held = sum(array.nbytes for array in signals.arrays.arrays.values()) / 2**30
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.perf_counter(), time.process_time()
    scores = attack.score(signals, "pairs")
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert scores.shape == (models, samples) and np.isfinite(scores).all(), label
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    verdict = "ok" if cpu <= TARGET_SECONDS and peak <= TARGET_GIB * 2**20 else "MISSED"
    print(
        f"{label:32s} {seconds:7.2f} s ({cpu:6.2f} of CPU)   peak {peak / 2**20:5.2f} GiB "
        f"(before {before / 2**20:.2f}, signals {held:.2f})   {verdict}",
        flush=True,
    )


def main() -> None:
    """Reads the sizes; prints a line an attack."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("labels", nargs="*", help="attacks; all, if none is named")
    parser.add_argument("--models", type=int, default=128)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    known = sections()
    if unknown := [label for label in given.labels if label not in known]:
        parser.error(f"{unknown[0]!r} is no attack here; allowed: {', '.join(known)}")
    for label in given.labels or known:
        if given.here:
            one(label, given.models, given.samples)
            continue
        sizes = ["--models", str(given.models), "--samples", str(given.samples)]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        subprocess.run([sys.executable, __file__, label, *sizes, "--here"], check=True, env=os.environ | threads)


if __name__ == "__main__":
    main()
