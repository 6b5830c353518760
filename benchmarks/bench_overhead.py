"""The wall time of a study in which no job trains or scores: planning, the pool, attacks, dynamics, figures, the page.

Claim: at most 60 seconds of the default study on 2 cores. Snakemake records when each job began and ended; what is left
of the run without any training or scoring job is counted, start-up of Snakemake included. CPU seconds of all processes
are told too, since they depend less on what else the machine does. Runs the study in a temporary folder, for minutes.

    python benchmarks/bench_overhead.py [config/config.yaml]
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
COUNTED_OUT = ("train_block", "probe_block")
Span = tuple[float, float]


def spans_by_rule(folder: Path) -> dict[str, list[Span]]:
    """When the jobs of each rule began and ended, from Snakemake's records (one of each output file)."""
    jobs: dict[tuple[str, int], list[Span]] = {}
    for file in (folder / ".snakemake" / "metadata").rglob("*"):
        if file.is_file():
            record = json.loads(file.read_text())
            jobs.setdefault((record["rule"], record["job_hash"]), []).append((record["starttime"], record["endtime"]))
    spans: dict[str, list[Span]] = {}
    for (rule, _), files in jobs.items():
        spans.setdefault(rule, []).append((min(begin for begin, _ in files), max(end for _, end in files)))
    return spans


def union(spans: list[Span]) -> float:
    """Seconds in which at least one span runs."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def main(study: Path) -> None:
    """Runs the study and prints two lines: the sum, and the seconds of each rule."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--cores", "2", "--directory", folder, "--configfile", str(study.resolve()), "--quiet", "rules"]
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "snakemake", *options],
            cwd=PROJECT,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wall = time.perf_counter() - started
        spans = spans_by_rule(Path(folder))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = usage.ru_utime + usage.ru_stime
    work = [span for rule in COUNTED_OUT for span in spans[rule]]
    print(
        f"overhead of {study.stem}: {wall - union(work):.0f} s (target 60) of {wall:.0f} s without a job that trains "
        f"or scores; {cpu:.0f} CPU seconds in all"
    )
    each = {rule: sum(end - begin for begin, end in found) for rule, found in spans.items()}
    shown = sorted(each.items(), key=lambda item: -item[1])
    print("  jobs' seconds by rule: " + ", ".join(f"{rule} {seconds:.0f}" for rule, seconds in shown))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "config" / "config.yaml")
