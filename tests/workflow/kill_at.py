"""Runs a script and kills its own process, as `kill -9` does, at a chosen call of a function that writes.

    python kill_at.py os.replace:3:before SCRIPT

Moments are `before` the third call, `after` it, and `torn`: after it, with the file it wrote cut in half.
"""

import importlib
import os
import runpy
import signal
import sys
from collections.abc import Callable
from typing import Any


def arm(point: str) -> None:
    """Replaces the function that `point` names by one that counts its calls and kills."""
    name, number, moment = point.split(":")
    path, function = name.rsplit(".", 1)
    owner = find(path)
    setattr(owner, function, deadly(getattr(owner, function), int(number), moment))


def find(path: str) -> Any:
    """A module, or a class of one."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, name = path.rsplit(".", 1)
        return getattr(importlib.import_module(module), name)


def deadly(function: Callable[..., Any], number: int, moment: str) -> Callable[..., Any]:
    """`function`, whose `number`-th call is the process's end."""
    calls = 0

    def call(*args: Any, **keywords: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and moment == "before":
            die()
        result = function(*args, **keywords)
        if calls == number:
            if moment == "torn":
                os.truncate(args[1], os.path.getsize(args[1]) // 2)
            die()
        return result

    return call


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    arm(sys.argv[1])
    runpy.run_path(sys.argv[2], run_name="__main__")
