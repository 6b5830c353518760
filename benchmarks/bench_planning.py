"""How long Snakemake plans a study of 10,000 models: `snakemake -n`, nothing of which exists yet.

Claim: at most 5 seconds for one run. The same models as 96 runs have more jobs, those of each run's attacks. Nearly all
of it is Snakemake's own work, some 2 ms a job; what is ours (typed config, names of folders, digests of code) is told
apart. Wall time of a whole process, the best of three. Writes to a temporary folder.

    python benchmarks/bench_planning.py
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.config.load import load_study
from memdyn.plan import build_plan

PROJECT = Path(__file__).resolve().parents[1]
REPEATS = 3
RATES = [round(0.001 * number, 3) for number in range(1, 97)]
# name -> (what changes in the study, seconds wanted or None)
STUDIES = {
    "1 run of 10,000": ({"shadow_models": 10_000}, 5),
    "96 runs of 104": ({"shadow_models": 104, "grid": {"optimizer.lr": RATES}}, None),
}


def make_study(changes: dict, results: str) -> dict:
    parts = {"scored": 400, "sham": 100, "population": 200, "test": 200, "spare": 0}
    return {"study": "large", "pool": {"dataset": {"name": "digits"}, "parts": parts}, "results": results} | changes


def plan(study: dict, folder: Path) -> tuple[float, int]:
    """Seconds of one dry run, and the number of its jobs."""
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study))
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", "--configfile", str(path)]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    return seconds, int(re.search(r"^total +(\d+)$", done.stdout + done.stderr, re.MULTILINE)[1])


def main() -> None:
    """Prints a line a study."""
    for name, (changes, wanted) in STUDIES.items():
        with tempfile.TemporaryDirectory() as folder:
            study = make_study(changes, folder)
            timed = [plan(study, Path(folder)) for _ in range(REPEATS)]
            started = time.perf_counter()
            build_plan(load_study(study))
            ours = time.perf_counter() - started
        target = f" (target {wanted})" if wanted else ""
        print(
            f"planning, {name} models: {min(seconds for seconds, _ in timed):.1f} s{target} for {timed[0][1]} jobs, "
            f"{ours:.2f} s of it in our code",
            flush=True,
        )


if __name__ == "__main__":
    main()
