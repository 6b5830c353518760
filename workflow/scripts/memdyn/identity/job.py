"""What every script does first: find its log, refuse changed code, record the recipe, keep freed memory."""

import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from memdyn.identity.recipe import open_stage
from memdyn.jobs.heap import keep_freed_memory


def start(snakemake: Any, folder: str | Path, **inputs: Any) -> Callable[[str], None]:
    """Opens the stage of `snakemake.params.stage` in `folder`.

    Returns:
        `tell(line)`: prints a line, with the job's name, to the console and to the job's log.

    Raises:
        CodeChanged: where the code was edited after the job was planned.
    """
    shown = [value for name, value in snakemake.wildcards.items() if name not in ("pool", "outputs")]
    tell = teller(snakemake.log[0], " ".join([snakemake.rule, *shown]))
    keep_freed_memory()
    sys.excepthook = _failure(tell, Path(snakemake.log[0]))
    # what reads trained weights runs the code of their net
    net = snakemake.params.get("train", {}).get("roots", ())
    open_stage(snakemake.params.stage, folder, net, **inputs)
    return tell


def _failure(tell: Callable[[str], None], log: Path) -> Callable[..., None]:
    """What happens to an exception: one line for people, the traceback into the job's log."""

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        with log.open("a") as stream:
            traceback.print_exception(kind, error, trace, file=stream)
        tell(
            f"FAILED, {kind.__name__}: {error} (details: {log}; what was finished stays, run snakemake again to go on)"
        )

    return report


def teller(log: str | os.PathLike[str], name: str) -> Callable[[str], None]:
    """A function that prints a line, with the time and the job's name, to the console and appends it to `log`."""
    Path(log).parent.mkdir(parents=True, exist_ok=True)

    def tell(line: str) -> None:
        text = f"{time.strftime('%H:%M:%S')} {name}: {line}"
        with Path(log).open("a") as stream:
            print(text, file=stream)
        print(text, file=sys.stderr, flush=True)

    return tell
