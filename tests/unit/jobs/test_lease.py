"""Two jobs never work on one block at once, and a block is never left alone: against real processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from memdyn.jobs import lease
from memdyn.jobs.lease import LeaseLost, hold

# holds the lease, says so, and goes on until it is told to end or finds that it lost the lease
HOLDER = """
import sys, time
from pathlib import Path
from memdyn.jobs.lease import LeaseLost, hold
folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
try:
    with hold(folder, "training", print, seconds) as still_ours:
        print("holds", flush=True)
        while not (folder / "end").exists():
            time.sleep(.2)
            still_ours()
            (folder / "written").write_text(str(time.monotonic()))
            print("wrote", flush=True)
except LeaseLost as lost:
    print("lost:", lost, flush=True)
"""
# notes when it comes in and when it goes out
VISITOR = """
import sys, time
from pathlib import Path
from memdyn.jobs.lease import hold
folder, name = Path(sys.argv[1]), sys.argv[2]
with hold(folder, "training", print):
    for word in ("in", "out"):
        with (folder.parent / "visits").open("a") as visits:
            visits.write(f"{word} {name}\\n")
        time.sleep(.2)
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    scripts = str(Path(lease.__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": scripts, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lease of tmp_path / block, for a second after its last sign of life."""
    process = start(HOLDER, tmp_path / "block", 1.0)
    assert process.stdout.readline() == "holds\n"
    yield process
    process.kill()
    process.communicate()


def test_jobs_take_turns(tmp_path):
    visitors = [start(VISITOR, tmp_path / "block", name) for name in range(3)]
    assert [visitor.wait(60) for visitor in visitors] == [0, 0, 0]
    visits = (tmp_path / "visits").read_text().split("\n")[:-1]
    assert len(visits) == 6
    for came, went in zip(visits[::2], visits[1::2], strict=True):
        assert came.split()[0] == "in" and went.split() == ["out", came.split()[1]], visits


def test_a_second_job_waits_and_says_for_whom(tmp_path, holder):
    said = []
    threading.Timer(3.0, (tmp_path / "block" / "end").touch).start()
    with hold(tmp_path / "block", "training", said.append, 1.0) as still_ours:
        assert holder.wait(5) == 0
        still_ours()
    waits, goes_on = said
    assert "another job is training this block" in waits and str(holder.pid) in waits
    assert "the other job has ended" in goes_on


def test_a_dead_holder_is_followed_at_once(tmp_path):
    process = start(HOLDER, tmp_path / "block", lease.LEASE_SECONDS)
    assert process.stdout.readline() == "holds\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    said, started = [], time.monotonic()
    with hold(tmp_path / "block", "training", said.append):
        assert time.monotonic() - started < 5
    assert said == ["the job that was training this block before is gone: taking over"]


def test_a_frozen_holder_loses_the_lease_and_writes_no_more(tmp_path, holder):
    assert holder.stdout.readline() == "wrote\n"
    holder.send_signal(signal.SIGSTOP)  # in its sleep, so that it looks before it writes again
    said = []
    with hold(tmp_path / "block", "training", said.append, 1.0) as still_ours:
        written = (tmp_path / "block" / "written").read_text()
        holder.send_signal(signal.SIGCONT)
        assert "another job took this block over" in holder.communicate(timeout=20)[0]
        still_ours()
        assert (tmp_path / "block" / "written").read_text() == written
    assert said == ["the job that was training this block before is gone: taking over"]


def test_a_lease_that_is_moved_aside_for_a_moment_is_not_lost(tmp_path):
    with hold(tmp_path / "block", "training", print) as still_ours:
        file, aside = tmp_path / "block" / "lease", tmp_path / "aside"
        file.rename(aside)
        threading.Timer(0.3, aside.rename, [file]).start()
        still_ours()


def test_a_lease_that_is_gone_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "_ASIDE_SECONDS", 0.01)
    with hold(tmp_path / "block", "training", print) as still_ours:
        (tmp_path / "block" / "lease").unlink()
        with pytest.raises(LeaseLost, match="block: another job took"):
            still_ours()


def test_a_half_written_lease_does_not_stop_anybody_for_long(tmp_path):
    (tmp_path / "block").mkdir()
    (tmp_path / "block" / "lease").write_bytes(b"12")
    started = time.monotonic()
    with hold(tmp_path / "block", "training", print):
        assert time.monotonic() - started < 20


def test_an_empty_folder_goes_and_a_full_one_stays(tmp_path):
    with hold(tmp_path / "block", "scoring", print):
        pass
    assert not (tmp_path / "block").exists()
    with hold(tmp_path / "block", "training", print):
        (tmp_path / "block" / "progress").touch()
    assert [path.name for path in (tmp_path / "block").iterdir()] == ["progress"]


def test_the_folder_may_go_while_somebody_waits(tmp_path):
    """As when a job scores a block while another one, of a second study, waits to train it."""
    block = tmp_path / "block"
    holder = start(HOLDER, block, lease.LEASE_SECONDS)
    assert holder.stdout.readline() == "holds\n"

    def end() -> None:
        holder.kill()
        holder.communicate()
        block.rename(tmp_path / "gone")

    threading.Timer(3.0, end).start()
    with hold(block, "training", print) as still_ours:
        still_ours()
        assert (block / "lease").exists()
