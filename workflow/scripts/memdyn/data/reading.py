"""Whatever goes wrong while a user's file is read, the message names the file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

LISTED = 50


@contextmanager
def reading(what: str, cannot: str = "cannot be read: missing, truncated, or another format") -> Iterator[None]:
    """Wraps calls of a reader, and nothing else: readers raise whatever they like, and hardly ever name the file.

    Args:
        what: the file, and the part of it that is read.

    Raises:
        ValueError: for any error inside.
    """
    try:
        yield
    except Exception as error:
        said = " ".join(str(error).split()) or "no reason given"
        raise ValueError(f"{what}: {cannot} ({type(error).__name__}: {said})") from error


def listed(faults: Sequence[str], separator: str = "; ") -> str:
    """All faults in a line, or the first of very many."""
    more = [f"and {len(faults) - LISTED} more"] * (len(faults) > LISTED)
    return separator.join([*faults[:LISTED], *more])


def require_once(path: str, what: str, wanted: Sequence[str], present: Sequence[str]) -> None:
    """Refuses keys or columns that a file does not have, or has several times; all of them at once."""
    counts = {name: list(present).count(name) for name in wanted}
    missing = [repr(name) for name, n in counts.items() if not n]
    found = [f"no {what} {listed(missing, ', ')}"] * bool(missing)
    found += [f"has {what} {name!r} {n} times; rename them" for name, n in counts.items() if n > 1]
    if found:
        raise ValueError(
            f"{path}: {'; '.join(found)}; it has {listed([repr(name) for name in present], ', ') or 'none'}"
        )
