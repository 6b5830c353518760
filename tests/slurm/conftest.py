"""Fixtures: one private SLURM for the whole session, and a fresh copy of the project for each test.

What is made without SLURM is made once for all of pytest's workers.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from checkout import Checkout
from cluster import Cluster, require_slurm
from disturbed import LONG_STUDY, contents
from project import PROJECT, Project


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running SLURM of two CPU nodes and a node with two pretended GPUs."""
    require_slurm()
    with Cluster() as running:
        yield running


@pytest.fixture
def checkout(cluster: Cluster, tmp_path: Path) -> Iterator[Checkout]:
    """A copy of the project whose `snakemake --profile slurm` reaches the private cluster."""
    copied = Checkout.copy(tmp_path / "project", cluster)
    try:
        yield copied
    finally:
        copied.close()


@pytest.fixture
def pool(checkout: Checkout, local: Project) -> None:
    """The pool and masks of the disturbed study, in the checkout: its first jobs are trainings."""
    checkout.take(local.folder / "pool")


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The disturbed study, run without SLURM up to its scores; its pool and masks alone lie in `pool` too."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "undisturbed"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            made = Project.copy(PROJECT, tmp_path_factory.mktemp("local") / "project")
            made.write_study(LONG_STUDY | {"shadow_models": 24})
            made.run("--until", "draw_membership")
            shutil.copytree(made.results, made.folder / "pool", ignore=shutil.ignore_patterns("studies"))
            made.run("--until", "probe_block")
            made.folder.rename(folder)
    return Project(folder)


@pytest.fixture(scope="session")
def undisturbed(local: Project) -> dict[str, str]:
    """Hashes of its weights and scores."""
    return contents(local.folder)
