"""What is made of all runs of a study: its tables, and what they are shown and judged by."""

from collections.abc import Sequence
from typing import Any

from memdyn.config.load import Study
from memdyn.identity.names import plain_options
from memdyn.plan.audit import audited_tables
from memdyn.plan.folds import folded_tables
from memdyn.plan.stage import TABLES, Stage
from memdyn.plan.stages import shown_stages


def _against(study: Study) -> dict[str, Any]:
    """What the comparison with a baseline is told."""
    config = study.config
    strong = config.regularization.strong_attacks(config.attacks)
    return plain_options(config.regularization) | {
        "baseline": config.regularization.baselines,
        "strong": strong,
        "top": config.analysis.top,
        "last": {run.name: run.train.checkpoint_epochs()[-1] for run in study.runs},
    }


def _histories(study: Study) -> dict[str, Any]:
    """Attacks on the checkpoints so far, and those on the last alone that the study has too, to say what history adds.

    Nothing where there are none.
    """
    attacks = study.config.attacks
    labels = {attack.label() for attack in attacks}
    alone = {attack.label(): attack.alone() for attack in attacks if attack.alone() in labels}
    return {"alone": alone} if alone else {}


def _of_tables_alone(run: Any) -> dict[str, Any]:
    """Options of its mechanisms that change no training, but tables."""
    mechanisms = run.training.mechanisms
    deltas = [mechanism.delta for mechanism in mechanisms if mechanism.name == "dp_sgd"]
    return {"delta": deltas[0]} if deltas else {}


def plan_tables(study: Study, runs: Sequence[Any]) -> tuple[Stage, Stage, Stage, Stage]:
    """Tables, figures, page, and whether the study's limits are kept.

    Args:
        runs: `memdyn.plan.study.RunPlan`s.
    """
    config = study.config
    if config.audit:
        return shown_stages(config, audited_tables(study, runs))
    if any(run.training.folds for run in runs):
        return shown_stages(config, folded_tables(study, runs, _histories(study)))
    members = [
        {
            "name": run.name,
            "outputs": run.outputs.path,
            "attacks": [[label, stage.folder] for label, stage in run.attacks.items()],
            "dynamics": run.dynamics.folder,
            "agreement": run.agreement.folder,
            "analysis": run.analysis.folder if run.analysis else None,
            **{name: stage.folder for name, stage in run.asked_for.items()},
            **_of_tables_alone(run),
        }
        for run in runs
    ]
    against = {"regularization": _against(study)} if config.regularization else {}
    tables = Stage(
        TABLES,
        "tables",
        {
            "runs": members,
            "models": config.shadow_models,
            "level": config.statistics.level,
            "groups": config.statistics.jackknife_groups,
            "thresholds": list(config.dynamics.thresholds),
            "claims": config.claims,
            **_histories(study),
            **against,
        },
        ("compare_runs.py",),
    )
    return shown_stages(config, tables)
