"""Regularizers in a study's YAML: options under the name, levels of a grid, and what is refused before any job."""

import pytest

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.config.mechanisms.base import MechanismConfig, short
from memdyn.config.mechanisms.sections import ELSEWHERE, refuse_clashes
from studies import study

CNN = {"base.model": {"name": "cnn"}}
SMOOTH = {"label_smoothing": {"alpha": 0.1}}


def load(mechanisms, changes=None):
    return load_study(study({"runs": [], "base.mechanisms": mechanisms, **(changes or {})})).runs


@pytest.mark.parametrize(
    ("mechanism", "label"),
    [
        ({"label_smoothing": {"alpha": 0.1}}, "ls.1"),
        ({"label_smoothing": {"alpha": "1e-2"}}, "ls.01"),
        ({"label_smoothing": {"alpha": 0.995}}, "ls.995"),
        ({"distillation": {"temperature": 5}}, "distill5"),
        ({"distillation": {"temperature": 2.5, "teacher": {"epochs": 9}}}, "distill2.5"),
        ({"mixup": {"alpha": "inf"}}, "mixup.inf"),
        ({"mixup": {"alpha": 256}}, "mixup256"),
        ({"cutout": {"size": 8}}, "cutout8"),
        ({"gaussian_noise": {"sigma": 0.025}}, "gauss.025"),
        ({"disturb_label": {"alpha": 0}}, "disturb0"),
        ({"rand_augment": {}}, "randaug2.9"),
        ({"spatial_dropout": {"p": 0.5}}, "sdrop.5"),
        ({"early_stopping": {"patience": 3}}, "stop3"),
    ],
)
def test_options_stand_under_the_name(mechanism, label):
    (run,) = load(mechanism, {**CNN, "pool.parts.spare": 10})
    assert [each.label() for each in run.train.mechanisms] == [label]


def test_a_level_of_a_grid_is_a_word_or_a_number():
    grid = {"mechanisms.mixup.alpha": [0.5, "inf"], "mechanisms.label_smoothing.alpha": [0.01, 0.1]}
    assert [run.name for run in load({}, {"grid": grid})] == [
        f"mechanisms.mixup.alpha={mixed},mechanisms.label_smoothing.alpha={smoothed}"
        for mixed in (0.5, "inf")
        for smoothed in (0.01, 0.1)
    ]
    assert [run.name for run in load({}, {"grid": {"mechanisms.label_smoothing.alpha": [0.01, 0.1]}})] == [
        "alpha=0.01",
        "alpha=0.1",
    ]


REFUSED = {
    "a number in the place of options": (
        {"label_smoothing": 0.1},
        "base.mechanisms.label_smoothing = 0.1: must be a section with keys",
    ),
    "no strength": ({"mixup": {}}, "base.mechanisms.mixup.alpha: missing, must be given"),
    "a strength that is too large": (
        {"label_smoothing": {"alpha": 1.5}},
        "base.mechanisms.label_smoothing.alpha = 1.5: must be at most 1",
    ),
    "another word": ({"mixup": {"alpha": "all"}}, "base.mechanisms.mixup.alpha = \"all\": must be a number or 'inf'"),
    "a fraction of a pixel": ({"cutout": {"size": 4.5}}, "base.mechanisms.cutout.size = 4.5: must be"),
    "a key of another": ({"cutout": {"size": 4, "alpha": 1}}, "base.mechanisms.cutout.alpha = 1: unknown key"),
    "a temperature of 0": ({"distillation": {"temperature": 0}}, "must be greater than 0"),
    "a teacher that cannot be": (
        {"distillation": {"temperature": 5, "teacher": {"epochs": 0}}},
        "base.mechanisms.distillation.teacher.epochs = 0: must be at least 1",
    ),
    "two of the labels": (
        {**SMOOTH, "distillation": {"temperature": 5}},
        "'label_smoothing' and 'distillation' both claim the slot 'labels'",
    ),
    "no reserved part": (
        {"early_stopping": {"patience": 2}},
        "base.mechanisms.early_stopping: reads the pool's part 'spare', and pool.parts.spare = 0",
    ),
    "no convolutions": (
        {"spatial_dropout": {"p": 0.1}},
        "base.mechanisms.spatial_dropout: model.name = mlp: has no convolutions; allowed: a net that has",
    ),
}


@pytest.mark.parametrize(("mechanisms", "line"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_key_value_and_what_is_allowed(mechanisms, line):
    with pytest.raises(ConfigError) as caught:
        load(mechanisms)
    assert any(line in problem for problem in caught.value.problems), caught.value.problems


@pytest.mark.parametrize(("name", "key"), ELSEWHERE.items())
def test_what_stands_elsewhere_is_told_where(name, key):
    with pytest.raises(ConfigError, match=f"'{name}' is no mechanism of its own: it is `{key}`"):
        load({name: {}})


def test_a_name_of_what_stands_elsewhere_may_be_the_users(tmp_path):
    (tmp_path / "own.py").write_text("def crop():\n    pass\n")
    assert load({"crop": {"target": f"{tmp_path / 'own.py'}:crop"}})


def test_soft_targets_beside_a_loss_of_labels_are_refused():
    class Maker(MechanismConfig):
        claims = frozenset()
        makes_targets = True

    class Learner(MechanismConfig):
        claims = frozenset({"objective"})
        learns_labels = True

    maker, learner = Maker(name="mixes"), Learner(name="reads")
    for order in ([maker, learner], [learner, maker]):
        with pytest.raises(ValueError, match="'mixes' makes soft targets, and 'reads' learns labels alone"):
            refuse_clashes(order)
    assert refuse_clashes([maker]) and refuse_clashes([learner])


@pytest.mark.parametrize(
    ("value", "word"),
    [(0.1, ".1"), (5.0, "5"), (0, "0"), (0.0, "0"), (1e-5, "1e-05"), (2.5, "2.5"), (1e30, "1e30"), (1e-30, "1e-30")],
)
def test_a_number_in_a_label(value, word):
    """In names of folders too, which have no plus: 1e+30 would be read as 1e-30."""
    assert short(value) == word
