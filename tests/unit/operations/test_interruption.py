"""What happens when the terminal goes away; what a whole run does then is in tests/workflow/test_interrupted.py."""

import os
import signal

import pytest

from memdyn.operations.interruption import Interruption


def test_a_closed_terminal_is_written_to_without_an_error():
    ours, theirs = os.openpty()
    copy, (read, other) = os.dup(theirs), os.pipe()
    interruption = Interruption(list, lambda: False)
    interruption.terminals = {os.fstat(theirs).st_rdev}
    os.close(ours)
    try:
        with pytest.raises(OSError, match="Input/output error"):
            os.write(copy, b"lost")
        with pytest.raises(KeyboardInterrupt):
            interruption._hung_up(signal.SIGHUP, None)
        for stream in (theirs, copy):
            os.write(stream, b"nobody reads it")
        os.write(other, b"as before")
        assert os.read(read, 9) == b"as before"
    finally:
        for stream in (theirs, copy, read, other):
            os.close(stream)


@pytest.mark.parametrize(("before", "is_heard"), [(signal.SIG_DFL, True), (signal.SIG_IGN, False)])
def test_with_nohup_a_closed_terminal_is_not_heard(monkeypatch, before, is_heard):
    monkeypatch.setattr("memdyn.operations.interruption.shell.prefix", lambda text: None)
    monkeypatch.setattr("memdyn.operations.interruption.logger.addFilter", lambda it: None)
    monkeypatch.setattr("sys.excepthook", None)
    earlier = signal.signal(signal.SIGHUP, before)
    interruption = Interruption(list, lambda: False)
    try:
        interruption.watch()
        assert (signal.getsignal(signal.SIGHUP) == interruption._hung_up) is is_heard
    finally:
        signal.signal(signal.SIGHUP, earlier)


def test_the_jobs_of_a_cluster_live_on():
    """Without their Snakemake, which dies as it would have."""
    child = os.fork()
    if not child:
        try:
            Interruption(list, lambda: True)._hung_up(signal.SIGHUP, None)
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGHUP
