"""The pool: a data set without duplicates, split once, class by class, into parts with fixed roles.

On disk it is one uncompressed Arrow IPC file that is memory-mapped, so that many jobs on a node share its pages.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from memdyn.data.raw import RawData
from memdyn.data.reading import listed
from memdyn.data.tables import standardised
from memdyn.design.seeds import derive_seed
from memdyn.jobs.atomic import atomic_path
from memdyn.terms import PARTS

METADATA_KEY = b"memdyn.pool"
FORMAT = 1
MANY = 0.01  # share of dropped duplicates that a user is warned of


@dataclass(frozen=True, eq=False)
class Pool:
    """Samples in the order of the parts, in random order inside each part.

    Attributes:
        images: uint8 [n, C, H, W]; or features float32 [n, F], each standardised over the population part (over the
            whole pool where there is none); read-only when memory-mapped.
        labels: int64 [n], 0..K-1.
        sample_ids: int64 [n], the row in the source.
        flipped: bool [n], True where the label was replaced (planted mislabelled samples, scored part only).
        parts: name -> its rows, contiguous, in the order of `PARTS`.
        class_names: K names.
        mean, std: what is left to take off and to divide by: float32 [C] in units of [0, 1] pixels, a constant channel
            has std 1; [F] zeros and ones for features.
        n_duplicates: copies that were dropped from the data set before splitting.
        n_contradictory: those of them that had another label than the copy that stayed.
        n_source: samples of the data set before that; None in pools of old.
        files: n paths of the samples' files below the folder of the data set; empty where it is no folder of files, and
            in pools of old.
    """

    images: NDArray
    labels: NDArray[np.int64]
    sample_ids: NDArray[np.int64]
    flipped: NDArray[np.bool_]
    parts: dict[str, slice]
    class_names: list[str]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    n_duplicates: int
    n_contradictory: int | None = None
    n_source: int | None = None
    files: tuple[str, ...] = ()


def build_pool(raw: RawData, parts: Mapping[str, int], seed: int, label_noise: float) -> Pool:
    """Drop duplicates, then draw the parts, each with the class shares of the data set.

    Of exact copies of an image (or row of a table) only the first in the source stays, whatever their labels: a copy
    elsewhere in the pool would make a non-member a member in all but name, with another label even a contradictory one.

    Args:
        parts: size of every part in `PARTS`.
        seed: decides the split; same data, parts and seed give the same pool on any machine and numpy version.
        label_noise: share of the scored samples that get another label, uniformly among the other classes.

    Raises:
        ValueError: when a class has no sample but copies of others'; when the parts need more samples than there are
            different ones, or are misnamed; when a column of a
            table does not fit float32 after standardising.
    """
    if set(parts) != set(PARTS) or min(parts.values()) < 0:
        raise ValueError(f"parts must give a size of 0 or more to each of {', '.join(PARTS)}; got {dict(parts)}")
    earliest = earliest_equals(raw.images)
    kept = np.flatnonzero(earliest == np.arange(len(raw)))
    _refuse_lost_classes(raw, kept)
    needed = sum(parts.values())
    if needed > len(kept):
        raise ValueError(
            f"pool.parts: {needed} samples in all ({', '.join(f'{part} {parts[part]}' for part in PARTS)}), but the "
            f"data set has {len(kept)} different ones ({len(raw)} samples, {len(raw) - len(kept)} duplicates dropped)"
        )
    slices = _slices({part: parts[part] for part in PARTS})
    rows = np.concatenate(_split(kept, raw.labels[kept], [parts[part] for part in PARTS], np.random.PCG64(seed)))
    reference = slices["population"] if parts["population"] else slice(None)
    images, mean, std = _prepared(raw, rows, reference)
    flipped = _drawn_flips(parts["scored"], len(rows), label_noise, seed)
    return Pool(
        images=images,
        labels=_with_flips(raw.labels[rows], flipped, len(raw.class_names), seed),
        sample_ids=raw.ids[rows],
        flipped=flipped,
        parts=slices,
        class_names=list(raw.class_names),
        mean=mean,
        std=std,
        n_duplicates=len(raw) - len(kept),
        n_contradictory=int(np.count_nonzero(raw.labels != raw.labels[earliest])),
        n_source=len(raw),
        files=tuple(raw.files[row] for row in rows) if raw.files else (),
    )


def _refuse_lost_classes(raw: RawData, kept: NDArray[np.int64]) -> None:
    left = np.bincount(raw.labels[kept], minlength=len(raw.class_names))
    lost = [raw.class_names[label] for label in np.flatnonzero(left == 0)]
    if lost:
        raise ValueError(
            f"{raw.source}: no sample is left of {listed([repr(name) for name in lost], ', ')}: all equal earlier ones "
            "with another label; allowed: classes with samples of their own"
        )


def earliest_equals(images: NDArray) -> NDArray[np.int64]:
    """For each row of [n, ...] the first row that equals it, maybe itself. (0.0 and -0.0 are equal.)"""
    seen: dict[bytes, int] = {}
    earliest = np.empty(len(images), dtype=np.int64)
    for row, image in enumerate(images):
        content = image if image.dtype == np.uint8 else image + np.float32(0)  # turns -0.0 into 0.0
        earliest[row] = seen.setdefault(hashlib.blake2b(content.tobytes(), digest_size=16).digest(), row)
    return earliest


def duplicates_note(pool: Pool) -> str:
    """A line for the log on a data set with duplicates; a warning where they are many."""
    share = pool.n_duplicates / pool.n_source
    warning = "WARNING: " * (share >= MANY)
    contradictory = f"; {pool.n_contradictory} of them had another label" * bool(pool.n_contradictory)
    return (
        f"{warning}{pool.n_duplicates} of {pool.n_source} samples ({share:.1%}) equal an earlier one and are dropped"
        f"{contradictory}"
    )


def proportional(size: int, available: NDArray[np.int64], priority: NDArray) -> NDArray[np.int64]:
    """Share `size` out in proportion to `available` [K], by largest remainder; never more than there are.

    Args:
        priority: [K], all different; settles equal remainders (larger first).

    Returns:
        int64 [K], summing to `size` (at most the sum of `available`).
    """
    total = int(available.sum())
    if size == 0 or total == 0:
        return np.zeros_like(available)
    shares, remainders = np.divmod(size * available, total)
    order = np.lexsort((priority, remainders))[::-1]
    shares[order[: size - int(shares.sum())]] += 1
    return shares


def _slices(sizes: Mapping[str, int]) -> dict[str, slice]:
    ends = accumulate(sizes.values())
    return {part: slice(end - size, end) for (part, size), end in zip(sizes.items(), ends, strict=True)}


def _permutation(bits: np.random.PCG64, n: int) -> NDArray[np.int64]:
    """Random order of n things; from raw bits, the only streams that numpy promises to keep."""
    return np.argsort(bits.random_raw(n), kind="stable")


def _split(
    rows: NDArray[np.int64], labels: NDArray[np.int64], sizes: list[int], bits: np.random.PCG64
) -> list[NDArray[np.int64]]:
    """Rows of each part in random order: every part takes its share of what the earlier ones left of each class."""
    order = _permutation(bits, len(rows))
    rows, labels = rows[order], labels[order]
    classes = np.unique(labels)
    queues = [rows[labels == c] for c in classes]
    drawn = []
    for size in sizes:
        shares = proportional(size, np.array([len(q) for q in queues]), _permutation(bits, len(classes)))
        taken = np.concatenate([q[:share] for q, share in zip(queues, shares, strict=True)])
        queues = [q[share:] for q, share in zip(queues, shares, strict=True)]
        drawn.append(taken[_permutation(bits, size)])
    return drawn


def _drawn_flips(n_scored: int, n: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Which of n rows get another label: a fixed number among the first `n_scored`."""
    flipped = np.zeros(n, dtype=bool)
    bits = np.random.PCG64(derive_seed(seed, "label noise: samples"))
    flipped[_permutation(bits, n_scored)[: round(share * n_scored)]] = True
    return flipped


def _with_flips(labels: NDArray[np.int64], flipped: NDArray[np.bool_], n_classes: int, seed: int) -> NDArray[np.int64]:
    """Labels with the flipped ones moved on by 1 .. K-1 classes."""
    bits = np.random.PCG64(derive_seed(seed, "label noise: classes"))
    # the modulo's bias is below 1e-15 for any number of classes
    moves = 1 + bits.random_raw(int(flipped.sum())) % np.uint64(n_classes - 1)
    noisy = labels.copy()
    noisy[flipped] = (labels[flipped] + moves.astype(np.int64)) % n_classes
    return noisy


def _prepared(
    raw: RawData, rows: NDArray[np.int64], reference: slice
) -> tuple[NDArray, NDArray[np.float32], NDArray[np.float32]]:
    """Images as they are, with their mean and std over the reference rows; features standardised by theirs."""
    values = raw.images[rows]
    if values.ndim == 4:
        return values, *_mean_std(values[reference])
    columns = values.shape[1]
    table = standardised(values, reference, raw.columns, raw.source)
    return table, np.zeros(columns, dtype=np.float32), np.ones(columns, dtype=np.float32)


def _mean_std(images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Per channel [C] of images, exactly, from counts of the 256 levels."""
    levels = np.arange(256) / 255
    shares = np.stack([_level_counts(images[:, c]) for c in range(images.shape[1])]) / images[:, 0].size
    mean = shares @ levels
    std = np.sqrt((shares * (levels - mean[:, None]) ** 2).sum(axis=1))
    return mean.astype(np.float32), np.where(std > 0, std, 1).astype(np.float32)


def _level_counts(channel: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each of the 256 levels occurs; image by image, since bincount widens what it counts to 8 bytes."""
    return sum(np.bincount(image.ravel(), minlength=256) for image in channel)


def write_pool(pool: Pool, path: str) -> None:
    """Write one Arrow IPC file of one record batch: columns image (fixed-size list), label, sample_id, flipped, and
    file where samples have one."""
    values = pa.array(np.ascontiguousarray(pool.images).reshape(-1))
    image = pa.FixedSizeListArray.from_arrays(values, int(np.prod(pool.images.shape[1:])))
    description = {
        "format": FORMAT,
        "shape": list(pool.images.shape[1:]),
        "parts": {part: rows.stop - rows.start for part, rows in pool.parts.items()},
        "class_names": pool.class_names,
        "mean": pool.mean.tolist(),
        "std": pool.std.tolist(),
        "n_duplicates": pool.n_duplicates,
        "n_contradictory": pool.n_contradictory,
        "n_source": pool.n_source,
    }
    columns = {
        "image": image,
        "label": pa.array(pool.labels),
        "sample_id": pa.array(pool.sample_ids),
        "flipped": pa.array(pool.flipped.astype(np.uint8)),
    }
    if pool.files:
        columns["file"] = pa.array(pool.files, pa.string())
    schema = pa.schema(
        [pa.field(name, column.type, nullable=False) for name, column in columns.items()],
        metadata={METADATA_KEY: json.dumps(description)},
    )
    batch = pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)
    with atomic_path(path) as temporary, pa.ipc.new_file(str(temporary), schema) as writer:
        writer.write_batch(batch)


def read_pool(path: str) -> Pool:
    """Memory-map a pool; images, labels and ids are read-only views into the file.

    Raises:
        ValueError: when the file is not a pool of this format.
    """
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: not a pool file, or damaged; delete it and run again ({error})") from error
    description = json.loads((reader.schema.metadata or {}).get(METADATA_KEY, b"{}"))
    if description.get("format") != FORMAT:
        raise ValueError(f"{path}: not a pool file of format {FORMAT}; delete it and run again")
    batch = reader.get_batch(0)
    return Pool(
        images=batch["image"].flatten().to_numpy(zero_copy_only=True).reshape(-1, *description["shape"]),
        labels=batch["label"].to_numpy(zero_copy_only=True),
        sample_ids=batch["sample_id"].to_numpy(zero_copy_only=True),
        flipped=batch["flipped"].to_numpy(zero_copy_only=True).view(bool),
        parts=_slices(description["parts"]),
        class_names=description["class_names"],
        mean=np.asarray(description["mean"], dtype=np.float32),
        std=np.asarray(description["std"], dtype=np.float32),
        n_duplicates=description["n_duplicates"],
        n_contradictory=description.get("n_contradictory"),
        n_source=description.get("n_source"),
        files=tuple(batch["file"].to_pylist()) if "file" in batch.schema.names else (),
    )
