"""Each job that would run has a reason: the key of the config, the file of code, or what is not there yet."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from finished_studies import finish
from fresh_code import forget_code
from memdyn.config.load import load_study
from memdyn.identity import digest
from memdyn.operations.why import reasons
from memdyn.plan.stage import PROBE
from memdyn.plan.study import build_plan
from studies import study

BASE = study()["base"]
RUNS = [{"name": "sgd"}, {"name": "adam", "optimizer": {"name": "adam"}}]
SHOWN = {"tables": 1, "figures": 1, "report": 1}
OF_A_RUN = {"probe": 1, "attack": 1, "dynamics": 1, "agreement": 1, "analysis": 1, "realised": 1}


def plan_of(folder: Path, **more):
    return build_plan(load_study(study({"results": str(folder), "runs": RUNS, "attacks": [{"name": "lira"}]} | more)))


def times(number: int, counts: dict[str, int]) -> Counter[str]:
    return Counter({kind: number * count for kind, count in counts.items()})


@pytest.fixture
def finished(tmp_path):
    finish(plan_of(tmp_path))
    return tmp_path


def test_all_is_new_at_first_and_nothing_when_it_is_there(tmp_path):
    plan = plan_of(tmp_path)
    (first,) = reasons(plan)
    assert first.because == ("there is no pool like it yet",)
    assert first.follow == times(2, {"train": 1} | OF_A_RUN) + Counter(SHOWN)
    assert [jobs for jobs, _ in first.stages.values()] == [2]  # with the masks
    finish(plan)
    assert reasons(plan) == []


@pytest.mark.parametrize(
    "edit, because, stages, follow",
    [
        ({"base": BASE | {"batch_size": 16}}, "batch_size: 64 -> 16", 2, times(2, OF_A_RUN) + Counter(SHOWN)),
        ({"analysis": {"top": 0.2}}, "analysis.top: 0.1 -> 0.2", 2, Counter(SHOWN)),
        ({"report": {"title": "Leaks"}}, 'report.title: null -> "Leaks"', 1, Counter({"report": 1})),
    ],
)
def test_a_key_is_named_with_its_old_and_new_value(finished, edit, because, stages, follow):
    (found,) = reasons(plan_of(finished, **edit))
    assert found.because == (because,) and len(found.stages) == stages and found.follow == follow


def test_more_models_are_the_blocks_that_are_not_there(finished):
    models = study()["shadow_models"] + 16
    (found,) = reasons(plan_of(finished, shadow_models=models))
    assert found.because[0].startswith("not there yet: 2 blocks, ")
    assert [jobs for jobs, _ in found.stages.values()] == [2, 2]
    assert found.follow == times(2, OF_A_RUN | {"probe": 2}) + Counter(SHOWN)


def test_an_attack_of_another_name_is_compared_with_none(finished):
    found = reasons(plan_of(finished, attacks=[{"name": "lira"}, {"name": "rmia"}]))
    assert ("there is no attack like it yet",) in [each.because for each in found]
    of_rmia = [each for each in found if any("/rmia-" in str(folder) for folder in each.stages)]
    assert len(of_rmia) == 1 and not any(older for _, older in of_rmia[0].stages.values())


def test_weights_that_are_gone_are_trained_for_a_new_probe(finished):
    more = {"difficulty": {"measures": ["grand"]}}
    first = reasons(plan_of(finished, **more))[0]
    assert first.because == ("its weights are gone, to be read for grand",)
    assert first.follow[PROBE.name] == 2 and len(first.stages) == 2


def test_the_file_of_code_is_named(finished, monkeypatch):
    copy = finished / "scripts"
    shutil.copytree(digest.SCRIPTS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digest, "SCRIPTS", copy)
    monkeypatch.setattr(digest, "PACKAGE_ROOT", copy / "memdyn")
    with (copy / "memdyn/attacks/lira.py").open("a") as file:
        file.write("\nCHANGED = 1\n")
    forget_code()
    try:
        (found,) = reasons(plan_of(finished))
    finally:
        forget_code()
    assert found.because == ("of code: changed: memdyn/attacks/lira.py",)
    assert {older.rpartition("-m")[0] for _, older in found.stages.values()} >= {"lira", "dynamics", "agreement"}


def test_lines_are_few(finished):
    text = [line for reason in reasons(plan_of(finished, statistics={"level": 0.9})) for line in reason.lines()]
    assert any("level: 0.95 -> 0.9" in line for line in text)
    assert len(text) < 20 and any(line.startswith("    and ") for line in text)
