"""All that comes after scoring, for one run and one attack: the time and the peak memory of each stage.

Claim: rates, ROC with jackknife, null, states and the full dynamics of 128 models x 50,000 samples x 30 checkpoints
take at most 30 minutes on 2 cores, and no process more than 8 GiB; LiRA's attack stage takes at most 462 s, half of
what it took on 26 November 2026, and 4 GiB. The scores are made up, in the stored format, with a
d' that is known for every sample and grows to its end; the mean d' of the analysis is checked against it. The stages
are the workflow's own scripts with its default options, each a process of one thread, as Snakemake starts them: attack
and then states on one core, the analysis beside them on the other. Writes into a temporary folder (4 GB at full size).

A run of 256 models x 60,000 samples x 30 checkpoints is written, read checkpoint by checkpoint, and calibrated, each
within 8 GiB:

    python benchmarks/bench_analysis.py [--models 128 --samples 50000 --checkpoints 30 --sham 10000] [--attack lira]
    python benchmarks/bench_analysis.py --models 256 --samples 60000 --only attack
"""

import argparse
import os
import runpy
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.config.load import load_study
from memdyn.data.pool import Pool, write_pool
from memdyn.design.blocks import block_names, mask_names, models_of
from memdyn.design.membership import membership
from memdyn.plan.study import build_plan
from memdyn.probes.outputs import SIGNALS
from memdyn.store.masks import write_masks
from memdyn.store.scores import read_signal, write_scores
from memdyn.tables import STAGES as TABLES

SCRIPTS = Path(__file__).resolve().parents[1] / "workflow" / "scripts"
STAGES = {
    "attack": ("run_attack.py", list(TABLES["attack"])),
    "states": ("compute_dynamics.py", list(TABLES["dynamics"])),
    "analysis": ("analyse_dynamics.py", list(TABLES["analysis"])),
}
"""Each stage's script and its tables, as in workflow/rules/attacks.smk."""

CHAINS = (("attack", "states"), ("analysis",))
SIZES = {"models": 128, "samples": 50_000, "checkpoints": 30, "sham": 10_000, "threads": 1}
CLASSES, FLIPPED, POPULATION, TEST, MEAN_D_PRIME = 10, 0.05, 1000, 1000, 1.0
TARGET_MINUTES, TARGET_GIB = 30, 8
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Usage:
    """Seconds and GiB of a process."""

    wall: float
    cpu: float
    peak: float


class Named(dict):
    """A dict whose values are attributes too, as those of Snakemake's object."""

    __getattr__ = dict.__getitem__


def make_run(folder: Path, sizes: argparse.Namespace) -> None:
    """Pool, masks and scores. IN margins lie d'_i(t) standard deviations above the OUT ones, which grow as well.

    A model's noise keeps half of its variance over checkpoints. The network has two classes, so that gap = margin and
    el2n = sqrt(2) (1 - p_y); entropies are not read by anybody and stay 0.
    """
    rng = np.random.default_rng(0)
    total = sizes.samples + sizes.sham + POPULATION + TEST
    counts = {"scored": sizes.samples, "sham": sizes.sham, "population": POPULATION, "test": TEST, "spare": 0}
    ends = dict(zip(counts, np.cumsum(list(counts.values())), strict=True))
    parts = {part: slice(int(ends[part]) - count, int(ends[part])) for part, count in counts.items()}
    flipped = np.arange(total) < FLIPPED * sizes.samples
    write_pool(
        Pool(
            images=np.zeros((total, 1, 1, 1), np.uint8),
            labels=rng.integers(0, CLASSES, total),
            sample_ids=np.arange(total),
            flipped=flipped,
            parts=parts,
            class_names=[str(c) for c in range(CLASSES)],
            mean=np.zeros(1, np.float32),
            std=np.ones(1, np.float32),
            n_duplicates=0,
        ),
        str(folder / "pool.arrow"),
    )
    for name in mask_names(range(sizes.models)):
        masks = [membership(counts[part], models_of(name), 0, "made-up", part) for part in ("scored", "sham")]
        write_masks(folder / f"{name}.npz", np.concatenate(masks, axis=1))
    last = np.zeros(total)
    last[: sizes.samples] = rng.exponential(MEAN_D_PRIME, sizes.samples)
    np.save(folder / "d_prime.npy", last[: sizes.samples])
    start, rise, deviation = rng.normal(-1, 1, total), rng.normal(4, 2, total), np.exp(0.4 * rng.standard_normal(total))
    for block in block_names(sizes.models):
        models = models_of(block)
        member = np.zeros((len(models), total), bool)
        for part in ("scored", "sham"):
            member[:, parts[part]] = membership(counts[part], models, 0, "made-up", part)
        kept = rng.standard_normal(member.shape, np.float32)

        def checkpoints(member: np.ndarray = member, kept: np.ndarray = kept) -> Any:
            for epoch in range(sizes.checkpoints):
                share = epoch / max(1, sizes.checkpoints - 1)
                noise = np.sqrt(0.5) * (kept + rng.standard_normal(kept.shape, np.float32))
                margin = (start + share * rise + deviation * (noise + share * last * member)).astype(np.float32)
                signals = dict.fromkeys(SIGNALS, np.zeros_like(kept))
                el2n = np.float32(np.sqrt(2)) / (1 + np.exp(margin))
                yield epoch, signals | {"margin": margin, "gap": margin, "el2n": el2n}

        write_scores(folder / f"{block}.parquet", checkpoints(), list(models), np.arange(total))


def read_run(folder: Path, sizes: argparse.Namespace) -> None:
    """The margins of all models, one checkpoint after the other, as attacks read them."""
    files = [folder / f"{block}.parquet" for block in block_names(sizes.models)]
    for epoch in range(sizes.checkpoints):
        found = read_signal(files, epoch, "margin").shape
        assert found == (sizes.models, sizes.samples + sizes.sham + POPULATION + TEST), found


def stand_in(stage: str, folder: Path, sizes: argparse.Namespace) -> Named:
    """What Snakemake hands to the stage's script."""
    epochs = {"epochs": max(1, sizes.checkpoints - 1), "checkpoints": list(range(sizes.checkpoints))}
    study = {"study": "made-up", "pool": {}, "base": epochs, "shadow_models": sizes.models, "results": str(folder)}
    run = build_plan(load_study(study)).runs[0]  # with the default attacks
    plan = {"attack": run.attacks[sizes.attack], "states": run.dynamics, "analysis": run.analysis}[stage]
    return Named(
        input=Named(
            pool=str(folder / "pool.arrow"),
            masks=[str(folder / f"{name}.npz") for name in mask_names(range(sizes.models))],
            outputs=[str(folder / f"{block}.parquet") for block in block_names(sizes.models)],
        ),
        output=Named({name: str(folder / plan.folder / f"{name}.parquet") for name in STAGES[stage][1]}),
        log=[str(folder / f"{stage}.log")],
        rule=stage,
        wildcards=Named(run="made-up"),
        params=Named(stage=plan.params(), pool=run.pool.params(), seed=0),
        threads=sizes.threads,
    )


MADE_UP = {"make": make_run, "read": read_run}


def one_stage(stage: str, folder: Path, sizes: argparse.Namespace) -> None:
    """Runs one stage in this process."""
    if stage in MADE_UP:
        MADE_UP[stage](folder, sizes)
        return
    script = SCRIPTS / STAGES[stage][0]
    runpy.run_path(str(script), {"snakemake": stand_in(stage, folder, sizes)}, "__main__")


def measured(stage: str, folder: Path, arguments: list[str]) -> Usage:
    """Runs one stage in a process of its own, and says what it took."""
    command = [sys.executable, __file__, *arguments, "--stage", stage, "--folder", str(folder)]
    start = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | ONE_THREAD, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{stage} failed: {' '.join(command)}")
    found = Usage(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20)
    print(f"  {stage}: {found.wall:.0f} s, {found.cpu:.0f} CPU seconds, peak {found.peak:.2f} GiB", flush=True)
    return found


def check(folder: Path) -> str:
    """The mean d' of the analysis beside the true one.

    Raises:
        AssertionError: where they differ by more than 2 %.
    """
    (file,) = folder.glob("analysis-*/summary.parquet")
    found = pd.read_parquet(file).query("threshold == 'lr1'")["d_prime"].mean()
    true = np.load(folder / "d_prime.npy").mean()
    assert abs(found / true - 1) < 0.02, f"mean d' {found}, true {true}"
    return f"mean d' {found:.3f} (true {true:.3f})"


def measure(folder: Path, sizes: argparse.Namespace) -> None:
    """Makes the scores where there are none, runs the chains of stages side by side, prints what they took."""
    arguments = [word for name in ("attack", *SIZES) for word in (f"--{name}", str(getattr(sizes, name)))]
    if not (folder / "pool.arrow").exists():
        measured("make", folder, arguments)
    measured("read", folder, arguments)
    chains = [[stage for stage in chain if stage in sizes.only] for chain in CHAINS]
    start = time.perf_counter()
    with ThreadPoolExecutor(len(CHAINS)) as cores:
        done = list(cores.map(lambda chain: [measured(stage, folder, arguments) for stage in chain], chains))
    wall, found = time.perf_counter() - start, [usage for chain in done for usage in chain]
    cpu, peak = sum(usage.cpu for usage in found), max(usage.peak for usage in found)
    print(
        f"analysis: {wall / 60:.1f} minutes (target {TARGET_MINUTES}), {cpu / 60:.1f} CPU minutes, peak {peak:.2f} GiB "
        f"(target {TARGET_GIB}); {sizes.models} models x {sizes.samples} samples (sham {sizes.sham}) x "
        f"{sizes.checkpoints} checkpoints, {sizes.attack}, {', '.join(sizes.only)}"
    )
    if "analysis" in sizes.only:
        print(f"  {check(folder)}")


def main() -> None:
    """Reads the sizes; prints a line a stage, then one for all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, default in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--attack", default="lira", help="one of the default attacks, by its label")
    parser.add_argument("--only", choices=STAGES, nargs="+", default=list(STAGES), help="some of the stages")
    parser.add_argument("--folder", type=Path, help="keep all files here, and use the scores that are there")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    sizes = parser.parse_args()
    if sizes.stage:
        one_stage(sizes.stage, sizes.folder, sizes)
    elif sizes.folder:
        sizes.folder.mkdir(parents=True, exist_ok=True)
        measure(sizes.folder, sizes)
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), sizes)


if __name__ == "__main__":
    main()
