"""What a job uses is its own: not what the process had that started it, in the units of every system."""

import resource
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from memdyn.jobs import usage
from memdyn.jobs.usage import Meter, peak_cuda_mb, peak_mb

SCRIPTS = str(Path(usage.__file__).resolve().parents[2])
SHOW = "from memdyn.jobs.usage import peak_mb\nprint(peak_mb())\n"


def python(code: str) -> float:
    """What a fresh process prints at last."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": SCRIPTS}, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def test_the_peak_stays_when_the_memory_is_freed():
    without = python(SHOW)
    assert without + 180 < python(f"block = b'x' * 200 * 2**20\ndel block\n{SHOW}") < without + 220


def test_the_peak_of_a_process_that_was_started_and_ended():
    child = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', \"b'x' * 200 * 2**20\"])\n"
    assert python(child + SHOW) > 200


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not hand it on")
def test_the_memory_of_who_started_the_job_does_not_count():
    fat = "block = b'x' * 300 * 2**20\nimport subprocess, sys\nprint(subprocess.run([sys.executable, '-c', {!r}], "
    fat += "capture_output=True, text=True).stdout)\n"
    counted = "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    assert python(fat.format(counted)) > 300, "what the system counts"
    assert python(fat.format(SHOW)) < 100


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_units_where_there_is_no_proc(monkeypatch, tmp_path, platform, unit):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(usage, "_STATUS", tmp_path / "none")
    of = {resource.RUSAGE_SELF: 300 * 2**20, resource.RUSAGE_CHILDREN: 200 * 2**20}
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=of[who] // unit))
    assert peak_mb() == 300
    of[resource.RUSAGE_CHILDREN] = 500 * 2**20
    assert peak_mb() == 500


def test_seconds_of_cores_count_work_and_those_of_children_but_no_waiting():
    meter = Meter()
    time.sleep(0.2)
    waited = meter.read()
    assert waited["seconds"] >= 0.2 and waited["cpu_seconds"] < 0.15
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", busy], check=True)
    assert meter.read()["cpu_seconds"] >= 0.3 > Meter().read()["cpu_seconds"]


def torch_with(is_used: bool, reserved: list[int]) -> SimpleNamespace:
    cuda = SimpleNamespace(
        is_initialized=lambda: is_used,
        device_count=lambda: len(reserved),
        max_memory_reserved=lambda device: reserved[device],
    )
    return SimpleNamespace(cuda=cuda)


def test_memory_of_gpus(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", torch_with(True, [3 * 2**30, 2**29]))
    assert peak_cuda_mb() == 3 * 1024 + 512
    monkeypatch.setitem(sys.modules, "torch", torch_with(False, [1]))
    assert peak_cuda_mb() is None
    monkeypatch.delitem(sys.modules, "torch")
    assert peak_cuda_mb() is None and "torch" not in sys.modules
