"""Which rows are shown."""

import pandas as pd
import pytest

from memdyn.report.rows import select_threshold
from report_study import analysed


@pytest.fixture(scope="module")
def tables():
    return analysed()


def test_attack_without_the_threshold_shows_its_first_one(tables):
    other = tables["samples"].query("threshold == 'fpr0.01'").assign(attack="rmia")
    both = select_threshold(pd.concat([tables["samples"], other]), "lr1")
    assert both.groupby("attack")["threshold"].unique().map(list).to_dict() == {"lira": ["lr1"], "rmia": ["fpr0.01"]}
