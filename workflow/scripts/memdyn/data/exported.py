"""Scores that another tool has exported: what is in the file, and whether it can be studied.

An .npz file with these arrays, or a Parquet file with a row a (checkpoint, model), see `memdyn.data.score_rows`:

    margin          float [checkpoints, models, samples]    log p_y - log(1 - p_y), or any score that rises with it
    mask            bool [models, samples]                  True where the model trained on the sample
    labels          int [samples]                           classes
    epochs          int [checkpoints], increasing           1, 2, ... where it is left out
    sample_ids      int [samples], all different            0, 1, ... where it is left out
    together        int [models]                            models of one number never calibrate each other
    population      float [checkpoints, models, any]        margins of reference samples, which no model trained on
    sham            float [checkpoints, models, any]        margins of further ones, which get a mask as members do
    gap, entropy, modified_entropy, el2n                    as the margin
    logits, margin_views, gap_views                         as the margin, with an axis of classes or views

`population_NAME` and `sham_NAME` are labels and further signals of these two parts. Nothing is unpickled. Masks are of
any design (`memdyn.data.designs`).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from math import prod
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memdyn.config.errors import did_you_mean
from memdyn.config.study import MINIMUM_MODELS
from memdyn.data import npz
from memdyn.data.designs import Design, find_design
from memdyn.data.npz import Header
from memdyn.data.reading import listed
from memdyn.terms import PARTS

MARGIN, MASK, LABELS, EPOCHS, IDS, TOGETHER = "margin", "mask", "labels", "epochs", "sample_ids", "together"
LOGITS = "logits"
REQUIRED = (MARGIN, MASK, LABELS)
# further signals -> how many axes a sample has of each
FURTHER = {"gap": 0, "entropy": 0, "modified_entropy": 0, "el2n": 0, LOGITS: 1, "margin_views": 1, "gap_views": 1}
ASIDE = ("sham", "population")  # parts that no model trained on
FEWEST_SAMPLES = 20  # as of the parts of a pool
_KINDS = {"f": "float16, float32 or float64", "b": "bool", "iu": "whole numbers"}


@dataclass(frozen=True)
class Exported:
    """What a file holds.

    Attributes:
        checkpoints: epochs, increasing.
        order: the row of the file of each model: models 2k and 2k + 1 are a pair, where there are folds of none.
        folds: of each model, where the masks are no complementary pairs; else none.
        parts: samples of each part of a pool.
        signals: name, in alphabetical order -> the parts that it is given of, in theirs.
        samples: what is hashed of masks, labels and sample ids, which runs that are compared have in common.
        size: bytes of all arrays.
    """

    checkpoints: list[int]
    order: list[int]
    folds: list[int]
    parts: dict[str, int]
    signals: dict[str, list[str]]
    samples: dict[str, str]
    size: int

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def array_of(name: str, part: str) -> str:
    """The array of a signal (or of labels) of a part."""
    if name == MARGIN and part != "scored":
        return part
    return name if part == "scored" else f"{part}_{name}"


def stored(path: str) -> ModuleType:
    """What reads the file: the module with `array_headers` and `read` of its kind."""
    if not path.endswith(".parquet"):
        return npz
    from memdyn.data import score_rows  # pyarrow, which an .npz file does without

    return score_rows


ARRAYS = (
    *(*REQUIRED, EPOCHS, IDS, TOGETHER, *FURTHER, *ASIDE),
    *(array_of(name, part) for part in ASIDE for name in (LABELS, *FURTHER)),
)


def examine(path: str, most_folds: int) -> Exported:
    """Looks at the headers of all arrays, and at the values of the small ones.

    Args:
        most_folds: of models, where they are no complementary pairs.

    Raises:
        ValueError: naming the file, each array that is wrong, and what is allowed.
    """
    found = stored(path).array_headers(path)
    faults = list(_misnamed(found)) or list(_misshapen(found))
    if faults:
        raise ValueError(f"{path}: {listed(faults)}")
    small = {name: stored(path).read(path, name) for name in (MASK, LABELS, EPOCHS, IDS, TOGETHER) if name in found}
    faults = [*_wrong_values(small), *_without_logit(path, found)]
    if faults:
        raise ValueError(f"{path}: {listed(faults)}")
    try:
        design = find_design(small[MASK], most_folds, small.get(TOGETHER))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return _exported(found, design, small)


def _exported(found: Mapping[str, Header], design: Design, small: Mapping[str, NDArray]) -> Exported:
    n_checkpoints, _, n_samples = found[MARGIN][0]
    ids = small.get(IDS, np.arange(n_samples))
    parts = {
        part: found[array_of(MARGIN, part)][0][2] for part in ("scored", *ASIDE) if array_of(MARGIN, part) in found
    }
    signals = {
        name: [part for part in parts if array_of(name, part) in found]
        for name in sorted((MARGIN, *FURTHER))
        if name in found
    }
    return Exported(
        checkpoints=small[EPOCHS].tolist() if EPOCHS in small else list(range(1, 1 + n_checkpoints)),
        order=design.order.tolist(),
        folds=[] if design.fold is None else design.fold.tolist(),
        parts={part: parts.get(part, 0) for part in PARTS},
        signals=signals,
        samples={MASK: _hash(np.packbits(small[MASK], axis=1)), LABELS: _hash(small[LABELS]), IDS: _hash(ids)},
        size=sum(prod(shape) * dtype.itemsize for shape, dtype in found.values()),
    )


def _hash(values: NDArray) -> str:
    return hashlib.sha256(values.tobytes() if values.dtype == np.uint8 else values.astype("<i8").tobytes()).hexdigest()


def _misnamed(found: Mapping[str, Header]) -> Iterator[str]:
    """Arrays that are missing, unknown, without what they belong to, or no plain numbers."""
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        has = ", ".join(found) or "none"
        yield f"no array {', '.join(map(repr, missing))}, which must be given ({', '.join(REQUIRED)}); it has: {has}"
    for name, (_, dtype) in found.items():
        if name not in ARRAYS:
            yield f"unknown array {name!r}; {did_you_mean(name, ARRAYS)}"
        elif dtype.hasobject:
            yield f"{name} holds Python objects, which are not read; allowed: plain numbers"
    for part in ASIDE:
        for name in (LABELS, *FURTHER):
            array = array_of(name, part)
            if array in found:
                missing = [each for each in (part, name) if each not in found]
                yield from (f"{array} is given without {each}" for each in missing)
    for part in ("scored", *ASIDE):
        array, labels = array_of(LOGITS, part), array_of(LABELS, part)
        if array in found and labels not in found:
            yield f"{array} is given without {labels}, which say whose logit is the label's"


def _misshapen(found: Mapping[str, Header]) -> Iterator[str]:
    """Arrays of another shape or type; sizes are those of the margins."""
    shape, _ = found[MARGIN]
    if len(shape) != 3 or 0 in shape:
        mend = "; of one checkpoint make margin[None]" if len(shape) == 2 else ""
        yield f"margin has shape {shape}; allowed: [checkpoints, models, samples], at least 1 of each{mend}"
        return
    checkpoints, models, samples = shape
    sizes = {"checkpoints": checkpoints, "models": models}
    if models < MINIMUM_MODELS:
        yield f"margin {shape} is of {models} models; allowed: at least {MINIMUM_MODELS}"
    if samples < FEWEST_SAMPLES:
        yield f"margin {shape} is of {samples} samples; allowed: at least {FEWEST_SAMPLES}"
    wanted = {MARGIN: ("f", {**sizes, "samples": samples}), MASK: ("b", {"models": models, "samples": samples})}
    wanted |= {LABELS: ("iu", {"samples": samples}), IDS: ("iu", {"samples": samples})}
    wanted |= {EPOCHS: ("iu", {"checkpoints": checkpoints}), TOGETHER: ("iu", {"models": models})}
    for part in ("scored", *ASIDE):
        margins = array_of(MARGIN, part)
        if margins not in found:
            continue
        size = (found[margins][0] or (0,))[-1]
        if part == "sham" and (size % 2 or size < FEWEST_SAMPLES):
            yield f"sham is of {size} samples; allowed: an even number, at least {FEWEST_SAMPLES}"
        of_part = {**sizes, "samples" if part == "scored" else f"{part} samples": size}
        wanted[margins] = "f", of_part
        wanted[array_of(LABELS, part)] = "iu", dict([list(of_part.items())[-1]])
        wanted |= {array_of(name, part): ("f", of_part) for name in FURTHER}
    for name, (own, dtype) in found.items():
        yield from _misfit(name, own, dtype, *wanted[name], shape)
    for part, name in product(ASIDE, FURTHER):
        array = array_of(name, part)
        if array in found and found[array][0][3:] != found[name][0][3:]:
            yield f"{array} has shape {found[array][0]}, {name} {found[name][0]}; allowed: the same classes or views"


def _misfit(
    name: str, own: tuple[int, ...], dtype: np.dtype, kind: str, axes: Mapping[str, int], margin: tuple[int, ...]
) -> Iterator[str]:
    if dtype.kind not in kind or dtype.itemsize > 8:
        mend = "; make it mask.astype(bool)" if kind == "b" and dtype.kind in "iu" else ""
        yield f"{name} is {dtype}; allowed: {_KINDS[kind]}{mend}"
    further = FURTHER.get(name.removeprefix("sham_").removeprefix("population_"), 0)
    if own[: len(axes)] != tuple(axes.values()) or len(own) != len(axes) + further or 0 in own:
        words = ", ".join([*(f"{size} {axis}" for axis, size in axes.items()), *["any number"] * further])
        yield f"{name} has shape {own}, margin {margin}; allowed: [{words}]"


def _wrong_values(small: Mapping[str, NDArray]) -> Iterator[str]:
    epochs, ids, mask = small.get(EPOCHS), small.get(IDS), small[MASK]
    if epochs is not None:
        given = epochs.tolist()  # differences of unsigned numbers are not what they seem
        if given[0] < 0 or given[-1] >= 2**31 or any(later <= earlier for earlier, later in pairwise(given)):
            yield f"epochs are {given}; allowed: increasing, from 0 on, below 2**31"
    if ids is not None:
        values, counts = np.unique(ids, return_counts=True)
        if (counts > 1).any():
            value = values[counts > 1][0]
            rows = np.flatnonzero(ids == value)
            yield (
                f"sample_ids: {np.count_nonzero(counts > 1)} of them stand more than once, as {value} of samples "
                f"{rows[0]} and {rows[1]}; allowed: all different"
            )
        if values[0] < 0 or values[-1] >= 2**62:
            yield f"sample_ids are {values[0]} to {values[-1]}; allowed: 0 to 2**62 - 1"
    members = mask.sum(axis=1)
    odd = np.flatnonzero((members == 0) | (members == mask.shape[1]))
    if len(odd):
        what = "all samples" if members[odd[0]] else "no sample"
        yield f"mask: model {odd[0]} trained on {what}, and has nobody to tell apart; allowed: members and non-members"


def _without_logit(path: str, found: Mapping[str, Header]) -> Iterator[str]:
    """Labels that are no place among the logits."""
    for part in ("scored", *ASIDE):
        array, labels = array_of(LOGITS, part), array_of(LABELS, part)
        if array in found:
            classes, given = found[array][0][-1], stored(path).read(path, labels)
            if given.min() < 0 or given.max() >= classes:
                yield (
                    f"{labels} are {given.min()} to {given.max()}, but {array} are of {classes} classes; allowed: "
                    f"0 to {classes - 1}, the place of the label's logit"
                )
