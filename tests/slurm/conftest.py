"""Fixtures: one private SLURM for the whole session, and a fresh copy of the project for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import Checkout
from cluster import INSTALL, Cluster, missing_programs


def require_slurm() -> None:
    """Skips the test where SLURM is not installed; fails it instead where REQUIRE_SLURM=1 is set, as in CI."""
    if missing := missing_programs():
        reason = f"no SLURM here (missing: {', '.join(missing)}); on Debian: {INSTALL}"
        if os.environ.get("REQUIRE_SLURM") == "1":
            pytest.fail(f"REQUIRE_SLURM=1, but {reason}", pytrace=False)
        pytest.skip(reason)


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
