"""Jobs of one machine spread over its GPUs: each takes the one that fewest have taken.

How many jobs run at once is Snakemake's to say (`--resources gpu=N`); more than there are GPUs share them evenly. A
place is a locked file, which the system frees when its process ends, however it ends, so that several Snakemakes share
GPUs too.
On a cluster a job sees the GPUs that it was given, and mostly one: there is nothing to choose.

Not run on a machine with several GPUs yet: the choice is tested with processes that hold the places of two.
"""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

VISIBLE = "CUDA_VISIBLE_DEVICES"
_held: list[FileLock] = []  # until this process ends


def share_gpus() -> str | None:
    """Shows torch one GPU of those that this process may use; call it before torch uses any.

    Returns:
        its name, as in CUDA_VISIBLE_DEVICES; None where there is no choice.
    """
    devices = visible_gpus()
    if len(devices) < 2:
        return None
    os.environ[VISIBLE] = take(devices, Path(tempfile.gettempdir(), f"memdyn-gpus-{os.getuid()}"))
    return os.environ[VISIBLE]


def visible_gpus() -> list[str]:
    """Those of CUDA_VISIBLE_DEVICES, else all that `nvidia-smi` lists, by number; none where there is no such tool.

    Torch is not asked: it may ask the driver, which then listens to the variable no more.
    """
    if VISIBLE in os.environ:
        return [name.strip() for name in os.environ[VISIBLE].split(",") if name.strip()]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [str(number) for number, _ in enumerate(line for line in listed.splitlines() if line.startswith("GPU "))]


def take(devices: Sequence[str], folder: Path) -> str:
    """Holds a place on the first of the devices with the fewest places taken, until this process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    places = ((device, place) for place in count() for device in devices)
    return next(device for device, place in places if _hold(folder / f"{device.replace('/', '_')}-{place}.lock"))


def _hold(path: Path) -> bool:
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return False
    _held.append(lock)
    return True
