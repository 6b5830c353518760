"""Models are trained, cached and masked in fixed, aligned ranges; the range is the file's or folder's name."""

from pathlib import Path

# Growing a study by 8 models trains 8 models. Never change it: finished blocks would lose their names.
BLOCK_SIZE = 8
# Masks of this many models lie in one file.
MASK_CHUNK = 128


def block_names(n_models: int) -> list[str]:
    """block-0000-0007, block-0008-0015, ...; the last one is shorter where `n_models` is no multiple of 8."""
    starts = range(0, n_models, BLOCK_SIZE)
    return [f"block-{first:04d}-{min(first + BLOCK_SIZE, n_models) - 1:04d}" for first in starts]


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
