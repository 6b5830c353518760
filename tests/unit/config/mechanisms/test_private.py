"""DP-SGD in a study's config: what is refused before any job, and what its options change."""

import numpy as np
import pytest

import own_mechanisms
from memdyn.compare.privacy import epsilon_of
from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.identity.names import options_hash, plain_options
from studies import study

CNN = {"name": "cnn", "norm": "batch"}


def load(changes=None, **options):
    raw = study({"runs": [], "base.mechanisms": {"dp_sgd": {"lot": 50, **options}}, **(changes or {})})
    (run,) = load_study(raw).runs
    return run.train


def own(**more):
    return {"target": f"{own_mechanisms.__file__}:Noise", **more}


REFUSED = {
    "more than all": ({}, {"lot": 201}, "mechanisms.dp_sgd: lot = 201: a model has 200 members; allowed: at most 200"),
    "two gradients": ({"base.optimizer": {"name": "sam"}}, {}, "dp_sgd: optimizer.name = sam: .*; allowed: others"),
    "rounded": ({"base.precision": "bfloat16"}, {}, "dp_sgd: precision = bfloat16: .*; allowed: float32"),
    "batch norm": ({"base.model": CNN}, {}, "dp_sgd: model.norm = batch: .*allowed: group, or the option norm: group"),
    "nothing to replace": (
        {"base.model": {"name": "torchvision", "arch": "resnet18"}},
        {"norm": "group"},
        "dp_sgd: norm = group: model.name = torchvision has no key `norm`.*allowed: null.*cnn, resnet18, wrn, vgg",
    ),
    "noise of no size": ({}, {"clip": None}, "dp_sgd.*noise: 1.0 needs a clip.*allowed: noise: 0, or a clip"),
    "too much noise": ({}, {"noise": 1e6}, "dp_sgd.noise = 1000000.0: must be at most 1000"),
    "noise without end": ({}, {"noise": float("inf")}, "dp_sgd.noise = inf"),
    "next to no noise": ({}, {"noise": 1e-9}, "dp_sgd.*noise: 1e-09 is too little.*allowed: 0, or 1e-06 to 1000"),
    "nobody in a lot": ({}, {"lot": 0}, "dp_sgd.lot = 0: must be at least 1"),
    "clipped to nothing": ({}, {"clip": 0}, "dp_sgd.clip = 0: must be greater than 0"),
    "a member published": (
        {},
        {"delta": 0.005},
        "dp_sgd: delta = 0.005: one of 200.*allowed: less than 1 / members = 0",
    ),
    "no delta": ({}, {"delta": 0}, "dp_sgd.delta = 0"),
    "a delta beyond numbers": ({}, {"delta": 1e-13}, "dp_sgd.delta = 1e-13: must be at least 1e-12"),
    "mixed": (
        {"base.mechanisms": {"mixup": {"alpha": 1}, "dp_sgd": {"lot": 50}}},
        {},
        "'dp_sgd' bounds what each member has in a step, and 'mixup' mixes members; take one of them away",
    ),
    "taught": (
        {"base.mechanisms": {"dp_sgd": {"lot": 50}, "distillation": {"temperature": 3}}},
        {},
        "'dp_sgd' bounds .* and 'distillation' mixes members",
    ),
    "own that says nothing": (
        {"base.mechanisms": {"mine": own(), "dp_sgd": {"lot": 50}}},
        {},
        "and 'mine' mixes members; take one of them away .null., or say `per_sample: true` of 'mine'",
    ),
    "own with a teacher": (
        {"base.mechanisms": {"mine": own(per_sample=True, teacher=True), "dp_sgd": {"lot": 50}}},
        {},
        "and 'mine' mixes members",
    ),
    "another sampler": (
        {"base.mechanisms": {"mine": own(per_sample=True, claims=["sampling"]), "dp_sgd": {"lot": 50}}},
        {},
        "'mine' and 'dp_sgd' both claim the slot 'sampling'",
    ),
    "another step": (
        {"base.mechanisms": {"mine": own(per_sample=True, claims=["gradient"]), "dp_sgd": {"lot": 50}}},
        {},
        "'mine' and 'dp_sgd' both claim the slot 'gradient'",
    ),
}


@pytest.mark.parametrize(("changes", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals(changes, options, message):
    with pytest.raises(ConfigError, match=message):
        load(changes, **options)


@pytest.mark.parametrize(
    "options",
    [{"noise": 0}, {"noise": 1000}, {"noise": 1e-6}, {"lot": 200}, {"lot": 1}, {"delta": 0.0049}, {"delta": 1e-12}],
    ids=str,
)
def test_what_is_just_allowed(options):
    """And has an epsilon: 0 noise none, lots of everybody that of the Gaussian mechanism."""
    found = load(**options).mechanisms[0]
    epsilon, _ = epsilon_of(found.noise, found.lot / 200, 4, found.delta)
    assert np.isinf(epsilon) if not found.noise else 0 < epsilon < np.inf


def test_what_is_per_sample_goes_with_it():
    train = load(
        {"base.mechanisms": {"mine": own(per_sample=True), "label_smoothing": {"alpha": 0.1}, "dp_sgd": {"lot": 50}}}
    )
    assert [each.name for each in train.mechanisms] == ["mine", "label_smoothing", "dp_sgd"]


@pytest.mark.parametrize("model", ["cnn", "resnet18", "wrn", "vgg"])
def test_batch_norm_becomes_group_norm(model):
    """The recipe is then that of the net with group normalisation: its scores, its size, its name."""
    replaced = load({"base.model": {"name": model, "norm": "batch"}}, norm="group")
    written = load({"base.model": {"name": model, "norm": "group"}})
    assert replaced.model == written.model and replaced.model.norm == "group"
    assert options_hash(plain_options(replaced, hashed=True)) == options_hash(plain_options(written, hashed=True))
    assert replaced.mechanisms[0].label() == "dp1-l50-gn"


@pytest.mark.parametrize("model", [{"name": "mlp"}, {"name": "cnn", "norm": "none"}])
def test_nets_without_normalisation_stay(model):
    assert load({"base.model": model}, norm="group").model == load({"base.model": model}).model


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({"noise": 0.5, "lot": 256}, "dp.5"),
        ({"noise": 2.0, "clip": 0.1, "lot": 64}, "dp2-c.1-l64"),
        ({"noise": 0.0, "lot": 256}, "clip1"),
        ({"noise": 0.0, "clip": None, "lot": 256}, "lots"),
    ],
)
def test_labels(options, label):
    assert load({"pool.parts.scored": 520}, **options).mechanisms[0].label() == label


def test_delta_names_tables_and_no_training():
    one, other = load(), load(delta=1e-6)
    assert options_hash(plain_options(one, hashed=True)) == options_hash(plain_options(other, hashed=True))
    assert options_hash(plain_options(one, hashed=True)) != options_hash(plain_options(load(noise=2), hashed=True))
