"""How long Snakemake plans a study of 10,000 models: `snakemake -n`, nothing of which exists yet.

Claim: at most 5 seconds for one run. The same models as 96 runs have more jobs, those of each run's attacks. Beside it
stands a bare workflow of as many blocks, which no workflow of this shape can beat: rules with files and a script, but
without functions, resources, parameters or environments. What is ours before any job (typed config, names of folders,
digests of code) is told apart. Wall time of whole processes, the best of three, taken in turns. Writes to temporary
folders.

    python benchmarks/bench_planning.py
"""

import gc
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.config.load import load_study
from memdyn.design.blocks import block_names
from memdyn.plan.study import build_plan

PROJECT = Path(__file__).resolve().parents[1]
REPEATS = 3
MODELS = 10_000
RATES = [round(0.001 * number, 3) for number in range(1, 97)]
# name -> (what changes in the study, seconds wanted or None)
STUDIES = {
    "1 run of 10,000": ({"shadow_models": MODELS}, 5),
    "96 runs of 104": ({"shadow_models": 104, "grid": {"optimizer.lr": RATES}}, None),
}

BARE = """
BLOCKS = [f"block-{{k:04d}}" for k in range({blocks})]


rule all:
    input:
        "report",


rule pool:
    output:
        "pool",
    script:
        "script.py"


rule train:
    input:
        "pool",
    output:
        directory("run/{{block}}/checkpoints"),
        "run/{{block}}/log",
    log:
        "run/{{block}}/train.log",
    script:
        "script.py"


rule score:
    input:
        "pool",
        "run/{{block}}/checkpoints",
    output:
        "run/scores/{{block}}",
    log:
        "run/{{block}}/score.log",
    script:
        "script.py"


rule report:
    input:
        expand("run/{{block}}/log", block=BLOCKS),
        expand("run/scores/{{block}}", block=BLOCKS),
    output:
        "report",
    script:
        "script.py"
"""


def make_study(changes: dict, results: str) -> dict:
    parts = {"scored": 400, "sham": 100, "population": 200, "test": 200, "spare": 0}
    return {"study": "large", "pool": {"dataset": {"name": "digits"}, "parts": parts}, "results": results} | changes


def make_bare(folder: Path, blocks: int) -> None:
    """A workflow of blocks that are trained and scored, and nothing else."""
    (folder / "script.py").touch()
    (folder / "Snakefile").write_text(BARE.format(blocks=blocks))


def count_blocks(study: dict) -> int:
    """Of all runs."""
    plan = build_plan(load_study(study))
    return len(plan.runs) * len(block_names(plan.study.config.shadow_models))


def dry_run(where: Path, *options: str) -> tuple[float, int]:
    """Seconds of one dry run, and the number of its jobs."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", *options]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    return seconds, int(re.search(r"^total +(\d+)$", done.stdout + done.stderr, re.MULTILINE)[1])


def own_share(study: dict) -> float:
    """Seconds of what is ours before Snakemake looks for jobs."""
    gc.set_threshold(1_000_000)  # as the Snakefile does
    started = time.perf_counter()
    build_plan(load_study(study))
    return time.perf_counter() - started


def main() -> None:
    """Prints a line a study."""
    for name, (changes, wanted) in STUDIES.items():
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            study = make_study(changes, first)
            path = Path(first) / "study.yaml"
            path.write_text(yaml.safe_dump(study))
            ours = own_share(study)
            make_bare(Path(second), count_blocks(study))
            timed = [(dry_run(PROJECT, "--configfile", str(path)), dry_run(Path(second))) for _ in range(REPEATS)]
        (seconds, jobs), (bare, bare_jobs) = map(min, zip(*timed, strict=True))
        target = f" (target {wanted})" if wanted else ""
        print(
            f"planning, {name} models: {seconds:.1f} s{target} for {jobs} jobs, {ours:.2f} s of it before any job; "
            f"{seconds / bare:.2f} times a bare workflow ({bare:.1f} s for {bare_jobs} jobs)",
            flush=True,
        )


if __name__ == "__main__":
    main()
