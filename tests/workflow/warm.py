"""Snakemakes that need not import Snakemake again: one process has it imported and forks for each of them.

    python warm.py

A line of JSON in, {"folder": ..., "arguments": ..., "environment": ..., "output": ...}: `snakemake ARGUMENTS` is run in
the folder, and what it says goes to the file; a line with its exit code out.

Nothing of this project is imported before the fork, so each runs the code of its own checkout.
"""

import atexit
import gc
import json
import os
import runpy
import select
import subprocess
import sys
from functools import cache
from pathlib import Path


@cache
def _server() -> subprocess.Popen[str]:
    command = [sys.executable, __file__]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, start_new_session=True
    )
    atexit.register(server.stdin.close)  # at the end of its input it ends
    return server


def snakemake(folder: Path, arguments: list[str], environment: dict[str, str], output: Path, timeout: float) -> int:
    """Runs `snakemake ARGUMENTS` in a folder to its end; its exit code.

    Raises:
        TimeoutError: where it takes longer than so many seconds.
    """
    asked = {"folder": str(folder), "arguments": arguments, "environment": environment, "output": str(output)}
    server = _server()
    server.stdin.write(f"{json.dumps(asked)}\n")
    if not select.select([server.stdout], [], [], timeout)[0]:
        os.killpg(server.pid, 9)
        _server.cache_clear()
        raise TimeoutError(f"snakemake {' '.join(arguments)} ran longer than {timeout} s: {output.read_text()}")
    return int(server.stdout.readline())


def _serve() -> dict | None:
    """Forks for each line; in the fork: what it is to do, None at the end of input."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            return json.loads(line)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    return None


def _become(asked: dict) -> None:
    """Makes this process what `python -m snakemake ARGUMENTS` in the folder would be, up to its first import."""
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in os.environ
    sys.path[0] = asked["folder"]
    sys.argv = ["snakemake", *asked["arguments"]]
    said = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream, source in enumerate((os.open(os.devnull, os.O_RDONLY), said, said)):
        os.dup2(source, stream)


if __name__ == "__main__":
    import snakemake.cli  # noqa: F401

    gc.freeze()  # or each fork goes through all of that for garbage
    if asked := _serve():
        _become(asked)
        runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
