"""Time of models before and after some are finished."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest

import own_mechanisms
from memdyn.config.datasets import TorchvisionDataset
from memdyn.config.load import load_study
from memdyn.config.mechanisms.custom import CustomMechanism
from memdyn.data import REGISTRY
from memdyn.data.pool import build_pool, write_pool
from memdyn.data.raw import raw_data
from memdyn.models.size import size_of
from memdyn.operations.effort import SPEEDS, Effort, efforts, probing_cost, scoring_cost, seconds_a_model
from memdyn.plan.study import build_plan
from memdyn.registry import resolve
from memdyn.terms import SCORED_PARTS
from studies import study

OWN = {"name": "custom", "target": "own.py:Net"}


def found(changes=None):
    return efforts(build_plan(load_study(study(changes))))


def test_a_guess_is_the_nets_arithmetic():
    mlp, logistic = found()
    options = {"name": "mlp", "hidden": [32], "activation": "relu"}
    size = size_of(options, (1, 8, 8), 10)
    speed = SPEEDS["cpu"]
    step = 4 * ceil(200 / 64) * speed.step
    assert mlp.guess == pytest.approx(4 * 3 * 200 * size.flops / speed.flops + step)
    assert (mlp.passes, mlp.checkpoint) == (800, size.bytes)
    assert step < logistic.guess < mlp.guess


@pytest.mark.parametrize(
    ("changes", "factor"),
    [({"base.epochs": 8}, 2), ({"base.optimizer": {"name": "sam"}}, 2), ({"base.optimizer": {"name": "adam"}}, 1)],
)
def test_what_takes_twice_as_long(changes, factor):
    before, after = found()[0], found(changes)[0]
    assert after.guess == pytest.approx(factor * before.guess)
    assert after.passes == factor * before.passes


def test_muon_orthogonalises_at_every_step():
    more = found({"base.optimizer": {"name": "muon"}})[0].guess - found()[0].guess
    fewer = found({"base.optimizer": {"name": "muon"}, "base.batch_size": 128})[0].guess
    fewer -= found({"base.batch_size": 128})[0].guess
    assert more == pytest.approx(2 * fewer) and more > 0


def test_threads_share_the_arithmetic_of_a_processor_and_a_gpu_has_none():
    one, two = found()[0].guess, found({"threads": 2})[0].guess
    assert one / 2 < two < one
    assert found({"device": "cuda"})[0].guess == found({"device": "cuda", "threads": 2})[0].guess


def test_a_net_of_the_users_own_has_no_guess(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("class Net: pass\n")
    own, logistic = found({"base.model": OWN})
    assert (own.guess, own.checkpoint) == (None, None) and logistic.guess


def test_samples_of_the_users_own_are_known_from_the_pool(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (1000, 3, 5, 7), dtype=np.uint8)
    np.savez("data.npz", images=images, labels=np.arange(1000) % 4)
    plan = build_plan(load_study(study({"pool.dataset": {"name": "arrays", "path": "data.npz", "images": "images"}})))
    assert efforts(plan)[1].checkpoint == 4 * (3 * 5 * 7 + 1) * 4, "by headers and labels"
    pool = tmp_path / "results" / plan.runs[0].pool.path / "pool.arrow"
    pool.parent.mkdir(parents=True)
    parts = {"scored": 400, "sham": 100, "population": 200, "test": 200, "spare": 0}
    write_pool(build_pool(raw_data(images, np.arange(1000) % 4, source="test"), parts, 0, 0.0), str(pool))
    _, logistic = efforts(plan)
    assert logistic.checkpoint == 4 * (3 * 5 * 7 + 1) * 4
    pool.write_bytes(b"damaged")
    assert efforts(plan)[1].guess is None


@pytest.mark.parametrize("dataset", [{"name": "digits"}, {"name": "fashion_mnist_10k"}])
def test_published_shapes_are_those_of_the_data(dataset):
    config = load_study(study({"pool.dataset": dataset})).runs[0].pool.dataset
    raw = resolve(REGISTRY, config.name)(config.model_dump(), config.source_files(""))
    assert config.published_shape == (raw.images.shape[1:], len(raw.class_names))


def test_published_shapes_of_downloads():
    shapes = {name: TorchvisionDataset(name=name).published_shape for name in TorchvisionDataset.SIZES}
    grey, colour = ((1, 28, 28), 10), ((3, 32, 32), 10)
    assert shapes == dict.fromkeys(("mnist", "fashion_mnist", "kmnist"), grey) | {
        "cifar10": colour,
        "cifar100": ((3, 32, 32), 100),
        "svhn": colour,
    }


RUN = Effort("net", passes=100, guess=10.0, checkpoint=1)
OTHER = replace(RUN, net="other", guess=40.0)
UNKNOWN = replace(RUN, net="own", guess=None, checkpoint=None)


@pytest.mark.parametrize(
    ("runs", "measured", "expected"),
    [
        ([RUN, OTHER], [0, 0], [10, 40]),
        ([RUN, OTHER], [5, 0], [5, 20]),  # twice as fast as guessed
        ([RUN, OTHER], [5, 70], [5, 70]),
        ([RUN, OTHER, replace(RUN, guess=30.0)], [5, 120, 0], [5, 120, 15]),  # the same net tells more
        ([UNKNOWN, RUN], [0, 5], [None, 5]),
        ([UNKNOWN, replace(UNKNOWN, passes=300)], [7, 0], [7, 21]),
        ([UNKNOWN, RUN], [7, 0], [7, 10]),  # of which nothing follows for the other
    ],
)
def test_measured_times_scale_the_others(runs, measured, expected):
    assert seconds_a_model(runs, measured) == pytest.approx(expected)


def test_mechanisms_lengthen_a_step(monkeypatch):
    own = {"target": f"{own_mechanisms.__file__}:Noise"}
    mechanisms = {"base.mechanisms": {"a": own, "b": own | {"options": {"scale": 0.2}}}}
    plain, unknown = found()[0], found(mechanisms)[0]
    assert (unknown.guess, unknown.passes) == (plain.guess, plain.passes), "a user's own counts as nothing"
    monkeypatch.setattr(CustomMechanism, "cost", lambda mechanism: {"a": 2.0, "b": 1.5}[mechanism.name])
    longer = found(mechanisms)[0]
    assert longer.guess == pytest.approx(3 * plain.guess) and longer.passes == 3 * plain.passes
    run = build_plan(load_study(study(mechanisms))).runs[0]
    assert scoring_cost(run) == pytest.approx(scoring_cost(build_plan(load_study(study())).runs[0]) / 3)


def test_passes_of_searches():
    """23 forward and back, or as many forward as there are queries, of at most so many samples: there are 400."""
    attacks = [{"name": "loss"}, {"name": "adversarial_distance"}, {"name": "boundary_distance"}]
    probes = {"adversarial_distance": {"samples": 100}, "boundary_distance": {"query_budget": 300, "epochs": "all"}}
    changes = {"attacks": attacks, "dynamics.attacks": ["loss"], "probes": probes}
    run = build_plan(load_study(study(changes))).runs[0]
    parts = run.pool.options["parts"]
    one = scoring_cost(run) / len(run.train.options["checkpoints"]) / sum(parts[part] for part in SCORED_PARTS)
    assert parts["scored"] == 400 and len(run.epochs) == 4
    assert probing_cost(run, "adversarial_distance") == pytest.approx(3 * 23 * 100 * one)
    assert probing_cost(run, "boundary_distance") == pytest.approx(300 * 400 * 4 * one)


@pytest.mark.parametrize(
    ("views", "forwards"), [({}, 2), ({"flip": False}, 1), ({"shift": 2, "epochs": [4]}, 10 / 4), ({"rotation": 5}, 6)]
)
def test_passes_of_a_probe(views, forwards, tmp_path):
    (tmp_path / "a.py").write_text(
        'class A(Attack):\n    reads = (Reads("logits"), Reads("margin", views=True), Reads("mine"))\n'
    )
    (tmp_path / "m.py").write_text("def mine(network, samples, members, batch):\n    pass\n")
    attack = {"name": "custom", "target": f"{tmp_path}/a.py:A"}
    probes = {"views": views, "own": {"mine": {"target": f"{tmp_path}/m.py:mine"}}}
    run = build_plan(load_study(study({"attacks": [attack], "dynamics.attacks": ["A"], "probes": probes}))).runs[0]
    assert probing_cost(run, "logits") == pytest.approx(scoring_cost(run)) and scoring_cost(run) > 0
    assert probing_cost(run, "views") == pytest.approx(forwards * scoring_cost(run))
    assert probing_cost(run, "mine") is None
