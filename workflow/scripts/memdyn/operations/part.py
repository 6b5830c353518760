"""Which part of a study a start makes, where its command line asks for one; what it will cost is told of all of it."""

from typing import Any


def part(settings: Any, report: str) -> str:
    """`--until train_block`; nothing where all is asked for.

    Args:
        settings: Snakemake's of the graph; None: not known yet.
        report: the study's, which is all of it.
    """
    if settings is None:
        return ""
    asked = {"--until": settings.until, "--omit-from": settings.omit_from, "": set(settings.targets) - {"all", report}}
    words = (" ".join([option, *sorted(map(str, names))]).strip() for option, names in asked.items() if names)
    return " ".join(words)
