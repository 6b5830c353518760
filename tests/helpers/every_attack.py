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
    *(
        {"name": "song2021", "metric": metric}
        for metric in ("correctness", "confidence", "entropy", "modified_entropy")
    ),
    {"name": "privacy_risk_score", "bins": 5},
    {"name": "shokri2017", "probabilities": 3, "records": 100, "epochs": 2, "seed": 0},
]
UNCALIBRATED = [{"name": "loss"}, {"name": "song2021", "metric": "correctness"}]
"""Those that learn nothing from shadow models."""


def label(options: dict[str, Any]) -> str:
    return "-".join(str(value) for value in options.values())
