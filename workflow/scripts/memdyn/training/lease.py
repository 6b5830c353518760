"""One job a block: jobs outlive a killed controller and are submitted again.

The lease is a file that its holder refreshes; it needs no working `flock`, which cluster file systems often lack.
A second job waits for the first, and takes over when the first is gone (its process is dead on this machine, or
the file was not refreshed for `LEASE_SECONDS`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import SoftFileLease, Timeout

LEASE_SECONDS = 120.0
_HEARTBEAT_SECONDS = 10.0


class LeaseLost(RuntimeError):
    """Another job took the block over, believing this one dead."""


@contextmanager
def hold(folder: Path, tell: Callable[[str], None], seconds: float = LEASE_SECONDS) -> Iterator[Callable[[], None]]:
    """Holds the lease of `folder` for the duration of the block.

    Args:
        tell: gets a message where this job has to wait, and when it goes on.
        seconds: time without a sign of life after which a holder counts as gone.

    Yields:
        a check to call now and then; it raises `LeaseLost` where another job took over (this one was frozen for long).
    """
    folder.mkdir(parents=True, exist_ok=True)
    lease = SoftFileLease(
        folder / "lease", lease_duration=seconds, heartbeat_interval=min(_HEARTBEAT_SECONDS, seconds / 4)
    )
    _acquire(lease, folder, tell)

    def check() -> None:
        if lease.compromise is not None:
            raise LeaseLost(f"{folder}: another job took this block over; stopping, nothing is lost")

    try:
        yield check
    finally:
        lease.release()


def _acquire(lease: SoftFileLease, folder: Path, tell: Callable[[str], None]) -> None:
    waited = False
    left_behind = (folder / "lease").exists()
    while True:
        try:
            lease.acquire(timeout=-1 if waited else 2.0, poll_interval=0.5)
        except Timeout:
            if not waited:
                tell(f"another job is training this block ({_holder(folder)}): waiting for it to end")
            waited = True
        else:
            break
    if waited:
        tell("the other job has ended: going on from where it stopped")
    elif left_behind:
        tell("the job that trained this block before is gone: taking over")


def _holder(folder: Path) -> str:
    try:
        return " ".join((folder / "lease").read_text(errors="replace").split()[:4])
    except OSError:
        return "unknown"
