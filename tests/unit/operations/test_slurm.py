"""What is put right of Snakemake's SLURM executor."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from memdyn.operations import slurm
from memdyn.operations.slurm import _understanding, _waking, plain


@pytest.mark.parametrize(("told", "state"), [("CANCELLED by 1000", "CANCELLED"), ("RUNNING", "RUNNING")])
def test_a_state_without_who(told, state):
    assert plain(told) == state


def test_states_reach_the_executor_plain():
    async def ask(command: str) -> tuple:
        return {"7": "CANCELLED by 0", "8": "COMPLETED"}, 0.1

    assert asyncio.run(_understanding(ask)("sacct")) == ({"7": "CANCELLED", "8": "COMPLETED"}, 0.1)


def test_a_question_without_answer_stays_one():
    async def ask(command: str) -> tuple:
        return None, None

    assert asyncio.run(_understanding(ask)("sacct")) == (None, None)


def test_a_sleep_ends_with_the_run():
    executor = SimpleNamespace(wait=False)
    begun = time.monotonic()
    asyncio.run(_waking(lambda executor: asyncio.sleep(60))(executor))
    assert time.monotonic() - begun < 30


def test_a_sleep_is_as_long_as_the_executor_wants():
    executor = SimpleNamespace(wait=True)
    begun = time.monotonic()
    asyncio.run(_waking(lambda executor: asyncio.sleep(0.3))(executor))
    assert time.monotonic() - begun >= 0.3


def test_no_sleep_is_longer_than_a_minute(monkeypatch):
    monkeypatch.setattr(slurm, "_LONGEST_SECONDS", 0.2)
    monkeypatch.setattr(slurm, "_WAKES_SECONDS", 0.1)
    begun = time.monotonic()
    asyncio.run(_waking(lambda executor: asyncio.sleep(60))(SimpleNamespace(wait=True)))
    assert time.monotonic() - begun < 30


def test_the_executor_asks_by_that_name():
    plugin = pytest.importorskip("snakemake_executor_plugin_slurm")
    assert "query_job_status" in plugin.Executor.check_active_jobs.__code__.co_names
