"""A locked folder: who holds the lock, and what to do."""

import os
import subprocess
import sys
from logging import makeLogRecord

from memdyn.operations.locked import advice, explain

WAITING = "import sys, time; print('ready', flush=True); time.sleep(60)"


def test_a_lock_of_nobody_is_to_be_taken_away(tmp_path):
    (tmp_path / ".snakemake" / "locks").mkdir(parents=True)
    (tmp_path / ".snakemake" / "locks" / "0.input.lock").touch()
    said = "\n".join(advice(tmp_path))
    assert said.startswith(f"{tmp_path} is locked: another Snakemake, started ")
    assert "None runs in this folder on this machine" in said and "`snakemake --unlock`" in said


def test_a_snakemake_that_runs_is_to_be_waited_for(tmp_path):
    program = tmp_path / "snakemake"
    program.write_text(WAITING)
    other = subprocess.Popen([sys.executable, program, "--cores", "2"], cwd=tmp_path, stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"ready\n"
        said = "\n".join(advice(tmp_path))
        elsewhere = "\n".join(advice(tmp_path.parent))
    finally:
        other.kill()
        other.wait()
    assert f"process {other.pid} on this machine" in said and "Wait until it has ended" in said
    assert "take its lock away" not in said
    assert f"process {other.pid}" not in elsewhere


def test_snakemakes_own_message_is_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = makeLogRecord({"msg": "LockException:\nError: Directory cannot be locked.", "exception": "LockException"})
    assert explain(record) and record.msg.startswith(f"{os.getcwd()} is locked")
    other = makeLogRecord({"msg": "Building DAG of jobs..."})
    assert explain(other) and other.msg == "Building DAG of jobs..."
