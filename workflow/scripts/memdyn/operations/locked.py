"""What to do where Snakemake finds its folder locked: it says how to take the lock away, not whether one may."""

import logging
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

_LOCKS = Path(".snakemake", "locks")


def explain(record: logging.LogRecord) -> bool:
    """A filter for Snakemake's logger: says more, and keeps nothing back."""
    if getattr(record, "exception", "") == "LockException":
        record.msg = "\n".join(advice(Path.cwd()))
    return True


def advice(folder: Path) -> Iterator[str]:
    """Args: folder: where Snakemake runs."""
    yield f"{folder} is locked: another Snakemake{_since(folder)} makes files that this study needs too."
    found = list(running(folder))
    for process in found:
        yield f"It runs: process {process.pid} on this machine, {' '.join(process.cmdline()[1:])[:200]}"
    if found:
        yield "Wait until it has ended, then give your command again: what both studies share will be found finished."
    else:
        yield f"None runs in this folder on this machine ({platform.node()}); perhaps it was killed."
        yield "If none runs on another machine either, take its lock away with `snakemake --unlock`, and start again."
    yield "Never go round the lock (--nolock, or --unlock while it runs): each would delete what the other is making."


def is_locked(folder: Path) -> bool:
    """Whether a Snakemake makes something there, or was killed while it did."""
    return any((folder / _LOCKS).glob("*"))


def _since(folder: Path) -> str:
    times = [path.stat().st_mtime for path in (folder / _LOCKS).glob("*")]
    return f", started {time.strftime('%d %b %H:%M', time.localtime(min(times)))}," if times else ""


def running(folder: Path) -> Iterator[psutil.Process]:
    """Other Snakemakes in a folder, on this machine; the jobs that they started are not among them."""
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            is_one = any(Path(word).name == "snakemake" for word in words[:3]) and "--mode" not in words
            if is_one and process.pid not in mine and process.cwd() == str(folder):
                yield process
        except psutil.Error:  # ended meanwhile, or another user's
            continue
