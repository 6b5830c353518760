"""Names of folders: what enters their hash, and that no release changes the hash of an old recipe.

`python tests/unit/identity/test_names.py` adds the hashes of recipes that were newly put into frozen_hashes.json; those
that are there are never written again.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from memdyn.config.base import Float, Neutral, Strict
from memdyn.config.load import load_study
from memdyn.identity.names import folder_name, options_hash, plain_options
from memdyn.plan.study import build_plan

FROZEN_FILE = Path(__file__).with_name("frozen_hashes.json")
FROZEN = json.loads(FROZEN_FILE.read_text())


class Inner(Strict):
    name: str = "inner"
    added: Annotated[int, Neutral(0)] = Field(default=0, ge=0)


class Outer(Strict):
    lr: Float = 0.1
    flag: Annotated[bool, Neutral(False)] = Field(default=True, description="the default moved away from neutral")
    inner: Inner = Inner()
    others: list[Inner] = Field(default=[])


class Older(Strict):
    """Outer, before `flag` and `added` came."""

    lr: Float = 0.1
    inner: dict[str, Any] = Field(default={"name": "inner"})
    others: list[dict[str, Any]] = Field(default=[])


def hash_of(section: Any) -> str:
    return options_hash(plain_options(section, hashed=True))


def test_a_neutral_key_leaves_the_hash_of_the_time_before_it():
    assert hash_of(Outer(flag=False)) == hash_of(Older())
    assert hash_of(Outer(flag=False, others=[Inner(name="b")])) == hash_of(Older(others=[{"name": "b"}]))


@pytest.mark.parametrize("changed", [Outer(), Outer(flag=False, inner=Inner(added=1)), Outer(flag=False, lr=0.2)])
def test_another_value_of_a_neutral_key_is_in_the_hash(changed):
    assert hash_of(changed) != hash_of(Outer(flag=False))


def test_jobs_get_neutral_keys_too():
    assert plain_options(Outer(flag=False))["flag"] is False
    assert plain_options(Outer())["inner"] == {"added": 0, "name": "inner"}


def test_the_order_of_keys_does_not_matter_and_that_of_lists_does():
    assert options_hash({"a": 1, "b": {"c": 2, "d": 3}}) == options_hash({"b": {"d": 3, "c": 2}, "a": 1})
    assert options_hash([1, 2]) != options_hash([2, 1])
    assert hash_of({"b": 1, "a": Inner()}) == hash_of({"a": Inner(), "b": 1})


def test_types_matter():
    values = [1, 1.0, "1", True, None, [1], {"1": 1}]
    assert len({options_hash(value) for value in values}) == len(values)


def test_a_number_is_the_same_however_it_is_written():
    assert len({hash_of(Outer(lr=lr)) for lr in (1, 1.0, "1", "1e0")}) == 1


def test_which_key_has_a_value_matters():
    assert options_hash({"lr": 0.1, "weight_decay": 0.2}) != options_hash({"lr": 0.2, "weight_decay": 0.1})


def test_what_json_cannot_say_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        options_hash({"lr": float("nan")})


def test_folder_names_are_readable_and_safe():
    name = folder_name("WRN-28-10 / sgd_e4.5", "a" * 64, "b" * 64)
    slug, _, short = name.rpartition("-")
    assert slug == "wrn-28-10-sgd-e4.5" and len(short) == 10 and set(short) <= set("0123456789abcdef")
    assert len(folder_name("x" * 300, "", "")) < 64
    assert not set(folder_name("a/../b c", "", "")) & set("/ ")


def test_options_and_code_are_in_the_name():
    names = {folder_name("a", options, code) for options in ("1", "2") for code in ("1", "2")}
    assert len(names) == 4


# -- the frozen table -----------------------------------------------------------------------------------------------


def hashes(raw: dict[str, Any]) -> dict[str, str]:
    """Of the study's last run: the options of each stage, as far as they are free of the code."""
    plan = build_plan(load_study({"study": "frozen", "results": "/nowhere", **raw}))
    run, config = plan.runs[-1], plan.study.config
    stages = {"pool": run.pool, "train": run.train, "outputs": run.outputs}
    # one that reads another probe has its path among its options, and so the code of that
    stages |= {f"attack {label}": stage for label, stage in run.attacks.items() if not stage.needs}
    return {name: stage.options_hash for name, stage in stages.items()} | {
        "analysis": hash_of(config.analysis),
        "claims": hash_of(config.claims),
        "dynamics": hash_of(config.dynamics),
        "report": hash_of(config.report),
    }


@pytest.mark.parametrize("entry", FROZEN, ids=[entry["recipe"] for entry in FROZEN])
def test_finished_work_keeps_its_name(entry):
    """A change here renames finished work of users. A new key needs `Neutral` with what older releases did."""
    assert hashes(entry["study"]) == entry["hashes"]


def test_the_frozen_table_spans_the_config():
    studies = [load_study({"study": "frozen", **entry["study"]}) for entry in FROZEN]
    trains = [run.train for study in studies for run in study.runs]
    assert {train.model.name for train in trains} >= {"logistic", "mlp", "cnn", "resnet18", "wrn", "vgg", "torchvision"}
    assert {train.optimizer.name for train in trains} >= {"sgd", "sam", "adam", "adamw", "rmsprop", "muon"}
    assert {train.schedule.name for train in trains} >= {"constant", "step", "cosine", "one_cycle"}
    assert {attack.name for study in studies for attack in study.config.attacks} >= {"loss", "lira", "rmia"}
    assert len({run.pool.dataset.name for study in studies for run in study.runs}) >= 4


if __name__ == "__main__":
    table = [entry | {"hashes": hashes(entry["study"]) | entry.get("hashes", {})} for entry in FROZEN]
    FROZEN_FILE.write_text(json.dumps(table, indent=1) + "\n")
