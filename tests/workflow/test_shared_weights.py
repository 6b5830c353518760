"""Two checkouts on one folder of results train the same nets: weights go once both have read them."""

from pathlib import Path
from typing import Any

import pytest

from project import Project, job_counts

pytestmark = pytest.mark.slow

SCORED = ("--until", "probe_block")


def one_run(project: Project) -> dict[str, Any]:
    """The project's study from now on: one run and one attack."""
    study = project.study() | {
        "runs": [{"name": "one"}],
        "attacks": [{"name": "loss"}],
        "dynamics": {"attacks": ["loss"]},
    }
    project.write_study(study)
    return study


def test_weights_stay_until_the_other_checkout_has_read_them(clone: Project, tmp_path: Path):
    study = one_run(clone)
    other = clone.duplicate(tmp_path / "other")
    views = {"attacks": [{"name": "loss"}, {"name": "lira_views"}], "results": str(clone.results)}
    other.write_study(study | views)
    other.run("--until", "train_block")
    (weights,) = clone.results.glob("*/*/block-*/checkpoints")

    assert job_counts(clone.run(*SCORED)) == {"probe_block": 1}
    assert weights.exists(), "the other one's views are still to be taken"

    assert job_counts(other.run(*SCORED)) == {"probe_block": 1}
    assert not weights.exists()
    assert clone.planned(*SCORED) == other.planned(*SCORED) == {}


def test_weights_that_the_other_checkout_keeps_stay(clone: Project, tmp_path: Path):
    study = one_run(clone)
    other = clone.duplicate(tmp_path / "other")
    other.write_study(study | {"keep_checkpoints": "all", "results": str(clone.results)})
    other.run("--until", "train_block")
    clone.run(*SCORED)
    assert list(clone.results.glob("*/*/block-*/checkpoints/*"))
    other.run("--until", "build_pool")
    assert list(clone.results.glob("*/*/block-*/checkpoints/*"))
