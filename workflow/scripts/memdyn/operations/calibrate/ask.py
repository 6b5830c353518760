"""Starts a calibration and says what came of it."""

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from memdyn.identity.digest import SCRIPTS

SECONDS, BY_THE_CLOCK = 40.0, 80.0  # of CPU time, and by the clock, in which something is begun
_MODULE = "memdyn.operations.calibrate.measure"


def calibrate(
    config: dict[str, Any], threads: int, seconds: float = SECONDS, by_the_clock: float = BY_THE_CLOCK
) -> list[str]:
    """Measures this machine for a study; what it says for people.

    It has a process of its own: jobs' scripts are run there, with the threads that jobs have.

    Args:
        config: of the study, as its file has it.
        seconds, by_the_clock: after which nothing more is begun, and what is left is named.

    Raises:
        RuntimeError: with the last lines of what failed.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    path = os.pathsep.join(filter(None, (str(SCRIPTS), os.environ.get("PYTHONPATH", ""))))
    environment = os.environ | dict.fromkeys(names, str(threads)) | {"PYTHONPATH": path}
    with tempfile.TemporaryDirectory(prefix="memdyn-calibration-") as folder:
        question = json.dumps({"config": config, "folder": folder, "seconds": seconds, "by_the_clock": by_the_clock})
        done = subprocess.run(
            [sys.executable, "-m", _MODULE],
            input=question,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-3:])
        raise RuntimeError(f"the calibration failed, nothing was kept: {last}")
    answer = json.loads(done.stdout.splitlines()[-1])
    lines = [f"calibrated on this machine: {answer['file']}"]
    if answer["left_out"]:
        lines.append(f"not measured, for want of time or of something to measure: {', '.join(answer['left_out'])}")
    return lines
