"""Five things that Snakemake's SLURM executor (2.8.0) gets wrong, put right where it submits and looks at its jobs.

- sacct calls a cancelled job `CANCELLED by 1000`, with the user's number. The executor compares that with `CANCELLED`
  and takes the job for one that runs, for ever.
- Of what they preempt, some partitions start jobs again, others cancel them; sacct calls both `PREEMPTED`, the latter
  for ever. So long the executor waits for SLURM to resume the job.
- It notes the nodes that failed, to ask for others. A job that SLURM has requeued after such a failure has no node
  yet: sacct says `None assigned`, the executor asks for any other node than that, and each later submission is refused.
- A submission fails while SLURM's controller is away (it is started again, say), so that all attempts of a job are used
  up in seconds.
- It sleeps up to three minutes between two looks, each one question for all jobs, and sits the last of them out when a
  run has ended or is interrupted.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from typing import Any

from snakemake.logging import logger
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

_PLUGIN = "snakemake_executor_plugin_slurm"
_LONGEST_SECONDS = 60.0  # between two looks
_WAKES_SECONDS = 1.0
_AWAY_SECONDS = 600.0  # of a controller, after which a submission fails as it would have at once
_told: set[str] = set()  # preempted jobs


def mend() -> None:
    """In this process; nothing where jobs do not go to SLURM."""
    plugin = sys.modules.get(_PLUGIN)
    if hasattr(RemoteExecutor.sleep, "__wrapped__"):  # this process has read the Snakefile before
        return
    if plugin is not None:
        plugin.query_job_status = _understanding(plugin.query_job_status)
        plugin.get_submit_command = _excluding_nodes(plugin.get_submit_command)
        plugin.Executor.run_job = _waiting(plugin.Executor.run_job)
    RemoteExecutor.sleep = _waking(RemoteExecutor.sleep)


def plain(state: str) -> str:
    """The state alone: `CANCELLED` of `CANCELLED by 1000`."""
    return state.split(" ", 1)[0]


def _understanding(ask: Callable[..., Awaitable[tuple]]) -> Callable[..., Awaitable[tuple]]:
    async def query_job_status(*args: Any, **more: Any) -> tuple:
        states, seconds = await ask(*args, **more)
        return states and without_preempted({job: plain(state) for job, state in states.items()}), seconds

    return query_job_status


def without_preempted(states: dict[str, str]) -> dict[str, str]:
    """States by job id, where a preempted job that SLURM does not start again is `CANCELLED`, which is said once."""
    preempted = {job for job, state in states.items() if state == "PREEMPTED"}
    alive = queued() if preempted else None
    gone = set() if alive is None else preempted - alive
    for job in sorted(gone - _told):
        logger.warning(f"SLURM has preempted job {job} and does not start it again")
    _told.update(gone)
    return states | dict.fromkeys(gone, "CANCELLED")


def queued() -> set[str] | None:
    """Ids of this user's jobs that SLURM has still to run or to end; None where it does not answer."""
    try:
        asked = subprocess.run(["squeue", "--me", "-h", "-o", "%A"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return set(asked.stdout.split()) if asked.returncode == 0 else None


def _excluding_nodes(command: Callable[..., str]) -> Callable[..., str]:
    def get_submit_command(*args: Any, failed_nodes: Iterable[str] | None = None, **more: Any) -> str:
        return command(*args, failed_nodes={node for node in failed_nodes or () if " " not in node}, **more)

    return get_submit_command


def _waiting(submit: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Of a thread for submissions: nothing else waits with it."""

    @wraps(submit)
    def run_job(executor: Any, job: Any) -> None:
        begun, told = time.monotonic(), False
        while executor.wait and is_away() and time.monotonic() < begun + _AWAY_SECONDS:
            if not told:
                executor.logger.warning(f"SLURM's controller is away: {job.name} waits, {_AWAY_SECONDS:.0f} s at most")
                told = True
            time.sleep(_WAKES_SECONDS)
        submit(executor, job)

    return run_job


def is_away() -> bool:
    """Whether SLURM says that none of its controllers answers."""
    try:
        asked = subprocess.run(["scontrol", "ping"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False  # sbatch will tell what is wrong
    return " is DOWN" in asked.stdout and " is UP" not in asked.stdout


def _waking(sleep: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    @wraps(sleep)
    async def until_done(executor: Any) -> None:
        asleep, end = asyncio.ensure_future(sleep(executor)), time.monotonic() + _LONGEST_SECONDS
        while executor.wait and not asleep.done() and time.monotonic() < end:
            await asyncio.wait({asleep}, timeout=_WAKES_SECONDS)
        asleep.cancel()

    return until_done
