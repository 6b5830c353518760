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
    *(
        {"name": "lira", "mode": mode, "variance": variance, "dialect": dialect}
        for mode, variance, dialect in (
            ("online", "per_sample", "carlini2022"),
            ("online", "global", "carlini2022"),
            ("offline", "global", "tfp"),
            ("online", "switched", "leakpro"),
            ("offline", "per_sample", "leakpro"),
            ("online", "shrunken", "bavaria"),
        )
    ),
    {"name": "lira", "mode": "online", "variance": "shrunken", "dialect": "bavaria", "law": "normal"},
    {"name": "label_only"},
    {"name": "lira_views", "mode": "online", "variance": "shrunken"},
    {"name": "lira_views", "mode": "online", "variance": "global", "dialect": "carlini2022"},
    *({"name": "difficulty_calibration", "signal": signal} for signal in ("margin", "loss")),
    *(
        {"name": "ye", "reference": reference, "smoothing": smoothing}
        for reference, smoothing in (
            ("models", "empirical"),
            ("models", "linear"),
            ("models", "logit_normal"),
            ("population", "linear"),
        )
    ),
    *({"name": "ye_distilled", "smoothing": each, "students": 3} for each in ("empirical", "linear", "logit_normal")),
    {"name": "quantile_regression"},
    *(
        {"name": "proxy", "proxies": proxies, "neighbours": 20, "variance": "shrunken"}
        for proxies in ("all", "class", "nearest")
    ),
    {"name": "embedding_norm", "mode": "online", "variance": "shrunken", "p": "inf"},
    {"name": "gradient_norm"},
    {"name": "adversarial_distance", "mode": "plain", "variance": "shrunken", "misclassified": "zero"},
    {"name": "adversarial_distance", "mode": "online", "variance": "shrunken", "misclassified": "signed"},
    {"name": "boundary_distance", "mode": "plain", "variance": "shrunken"},
    {"name": "boundary_distance", "mode": "offline", "variance": "shrunken"},
    {"name": "sequence", "checkpoints": 10},
    {"name": "log_ratio_sum", "variance": "shrunken", "checkpoints": 10},
    {"name": "trajectory", "checkpoints": 10},
]
UNCALIBRATED = [
    options
    for options in ATTACKS
    if options["name"] in ("loss", "gradient_norm", "quantile_regression", "ye_distilled")
    or "population" in options.values()
    or "correctness" in options.values()
    or "plain" in options.values()
]
"""Those that learn nothing from shadow models."""


def label(options: dict[str, Any]) -> str:
    return "-".join(str(value) for value in options.values())
