"""The attacks' config section: names, labels, refusals."""

import itertools
import re
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from every_attack import ATTACKS, UNCALIBRATED, label
from memdyn.attacks import REGISTRY
from memdyn.attacks.base import build
from memdyn.config.attacks.custom import CustomAttack
from memdyn.config.attacks.lira import VARIANCES
from memdyn.config.attacks.sections import AttackConfig
from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.tables import STAGES
from studies import study

ADAPTER = TypeAdapter(AttackConfig)


def test_names_are_the_registry():
    sections = get_args(get_args(AttackConfig)[0])
    assert {cls.model_fields["name"].default for cls in sections} == set(REGISTRY)


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({"name": "loss"}, "loss"),
        ({"name": "lira"}, "lira"),
        ({"name": "lira", "mode": "offline"}, "lira-offline"),
        ({"name": "lira", "variance": "global"}, "lira-global"),
        ({"name": "lira", "mode": "offline", "variance": "per_sample"}, "lira-offline-per-sample"),
        ({"name": "song2021"}, "song2021"),
        ({"name": "song2021", "metric": "confidence"}, "song2021-confidence"),
        ({"name": "privacy_risk_score"}, "privacy_risk_score"),
        ({"name": "privacy_risk_score", "bins": 10}, "privacy_risk_score-bins10"),
        ({"name": "shokri2017"}, "shokri2017"),
        ({"name": "shokri2017", "records": 500}, "shokri2017-records500"),
        ({"name": "lira", "dialect": "tfp", "variance": "per_sample"}, "lira-per-sample-tfp"),
        ({"name": "lira", "dialect": "leakpro", "variance": "switched"}, "lira-switched-leakpro"),
        ({"name": "lira", "dialect": "bavaria"}, "lira-bavaria"),
        ({"name": "lira", "dialect": "bavaria", "law": "normal"}, "lira-bavaria-normal"),
        ({"name": "lira_views", "mode": "offline"}, "lira_views-offline"),
        ({"name": "difficulty_calibration"}, "difficulty_calibration"),
        ({"name": "difficulty_calibration", "signal": "loss"}, "difficulty_calibration-loss"),
        ({"name": "ye"}, "ye"),
        ({"name": "ye", "reference": "population", "smoothing": "linear"}, "ye-population-linear"),
        ({"name": "ye_distilled"}, "ye_distilled"),
        ({"name": "ye_distilled", "smoothing": "linear", "students": 3}, "ye_distilled-linear-students3"),
        ({"name": "quantile_regression"}, "quantile_regression"),
        ({"name": "proxy"}, "proxy"),
        ({"name": "proxy", "proxies": "class", "variance": "per_sample"}, "proxy-class-per-sample"),
        ({"name": "rmia"}, "rmia"),
        ({"name": "rmia", "gamma": 1}, "rmia"),
        ({"name": "rmia", "gamma": 2}, "rmia-gamma2.0"),
        ({"name": "rmia", "mode": "offline", "a": "5e-1"}, "rmia-offline-a0.5"),
        ({"name": "rmia", "mode": "offline", "dialect": "privacy_meter"}, "rmia-offline-privacy-meter"),
        ({"name": "adversarial_distance"}, "adversarial_distance"),
        (
            {"name": "adversarial_distance", "mode": "online", "misclassified": "signed"},
            "adversarial_distance-online-signed",
        ),
        ({"name": "boundary_distance", "mode": "offline", "variance": "global"}, "boundary_distance-offline-global"),
        ({"name": "sequence"}, "sequence"),
        ({"name": "sequence", "checkpoints": 5}, "sequence-checkpoints5"),
        ({"name": "log_ratio_sum", "variance": "per_sample"}, "log_ratio_sum-per-sample"),
        ({"name": "trajectory"}, "trajectory"),
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
    assert type(attack).__name__.lower() == options["name"].replace("_", "")
    assert all(getattr(attack, key) == value for key, value in config.model_dump().items() if key != "name")


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({}, "Mine"),
        ({"options": {"k": 3, "mode": "top", "a": 0.5}}, "Mine-k3-modetop-a0.5"),
        ({"options": {"k": 3}, "called": "nearest.3"}, "nearest.3"),
    ],
)
def test_labels_of_own_attacks(options, label):
    assert ADAPTER.validate_python({"name": "custom", "target": "my/file.py:Mine"} | options).label() == label


def test_labels_of_own_attacks_are_unique_and_can_be_folders():
    values = [{}, {"k": 1}, {"k": 2}, {"k": "a/b"}, {"k": "a b"}, {"k": [1, 2]}, {"k": [12]}, {"k": {"a": 1}}]
    values += [{"k": {"a": 2}}, {"k": "x" * 60}, {"k": "x" * 61}, {"k": None}, {"k": True}, {"k": 1.5, "l": 2}]
    configs = [CustomAttack(target="my/file.py:Mine", options=options) for options in values]
    labels = [config.label() for config in configs]
    assert len(set(labels)) == len(labels)
    assert all(re.fullmatch(r"[\w.-]{1,40}", label) for label in labels)


def test_labels_are_unique():
    options = [
        {"name": "lira", "mode": mode, "variance": variance}
        for mode, variance in itertools.product(("online", "offline"), ("per_sample", "global", "shrunken"))
    ]
    options += [{"name": "rmia", "gamma": gamma} for gamma in (1.0, 2.0, 2.0000001, 1e-7)]
    options += [{"name": "rmia", "mode": "offline", "a": a} for a in (0.0, 0.3, 0.30000001, 1.0)]
    options += [
        {"name": "lira", "dialect": dialect, "variance": variance}
        for dialect in VARIANCES.keys() - {"memdyn"}
        for variance in VARIANCES[dialect]
    ]
    options += [{"name": "lira", "dialect": "bavaria", "variance_weight": weight} for weight in (1.0, 2.0)]
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
        ({"name": "lira", "dialect": "tfp"}, "'tfp' has no variance 'shrunken'; allowed: per_sample, global"),
        ({"name": "lira", "variance": "switched"}, "'memdyn' has no variance 'switched'; allowed: per_sample, global"),
        ({"name": "lira", "dialect": "bavaria", "variance": "global"}, "'bavaria' has no variance 'global'"),
        ({"name": "lira", "law": "normal"}, "law = normal has no effect: it belongs to dialect 'bavaria'"),
        ({"name": "lira", "dialect": "bavaria", "mean_weight": 0}, "mean_weight"),
        ({"name": "lira_views", "dialect": "carlini2022"}, "'carlini2022' has no variance 'shrunken'"),
        ({"name": "difficulty_calibration", "signal": "gap"}, "signal"),
        ({"name": "ye", "reference": "distilled"}, "reference"),
        ({"name": "proxy", "proxies": "class", "neighbours": 5}, "neighbours = 5 has no effect"),
        ({"name": "proxy", "neighbours": 1}, "neighbours"),
        ({"name": "ye_distilled", "students": 1}, "students"),
        ({"name": "boundary_distance", "misclassified": "signed"}, "misclassified"),
        (
            {"name": "adversarial_distance", "variance": "global"},
            "variance = 'global' has no effect: it belongs to modes",
        ),
        ({"name": "custom"}, "target"),
        ({"name": "custom", "target": "my/file.py"}, "target"),
        ({"name": "custom", "target": "my/file.py:Mine", "called": "a b"}, "called"),
        ({"name": "custom", "target": "my/file.py:Mine", "k": 3}, "k"),
    ],
)
def test_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        ADAPTER.validate_python(options)


@pytest.mark.parametrize("options", ATTACKS, ids=label)
def test_the_config_knows_which_attacks_have_a_threshold_of_their_own(options):
    assert ADAPTER.validate_python(options).has_threshold == (build(options).threshold is not None)


@pytest.mark.parametrize(
    ("options", "alone"),
    [
        ({"name": "sequence", "checkpoints": 3}, "lira"),
        ({"name": "log_ratio_sum"}, "lira"),
        ({"name": "log_ratio_sum", "variance": "global"}, "lira-global"),
        ({"name": "trajectory"}, "loss"),
        ({"name": "lira"}, None),
    ],
)
def test_attacks_over_time_name_the_same_on_the_last_checkpoint_alone(options, alone):
    assert ADAPTER.validate_python(options).alone() == alone


@pytest.mark.parametrize("options", ATTACKS, ids=label)
def test_the_config_knows_which_attacks_need_shadow_models(options):
    assert ADAPTER.validate_python(options).needs_shadow_models == (options not in UNCALIBRATED)


@pytest.mark.parametrize("called", ["run", "sample_id", "dynamics", "agreement-2"])
def test_labels_that_name_something_else_are_refused(called):
    """A column of the table that has a column an attack; the beginning of another stage's folder."""
    own = {"name": "custom", "target": "own.py:Mine", "called": called}
    with pytest.raises(ConfigError, match=f"attacks: no attack can be called '{called}'.*`called` gives"):
        load_study(study({"attacks": [{"name": "loss"}, own], "dynamics.attacks": ["loss"]}))
    named = {"name": "custom", "target": f"own.py:{called.replace('-', '_')}"}
    if "-" not in called:
        with pytest.raises(ConfigError, match="no attack can be called"):
            load_study(study({"attacks": [{"name": "loss"}, named], "dynamics.attacks": ["loss"]}))


def test_costly_attacks_are_those_that_the_tables_name():
    costly = {section.model_fields["name"].default for section in get_args(get_args(AttackConfig)[0]) if section.costly}
    assert set(re.findall("`([a-z_0-9]{5,})`", STAGES["agreement"]["agreement"].about)) == costly
