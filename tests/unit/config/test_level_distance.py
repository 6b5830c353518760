"""Options of the level distance: what is refused before any job, and what they ask of the networks."""

import pytest

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from studies import study

FITS = {"samples": 100, "known": 50}


def loaded(**section):
    return load_study(study({"level_distance": FITS | section})).config.level_distance


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"samples": 301}, r"level_distance.samples = 301: with twice the known = 50 members it takes 401 samples"),
        ({"known": 200}, r"level_distance.samples = 100: with twice the known = 200 members it takes 500 samples"),
        ({"known": 9}, r"level_distance.known"),
        ({"epochs": [3]}, r"level_distance.epochs = 3: run 'mlp' has no such checkpoint; allowed: 0, 1, 2, 4"),
        ({"models": 10}, r"level_distance.models = 10: there are shadow_models = 8"),
        ({"models": 9}, r"level_distance.models"),
        ({"levels": ["q1.5"]}, r"level_distance.levels"),
        ({"levels": ["p0"]}, r"level_distance.levels"),
        ({"levels": ["0.9"]}, r"level_distance.levels"),
        ({"levels": ["gap", "gap"]}, r"level_distance.levels"),
        ({"levels": []}, r"level_distance.levels"),
        ({"norms": ["l1"]}, r"level_distance.norms"),
        ({"draws": 3}, r"level_distance.draws"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_name(section, message):
    with pytest.raises(ConfigError, match=message):
        loaded(**section)


def test_levels_are_words():
    assert loaded(levels=["q0.5", "q.999", "p0.05", "gap"]).levels == ["q0.5", "q.999", "p0.05", "gap"]


def test_a_study_without_it_has_none_of_it():
    assert load_study(study()).config.level_distance is None


def test_the_probes_that_it_reads():
    probes = loaded(models=8, norms=["linf"], levels=["gap"]).probes()
    assert list(probes) == ["level_distance", "margin_gradient", "input_curvature"]
    search = probes["level_distance"]
    assert (search.samples, search.known, search.models, search.pool_parts) == (200, 50, 8, ("scored",))
    assert search.resolved_epochs([0, 2, 4], 0.2) == [4] and probes["margin_gradient"].resolved_epochs([0, 4], 0.2) == [
        0,
        4,
    ]
    assert "input_curvature" not in loaded(curvature_draws=0).probes()
