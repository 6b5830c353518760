"""Fixtures: one private SLURM for the whole session, and a fresh copy of the project for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout import Checkout
from cluster import Cluster, require_slurm


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
