"""The plan of a study of exported scores: nothing is trained, and what the file lacks is said before any job."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from designs import half_of_the_models
from exported_scores import ORDER, arrays, of_models, write
from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.data.exported import ASIDE, EPOCHS, FURTHER, IDS, REQUIRED, TOGETHER
from memdyn.data.imports import Import
from memdyn.identity.recipe import write_recipe
from memdyn.operations.cost import statement
from memdyn.operations.guard import refuse_missing_data, refuse_needless_training
from memdyn.operations.progress import Progress
from memdyn.operations.tally import Tally
from memdyn.plan.folds import NEEDS_PAIRS
from memdyn.plan.stage import PROBE, TRAIN
from memdyn.plan.study import build_plan

RULES = Path(__file__).parents[3] / "workflow" / "rules"
STUDY = {"study": "mine", "scores": {"path": "mine.npz"}, "attacks": [{"name": "loss"}, {"name": "lira"}]}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "mine.npz", of_models(arrays(sham=40), ORDER))


def plan(changes=None, **more):
    return build_plan(load_study({**STUDY, **(changes or {})}), **more)


def build(made, number=0):
    """All products of an import, empty, with the recipe of the pool."""
    pool, file = made.imports[number].pool, made.imports[number].run.scores.path
    for product in made.read_off(pool.path):
        path = Path(made.results, product)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    write_recipe(Path(made.results, pool.path, "recipe.yaml"), pool.params() | {"inputs": {"files": [file]}})


def test_a_study_of_scores_has_the_stages_of_any_other_from_the_outputs_on():
    made = plan()
    (run,) = made.runs
    assert made.study.config.shadow_models == 8 and run.epochs == [1, 2] and made.trained == []
    assert not {TRAIN, PROBE} & {stage.kind for stage in made.stages.values()}
    assert [*run.attacks] == ["loss", "lira"] and run.attacks["lira"].path.startswith(run.outputs.path)
    assert run.outputs.product("block-0000-0007").endswith("block-0000-0007/signals.parquet")
    assert run.pool.options["parts"]["sham"] == 40 and run.pool.options["order"] == [0, 4, 1, 5, 2, 6, 3, 7]
    (told,) = made.run_descriptions()
    assert told["recipe"] == {"epochs": 2} and told["architecture"] == told["device"] == ""
    assert next(statement(made, 1)) == "nothing is trained: mine.npz has scores of 8 models at 2 checkpoints"
    refuse_needless_training(made)
    Progress(made, 1, Tally(), print).run()  # ends at once: there is nothing to count


def test_content_is_in_the_names_and_neither_place_nor_name_of_the_file(tmp_path):
    before = plan()
    (tmp_path / "mine.npz").rename(tmp_path / "moved.npz")
    moved = plan({"scores": {"path": "moved.npz"}})
    assert set(moved.stages) == set(before.stages)
    assert set(plan({"scores": {"path": "moved.npz", "seed": 1}}).stages).isdisjoint(before.stages)
    write(tmp_path / "moved.npz", arrays(seed=1, sham=40))
    assert set(plan({"scores": {"path": "moved.npz"}}).stages).isdisjoint(before.stages)


def test_what_was_imported_stands_for_a_file_that_is_gone(tmp_path):
    given = arrays(sham=40)
    write(tmp_path / "mine.npz", given | {"gap": given["margin"], "el2n": given["margin"]})
    before = plan()
    build(before)
    (tmp_path / "mine.npz").unlink()
    after = plan()
    assert set(after.stages) == set(before.stages) and after.gone == {after.imports[0].pool.folder: "mine.npz"}
    assert after.imports[0].exported == before.imports[0].exported
    refuse_missing_data(after)
    Path(after.results, after.imports[0].outputs.product("block-0000-0007")).unlink()
    with pytest.raises(RuntimeError, match=r"no such file: mine\.npz\n.*signals\.parquet is gone: put the file back"):
        refuse_missing_data(after)


def test_a_file_that_never_was():
    with pytest.raises(ConfigError, match=r"scores\.path: no such file: other\.npz"):
        plan({"scores": {"path": "other.npz"}})


def test_a_job_takes_the_word_of_its_start(tmp_path):
    """It finds the folders that were planned, though the file has changed since: then the import itself refuses."""
    before = plan()
    write(tmp_path / "mine.npz", arrays(seed=1, sham=40))
    assert set(plan(is_job=True).stages) == set(before.stages)


def test_attacks_that_read_the_samples_are_refused_by_name(tmp_path):
    """A file of scores says nothing of its samples."""
    given = arrays()
    write(tmp_path / "mine.npz", given | {"population": given["margin"]})
    with pytest.raises(ConfigError, match="attacks: quantile_regression reads 'features', and mine.npz has no such"):
        plan({"attacks": [{"name": "loss"}, {"name": "quantile_regression"}], "dynamics": {"attacks": ["loss"]}})


def test_attacks_that_train_are_refused_by_name():
    message = "attacks: ye_distilled reads students that are trained for it, and here nothing is trained"
    with pytest.raises(ConfigError, match=message):
        plan({"attacks": [{"name": "loss"}, {"name": "ye_distilled"}], "dynamics": {"attacks": ["loss"]}})


def test_other_designs_are_refused_before_any_job(tmp_path):
    given = arrays()
    given["mask"] = given["mask"].copy()
    given["mask"][5, 3] ^= True
    write(tmp_path / "mine.npz", given)
    with pytest.raises(ConfigError, match=r"scores\.path: mine\.npz: mask: 2 of 8 models have no complement"):
        plan()


ATTACK = """from memdyn.attacks.base import Attack, Reads


class Mine(Attack):
    reads = ({reads},)

    def score_prepared(self, signals, folds):
        return signals["{name}"]
"""


def own(tmp_path, name):
    (tmp_path / "own.py").write_text(ATTACK.format(reads=f'Reads("{name}")', name=name))
    return {"attacks": [{"name": "lira"}, {"name": "custom", "target": "own.py:Mine"}]}


def test_attacks_that_read_what_the_file_lacks_are_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"rmia compares with population samples, and mine\.npz has none"):
        plan({"attacks": [{"name": "lira"}, {"name": "rmia"}]})
    with pytest.raises(ConfigError, match=r"Mine reads 'entropy', and mine\.npz has no such array; it has: margin"):
        plan(own(tmp_path, "entropy"))
    given = arrays(sham=40, population=30)
    given |= {"entropy": given["margin"], "population_entropy": given["population"]}
    write(tmp_path / "mine.npz", given)
    with pytest.raises(ConfigError, match="has sham samples without it; allowed: an array `sham_entropy` too"):
        plan(own(tmp_path, "entropy"))
    write(tmp_path / "mine.npz", given | {"sham_entropy": given["sham"]})
    assert [*plan(own(tmp_path, "entropy")).runs[0].attacks] == ["lira", "Mine"]
    assert [*plan({"attacks": [{"name": "lira"}, {"name": "rmia"}]}).runs[0].attacks] == ["lira", "rmia"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("regularization", {"baseline": "base"}),
        ("base", {"epochs": 3}),
        ("shadow_models", 8),
        ("pool", {"dataset": {"name": "fashion_mnist_10k"}}),
        ("level_distance", {"samples": 20}),
        ("difficulty", {"measures": ["grand"]}),
        ("probes", {"views": {"flip": False}}),
        ("on_divergence", "drop"),
        ("keep_checkpoints", "all"),
        ("scoring_batch", 10),
    ],
)
def test_keys_of_training_have_no_use_beside_scores(key, value):
    with pytest.raises(ConfigError, match=rf"scores: beside them these keys have no use, leave them out: {key} \("):
        plan({key: value})


def test_the_config_that_the_page_prints_has_no_recipe():
    stated = plan().study.config.stated()
    assert stated["scores"] == {"path": "mine.npz", "seed": 0, "folds": 16}
    assert not {"base", "pool", "shadow_models", "runs", "grid"} & stated.keys()


def write_folds(path, **more):
    return write(path, arrays(masks=half_of_the_models, n_models=16, **more))


def test_models_in_folds_have_attacks_and_no_dynamics(tmp_path):
    write_folds(tmp_path / "mine.npz")
    made = plan()
    (run,) = made.runs
    assert made.folds == list(range(16)) and made.study.config.shadow_models == 16
    assert [*run.attacks] == ["loss", "lira"] and run.dynamics is run.agreement is run.analysis is run.realised is None
    assert set(run.attacks["lira"].roots) == {"attack_in_folds.py"} and made.tables.roots == ("compare_folds.py",)
    assert set(made.folders()["scores"]) == {"pool", "train", "probes", "attacks"}
    assert "dynamics" in made.study.config.stated() and not {*NEEDS_PAIRS} & made.stated().keys()
    said = list(statement(made, 1))
    assert "attacks are made in 16 folds of models; left out, since no model has a partner: dynamics" in said[1]
    assert plan({"scores": {"path": "mine.npz", "folds": 4}}).folds == [k % 4 for k in range(16)]
    assert set(plan({"scores": {"path": "mine.npz", "folds": 4}}).stages).isdisjoint(made.stages)


def test_pairs_have_no_folds():
    made = plan()
    assert made.folds == [] and made.stated() == made.study.config.stated()
    assert "folds" not in "".join(statement(made, 1))


@pytest.mark.parametrize("key", NEEDS_PAIRS)
def test_what_needs_pairs_is_refused_of_folds(tmp_path, key):
    write_folds(tmp_path / "mine.npz")
    with pytest.raises(ConfigError, match=rf"{key}: it needs complementary pairs of models, and mine\.npz has none"):
        plan({key: {}})
    if key == "realised":
        plan({key: None})


def two(**more):
    runs = [{"name": name, "scores": {"path": f"{name}.npz"}} for name in ("sgd", "adam")]
    return load_study({**STUDY, "scores": {}, "runs": runs, **more})


def test_files_are_runs_on_one_pool(tmp_path):
    given = arrays(sham=40)
    write(tmp_path / "sgd.npz", given)
    write(tmp_path / "adam.npz", given | {"margin": given["margin"][1:] / 2, "sham": given["sham"][1:]})
    made = build_plan(two())
    assert [(run.name, run.epochs) for run in made.runs] == [("sgd", [1, 2]), ("adam", [1])]
    assert len({run.pool.folder for run in made.runs}) == 2 and len(made.imports) == 2
    assert {told["pool"] for told in made.run_descriptions()} == {made.runs[0].pool.folder}
    assert made.stated()["runs"] == [{"name": name, "scores": {"path": f"{name}.npz"}} for name in ("sgd", "adam")]
    alone = plan({"scores": {"path": "sgd.npz"}})
    assert {stage.path for stage in alone.runs[0].stages()} == {stage.path for stage in made.runs[0].stages()}
    assert [line[:27] for line in statement(made, 1)][:2] == [
        f"nothing is trained: {name}" for name in ("sgd.npz", "adam.np")
    ]
    build(made, 0)
    (tmp_path / "sgd.npz").unlink()
    again = build_plan(two())
    assert set(again.stages) == set(made.stages) and again.gone == {again.runs[0].pool.folder: "sgd.npz"}
    grid = {"grid": {"scores.path": {"sgd": "adam.npz", "best": "mine.npz"}}, "runs": []}
    write(tmp_path / "mine.npz", given)
    assert [run.name for run in build_plan(two(**grid)).runs] == ["sgd", "best"]


OTHER = {
    "mask": lambda given: given | {"mask": given["mask"][[2, 3, 0, 1, 4, 5, 6, 7]]},
    "labels": lambda given: given | {"labels": given["labels"] + 1},
    "sample_ids": lambda given: given | {"sample_ids": np.arange(120) + 1},
    "mask, labels, sample_ids": lambda given: arrays(n_samples=160),
}


@pytest.mark.parametrize("name", OTHER)
def test_files_of_other_samples_are_refused(tmp_path, name):
    write(tmp_path / "sgd.npz", arrays())
    write(tmp_path / "adam.npz", OTHER[name](arrays()))
    with pytest.raises(ConfigError, match=rf"runs: adam\.npz \(adam\) has other {name} than sgd\.npz \(sgd\); files"):
        build_plan(two())


def test_files_in_other_folds_are_refused(tmp_path):
    for name in ("sgd", "adam"):
        write_folds(tmp_path / f"{name}.npz")
    runs = [{"name": "sgd", "scores": {"path": "sgd.npz"}}]
    runs += [{"name": "adam", "scores": {"path": "adam.npz", "folds": 4}}]
    with pytest.raises(ConfigError, match=r"runs: adam\.npz \(adam\) has other folds than"):
        build_plan(two(runs=runs))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"runs": [{"name": "a", "scores": {"path": "a.npz"}, "epochs": 3}]}, r"epochs: nothing is trained"),
        ({"grid": {"optimizer.lr": [0.1, 0.2]}}, r"optimizer: nothing is trained"),
        ({"runs": [{"name": "a"}]}, r"scores\.path.* must be given"),
        ({"runs": []}, r"scores\.path.* must be given"),
        ({"runs": [{"name": name, "scores": {"path": "a.npz"}} for name in "ab"]}, "'b' and 'a' are of one file"),
        ({"runs": [{"name": "a", "scores": {"path": "a.npz", "file": 1}}]}, r"scores\.file"),
    ],
)
def test_runs_of_scores_are_files(changes, words):
    with pytest.raises(ConfigError, match=words):
        two(**changes)


def test_runs_that_are_trained_have_no_scores():
    study = {"study": "mine", "pool": {"dataset": {"name": "fashion_mnist_10k"}}}
    with pytest.raises(ConfigError, match="scores"):
        load_study(study | {"runs": [{"name": "a", "scores": {"path": "a.npz"}}]})


ROOT = Path(__file__).parents[3]


def test_the_example_of_the_readme_as_it_is_printed(tmp_path):
    text = (ROOT / "README.md").read_text()
    examples = dict(re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL))
    (tmp_path / "mine.npz").unlink()
    exec(examples["export.py"], {})
    made = build_plan(load_study(yaml.safe_load(examples["mine.yaml"])))
    assert made.imports[0].exported.parts["scored"] == 400 and made.study.config.shadow_models == 16
    imported = Import("mine.npz", made.imports[0].exported, 0, made.imports[0].pool.options_hash)
    assert imported.failed == {} and sorted(imported.exported.order) == list(range(16))
    effect = [margins[0] - margins[1] for _, signals in imported.epochs(range(2)) for margins in signals.values()]
    member = imported.masks(range(2))[0]
    found = [one[member].mean() - one[~member].mean() for one in effect]
    assert found == pytest.approx([2, 4], abs=0.6)  # twice d', which is 1 and 2


def test_the_docs_name_all_arrays():
    table = (ROOT / "docs" / "scores.md").read_text().split("## The design")[0]
    named = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert named - {"population_NAME", "sham_NAME"} == {*REQUIRED, EPOCHS, IDS, TOGETHER, *ASIDE, *FURTHER}


@pytest.mark.parametrize("name", ["attacks", "distance", "study"])
def test_rules_that_follow_either_front_name_no_rule_of_one(name):
    """What is not included cannot be named, so that a study of scores would not even start."""
    text = (RULES / f"{name}.smk").read_text()
    named, own = set(re.findall(r"\brules\.(\w+)", text)), set(re.findall(r"^rule (\w+):", text, re.M))
    assert named <= own
