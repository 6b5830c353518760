"""What attackers realise on held-out targets: seconds and peak memory of one checkpoint.

Claim: of 128 models x 50,000 samples each of the four default attacks takes at most 120 CPU seconds and 4 GiB, on one
core, with its 37 calibrations (8 groups, every two of them left out together). Each attack has a process of its own.
Writes nothing.

    python benchmarks/bench_realised.py [--models 128 --samples 50000] [LABEL ...]
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
from bench_attacks import make_signals, sections

from memdyn.attacks.base import Prepared, build
from memdyn.attacks.realised import Settings, realised_tables
from memdyn.config.realised import RealisedConfig
from memdyn.config.statistics import StatisticsConfig

DEFAULT = ("loss", "lira", "lira-offline", "rmia")
TARGET_SECONDS, TARGET_GIB = 120, 4


def one(label: str, models: int, samples: int) -> None:
    """Prints what one attack takes, in this process."""
    attack = build(sections()[label].model_dump())
    given = Prepared.of(attack, make_signals(attack, models, samples))
    run = SimpleNamespace(epochs=[0], prepared=lambda attack, part, epoch: given)
    options = {"realised": RealisedConfig().model_dump(), "statistics": StatisticsConfig().model_dump()}
    start, cpu = time.perf_counter(), time.process_time()
    tables = realised_tables(attack, run, np.arange(samples) < samples // 20, Settings.of_options(options))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert tables["calibrated_metrics"]["low"].notna().all(), label
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    verdict = "ok" if cpu <= TARGET_SECONDS and peak <= TARGET_GIB else "MISSED"
    print(f"{label:16s} {seconds:7.1f} s ({cpu:6.1f} of CPU)   peak {peak:5.2f} GiB   {verdict}", flush=True)


def main() -> None:
    """Reads the sizes; prints a line an attack."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("labels", nargs="*", help="attacks; the four default ones, if none is named")
    parser.add_argument("--models", type=int, default=128)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if unknown := [label for label in given.labels if label not in sections()]:
        parser.error(f"{unknown[0]!r} is no attack here; allowed: {', '.join(sections())}")
    for label in given.labels or DEFAULT:
        if given.here:
            one(label, given.models, given.samples)
            continue
        sizes = ["--models", str(given.models), "--samples", str(given.samples)]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        subprocess.run([sys.executable, __file__, label, *sizes, "--here"], check=True, env=os.environ | threads)


if __name__ == "__main__":
    main()
