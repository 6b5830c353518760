"""Every attack with every mode and dialect, for tests of what holds for all."""

import itertools
from typing import Any

ATTACKS = [
    {"name": "loss"},
    *(
        {"name": "lira", "mode": mode, "variance": variance}
        for mode, variance in itertools.product(("online", "offline"), ("per_sample", "global", "shrunken"))
    ),
    *({"name": "rmia", "mode": mode, "a": 0.3, "gamma": 1.0} for mode in ("online", "offline")),
    {"name": "rmia", "mode": "offline", "a": 0.3, "gamma": 1.0, "dialect": "privacy_meter"},
    {"name": "tan2023"},
    {"name": "sequence", "checkpoints": 10},
    {"name": "log_ratio_sum", "variance": "shrunken", "checkpoints": 10},
    {"name": "trajectory", "checkpoints": 10},
]


def label(options: dict[str, Any]) -> str:
    return "-".join(str(value) for value in options.values())
