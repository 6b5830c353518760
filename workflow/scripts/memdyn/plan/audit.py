"""The stages of an audit: of each run its bounds, of the study the one table that holds them to the accountant's."""

from collections.abc import Sequence
from typing import Any

from memdyn.config.load import Study
from memdyn.plan.stage import AUDIT, TABLES, Stage


def audit_stage(study: Study, outputs: Stage, epochs: Sequence[int]) -> Stage:
    """The bounds of one run, at its last checkpoint."""
    config = study.config
    options = {"audit": config.audit, "epoch": epochs[-1], "models": config.shadow_models}
    return Stage(AUDIT, f"audit-m{config.shadow_models:03d}", options, ("audit_run.py",), parent=outputs)


def audited_tables(study: Study, runs: Sequence[Any]) -> Stage:
    """The tables of the study.

    Args:
        runs: `memdyn.plan.study.RunPlan`s.
    """
    members = [{"name": run.name, "audit": run.audit.path} for run in runs]
    return Stage(TABLES, "tables", {"runs": members, "models": study.config.shadow_models}, ("compare_audits.py",))


def audited_folders(run: Any) -> dict[str, Any]:
    """What of a run lies where, below the results."""
    probes = {name: stage.path for name, stage in run.probes.items()}
    return {"pool": run.pool.path, "train": run.train.path, "probes": probes, "audit": run.audit.path}
