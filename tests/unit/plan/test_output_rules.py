"""Runs that differ in output rules alone share their training, and what is read off the weights."""

from pathlib import Path

import pytest

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.operations.cost import statement
from memdyn.operations.counted import count
from memdyn.operations.nets import Nets
from studies import plan, study

OWN = Path(__file__).resolve().parents[2] / "helpers" / "own_mechanisms.py"
RULES = {
    "rounding": {"digits": 1},
    "top_k": {"k": 1},
    "temperature": {"temperature": 2.0},
    "output_noise": {"sigma": 0.5},
    "hamp_output": {},
    "planted": {"target": f"{OWN}:ClassMean", "trains": False},
}


def run(name, **mechanisms):
    return {"name": name, "model": {"name": "logistic"}, "mechanisms": mechanisms}


def plan_of(tmp_path, *runs, **changes):
    return plan({"runs": list(runs), "results": str(tmp_path), **changes})


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_in_the_probes_name_and_not_in_the_trainings(tmp_path, name):
    made = plan_of(tmp_path, run("plain"), run("ruled", **{name: RULES[name]}))
    plain, ruled = made.runs
    assert ruled.train.path == plain.train.path and ruled.train.digest == plain.train.digest
    assert ruled.train.options["mechanisms"] == [] and ruled.outputs.path != plain.outputs.path
    label = ruled.run.train.mechanisms[0].label()
    assert ruled.outputs.folder.startswith(f"outputs-{label}-") and plain.outputs.folder.startswith("outputs-")
    assert [each["name"] for each in ruled.outputs.options["answers"]["mechanisms"]] == [name]
    assert plain.outputs.options.get("answers") is None and len(set(plain.attacks) & set(ruled.attacks)) == 4
    assert not {stage.path for stage in plain.attacks.values()} & {stage.path for stage in ruled.attacks.values()}
    assert made.readers(plain.train, "block-0000-0007") == [plain.outputs, ruled.outputs]
    assert made.stage(ruled.outputs.path) is ruled.outputs


def test_options_order_and_code_of_rules_are_in_the_name(tmp_path):
    one, two = {"rounding": {"digits": 1}, "top_k": {"k": 1}}, {"top_k": {"k": 1}, "rounding": {"digits": 1}}
    runs = [run("a", **one), run("b", **two), run("c", rounding={"digits": 2}), run("d", rounding={"digits": 1})]
    made = plan_of(tmp_path, *runs)
    assert len({each.outputs.path for each in made.runs}) == 4 and len({each.train.path for each in made.runs}) == 1
    entries = made.runs[2].outputs.entries
    assert "memdyn.mechanisms.rounding:Rounding" in entries and "memdyn.mechanisms.top_k:TopK" not in entries
    own = plan_of(tmp_path, run("own", planted=RULES["planted"])).runs[0]
    assert str(OWN) in own.outputs.roots and str(OWN) not in own.train.roots


def test_what_is_read_off_the_weights_is_shared_too(tmp_path):
    changes = {"difficulty": {"measures": ["grand", "prediction_depth"]}, "probes.views.flip": True}
    made = plan_of(tmp_path, run("plain"), run("ruled", top_k={"k": 1}), **changes)
    plain, ruled = made.runs
    taken = [(work.jobs, work.units) for work in Nets(made).probes() if work.name == "grand"]
    assert taken == [(1, 8)]
    for name in ("grand", "prediction_depth"):
        assert plain.probes[name].path == ruled.probes[name].path
    assert plain.analysis.path != ruled.analysis.path


@pytest.mark.parametrize("queries", [False, True])
def test_a_probe_of_the_users_own_may_query(tmp_path, queries):
    probe = {"target": f"{OWN.with_name('own_optim.py')}:net", "harder": "larger", "queries": queries}
    (tmp_path / "probe.py").write_text("def seen(network, samples, members, batch):\n    return network(samples)\n")
    probe["target"] = f"{tmp_path / 'probe.py'}:seen"
    changes = {"probes": {"own": {"seen": probe}}, "difficulty": {"measures": ["seen"]}}
    plain, ruled = plan_of(tmp_path, run("plain"), run("ruled", top_k={"k": 1}), **changes).runs
    assert (plain.probes["seen"].path == ruled.probes["seen"].path) is not queries


def test_a_mechanism_that_trains_and_answers_has_a_training_of_its_own(tmp_path):
    penalty = {"target": f"{OWN}:LogitPenalty", "options": {"weight": 0.1}}
    plain, trained, both = plan_of(
        tmp_path, run("plain"), run("trained", mine=penalty), run("both", mine=penalty, top_k={"k": 1})
    ).runs
    assert trained.train.path != plain.train.path and both.train.path == trained.train.path
    assert [each["name"] for each in both.train.options["mechanisms"]] == ["mine"]
    # only a job can know whether the user's own overrides `output`
    assert [each["name"] for each in trained.outputs.options["answers"]["mechanisms"]] == ["mine"]
    assert [each["name"] for each in both.outputs.options["answers"]["mechanisms"]] == ["mine", "top_k"]


def test_a_run_with_rules_is_its_students_teacher(tmp_path):
    distil = {"distil": {"target": f"{OWN}:Distillation", "teacher": True}}
    made = plan_of(tmp_path, run("ruled", top_k={"k": 1}), run("student", **distil))
    assert made.teachers == [] and list(made.runs[1].train.needs.values()) == [made.runs[0].train]


def test_shared_training_is_counted_once(tmp_path):
    made = plan_of(tmp_path, run("plain"), run("ruled", top_k={"k": 1}), run("other", temperature={"temperature": 9}))
    alone = plan_of(tmp_path, run("plain"))
    assert [each.shares for each in made.runs] == [False, True, True]
    lines, one = list(statement(made, 1)), list(statement(alone, 1))
    assert "8 of 8 models are to be trained, 24 to be scored" in lines[0]
    assert lines[1] == "ruled, other: trained as another run, whose models are scored anew behind output rules"
    assert [count(made, each).jobs for each in made.runs] == [1, 0, 0]
    first, shared = count(made, made.runs[0]), count(made, made.runs[1])
    assert (first.to_train, shared.to_train, shared.wanted) == (8, 0, 8)
    assert first.to_come == 8 and [work.units for work in Nets(made).training()] == [8]
    assert [(work.name, work.units) for work in Nets(made).probes()] == [("outputs", 8)] * 3
    assert "models are to be trained, 8 to be scored" in one[0]
    assert lines[-2].split(" and ")[0] == one[-2].split(" and ")[0]  # of checkpoints on disk at most


def test_runs_are_told_with_their_rules(tmp_path):
    made = plan_of(tmp_path, run("plain"), run("ruled", top_k={"k": 1}))
    plain, ruled = made.run_descriptions()
    assert plain["folder"] == ruled["folder"] and plain["recipe"]["mechanisms"] == []
    assert ruled["recipe"]["mechanisms"] == [{"k": 1, "name": "top_k"}]


def test_what_does_not_train_learns_from_nobody():
    raw = study({"runs": [], "base.mechanisms": {"mine": RULES["planted"] | {"teacher": True}}})
    with pytest.raises(ConfigError, match=r"base.mechanisms.mine: trains = false: what has no part in training"):
        load_study(raw)
