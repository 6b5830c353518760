"""A data set in, the pool out: duplicates dropped, split into parts, memory-mappable."""

from pathlib import Path

from memdyn.data import REGISTRY
from memdyn.data.pool import build_pool, duplicates_note, write_pool
from memdyn.identity.job import start
from memdyn.identity.sources import refuse_changed
from memdyn.registry import resolve

if __name__ == "__main__":
    path = Path(snakemake.output.pool)
    files = list(snakemake.params.files)
    tell = start(snakemake, path.parent, files=files)
    dataset, options = snakemake.params.dataset, snakemake.params.stage["options"]
    raw = resolve(REGISTRY, dataset["name"])(dataset, files)
    if options["content"]:
        refuse_changed(files, options["content"], results=path.parents[1])
    for note in raw.notes:
        tell(note)
    pool = build_pool(raw, options["parts"], options["seed"], options["label_noise"])
    write_pool(pool, path)
    if pool.n_duplicates:
        tell(duplicates_note(pool))
    dropped = f"{pool.n_duplicates} duplicates dropped"
    tell(f"{len(raw)} samples of {dataset['name']}, {dropped}, {len(pool.labels)} in the pool")
