"""Jobs take the GPU that fewest have taken, and give it back however they end."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from memdyn.jobs import gpus

# takes a place, says which, and holds it until its stdin is closed
HOLDER = """
import sys
from pathlib import Path
from memdyn.jobs.gpus import take
print(take(sys.argv[2].split(","), Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path):
    """Starts a process that takes a place; (process, the device that it has taken)."""
    started = []

    def start(devices: str = "0,1") -> tuple[subprocess.Popen, str]:
        command = [sys.executable, "-c", HOLDER, str(tmp_path), devices]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_jobs_are_spread_and_what_a_killed_one_leaves_is_taken_again(hold):
    holders = [hold() for _ in range(5)]
    assert Counter(device for _, device in holders) == {"0": 3, "1": 2}
    lost, device = holders[1]
    lost.kill()
    lost.wait()
    assert device == "1" and hold()[1] == "1"


@pytest.mark.parametrize(
    "visible, seen", [("3", ["3"]), ("0, 2", ["0", "2"]), ("", []), ("GPU-8a,MIG-1/2", ["GPU-8a", "MIG-1/2"])]
)
def test_what_a_cluster_gives_is_what_is_seen(monkeypatch, visible, seen):
    monkeypatch.setenv(gpus.VISIBLE, visible)
    assert gpus.visible_gpus() == seen


def test_one_gpu_is_no_choice(monkeypatch):
    monkeypatch.setenv(gpus.VISIBLE, "3")
    assert gpus.share_gpus() is None and os.environ[gpus.VISIBLE] == "3"


def test_of_several_one_is_shown(monkeypatch, tmp_path):
    monkeypatch.setenv(gpus.VISIBLE, "2,3")
    monkeypatch.setattr(gpus.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(gpus, "_held", [])
    assert gpus.share_gpus() == "2" == os.environ[gpus.VISIBLE]


def test_without_a_choice_of_the_user_the_driver_lists_them(monkeypatch, tmp_path):
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.visible_gpus() == []
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        "#!/bin/sh\necho 'GPU 0: NVIDIA A (UUID: GPU-1)'\necho 'GPU 1: NVIDIA A (UUID: GPU-2)'\necho '  MIG 1g.5gb'\n"
    )
    tool.chmod(0o755)
    assert gpus.visible_gpus() == ["0", "1"]
