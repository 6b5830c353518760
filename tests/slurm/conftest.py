"""Fixtures: one private SLURM for the whole session, and a fresh copy of the project for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

import disturbed
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


@pytest.fixture(scope="session")
def undisturbed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Hashes of weights and scores of the disturbed study, run without SLURM: once for all of pytest's workers."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    known = shared / "undisturbed.yaml"
    with FileLock(shared / "undisturbed.lock"):
        if not known.exists():
            copied = Checkout.copy(tmp_path_factory.mktemp("local") / "project", cluster)
            known.write_text(yaml.safe_dump(disturbed.run_locally(copied, models=24)))
    return yaml.safe_load(known.read_text())
