"""Models are trained, cached and masked in fixed, aligned ranges; the range is the file's or folder's name."""

from pathlib import Path

# Growing a study by 8 models trains 8 models. Where blocks of 8 would be thousands of jobs, they are larger.
# Never change these: finished blocks would lose their names.
BLOCK_SIZE, LARGE_BLOCK_SIZE = 8, 32
LARGE_FROM = 1024
# Masks of this many models lie in one file.
MASK_CHUNK = 128


def block_names(n_models: int) -> list[str]:
    """block-0000-0007, block-0008-0015, ..., block-1024-1055, ...; the last one may be shorter."""
    starts = [*range(0, min(n_models, LARGE_FROM), BLOCK_SIZE), *range(LARGE_FROM, n_models, LARGE_BLOCK_SIZE)]
    return [f"block-{first:04d}-{stop - 1:04d}" for first, stop in zip(starts, [*starts[1:], n_models], strict=True)]


def mask_names(models: range) -> list[str]:
    """Names of the mask files that cover `models`: models-00000-00127, ..."""
    chunks = range(models.start // MASK_CHUNK, (models.stop - 1) // MASK_CHUNK + 1)
    return [f"models-{chunk * MASK_CHUNK:05d}-{(chunk + 1) * MASK_CHUNK - 1:05d}" for chunk in chunks]


def models_of(name: str) -> range:
    """The models that a name of either kind stands for."""
    _, first, last = name.split("-")
    return range(int(first), int(last) + 1)


def progress_folder(run: Path, block: str) -> Path:
    """What killed jobs of a block leave, in the run's folder and outside of every declared output."""
    return run / "progress" / block
