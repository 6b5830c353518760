import pytest
from pydantic import TypeAdapter, ValidationError

from memdyn.config.datasets import DatasetConfig
from memdyn.config.pool import PoolConfig
from memdyn.data import REGISTRY
from memdyn.registry import resolve
from memdyn.terms import PARTS

EXAMPLES = {
    "fashion_mnist_10k": {},
    "digits": {},
    "cinic10": {},
    "image_folder": {"path": "photos", "size": 32},
    "arrays": {"path": "table.parquet", "features": "*"},
    "custom": {"target": "mine.py:load"},
} | {name: {} for name in ("mnist", "fashion_mnist", "kmnist", "cifar10", "cifar100", "svhn")}


def config_names():
    schema = TypeAdapter(DatasetConfig).json_schema()
    return set(schema["discriminator"]["mapping"])


def test_config_names_and_registry_are_equal():
    assert config_names() == set(REGISTRY) == set(EXAMPLES)


@pytest.mark.parametrize("name", REGISTRY)
def test_every_entry_resolves_and_every_example_is_valid(name):
    assert callable(resolve(REGISTRY, name))
    dataset = TypeAdapter(DatasetConfig).validate_python({"name": name, **EXAMPLES[name]})
    assert dataset.name == name and all(isinstance(file, str) for file in dataset.source_files("data"))


def test_defaults():
    pool = PoolConfig()
    assert pool.dataset.name == "fashion_mnist_10k"
    assert pool.parts.model_dump() == {"scored": 4000, "population": 2000, "test": 2000, "sham": 1000, "spare": 1000}
    assert pool.parts.total == pool.dataset.samples == 10_000
    assert set(pool.parts.model_dump()) == set(PARTS)


def test_only_data_sets_of_torchvision_can_be_downloaded():
    names = {
        name
        for name in EXAMPLES
        if TypeAdapter(DatasetConfig).validate_python({"name": name, **EXAMPLES[name]}).downloadable
    }
    assert names == {"mnist", "fashion_mnist", "kmnist", "cifar10", "cifar100", "svhn"}


SMALL = {"scored": 100, "population": 0, "test": 0, "sham": 20, "spare": 0}

BAD = {
    "unknown data set": ({"dataset": {"name": "imagenet"}}, "imagenet.*expected tags.*'fashion_mnist_10k'"),
    "no name": ({"dataset": {"path": "x"}}, "name"),
    "unknown key": ({"dataset": {"name": "digits", "split": "test"}}, "split.*\n.*Extra inputs"),
    "unknown split": ({"dataset": {"name": "mnist", "split": "valid"}}, "split.*\n.*'train', 'test' or 'all'.*'valid'"),
    "odd scored": ({"parts": {"scored": 4001}}, "scored.*\n.*multiple of 2.*4001"),
    "odd sham": ({"parts": {"sham": 3}}, "sham.*\n.*multiple of 2"),
    "few scored": ({"parts": {"scored": 10}}, "scored.*\n.*greater than or equal to 20"),
    "negative part": ({"parts": {"test": -1}}, "test.*\n.*greater than or equal to 0"),
    "part with a fraction": ({"parts": {"test": 10.5}}, "test.*\n.*integer"),
    "unknown part": ({"parts": {"train": 10}}, "train.*\n.*Extra inputs"),
    "negative seed": ({"seed": -1}, "seed.*\n.*greater than or equal to 0"),
    "pool larger than the embedded set": (
        {"parts": {"scored": 4002}},
        "parts: 10002 samples.*fashion_mnist_10k has 10000",
    ),
    "pool larger than digits": ({"dataset": {"name": "digits"}}, "parts: 10000 samples.*digits has 1797"),
    "pool larger than a split": (
        {"dataset": {"name": "mnist", "split": "test"}, "parts": {"scored": 5000}},
        "parts: 11000 samples.*mnist has 10000",
    ),
    "folder without size": ({"dataset": {"name": "image_folder", "path": "x"}}, "size.*\n.*Field required"),
    "two channels": (
        {"dataset": {"name": "image_folder", "path": "x", "size": 32, "channels": 2}},
        "channels.*\n.*1 or 3",
    ),
    "wrong suffix": ({"dataset": {"name": "arrays", "path": "x.csv", "features": "*"}}, "path.*\n.*npz|parquet"),
    "neither images nor features": ({"dataset": {"name": "arrays", "path": "x.npz"}}, "exactly one of `images`"),
    "both": ({"dataset": {"name": "arrays", "path": "x.npz", "images": "a", "features": "b"}}, "exactly one"),
    "no features": ({"dataset": {"name": "arrays", "path": "x.parquet", "features": []}}, "`features` is empty"),
    "columns of an npz": ({"dataset": {"name": "arrays", "path": "x.npz", "features": ["a", "b"]}}, "one key"),
    "shape of a table": (
        {"dataset": {"name": "arrays", "path": "x.npz", "features": "a", "shape": [1, 2, 3]}},
        "`shape` belongs to `images`",
    ),
    "shape of two": (
        {"dataset": {"name": "arrays", "path": "x.npz", "images": "a", "shape": [2, 3]}},
        "shape.*\n.*3 items",
    ),
    "empty shape": ({"dataset": {"name": "arrays", "path": "x.npz", "images": "a", "shape": [1, 0, 3]}}, "at least 1"),
    "column twice": (
        {"dataset": {"name": "arrays", "path": "x.parquet", "features": ["a", "b", "a", "c", "c"], "labels": "y"}},
        "features: 'a', 'c' named twice",
    ),
    "labels as a feature": (
        {"dataset": {"name": "arrays", "path": "x.parquet", "features": ["a", "labels"]}},
        "labels: 'labels' is among the features too",
    ),
    "labels as the features": (
        {"dataset": {"name": "arrays", "path": "x.npz", "features": "y", "labels": "y"}},
        "labels: 'y' is among the features too",
    ),
    "labels as the images": (
        {"dataset": {"name": "arrays", "path": "x.npz", "images": "y", "labels": "y"}},
        "labels: 'y' is among the images too",
    ),
    "background beyond white": (
        {"dataset": {"name": "image_folder", "path": "x", "size": 8, "background": 256}},
        "background.*\\n.*less than or equal to 255",
    ),
    "target without function": ({"dataset": {"name": "custom", "target": "mine.py"}}, "target.*\n.*pattern"),
    "target without file": ({"dataset": {"name": "custom", "target": "mine:load"}}, "target.*\n.*pattern"),
}


@pytest.mark.parametrize("config, message", BAD.values(), ids=BAD.keys())
def test_bad_pool_is_refused(config, message):
    with pytest.raises(ValidationError, match=message):
        PoolConfig.model_validate(config)


def test_small_pool_of_a_small_data_set():
    assert PoolConfig.model_validate({"dataset": {"name": "digits"}, "parts": SMALL}).parts.total == 120
