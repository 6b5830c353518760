"""What is done to images only, asked of the samples of a study before any job; torch-free.

Tables are known from the config (`config.load` refuses what does not fit them); those of a user's own data set once
their pool is built.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from memdyn.config.errors import ConfigError
from memdyn.config.load import Run, Study, needing_images
from memdyn.plan.nets import shape_of
from memdyn.plan.pools import PoolPlan, pool_key
from memdyn.plan.probes import probes_read, wanted_probes


def refuse_odd_samples(study: Study, pools: Mapping[str, PoolPlan]) -> None:
    """Refuses probes and recipes that make no sense of the samples.

    Raises:
        ConfigError: naming run, key, value and what is allowed.
    """
    wanted = {name: probe for name, probe in wanted_probes(study).items() if probe.images_only}
    found = [
        f"run {run.name!r}: {wrong}"
        for run in study.runs
        if wanted or run.pool.dataset.is_table is None
        for wrong in _problems(study, run, wanted, shape_of(pools[pool_key(run.pool)], Path(study.config.results)))
    ]
    if found:
        raise ConfigError(found)


def _problems(study: Study, run: Run, wanted: Mapping[str, Any], shape: tuple[int, ...] | None) -> Iterator[str]:
    is_table = run.pool.dataset.is_table
    if is_table is None and shape and len(shape) == 1:
        is_table = True
        yield from needing_images(run.train)
    for name, probe in wanted.items():
        if is_table:
            readers = [attack.label() for attack in study.config.attacks if name in probes_read(study, attack)]
            why = f"{' and '.join(readers)} read {name}, which need images, and the data set is a table"
            yield f"attacks: {why}; allowed: attacks that read no {name}"
        elif shape and probe.shift >= min(shape[1:]):
            yield (
                f"probes.{name}.shift = {probe.shift}: leaves nothing of images of {shape[1]} x {shape[2]} pixels; "
                f"allowed: at most {min(shape[1:]) - 1}"
            )
