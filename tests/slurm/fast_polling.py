"""Snakemake as it is, but for one thing: it looks at its SLURM jobs every second.

The SLURM executor lengthens its polling interval by ten seconds a look, which is right for a cluster and makes a
test of short jobs three times slower. Used like `python -m snakemake`.
"""

import asyncio

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def _one_second(_: RemoteExecutor) -> None:
    await asyncio.sleep(1)


if __name__ == "__main__":
    RemoteExecutor.sleep = _one_second
    main()
