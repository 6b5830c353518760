"""What a job uses: time and memory of its own process and of those that it started."""

import resource
import sys
import time
from pathlib import Path

_MB = 2**20  # as SLURM counts them
_STATUS = Path("/proc/self/status")


class Meter:
    """Counts from its making on, imports before it left out; the peaks of memory are those of the whole process."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), _cpu_seconds()

    def read(self) -> dict[str, float | None]:
        """Seconds by the clock (`seconds`) and of all cores (`cpu_seconds`), and the peaks in MB of 2^20 bytes.

        `peak_mb` is that of the process or of the largest process that it started and that has ended: several at once
        are not added up. `peak_cuda_mb` is what torch reserved on all GPUs; None where it used none.
        """
        return {
            "seconds": round(time.monotonic() - self._wall, 3),
            "cpu_seconds": round(_cpu_seconds() - self._cpu, 3),
            "peak_mb": round(peak_mb(), 1),
            "peak_cuda_mb": peak_cuda_mb(),
        }


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_mb() -> float:
    """The most resident memory that this process, or one that it started, has had."""
    return max(_own_peak(), _resident(resource.RUSAGE_CHILDREN)) / _MB


def _own_peak() -> float:
    """Bytes. On Linux `ru_maxrss` is at least what the process had that started this one: a large plan's Snakemake."""
    try:
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return _resident(resource.RUSAGE_SELF)
    return float(line.split()[1]) * 1024


def _resident(who: int) -> float:
    """Bytes; the system counts in KiB, but for that of macOS."""
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def peak_cuda_mb() -> float | None:
    """What torch has reserved at most, on all GPUs; None where this process has not used one."""
    torch = sys.modules.get("torch")  # who has not imported it has used no GPU
    if torch is None or not torch.cuda.is_initialized():
        return None
    devices = range(torch.cuda.device_count())
    return round(sum(torch.cuda.max_memory_reserved(device) for device in devices) / _MB, 1)
