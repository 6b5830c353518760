"""Nets that cannot be trained on a study's samples and batches, refused before any job; and only those."""

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from memdyn.config.datasets import ArraysDataset, DatasetConfig
from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.config.models import ModelConfig
from memdyn.data.check import sample_shape
from memdyn.data.pool import build_pool, write_pool
from memdyn.data.raw import raw_data
from memdyn.models.batches import has_single, misfit
from memdyn.models.build import build_model
from memdyn.models.size import size_of
from memdyn.plan.study import build_plan
from studies import study

PARTS = {"scored": 130, "sham": 20, "population": 50, "test": 50, "spare": 0}  # 65 members
RESNET = {"name": "resnet18", "width": 8}


def plan(changes=None, **keywords):
    return build_plan(load_study(study({"pool.parts": dict(PARTS), "runs": []} | (changes or {}))), **keywords)


def refused(changes):
    with pytest.raises(ConfigError) as error:
        plan(changes)
    return error.value.problems


# which nets: as torch itself says

NETS = [
    *(
        {"name": "cnn", "layers": layers, "strided": strided, "width": 4, "norm": norm}
        for layers in (2, 4, 8)
        for strided in (True, False)
        for norm in ("none", "batch", "group")
    ),
    *({"name": "vgg", "width": 2, "hidden": [8], "norm": norm} for norm in ("none", "batch", "group")),
    *({"name": "resnet18", "width": width, "norm": norm} for width in (1, 2, 4) for norm in ("batch", "group")),
    *({"name": "wrn", "depth": 10, "width": 1, "norm": norm} for norm in ("batch", "group")),
    {"name": "mlp", "hidden": [4]},
]
SHAPES = [(1, 4, 4), (1, 5, 3), (1, 8, 8), (3, 9, 8), (1, 16, 16), (3, 17, 4), (1, 28, 28)]


def takes_one(network, shape):
    """Whether a pass of one sample in training works."""
    try:
        network.train()(torch.zeros(1, *shape))
    except ValueError as error:
        assert "more than 1 value" in str(error)
        return False
    return True


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("net", NETS, ids=lambda net: "-".join(map(str, net.values())))
def test_the_values_that_normalisation_has_are_those_of_the_built_net(net, shape):
    options = TypeAdapter(ModelConfig).validate_python(net).model_dump()
    values = size_of(options, shape, 3).values
    found = []

    def note(module, given):
        n_groups = module.num_groups if isinstance(module, nn.GroupNorm) else module.num_features
        found.append(given[0][0].numel() // n_groups)

    try:
        network = build_model(options, shape, 3)
    except ValueError:  # group normalisation does not take a sample in eval mode either
        assert values == 1 and net["norm"] == "group"
        return
    assert takes_one(network, shape) == (values != 1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            module.register_forward_pre_hook(note)
    network(torch.zeros(2, *shape))
    assert values == min(found, default=None)


# which batches


@pytest.mark.parametrize("members", range(2, 40))
def test_single_samples_are_those_of_a_split(members):
    for size in range(1, members + 1):
        batches = torch.arange(members).split(size)
        assert has_single(members, size) == (1 in map(len, batches))
        if not has_single(members, size):
            continue
        said = misfit(members, size, "WHY")
        assert f"batch_size = {size}: of {members} members" in said and "1 sample, WHY" in said
        good = [other for other in range(2, members + 1) if not has_single(members, other)]
        near = [max((o for o in good if o < size), default=0), min(o for o in good if o > size)]
        assert said.endswith(f"the nearest are {' and '.join(str(other) for other in near if other)}")


# before any job


@pytest.mark.parametrize(
    ("model", "side"),
    [
        (RESNET, "8 x 8"),
        ({"name": "vgg", "width": 4}, "8 x 8"),
        ({"name": "cnn", "layers": 8, "norm": "batch"}, "8 x 8"),
        ({"name": "cnn", "layers": 8, "strided": False, "norm": "batch"}, "8 x 8"),
    ],
)
def test_a_last_batch_of_one_sample(model, side):
    (problem,) = refused({"base.model": model, "base.batch_size": 64})
    assert "run 'base': batch_size = 64: of 65 members (half of pool.parts.scored)" in problem
    assert "the last of 2 batches has 1 sample, but batch normalisation (model.norm) at the 1 x 1 pixels" in problem
    assert f"that {model['name']} makes of images of {side} needs 2" in problem and "nearest are 63 and 65" in problem


@pytest.mark.parametrize(
    "changes",
    [
        {"base.model": {"name": "cnn", "layers": 4, "norm": "batch"}},
        {"base.model": {"name": "wrn", "depth": 10}},
        {"base.model": RESNET | {"norm": "group"}},
        {"base.model": {"name": "mlp"}},
        {"base.model": RESNET, "base.batch_size": 63},
        {"base.model": RESNET, "base.batch_size": 65},
        {"base.model": RESNET, "pool.parts.scored": 132},
    ],
)
def test_what_can_be_trained_is_planned(changes):
    plan({"base.batch_size": 64} | changes)


def test_batches_of_one_sample():
    assert "each batch has 1 sample" in refused({"base.model": RESNET, "base.batch_size": 1})[0]


def test_groups_of_one_value():
    (problem,) = refused({"base.model": {"name": "resnet18", "width": 2, "norm": "group"}, "base.batch_size": 65})
    assert "model.norm = group" in problem and "images of 8 x 8" in problem


SELENA = {"selena": {"sub_models": 3, "left_out": 1}}


@pytest.mark.parametrize(
    ("mechanisms", "sizes", "said"),
    [
        (SELENA, {"base.batch_size": 50}, "teacher of mechanisms.selena: model.norm = batch: it takes any number"),
        (SELENA, {"base.batch_size": 65}, None),
        (SELENA, {"base.batch_size": 50, "base.model": {"name": "wrn", "depth": 10}}, None),
        (
            {"label_dp": {"epsilon": 1.0, "method": "two_stage"}},
            {"base.batch_size": 50},
            "it takes any number of members",
        ),
        (
            {"distillation": {"temperature": 2.0, "teacher": {"batch_size": 64}}},
            {"base.batch_size": 65},
            "run 'base', teacher of mechanisms.distillation: batch_size = 64: of 65 members",
        ),
        ({"distillation": {"temperature": 2.0, "teacher": {"model": {"name": "mlp"}}}}, {"base.batch_size": 65}, None),
    ],
)
def test_those_that_a_run_learns_from(mechanisms, sizes, said):
    changes = {"base.model": RESNET, "base.mechanisms": mechanisms} | sizes
    if said:
        (problem,) = refused(changes)
        assert said in problem
    else:
        plan(changes)


def test_every_run_is_named():
    changes = {"base.model": RESNET, "grid": {"batch_size": [16, 32, 65], "model.width": [8, 16]}}
    problems = refused(changes)
    names = [f"batch_size={size},width={width}" for size in (16, 32) for width in (8, 16)]
    assert [problem.partition(":")[0] for problem in problems] == [f"run {name!r}" for name in names]


def test_a_job_is_not_asked_again():
    plan({"base.model": RESNET, "base.batch_size": 64}, is_job=True)


# where the shape comes from

FOLDER = {"name": "image_folder", "path": "images", "size": 8, "channels": 1}


@pytest.mark.parametrize(
    ("dataset", "shape"),
    [
        ({"name": "digits"}, (1, 8, 8)),
        ({"name": "fashion_mnist_10k"}, (1, 28, 28)),
        ({"name": "cifar100"}, (3, 32, 32)),
        (FOLDER, (1, 8, 8)),
        ({"name": "arrays", "path": "x.parquet", "images": "x", "shape": [3, 4, 5]}, (3, 4, 5)),
        ({"name": "arrays", "path": "x.npz", "images": "x"}, None),
        ({"name": "custom", "target": "own.py:load"}, None),
    ],
)
def test_shapes_that_the_config_tells(dataset, shape):
    assert TypeAdapter(DatasetConfig).validate_python(dataset).sample_shape == shape


@pytest.mark.parametrize("stored", [(300, 8, 8), (300, 8, 8, 3), (300, 3, 8, 8)])
def test_shapes_that_a_header_tells(tmp_path, monkeypatch, stored):
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, stored, dtype=np.uint8)
    np.savez("data.npz", images=images, labels=np.arange(300) % 3)
    dataset = {"name": "arrays", "path": "data.npz", "images": "images"}
    options = ArraysDataset(**dataset).model_dump()
    assert sample_shape(options, ["data.npz"]) == ((3 if 3 in stored else 1), 8, 8)
    (problem,) = refused({"pool.dataset": dataset, "base.model": RESNET, "base.batch_size": 64})
    assert "images of 8 x 8" in problem
    plan({"pool.dataset": dataset, "base.model": RESNET, "base.batch_size": 63})


def test_a_table_has_no_shape_of_images(tmp_path):
    pd.DataFrame({"x": [0.5, 1.5], "labels": [0, 1]}).to_parquet(tmp_path / "data.parquet")
    options = ArraysDataset(name="arrays", path=str(tmp_path / "data.parquet"), features="*").model_dump()
    assert sample_shape(options, [options["path"]]) is None


def test_the_shape_of_code_of_the_users_is_known_when_the_pool_is_built(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("def load(files):\n    pass\n")
    changes = {
        "pool.dataset": {"name": "custom", "target": "own.py:load"},
        "base.model": RESNET,
        "base.batch_size": 64,
    }
    found = plan(changes)
    pool = tmp_path / "results" / found.runs[0].pool.path / "pool.arrow"
    pool.parent.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (300, 1, 6, 6), dtype=np.uint8)
    write_pool(build_pool(raw_data(images, np.arange(300) % 3, source="test"), PARTS, 0, 0.0), str(pool))
    assert "images of 6 x 6" in refused(changes)[0]
    pool.write_bytes(b"damaged")
    plan(changes)  # who reads the pool says what is wrong with it
