"""The stages of a study whose models lie in folds: attacks and their comparison, and nothing that needs pairs."""

from collections.abc import Iterator, Sequence
from typing import Any

from memdyn.config.load import Study
from memdyn.config.study import StudyConfig
from memdyn.plan.stage import ATTACK, TABLES, Stage
from memdyn.plan.stages import Code

# keys of a study that have no use where no model has a partner
NEEDS_PAIRS = ("dynamics", "analysis", "realised", "uncalibrated", "claims")
LEFT_OUT = (
    "dynamics and analysis, rates of single samples, agreement of attacks, realised figures, reliability, smaller "
    "numbers of models"
)


def refused(config: StudyConfig, path: str) -> Iterator[str]:
    """Keys that were given, and mean nothing of the models of this file."""
    for key in NEEDS_PAIRS:
        if key in config.model_fields_set and getattr(config, key) is not None:
            yield f"{key}: it needs complementary pairs of models, and {path} has none; leave it out"


def folded_attacks(
    study: Study, codes: dict[str, Code], outputs: Stage, epochs: list[int], run_key: str
) -> dict[str, Stage]:
    """The study's attacks, by label; see `memdyn.plan.stages.attack_stages`."""
    config, found = study.config, {}
    for attack in config.attacks:
        options = {"attack": attack, "epochs": epochs, "models": config.shadow_models, "run_key": run_key}
        options |= {"statistics": config.statistics}
        own, entries = codes[attack.label()]
        slug = f"{attack.label()}-m{config.shadow_models:03d}"
        roots = ("attack_in_folds.py", *own)
        found[attack.label()] = Stage(ATTACK, slug, options, roots, entries, parent=outputs)
    return found


def folded_tables(study: Study, runs: Sequence[Any], histories: dict[str, Any]) -> Stage:
    """The tables of the study.

    Args:
        runs: `memdyn.plan.study.RunPlan`s.
        histories: attacks on histories and those on the last checkpoint, where there are any.
    """
    members = [
        {
            "name": run.name,
            "epochs": run.epochs,
            "outputs": run.outputs.path,
            "attacks": [[label, stage.folder] for label, stage in run.attacks.items()],
        }
        for run in runs
    ]
    options = {"runs": members, "models": study.config.shadow_models, "level": study.config.statistics.level}
    return Stage(TABLES, "tables", options | histories, ("compare_folds.py",))


def folded_folders(run: Any) -> dict[str, Any]:
    """What of a run lies where, below the results."""
    return {
        "pool": run.pool.path,
        "train": run.train.path,
        "probes": {name: stage.path for name, stage in run.probes.items()},
        "attacks": {label: stage.path for label, stage in run.attacks.items()},
    }
