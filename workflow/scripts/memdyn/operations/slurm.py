"""Two things that Snakemake's SLURM executor (2.8.0) gets wrong, put right where it looks at its jobs.

- sacct calls a cancelled job `CANCELLED by 1000`, with the user's number. The executor compares that with `CANCELLED`
  and takes the job for one that runs, for ever.
- It sleeps up to three minutes between two looks, each one question for all jobs, and sits the last of them out when a
  run has ended or is interrupted.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

_PLUGIN = "snakemake_executor_plugin_slurm"
_LONGEST_SECONDS = 60.0  # between two looks
_WAKES_SECONDS = 1.0


def mend() -> None:
    """In this process; nothing where jobs do not go to SLURM."""
    plugin = sys.modules.get(_PLUGIN)
    if hasattr(RemoteExecutor.sleep, "__wrapped__"):  # this process has read the Snakefile before
        return
    if plugin is not None:
        plugin.query_job_status = _understanding(plugin.query_job_status)
    RemoteExecutor.sleep = _waking(RemoteExecutor.sleep)


def plain(state: str) -> str:
    """The state alone: `CANCELLED` of `CANCELLED by 1000`."""
    return state.split(" ", 1)[0]


def _understanding(ask: Callable[..., Awaitable[tuple]]) -> Callable[..., Awaitable[tuple]]:
    async def query_job_status(*args: Any, **more: Any) -> tuple:
        states, seconds = await ask(*args, **more)
        return states and {job: plain(state) for job, state in states.items()}, seconds

    return query_job_status


def _waking(sleep: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    @wraps(sleep)
    async def until_done(executor: Any) -> None:
        asleep, end = asyncio.ensure_future(sleep(executor)), time.monotonic() + _LONGEST_SECONDS
        while executor.wait and not asleep.done() and time.monotonic() < end:
            await asyncio.wait({asleep}, timeout=_WAKES_SECONDS)
        asleep.cancel()

    return until_done
