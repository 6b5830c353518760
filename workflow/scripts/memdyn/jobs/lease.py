"""One job a block: jobs outlive a killed controller and are submitted again.

The lease is a file that its holder refreshes; it needs no working `flock`, which cluster file systems often lack.
A second job waits for the first, and takes over when the first is gone (its process is dead on this machine, or
the file was not refreshed for `LEASE_SECONDS`).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import SoftFileLease, Timeout

LEASE = "lease"  # the file, in the folder that is held
LEASE_SECONDS = 120.0
_HEARTBEAT_SECONDS = 10.0
# a second job that looks whether the first is alive may move the file aside, for less than this
_ASIDE_SECONDS = 1.0


class LeaseLost(RuntimeError):
    """Another job took the block over, believing this one dead."""


@contextmanager
def hold(
    folder: Path, doing: str, tell: Callable[[str], None], seconds: float = LEASE_SECONDS
) -> Iterator[Callable[[], None]]:
    """Holds the lease of `folder` while a block is worked on; then removes the folder if nothing is left in it.

    Args:
        doing: what is done to the block, for messages (training, scoring).
        tell: gets a message where this job has to wait, and when it goes on.
        seconds: time without a sign of life after which a holder counts as gone.

    Yields:
        a check to call before anything is written; it raises `LeaseLost` where another job took over (this one was
        frozen for long).
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / LEASE
    lease = SoftFileLease(file, lease_duration=seconds, heartbeat_interval=min(_HEARTBEAT_SECONDS, seconds / 4))
    _acquire(lease, file, doing, tell)
    ours = _read(file)

    def check() -> None:
        if _read(file) == ours:
            return
        time.sleep(_ASIDE_SECONDS)
        if _read(file) != ours:
            raise LeaseLost(f"{folder}: another job took this block over; stopping, nothing is lost")

    try:
        yield check
    finally:
        lease.release()
        with suppress(OSError):
            folder.rmdir()


def _acquire(lease: SoftFileLease, file: Path, doing: str, tell: Callable[[str], None]) -> None:
    waited, left_behind = False, file.exists()
    while True:
        try:
            lease.acquire(timeout=-1 if waited else 2.0, poll_interval=0.5)
            break
        except Timeout:
            tell(f"another job is {doing} this block ({' '.join(_read(file).split()[:4])}): waiting for it to end")
            waited = True
        except FileNotFoundError:  # the holder has scored the block, and removed the folder with the lease
            continue
    if waited:
        tell("the other job has ended: going on from where it stopped")
    elif left_behind:
        tell(f"the job that was {doing} this block before is gone: taking over")


def _read(file: Path) -> str:
    """What the lease says about its holder; nothing where there is none."""
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
