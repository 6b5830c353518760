"""Freed memory stays with the process, where the C library can do that."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from memdyn.jobs import heap

# page faults of a loop that frees its 8 MB each time: 2,000 a time where they go back to the system
PROGRAM = """
import resource, sys
import numpy as np
from memdyn.jobs.heap import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def work():
    [block.fill(1) for block in [np.empty(2**20, np.uint8) for _ in range(8)]]
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    environment = {"PYTHONPATH": str(Path(heap.__file__).parents[2])}
    command = [sys.executable, "-c", PROGRAM, how]
    return int(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the setting")
def test_freed_memory_is_used_again_without_page_faults():
    assert page_faults("keep") < 2_000 < 20_000 < page_faults("leave")
