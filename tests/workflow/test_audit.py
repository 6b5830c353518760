"""An audit from end to end: coins, a run without a guarantee, bounds, the page."""

import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import STUDY
from memdyn.data.pool import read_pool
from memdyn.store.masks import read_masks
from memdyn.store.scores import read_signal
from project import Project

pytestmark = pytest.mark.slow
MINE = {
    "study": "mine",
    "pool": STUDY["pool"] | {"label_noise": 0.2},
    "base": {
        "model": {"name": "mlp", "hidden": [64]},
        "optimizer": {"name": "adam", "lr": 0.005},
        "epochs": 40,
        "batch_size": 25,
        "checkpoints": [40],
    },
    "runs": [{"name": "plain"}],
    "shadow_models": 8,
    "audit": {"targets": 4},
    "report": {"png_dpi": 50, "pdf": False},
}


def test_an_audit_from_end_to_end(clone: Project):
    clone.write_study(MINE)
    clone.run()
    tables = clone.results / "studies" / "mine" / "tables"
    folders = yaml.safe_load((tables / "folders.yaml").read_text())
    pool = clone.results / folders["plain"]["pool"]
    mask = read_masks(sorted((pool / "membership").glob("*.npz")), range(8))
    assert len(set(mask[:, :200].sum(axis=1))) > 3 and abs(mask.mean() - 0.5) < 0.05
    assert (mask[0] != ~mask[1]).any(), "no complementary pairs"
    files = sorted((clone.results / folders["plain"]["probes"]["outputs"]).glob("block-*/signals.parquet"))
    margins, member = read_signal(files, 40, "margin")[:, :200], mask[:, :200]
    assert margins[member].mean() > margins[~member].mean() + 1, "trained on the coins that are in the masks"
    assert read_pool(str(pool / "pool.arrow")).parts["scored"] == slice(0, 200)

    audit = pd.read_parquet(tables / "audit.parquet").set_index(["run", "method", "target"])
    plain = audit.loc[("plain", "guesses", "all")]
    assert plain["epsilon_lower"] > 0.5 and np.isinf(plain["epsilon"]) and not audit["violated"].any()
    assert len(audit) == 2 + 4 and plain["canaries"] == 4 * 200
    assert not (tables / "attack_metrics.parquet").exists()
    page = (clone.results / "studies" / "mine" / "report.html").read_text()
    assert "Lower bounds of ε" in page and "complementary" not in page and "null control" not in page
    assert clone.planned() == {}
