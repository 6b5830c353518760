"""A small made-up archive: one file of each kind, one with a measured column."""

from pathlib import Path

import pandas as pd

from memdyn.operations.archives import MANIFEST, SUMS
from memdyn.operations.archives.item import Item, sha256, text_item
from memdyn.operations.archives.manifest import manifest, sums
from memdyn.operations.archives.pack import write_zip

ABOUT = {
    "study": "s",
    "page": "results/studies/s/versions/report-1/report.html",
    "code": {"commit": "0" * 40, "changed": False},
    "blank": [],
    "scores": True,
}


def items(aside: Path, seconds: float = 1.5, accuracy: float = 0.75) -> list[Item]:
    """Files as those of an archive; `aside`: a folder for what they are copied from."""
    aside.mkdir(exist_ok=True)
    log, scores = aside / "log.parquet", aside / "signals.parquet"
    pd.DataFrame({"model": [0, 1], "accuracy": [0.5, accuracy], "seconds": [seconds, 2.5]}).to_parquet(log)
    pd.DataFrame({"margin": [0.1, float("nan")]}).to_parquet(scores)
    return [
        text_item("README.md", "about", "# Study\n"),
        text_item("code/Snakefile", "code", "rule all:\n"),
        text_item("config.yaml", "code", "study: s\n"),
        Item("results/p/r/block-0000-0007/log.parquet", "given", log, ("seconds",)),
        Item("results/p/r/o/block-0000-0007/signals.parquet", "given", scores),
        Item("study/report.html", "study", f"<p>{seconds} s</p>".encode(), ("",)),
        text_item("environment/versions.json", "environment", f'{{"jobs": {{}}, "archiving": {{"x": "{seconds}"}}}}\n'),
        text_item("environment/results/p/r/train.log", "environment", f"took {seconds} s\n"),
    ]


def write(folder: Path, **changed: float) -> Path:
    """The archive as a folder, with a zip of it beside."""
    made = items(folder.with_name(f"{folder.name}-aside"), **changed)
    hashes = {item.path: item.write(folder) for item in made}
    (folder / MANIFEST).write_bytes(manifest(ABOUT, made, hashes))
    (folder / SUMS).write_bytes(sums(hashes | {MANIFEST: sha256(folder / MANIFEST)}))
    write_zip(folder, folder.name, folder.with_name(f"{folder.name}.zip"))
    return folder
