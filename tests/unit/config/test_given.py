"""Values from the command line mean what they would mean in a file."""

import pytest
import yaml
from snakemake.cli import parse_config
from snakemake.utils import update_config

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from studies import study


def given(*arguments, changes=None):
    """The study as Snakemake hands it over, and what it makes of the arguments."""
    raw = study(changes)
    update_config(raw, parse_config(arguments))
    return load_study(raw, arguments)


def in_a_file(*arguments, changes=None):
    raw = study(changes)
    for argument in arguments:
        key, _, text = argument.partition("=")
        update_config(raw, {key: yaml.safe_load(text)})
    return load_study(raw)


SAME = {
    "a whole number": ['base={"epochs": 5}'],
    "a float": ['base={"optimizer": {"name": "sgd", "momentum": 0.25}}'],
    "an exponent": ['base={"optimizer": {"name": "sgd", "lr": 1.0e-2}}'],
    "an exponent without a point": ['base={"optimizer": {"name": "sgd", "lr": 1e-2}}'],
    "a truth value": ['base={"augment": {"flip": true}}', "allow_retrain=true"],
    "null": ['difficulty={"grand_epoch": null}', 'report={"title": null}'],
    "lists": ['base={"checkpoints": [0, 4], "model": {"hidden": [16, 8]}}'],
    "lists of lists": ['grid={"model.hidden": [[16], [8, 8]]}', 'runs=[{"name": "a"}]'],
    "a union of numbers and words": ['dynamics={"thresholds": ["lr1", 0.25]}'],
    "sections in a list": ['attacks=[{"name": "lira"}, {"name": "rmia", "gamma": 1.5}]'],
    "runs": ['runs=[{"name": "a", "epochs": 5}, {"name": "b", "pool": {"parts": {"test": 100}, "seed": 3}}]'],
    "a grid, whose values are in names": ['grid={"optimizer.lr": [0.10, 0.2], "augment.flip": [true, false]}'],
    "values below the top of a data set": ['pool={"label_noise": 0.1, "seed": 7}'],
    "single values": ["shadow_models=16", "device=cuda", "threads=2"],
    "a later argument wins": ['base={"epochs": 6}', 'base={"epochs": 5, "batch_size": 10}'],
    "a later argument of another shape wins": ['runs=[{"name": "a", "epochs": 5}]', "runs=[]"],
    "options of a user's own": [
        'runs=[{"name": "a", "model": {"name": "custom", "target": "n.py:N", "options": {"n": 3, "z": [1, {"a": ~}]}}}]'
    ],
}  # fmt: skip


@pytest.mark.parametrize("arguments", SAME.values(), ids=SAME.keys())
def test_a_value_means_what_it_means_in_a_file(arguments):
    changes = {"runs": []}
    found, wanted = (of(*arguments, changes=changes) for of in (given, in_a_file))
    assert found == wanted and repr(found) == repr(wanted)


def test_quotes_are_lost_on_the_way():
    """To Snakemake both are the text 5."""
    assert given("base={'epochs': '5'}") == given("base={'epochs': 5}")


def test_text_stays_text_where_a_key_asks_for_it():
    assert given('report={"title": "2024"}').config.report.title == "2024"
    assert given("study=007").config.study == "007"
    assert given("results=2024").config.results == "2024"
    table = {"pool.dataset": {"name": "arrays", "path": "a.parquet", "features": "*"}}
    found = given('pool={"dataset": {"features": ["0", "1"], "labels": "2"}}', changes=table).config.pool.dataset
    assert (found.features, found.labels) == (["0", "1"], "2")


@pytest.mark.parametrize(
    ("argument", "words"),
    {
        'base={"epochs": two}': 'base.epochs = "two": must be a whole number',
        'base={"epochs": 2.5}': "base.epochs = 2.5: must be a whole number",
        'base={"epochs": -1}': "base.epochs = -1: must be at least 1",
        'base={"augment": {"flip": maybe}}': 'base.augment.flip = "maybe": must be true or false',
        'base={"optimizer": {"lr": .inf}}': "base.optimizer.lr = inf: must be a finite number",
        'base={"epoch": 2}': "base.epoch = 2: unknown key; did you mean 'epochs'",
        'runs=[{"name": "a", "epochs": many}]': 'runs.0.epochs = "many": must be a whole number',
        "shadow_models=many": 'shadow_models = "many": must be a whole number',
    }.items(),
)
def test_what_is_wrong_is_told_as_in_a_file(argument, words):
    with pytest.raises(ConfigError) as caught:
        given(argument)
    assert words in str(caught.value)


def test_a_quoted_number_in_a_file_stays_an_error():
    """Also where another key came by the command line."""
    with pytest.raises(ConfigError, match=r'base.batch_size = "8": must be a whole number'):
        given('base={"epochs": 5}', changes={"base.batch_size": "8"})
