"""Processes that need not import what is the same for all: a server has it imported and forks for each of them.

    python warm.py serve snakemake SOCKET     a server of Snakemakes
    python warm.py serve python SOCKET        a server of scripts, with the libraries imported that jobs use
    python warm.py run SOCKET ARGUMENTS       `snakemake ARGUMENTS`, or `python ARGUMENTS`, by that one

Nothing of this project is imported before the fork, so each process runs the code of its own checkout. It has the
folder, environment and streams of whoever asked for it, and is killed where that one is.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

PYTHON = "WARM_PYTHON"  # a variable: what the process starts as its own kind, a Snakemake its jobs
DRAWS = "WARM_DRAWS"  # one for jobs: figures are drawn for real

IMPORTS = {
    "snakemake": ("snakemake.cli",),
    "python": (
        *("snakemake.script", "torch", "torchvision", "safetensors.torch", "pandas", "pyarrow.parquet", "pydantic"),
        *("scipy.optimize", "scipy.spatial", "scipy.stats", "seaborn", "sklearn.linear_model", "jinja2", "yaml"),
        *("matplotlib.backends.backend_agg", "PIL.Image", "rich"),
    ),
}


class Process:
    """`python SCRIPT ...` or `snakemake ...`: arguments are those after the first word."""

    def __init__(
        self, server: Path | str, arguments: list[str], folder: Path, environment: dict[str, str], streams: list[int]
    ) -> None:
        """streams: where its input comes from, where its output goes, and where its errors go."""
        self._server = socket.socket(socket.AF_UNIX)
        self._server.connect(str(server))
        socket.send_fds(self._server, [b"."], streams)
        self._server.sendall(f"{json.dumps([arguments, str(folder), environment])}\n".encode())

        self._code: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal.

        Raises:
            TimeoutError: where it takes longer than so many seconds.
        """
        if self._code is None:
            self._server.settimeout(timeout)
            self._code = int(self._server.recv(16))
        return self._code

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        with suppress(TimeoutError, BlockingIOError):
            return self.wait(0)
        return None

    def kill(self) -> None:
        """kill -9."""
        self._server.shutdown(socket.SHUT_WR)


@cache
def server(kind: str) -> Path:
    """The socket of a server that ends with this process."""
    short = tempfile.gettempdir() if len(tempfile.gettempdir()) < 60 else "/tmp"  # a socket's path has 108 bytes
    path = Path(tempfile.mkdtemp(prefix="warm-", dir=short)) / kind
    command = [sys.executable, __file__, "serve", kind, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    atexit.register(process.stdin.close)  # the end of its input, at which it ends: held open until then
    atexit.register(shutil.rmtree, path.parent)
    assert process.stdout.readline() == b"ready\n"
    return path


@cache
def python() -> Path:
    """An executable file that is to a script, to `-m snakemake` and to `-m memdyn` what Python is."""
    file = server("python").with_name("executable")
    cold = shlex.quote(sys.executable)
    warm = {kind: shlex.join([sys.executable, "-S", __file__, "run", str(server(kind))]) for kind in IMPORTS}
    file.write_text(
        f"""#!/bin/sh
export {PYTHON}={shlex.quote(str(file))}
case "$1 $2" in
    "-m snakemake") shift 2; exec {warm["snakemake"]} "$@" ;;
    "-m memdyn") exec {warm["python"]} "$@" ;;
    -*) exec {cold} "$@" ;;
    *) exec {warm["python"]} "$@" ;;
esac
"""
    )
    file.chmod(0o700)
    return file


def snakemake(folder: Path, arguments: list[str], environment: dict[str, str], output: Path, timeout: float) -> int:
    """Runs `snakemake ARGUMENTS` in a folder to its end; its exit code.

    Raises:
        TimeoutError: where it takes longer than so many seconds.
    """
    environment = environment | {PYTHON: str(python())}
    with output.open("wb") as said, open(os.devnull) as nothing:
        streams = [nothing.fileno(), said.fileno(), said.fileno()]
        process = Process(server("snakemake"), arguments, folder, environment, streams)
    try:
        return process.wait(timeout)
    except TimeoutError:
        process.kill()
        raise TimeoutError(
            f"snakemake {shlex.join(arguments)} ran longer than {timeout} s: {output.read_text()}"
        ) from None


def _serve(path: str) -> None:
    """Forks for each process that is asked for, until the end of input; returns in those processes."""
    gc.freeze()  # or each fork goes through all of what is imported for garbage
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(64)
    print("ready", flush=True)
    while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
        connection, _ = listening.accept()
        if os.fork() == 0:
            return _answer(connection)
        connection.close()
    os._exit(0)


def _answer(connection: socket.socket) -> None:
    """Forks: one process waits for the other and says how it ended; returns in the other, as what was asked for."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, *_ = socket.recv_fds(connection, 1, 3)
    arguments, folder, environment = json.loads(connection.makefile().readline())
    if pid := os.fork():
        for stream in streams:
            os.close(stream)
        threading.Thread(target=lambda: (connection.recv(1), _kill(pid)), daemon=True).start()
        with suppress(BrokenPipeError):  # who asked was killed
            connection.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
        os._exit(0)
    connection.close()
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.executable = os.environ.pop(PYTHON, sys.executable)
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    sys.argv = arguments
    for stream, source in enumerate(streams):
        os.dup2(source, stream)


def _draw_nothing() -> None:
    """Figures are made and laid aside as an empty picture: half of the time of a small study would go into them.

    No test of these processes looks at one; tests/unit/report do, and the study of tests/slurm draws its own for real.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    FigureCanvasAgg.print_png = lambda canvas, path, metadata=None: Image.new("L", (16, 9)).save(path)


def _kill(pid: int) -> None:
    """kill -9, with what it has started: a Snakemake's jobs would go on without it."""
    for kill in (os.killpg, os.kill):  # it may have no group of its own yet, or have ended
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)
            return


if __name__ == "__main__":
    match sys.argv[1:]:
        case "serve", kind, path:
            for module in IMPORTS[kind]:
                importlib.import_module(module)
            _serve(path)
            if kind == "snakemake":
                sys.argv[:0] = ["-m", "snakemake"]
            elif DRAWS not in os.environ:
                _draw_nothing()
            if sys.argv[0] == "-m":
                del sys.argv[0]
                sys.path[:1] = [os.getcwd(), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
                runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
            else:
                sys.path[0] = str(Path(sys.argv[0]).parent)
                runpy.run_path(sys.argv[0], run_name="__main__")
        case "run", path, *arguments:
            code = Process(path, arguments, Path.cwd(), dict(os.environ), [0, 1, 2]).wait()
            sys.exit(code if code >= 0 else 128 - code)
