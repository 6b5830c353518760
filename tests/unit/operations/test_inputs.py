"""What is finished names of its inputs those that are there; what is asked for reaches its own."""

from types import SimpleNamespace

import pytest
from snakemake.io import is_flagged

from memdyn.operations.inputs import Asked, Inputs


class Wildcards(dict):
    __getattr__ = dict.__getitem__


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("pool", "mask-1", "made-a", "more-a"):
        (tmp_path / name).touch()
    return tmp_path


A, B = Wildcards(of="a"), Wildcards(of="b")
ALL = ["pool", "mask-1", "mask-2"]


def start(**asked):
    return Inputs(lambda: Asked(**{name: frozenset(rules) for name, rules in asked.items()}))


def of(inputs, again=lambda wildcards: False, rule="run_attack"):
    return inputs.of(rule, ["made-{of}", "more-{of}"], again)


def test_what_is_finished_names_what_is_there(folder):
    inputs = start()
    assert of(inputs)(ALL)(A) == ["pool", "mask-1"] and inputs.left_out == {"made-a": "mask-2"}
    assert of(inputs)("mask-1")(A) == "mask-1" and of(inputs)("mask-2")(A) == []
    assert of(inputs)(lambda wildcards: {"masks": ALL, "of": [wildcards.of]})(A) == {"masks": ALL[:2], "of": []}


def test_what_is_not_finished_names_all(folder):
    inputs = start()
    (folder / "made-b").touch()  # and not more-b
    assert of(inputs)(ALL)(B) == ALL and of(inputs)("mask-{of}")(B) == "mask-b" and inputs.left_out == {}
    assert of(inputs, again=lambda wildcards: wildcards.of == "a")(ALL)(A) == ALL


def test_a_job_names_all(folder):
    assert of(Inputs(None))(ALL)(A) == ALL


def test_all_inputs_are_ancient(folder):
    for wildcards in (A, B):
        found = [*of(start())(ALL)(wildcards), of(start())("pool")(wildcards)]
        assert all(is_flagged(each, "ancient") for each in found)


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        ({}, ""),
        ({"forced": ["run_attack"]}, "attack tables figures page"),
        ({"forced": ["build_pool"]}, "pool masks train probe attack analysis tables figures page"),
        ({"forced": ["probe_block"]}, "train probe attack analysis tables figures page"),
        ({"forced": ["draw_figures"]}, "figures page"),
        ({"until": ["probe_block"]}, "attack analysis tables figures page"),
        ({"until": ["run_attack"]}, "tables figures page"),
        ({"omitted": ["draw_figures"]}, "figures page"),
        ({"until": ["results/studies/a/report.html"]}, "pool masks train probe attack analysis tables figures page"),
        ({"forced": ["all"]}, ""),
    ],
)
def test_what_is_asked_for_is_reached(asked, reached):
    rules = {
        "pool": "build_pool",
        "masks": "draw_membership",
        "train": "train_block",
        "probe": "probe_block",
        "attack": "run_attack",
        "analysis": "analyse_dynamics",
        "tables": "compare_runs",
        "figures": "draw_figures",
        "page": "write_report",
    }
    given = Asked(**{name: frozenset(of) for name, of in asked.items()})
    assert [name for name, rule in rules.items() if given.reaches(rule)] == reached.split()


def test_what_is_asked_for_is_read_off_snakemakes_settings():
    of = {"forcetargets": True, "targets": {"compare_runs"}, "until": set(), "omit_from": set(), "forceall": False}
    assert Asked.of(SimpleNamespace(forcerun=["run_attack"], **of)).forced == {"run_attack", "compare_runs"}
    assert Asked.of(SimpleNamespace(forcerun=[], **of | {"forceall": True})).reaches("build_pool")


def test_what_is_finished_is_not_made_again_without_what_is_lost(folder):
    inputs = start()
    of(inputs)(ALL)(A)
    job = SimpleNamespace(output=["made-a", "more-a"], rule=SimpleNamespace(name="run_attack"))
    with pytest.raises(RuntimeError, match=r"made-a is finished, .* without mask-2, .*-R run_attack"):
        inputs.refuse_remaking([SimpleNamespace(output=["other"]), job])
    inputs.refuse_remaking([SimpleNamespace(output=["other"])])


def test_every_rule_with_inputs_has_a_place_in_the_order_of_the_work():
    from memdyn.operations.inputs import _AFTER, _BEFORE

    places = {name: Asked(until=frozenset([name])).reaches("run_attack") for name in (*_BEFORE, *_AFTER)}
    assert [name for name, is_before in places.items() if is_before] == list(_BEFORE)
