"""The files of a study that its rules name, as paths from where Snakemake runs."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from memdyn.config.pool import PoolConfig
from memdyn.design.blocks import block_names, mask_names
from memdyn.plan.stage import TRAIN
from memdyn.plan.study import StudyPlan

CHECKPOINTS = "checkpoints"  # of a block, beside its log


class Files:
    """Runs come in their order, blocks in that of their models."""

    def __init__(self, plan: StudyPlan) -> None:
        self.plan, self.results = plan, plan.results
        self.models = range(plan.study.config.shadow_models)
        self.blocks = block_names(len(self.models))

    def masks(self, pool: str, models: range | None = None) -> list[str]:
        """Of these models, or of all."""
        return [f"{self.results}/{pool}/membership/{name}.npz" for name in mask_names(models or self.models)]

    def signals(self, probe: str) -> list[str]:
        """What a probe has read off all blocks, from the path of its folder below the results."""
        stage = self.plan.stage(probe)
        return [f"{self.results}/{stage.product(block)}" for block in self.blocks if stage.is_of(block)]

    def teachers(self, train: str, block: str) -> list[str]:
        """Weights of the same block of those that a training learns from."""
        return [f"{self.results}/{need.path}/{block}/{CHECKPOINTS}" for need in self.plan.stage(train).needs.values()]

    # of all runs

    @property
    def pools(self) -> list[str]:
        return [f"{self.results}/{run.pool.product()}" for run in self.plan.runs]

    @property
    def logs(self) -> list[str]:
        """Of training."""
        return [
            f"{self.results}/{run.train.path}/{block}/{TRAIN.product}"
            for run in self.plan.runs
            for block in self.blocks
        ]

    @property
    def outputs(self) -> list[str]:
        return [file for run in self.plan.runs for file in self.signals(run.outputs.path)]

    @property
    def all_masks(self) -> list[str]:
        return [file for run in self.plan.runs for file in self.masks(run.pool.path)]

    def tables(self, stage: str, names: Iterable[str]) -> list[str]:
        """One table after the other, of each run that has such a stage.

        Args:
            stage: as a run has it, such as `dynamics`.
        """
        stages = [each for run in self.plan.runs if (each := getattr(run, stage))]
        return [f"{self.results}/{each.path}/{name}.parquet" for name in names for each in stages]

    def attacks(self, names: Iterable[str]) -> list[str]:
        """One table after the other, of each run the attacks in their order."""
        stages = [attack for run in self.plan.runs for attack in run.attacks.values()]
        return [f"{self.results}/{each.path}/{name}.parquet" for name in names for each in stages]

    # of data sets

    @property
    def _configs(self) -> dict[str, PoolConfig]:
        return {} if self.plan.imports else {run.pool.path: run.run.pool for run in self.plan.runs}

    def dataset(self, pool: str) -> Any:
        """The config section of a pool's data set."""
        return self._configs[pool].dataset

    def samples(self, pool: str) -> list[str]:
        """Files that the samples of a pool are read from."""
        return self.dataset(pool).source_files(self.plan.study.config.data_dir)

    def downloaded(self, pool: str) -> list[str]:
        """The same, where they are downloaded: of the user's own files the content is in the pool's name."""
        return self.samples(pool) if self.dataset(pool).downloadable else []

    def missing_downloads(self) -> dict[str, list[str]]:
        """Data set -> its files that are not there; only these may be outputs of a rule, which Snakemake deletes."""
        missing = {
            config.dataset.name: [file for file in self.downloaded(pool) if not Path(file).exists()]
            for pool, config in self._configs.items()
        }
        return {name: files for name, files in missing.items() if files}
