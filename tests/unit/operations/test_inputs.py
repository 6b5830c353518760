"""What is finished names of its inputs those that are there; what is forced is reached."""

from types import SimpleNamespace

import pytest
from snakemake.io import is_flagged

from memdyn.operations.inputs import Forced, Inputs


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


def start():
    return Inputs(Forced)


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
    ("forced", "reached"),
    [
        ([], ""),
        (["run_attack"], "attack tables figures page"),
        (["build_pool"], "pool masks train probe attack analysis tables figures page"),
        (["probe_block"], "train probe attack analysis tables figures page"),
        (["draw_figures", "compare_runs"], "tables figures page"),
        (["results/studies/a/report.html"], "pool masks train probe attack analysis tables figures page"),
        (["all"], ""),
    ],
)
def test_what_is_forced_is_reached(forced, reached):
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
    assert [name for name, rule in rules.items() if Forced(frozenset(forced)).reaches(rule)] == reached.split()


def test_what_is_forced_is_read_off_snakemakes_settings():
    given = {"forcerun": ["run_attack"], "targets": {"compare_runs"}, "forcetargets": False, "forceall": False}
    assert Forced.of(SimpleNamespace(**given)).names == {"run_attack"}
    assert Forced.of(SimpleNamespace(**given | {"forcetargets": True})).names == {"run_attack", "compare_runs"}
    assert Forced.of(SimpleNamespace(**given | {"forceall": True})).reaches("build_pool")


def test_what_is_finished_names_all_where_it_is_forced(folder):
    forced = Inputs(lambda: Forced(frozenset({"compute_dynamics", "compare_runs"})))
    assert of(forced, rule="compare_runs")(ALL)(A) == ALL
    assert of(forced, rule="run_attack")(ALL)(A) == ALL[:2]


def test_what_is_finished_is_not_made_again_without_what_is_lost(folder):
    inputs = start()
    of(inputs)(ALL)(A)
    job = SimpleNamespace(output=["made-a", "more-a"], rule=SimpleNamespace(name="run_attack"))
    with pytest.raises(RuntimeError, match=r"made-a is finished, .* without mask-2, .*-R run_attack"):
        inputs.refuse_remaking([SimpleNamespace(output=["other"]), job])
    inputs.refuse_remaking([SimpleNamespace(output=["other"])])
