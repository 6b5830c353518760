"""Other checkpoints than a finished study's: fewer cost nothing, more have the same bits."""

import numpy as np
import pytest

from memdyn.store.scores import read_epochs, read_signal
from project import Project

pytestmark = pytest.mark.slow

READ_AGAIN = {
    **{"run_attack": 4, "compute_dynamics": 2, "compare_attacks": 2, "analyse_dynamics": 2},
    **{"compare_runs": 1, "draw_figures": 1, "write_report": 1},
}


def test_fewer_checkpoints_train_and_score_nothing(copy: Project):
    study = copy.study()
    study["base"]["checkpoints"] = [2]
    copy.write_study(study)
    assert copy.planned() == READ_AGAIN


def test_more_checkpoints_say_what_they_cost_and_have_the_same_bits(copy: Project):
    before = outputs_of(copy)
    study = copy.study()
    study["base"]["checkpoints"] = [0, 1, 2]
    copy.write_study(study)
    assert copy.planned() == {"train_block": 2, "probe_block": 2} | READ_AGAIN
    said = copy.run("--until", "probe_block")
    assert "mlp was trained before, but its weights at epoch 1 were not saved" in said
    after = outputs_of(copy)
    assert len(before) == 2 and len(after) == 4 and before.keys() < after.keys()
    for path, arrays in after.items():
        if path not in before:
            (old,) = (of for name, of in before.items() if name.split("/")[1][:3] == path.split("/")[1][:3])
            assert all(np.array_equal(arrays[epoch], old[epoch]) for epoch in (0, 2)) and 1 in arrays


def outputs_of(project: Project) -> dict[str, dict[int, np.ndarray]]:
    """The margins of each run's file, by epoch."""
    files = project.results.glob("arrays-*/*/outputs-*/block-*/signals.parquet")
    return {
        file.relative_to(project.results).as_posix(): {
            epoch: read_signal([file], epoch, "margin") for epoch in read_epochs(file)
        }
        for file in files
    }
