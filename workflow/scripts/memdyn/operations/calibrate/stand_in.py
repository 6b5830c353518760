"""Small artifacts in the place of a study's own: a pool, masks, and what probes would read off trained networks.

Samples are the study's where its pool is built, else random ones of the same shape. Signals are those of an untrained
network, dealt out anew to the samples of each model and checkpoint; margins are normal, with a mean and a deviation of
each sample, and higher for members. What jobs after scoring take depends on how many there are, and some on what they
say: where all samples are alike, LiRA takes nearly twice as long, for its sorts find nothing in order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from memdyn.data.exported import MARGIN
from memdyn.data.pool import Pool, build_pool, read_pool, write_pool
from memdyn.data.raw import raw_data
from memdyn.design.membership import membership
from memdyn.probes.block import members_of
from memdyn.store.masks import write_masks
from memdyn.store.scores import write_scores
from memdyn.terms import PARTS

# of margins: mean and spread of samples' means, of the logarithm of their deviations; members', in deviations
_MEAN, _SPREAD, _UNEVEN, _LIFT = 1.0, 2.0, 0.5, 1.0


def pool_like(built: Path, shape: tuple[tuple[int, ...], int], parts: Mapping[str, int]) -> Pool:
    """A pool of these parts: the first samples of each part of the one at `built`, else random ones.

    Args:
        shape: of a sample, and the number of classes.
    """
    if built.exists():
        return smaller(read_pool(str(built)), parts)
    rng, n = np.random.default_rng(0), sum(parts.values())
    of_sample, classes = shape
    images = rng.integers(0, 256, (n, *of_sample)).astype(np.uint8)
    values = images if len(of_sample) > 1 else rng.normal(size=(n, *of_sample)).astype(np.float32)
    return build_pool(raw_data(values, np.arange(n) % classes, source="stand-in"), dict(parts), 0, 0.0)


def smaller(pool: Pool, parts: Mapping[str, int]) -> Pool:
    """The first samples of each part."""
    rows = [np.arange(len(pool.labels))[pool.parts[part]][: parts[part]] for part in PARTS]
    kept, ends = np.concatenate(rows), np.cumsum([len(each) for each in rows])
    slices = {part: slice(int(end) - len(each), int(end)) for part, each, end in zip(PARTS, rows, ends, strict=True)}
    taken = {name: getattr(pool, name)[kept] for name in ("images", "labels", "sample_ids", "flipped")}
    return replace(pool, parts=slices, files=(), **taken)


def sizes(parts: Mapping[str, int], scored: int) -> dict[str, int]:
    """Of parts in the same proportions; an even number each, and some samples where there were any."""
    share = min(1.0, scored / parts["scored"])
    return {part: min(size, max(2, 2 * round(size * share / 2)) if size else 0) for part, size in parts.items()}


def write_place(folder: Path, pool: Pool, models: int) -> np.ndarray:
    """Pool and masks; returns the masks, bool [models, scored and sham samples]."""
    write_pool(pool, str(folder / "pool.arrow"))
    sizes_of = {part: rows.stop - rows.start for part, rows in pool.parts.items()}
    drawn = [membership(sizes_of[part], range(models), 0, "stand-in", part) for part in ("scored", "sham")]
    masks = np.concatenate(drawn, axis=1)
    write_masks(folder / "masks" / "models-00000-00127.npz", masks)
    return masks


def write_signals(
    path: Path,
    like: Mapping[str, np.ndarray],
    pool: Pool,
    rows: np.ndarray,
    masks: np.ndarray,
    epochs: Sequence[int],
) -> None:
    """A block of all models.

    Args:
        like: what one network says: signal -> [rows, ...].
        rows: of the pool.
        masks: of `write_place`.
    """
    members, rng = members_of(masks, pool.parts["scored"], rows), np.random.default_rng(0)
    mean = _MEAN + _SPREAD * rng.standard_normal(len(rows))
    deviation = np.exp(_UNEVEN * rng.standard_normal(len(rows)))

    def dealt(name: str, values: np.ndarray) -> np.ndarray:
        if name == MARGIN:
            found = mean + deviation * (rng.standard_normal(members.shape) + _LIFT * members)
            return found.astype(values.dtype)
        return np.stack([values[rng.permutation(len(values))] for _ in members])

    epochs_of = ((epoch, {name: dealt(name, values) for name, values in like.items()}) for epoch in epochs)
    write_scores(path, epochs_of, range(len(masks)), np.asarray(pool.sample_ids[rows]))
