"""A small valid study, and changes to it, for tests of the config and of the plan."""

from copy import deepcopy
from typing import Any

from memdyn.config.load import load_study
from memdyn.plan.study import StudyPlan, build_plan

STUDY: dict[str, Any] = {
    "study": "small",
    "pool": {
        "dataset": {"name": "digits"},
        "parts": {"scored": 400, "sham": 100, "population": 200, "test": 200, "spare": 0},
    },
    "base": {"model": {"name": "mlp", "hidden": [32]}, "epochs": 4, "checkpoints": [0, 1, 2, 4]},
    "runs": [{"name": "mlp"}, {"name": "logistic", "model": {"name": "logistic"}}],
    "shadow_models": 8,
}


def study(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The study with values set at dotted keys, such as `runs.1.optimizer.lr`; DROP removes the key."""
    raw = deepcopy(STUDY)
    for dotted, value in (changes or {}).items():
        *path, last = (int(part) if part.isdigit() else part for part in dotted.split("."))
        here: Any = raw
        for part in path:
            here = here[part] if isinstance(here, list) else here.setdefault(part, {})
        if value is DROP:
            del here[last]
        else:
            here[last] = value
    return raw


def plan(changes: dict[str, Any] | None = None) -> StudyPlan:
    return build_plan(load_study(study(changes)))


DROP = object()
