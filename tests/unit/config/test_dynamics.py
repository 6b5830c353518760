"""Options of the dynamics and of the report."""

import pytest
from pydantic import ValidationError

from memdyn.config.dynamics import DynamicsConfig
from memdyn.config.report import ReportConfig


def test_defaults():
    config = DynamicsConfig()
    assert config.attacks == ["lira"] and config.thresholds == ["lr1", 0.01, 0.05, 0.1]
    assert ReportConfig().threshold in config.thresholds


def test_yaml_spells_small_numbers_as_strings():
    assert DynamicsConfig(thresholds=["lr1", "5e-2"]).thresholds == ["lr1", 0.05]


@pytest.mark.parametrize(
    ("model", "key", "value"),
    [
        (DynamicsConfig, "thresholds", []),
        (DynamicsConfig, "thresholds", ["lr2"]),
        (DynamicsConfig, "thresholds", [1.0]),
        (DynamicsConfig, "thresholds", [0.05, "0.05"]),
        (DynamicsConfig, "attacks", []),
        (DynamicsConfig, "attacks", ["lira", "lira"]),
        (DynamicsConfig, "hv_tpr", 1.2),
        (DynamicsConfig, "test_level", 0),
        (DynamicsConfig, "zones", {}),
        (ReportConfig, "top_samples", 0),
        (ReportConfig, "plane_epochs", 2.5),
        (ReportConfig, "png_dpi", 10_000),
        (ReportConfig, "threshold", "lr0"),
    ],
)
def test_bad_values_are_refused_with_their_key(model, key, value):
    with pytest.raises(ValidationError, match=key):
        model(**{key: value})
