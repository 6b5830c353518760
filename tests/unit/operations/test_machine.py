"""How fast this machine is."""

import pytest

from memdyn.operations import machine


def test_the_shortest_of_some_goes_counts_and_the_first_does_not():
    clock = iter([0.0, 1.0, 10.0, 15.0, 20.0, 23.0, 30.0, 34.0])
    done = []
    assert machine.best(lambda: done.append(1), 3, lambda: next(clock)) == 3.0 and len(done) == 4


def test_a_machine_that_is_twice_as_slow_has_twice_the_pace(monkeypatch):
    monkeypatch.setattr(machine, "best", lambda work, times: 2 * machine.NETS)
    machine.pace.cache_clear()
    found = machine.pace()
    machine.pace.cache_clear()
    assert found.nets == pytest.approx(2) and found.jobs == pytest.approx(2 * machine.NETS / machine.JOBS)


def test_it_is_timed_once():
    assert machine.pace() is machine.pace()
    assert 0.05 < machine.pace().nets < 50 and 0.05 < machine.pace().jobs < 50
