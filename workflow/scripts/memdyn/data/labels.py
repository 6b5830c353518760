"""Labels in the many forms in which people keep them, as class numbers 0..K-1 and class names.

The rule: a label is text (str, or bytes in UTF-8) or a whole number; every form that holds one of the two a sample is
taken (object arrays, Series, categories, nullable and floating numbers that are whole, truth values, a single column).
Texts are classes in sorted order. Numbers must be 0..K-1 with samples of every class: a gap may be a class that was
lost, and -1 often means "not labelled". Nothing else is guessed at.
"""

import unicodedata
from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from memdyn.data.reading import listed

MISSING = frozenset({"nan", "na", "n/a", "<na>", "nat", "none", "null", "?"})  # as text, in small letters
ALLOWED = "allowed: whole numbers 0..K-1, or texts"
RENUMBER = (
    "number them with np.unique(labels, return_inverse=True)[1], or write them as texts, labels.astype(str), to keep "
    "the numbers as names"
)


def class_numbers(
    labels: ArrayLike, n: int, source: str, class_names: Sequence[Any] | None = None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Class numbers [n], 0..K-1 without gaps, and K names.

    Args:
        labels: one a sample, [n] or [n, 1].
        n: number of samples.
        source: named in every message.
        class_names: names in the order of the numbers; for labels that are texts, the order of the classes.

    Raises:
        ValueError: naming the source, the first row that does not fit, and the mend.
    """
    values = _texts_or_numbers(_one_a_sample(np.asarray(labels), n, source), source)
    classes, targets = np.unique(values, return_inverse=True)
    found = tuple(str(name) for name in classes.tolist())
    names = found if class_names is None else _given_names(class_names, source)
    if values.dtype.kind not in "UT":
        _check_numbers(classes, source)
    elif class_names is not None:
        targets = _places(found, names, source)[targets]
    _check_names(names, source)
    if len(found) != len(names):
        raise ValueError(f"{source}: samples of {len(found)} classes, but {len(names)} class names")
    if len(names) < 2:
        raise ValueError(f"{source}: one class only; a classifier needs two or more")
    return targets.astype(np.int64), names


def remarks(targets: NDArray[np.int64], names: Sequence[str]) -> list[str]:
    """What a user should know of labels that can be used: texts for missing ones, and classes of one sample."""
    missing = [repr(name) for name in names if name.strip().lower() in MISSING]
    single = [repr(names[label]) for label in np.flatnonzero(np.bincount(targets, minlength=len(names)) == 1)]
    said = []
    if missing:
        said.append(f"WARNING: classes that look like a missing label: {listed(missing, ', ')}; leave such samples out")
    if single:
        said.append(f"WARNING: {len(single)} of {len(names)} classes have one sample: {listed(single, ', ')}")
    return said


def shape_problem(shape: Sequence[int], n: int) -> str | None:
    """What is wrong with the shape of the labels of n samples; None where there is one label a sample."""
    if tuple(shape) in ((n,), (n, 1)):
        return None
    if not shape:
        return "labels are a single value; allowed: one a sample"
    said = f"labels of shape {tuple(shape)}"
    if len(shape) == 2 and shape[0] == n:
        return f"{said} look one-hot, a column a class: give class numbers, labels.argmax(axis=1)"
    if tuple(shape) == (1, n):
        return f"{said} are one row: give one label a sample, labels.ravel()"
    if len(shape) == 1:
        return f"{n} samples, but {shape[0]} labels; allowed: one a sample"
    return f"{n} samples, but {said}; allowed: one a sample"


def _one_a_sample(labels: NDArray, n: int, source: str) -> NDArray:
    wrong = shape_problem(labels.shape, n)
    if wrong:
        raise ValueError(f"{source}: {wrong}")
    return labels.reshape(-1)


def _texts_or_numbers(labels: NDArray, source: str) -> NDArray:
    """Labels as an array of str, or of whole numbers."""
    kind = labels.dtype.kind
    if kind in "biu":
        return labels
    if kind == "f":
        return _whole(labels, source)
    if kind == "U":
        return _checked_texts(labels, source)
    if kind == "S":
        return _checked_texts(_decoded(labels.tolist(), source), source)
    if kind in "OT":
        return _of_objects(labels.astype(object), source)
    said = {"M": "dates", "m": "durations", "c": "complex numbers", "V": "records"}.get(kind, str(labels.dtype))
    raise ValueError(f"{source}: labels are {said} ({labels.dtype}); {ALLOWED}")


def _of_objects(labels: NDArray, source: str) -> NDArray:
    """Python objects: all of them texts, or all of them numbers; none missing."""
    _refuse_missing(pd.isna(labels), source)
    kinds = [_kind(label) for label in labels]
    odd = next((row for row, kind in enumerate(kinds) if kind is None or kind != kinds[0]), None)
    if odd is not None:
        other = "" if kinds[odd] is None else f", while {labels[0]!r} in row 0 is {kinds[0]}"
        said = kinds[odd] or f"of type {type(labels[odd]).__name__}"
        raise ValueError(f"{source}: label {labels[odd]!r} in row {odd} is {said}{other}; {ALLOWED}, of one kind")
    if kinds[0] == "text":
        return _checked_texts(np.array([str(label) for label in labels], dtype=np.dtypes.StringDType()), source)
    if kinds[0] == "bytes":
        return _checked_texts(_decoded(labels.tolist(), source), source)
    odd = next((row for row, label in enumerate(labels) if label != label // 1), None)
    if odd is not None:
        raise ValueError(f"{source}: label {labels[odd]} in row {odd} is not whole; {ALLOWED}")
    return _checked_range(np.array([int(label) for label in labels], dtype=object), source)


def _kind(label: Any) -> str | None:
    for kind, types in {"text": str, "bytes": bytes, "a number": (Real, Decimal, np.bool)}.items():
        if isinstance(label, types):
            return kind
    return None


def _whole(labels: NDArray, source: str) -> NDArray:
    """Floating numbers that are whole, as a column of whole numbers becomes as soon as a value is missing once."""
    labels = labels.astype(np.result_type(labels, np.float64))
    _refuse_missing(np.isnan(labels), source)
    odd = (labels != np.floor(labels)) | np.isinf(labels)
    if odd.any():
        row = int(np.argmax(odd))
        raise ValueError(f"{source}: label {labels[row]} in row {row} is not whole; {ALLOWED}")
    return _checked_range(labels, source)


def _checked_range(labels: NDArray, source: str) -> NDArray[np.int64]:
    too_large = np.abs(labels) >= 2**53
    if too_large.any():
        row = int(np.argmax(too_large))
        raise ValueError(f"{source}: label {labels[row]} in row {row} is no class number; {ALLOWED}")
    return labels.astype(np.int64)


def _decoded(labels: Sequence[bytes], source: str) -> NDArray:
    texts = []
    for row, label in enumerate(labels):
        try:
            texts.append(label.decode())
        except UnicodeDecodeError as error:
            raise ValueError(f"{source}: label {label!r} in row {row} is not UTF-8 ({error.reason})") from error
    return np.array(texts, dtype=np.dtypes.StringDType())


def _refuse_missing(missing: NDArray[np.bool_], source: str) -> None:
    if missing.any():
        n = np.count_nonzero(missing)
        raise ValueError(
            f"{source}: {n} label{'s are' if n > 1 else ' is'} missing, first in row {np.argmax(missing)}; "
            "leave these samples out"
        )


def _checked_texts(labels: NDArray, source: str) -> NDArray:
    empty = np.strings.str_len(np.strings.strip(labels)) == 0
    if empty.any():
        raise ValueError(
            f"{source}: the label in row {int(np.argmax(empty))} is an empty text ({np.count_nonzero(empty)} in all); "
            "name the class, or leave these samples out"
        )
    return labels


def _check_numbers(classes: NDArray, source: str) -> None:
    if (int(classes[0]), int(classes[-1])) != (0, len(classes) - 1):
        raise ValueError(
            f"{source}: labels are {len(classes)} different numbers from {classes[0]} to {classes[-1]}; "
            f"allowed: 0..K-1, with samples of every class: {RENUMBER}"
        )


def _given_names(class_names: Sequence[Any], source: str) -> tuple[str, ...]:
    if isinstance(class_names, str | bytes | Mapping | Set):  # of which the last two have no order, or other values
        raise ValueError(f"{source}: class_names is {class_names!r}; allowed: a list, in order, with a name a class")
    return tuple(name.decode() if isinstance(name, bytes) else str(name) for name in class_names)


def _places(found: Sequence[str], names: Sequence[str], source: str) -> NDArray[np.int64]:
    """Of each text that labels samples, its place in the list of class names."""
    if set(found) != set(names):
        raise ValueError(
            f"{source}: labels are {listed([repr(name) for name in found], ', ')}, but class_names are "
            f"{listed([repr(name) for name in names], ', ')}; allowed: the same texts"
        )
    return np.array([names.index(name) for name in found])


def _check_names(names: Sequence[str], source: str) -> None:
    """Names that can be told apart by eye and written as UTF-8, in whatever script."""
    seen: dict[str, str] = {}
    for name in names:
        if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name) or not name.strip():
            raise ValueError(
                f"{source}: class name {name!r} is empty, not Unicode, or has control characters; rename the class"
            )
        look = _look(name)
        if look in seen:
            raise ValueError(
                f"{source}: class names {seen[look]!a} and {name!a} look the same (they are equal, or differ "
                "in spaces, in signs that cannot be seen, or in how an accent is stored); make them one"
            )
        seen[look] = name


def _look(name: str) -> str:
    """What a reader sees of a name; the joiners stay, which change letters and emoji beside them."""
    shown = [c for c in name if unicodedata.category(c) != "Cf" or c in "\u200c\u200d"]
    return unicodedata.normalize("NFC", " ".join("".join(shown).split()))
