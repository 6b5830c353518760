"""The attacks' config section: names, labels, refusals."""

import itertools

import pytest
from pydantic import TypeAdapter, ValidationError

from memdyn.attacks import REGISTRY
from memdyn.attacks.base import build
from memdyn.config.attacks import AttackConfig, LiraAttack, LossAttack, RmiaAttack

ADAPTER = TypeAdapter(AttackConfig)


def test_names_are_the_registry():
    names = {cls.model_fields["name"].default for cls in (LossAttack, LiraAttack, RmiaAttack)}
    assert names == set(REGISTRY)


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({"name": "loss"}, "loss"),
        ({"name": "lira"}, "lira"),
        ({"name": "lira", "mode": "offline"}, "lira-offline"),
        ({"name": "lira", "variance": "global"}, "lira-global"),
        ({"name": "lira", "mode": "offline", "variance": "per_sample"}, "lira-offline-per-sample"),
        ({"name": "rmia"}, "rmia"),
        ({"name": "rmia", "gamma": 1}, "rmia"),
        ({"name": "rmia", "gamma": 2}, "rmia-gamma2.0"),
        ({"name": "rmia", "mode": "offline", "a": "5e-1"}, "rmia-offline-a0.5"),
        ({"name": "rmia", "mode": "offline", "dialect": "privacy_meter"}, "rmia-offline-privacy-meter"),
        (
            {"name": "rmia", "mode": "offline", "a": 0.5, "gamma": 1.0, "dialect": "privacy_meter"},
            "rmia-offline-a0.5-privacy-meter",
        ),
    ],
)
def test_labels_and_builds(options, label):
    config = ADAPTER.validate_python(options)
    assert config.label() == label
    attack = build(config.model_dump())
    assert type(attack).__name__.lower() == options["name"]
    assert all(getattr(attack, key) == value for key, value in config.model_dump().items() if key != "name")


def test_labels_are_unique():
    options = [
        {"name": "lira", "mode": mode, "variance": variance}
        for mode, variance in itertools.product(("online", "offline"), ("per_sample", "global", "shrunken"))
    ]
    options += [{"name": "rmia", "gamma": gamma} for gamma in (1.0, 2.0, 2.0000001, 1e-7)]
    options += [{"name": "rmia", "mode": "offline", "a": a} for a in (0.0, 0.3, 0.30000001, 1.0)]
    labels = [ADAPTER.validate_python(option).label() for option in options]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "lirra"}, "lirra"),
        ({"name": "lira", "variance": "fixed"}, "variance"),
        ({"name": "lira", "gamma": 2.0}, "gamma"),
        ({"name": "rmia", "gamma": 0.0}, "gamma"),
        ({"name": "rmia", "mode": "offline", "a": 1.5}, "a"),
        ({"name": "rmia", "a": 0.5}, "offline"),
        (
            {"name": "rmia", "dialect": "privacy_meter"},
            "dialect = 'privacy_meter' has no mode 'online'; allowed: offline",
        ),
        (
            {"name": "rmia", "mode": "offline", "gamma": 2.0, "dialect": "privacy_meter"},
            "dialect = 'privacy_meter' has no gamma = 2.0; allowed: 1",
        ),
        ({"name": "rmia", "mode": "offline", "dialect": "lira"}, "dialect"),
    ],
)
def test_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        ADAPTER.validate_python(options)
