"""Limits of the leak: what is refused before any job, and whose limit stands."""

import pytest

from memdyn.config.errors import ConfigError
from memdyn.config.limits import limits_by_attack
from memdyn.config.load import load_study
from studies import study


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"tpr_at_fpr_0.2": 0.05}, r"fail_above: 'tpr_at_fpr_0.2' is no metric of the study"),
        ({"nobody": {"auc": 0.6}}, r"fail_above: 'nobody' is not among the attacks"),
        ({"auc": 1.5}, "fail_above"),
        ({"auc": 0}, "fail_above"),
        ({"auc": -0.1}, "fail_above"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_name(limits, message):
    with pytest.raises(ConfigError, match=message):
        load_study(study({"fail_above": limits}))


def test_an_attacks_own_limit_stands_for_that_of_all():
    given = {"auc": 0.6, "lira": {"auc": 0.9}}
    assert limits_by_attack(given, ["loss", "lira"]) == [["loss", "auc", 0.6], ["lira", "auc", 0.9]]
