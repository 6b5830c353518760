"""The plan: names of folders, what shares them and what does not, and what jobs get."""

import subprocess
import sys
from pathlib import Path

import pytest

from memdyn.attacks.evaluate import null_seed
from memdyn.config.load import load_study
from memdyn.design.blocks import block_names, mask_names, models_of
from memdyn.identity.recipe import RECIPE, write_recipe
from memdyn.operations.cost import statement
from memdyn.plan.study import build_plan
from studies import plan, study


@pytest.fixture(autouse=True)
def _nothing_is_there(monkeypatch, tmp_path_factory):
    """What lies in the results decides which training a study reads."""
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))


SCRIPTS = Path(__file__).resolve().parents[3] / "workflow" / "scripts"
HELPERS = Path(__file__).resolve().parents[2] / "helpers"


def folders(changes=None):
    """(pool, training, scoring) of each run by name, and the attacks, dynamics and study's folders."""
    made = plan(changes)
    runs = {run.name: (run.pool.path, run.train.path, run.outputs.path) for run in made.runs}
    attacks = {run.name: [run.attacks[label].path for label in run.attacks] for run in made.runs}
    return runs, attacks, {run.name: run.dynamics.path for run in made.runs}, made.version_names()


def test_blocks_and_masks():
    assert block_names(8) == ["block-0000-0007"]
    assert block_names(20) == ["block-0000-0007", "block-0008-0015", "block-0016-0019"]
    assert block_names(24)[:2] == block_names(16)
    assert models_of("block-0008-0015") == range(8, 16)
    assert block_names(1032)[-2:] == ["block-1016-1023", "block-1024-1031"]
    large = block_names(10_000)
    assert large[127:130] == ["block-1016-1023", "block-1024-1055", "block-1056-1087"]
    assert large[-1] == "block-9984-9999" and large[:200] == block_names(1024 + 32 * 72)
    assert [model for name in large for model in models_of(name)] == list(range(10_000))
    assert mask_names(range(8)) == mask_names(range(120, 128)) == ["models-00000-00127"]
    assert mask_names(range(100, 300)) == ["models-00000-00127", "models-00128-00255", "models-00256-00383"]


def test_a_path_is_its_own_lineage():
    made = plan()
    run = made.runs[0]
    assert run.train.path == f"{run.pool.path}/{run.train.folder}"
    assert run.attacks["lira"].path == f"{run.outputs.path}/{run.attacks['lira'].folder}"
    assert run.dynamics.path.startswith(f"{run.outputs.path}/dynamics-m008-")
    assert run.pool.path.startswith("digits-") and run.train.folder.startswith("mlp-sgd-e4-")
    assert run.attacks["lira-offline"].folder.startswith("lira-offline-m008-")
    for path in (run.pool.path, run.train.path, run.outputs.path, run.attacks["rmia"].path, run.dynamics.path):
        assert made.stage(path).folder == path.rpartition("/")[2]


def test_the_seed_of_the_null_follows_from_the_path_of_the_attack():
    """Runs differ in it, all that leaves the run's path as it is leaves it, and what changes it changes the path."""

    def seeds(changes=None):
        runs = plan(changes).runs
        keys = [(run.pool.options["seed"], run.pool.options_hash, run.train.options_hash) for run in runs]
        return {run.train.path: null_seed(*key) for run, key in zip(runs, keys, strict=True)}

    before = seeds()
    assert len(set(before.values())) == 2
    for same in ({"study": "b"}, {"shadow_models": 16}, {"attacks": [{"name": "lira"}]}, {"threads": 2}):
        assert seeds(same) == before
    for other in ({"base.epochs": 5, "base.checkpoints": "all"}, {"pool.seed": 1}, {"pool.parts.sham": 60}):
        assert not before.keys() & seeds(other).keys() and not set(before.values()) & set(seeds(other).values())


def test_runs_share_their_pool():
    made = plan()
    assert made.runs[0].pool is made.runs[1].pool
    assert made.runs[0].train.folder != made.runs[1].train.folder


def test_data_as_a_factor():
    made = plan({"runs.1.pool": {"seed": 1}})
    assert made.runs[0].pool.path != made.runs[1].pool.path
    assert made.runs[0].pool.path == plan().runs[0].pool.path


@pytest.mark.parametrize(
    "changes",
    [{"threads": 3}, {"device": "cuda"}, {"scoring_batch": 7}, {"keep_checkpoints": "all"}, {"allow_retrain": True},
     {"on_divergence": "drop"}, {"results": "elsewhere"}, {"data_dir": "elsewhere"}, {"base.epochs": 4}, {"attacks": [
         {"name": "loss"}, {"name": "lira"}, {"name": "lira", "mode": "offline"}, {"name": "rmia"}]}],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_what_is_in_no_name(changes):
    assert folders(changes) == folders()


def test_a_name_is_seen_from_the_tables_on():
    before, after = folders(), folders({"runs.1.name": "other"})
    for old, new in zip(before[:3], after[:3], strict=True):
        assert old["logistic"] == new["other"]
    assert before[3]["tables"] != after[3]["tables"] and before[3]["report"] != after[3]["report"]
    renamed = folders({"study": "other"})
    assert renamed[:3] == before[:3] and renamed[3]["tables"] == before[3]["tables"]
    assert renamed[3]["report"] != before[3]["report"]


def test_the_number_of_models_is_in_the_names_from_the_attacks_on():
    before, after = folders(), folders({"shadow_models": 16})
    assert before[0] == after[0]
    assert all(not set(paths) & set(after[1][run]) for run, paths in before[1].items())
    assert before[2]["mlp"] != after[2]["mlp"] and before[3]["tables"] != after[3]["tables"]


def test_a_run_added_leaves_the_others():
    more = [*study()["runs"], {"name": "adam", "optimizer": {"name": "adam"}}]
    before, after = folders(), folders({"runs": more})
    assert before[0].items() < after[0].items() and before[1].items() < after[1].items()


def test_an_attack_added_leaves_the_others():
    first = {"attacks": [{"name": "lira"}]}
    before, after = folders(first), folders({"attacks": [{"name": "lira"}, {"name": "loss"}]})
    assert before[0] == after[0] and before[2] == after[2]
    assert set(before[1]["mlp"]) < set(after[1]["mlp"])
    assert before[3]["tables"] != after[3]["tables"]


def test_the_report_alone():
    before, after = folders(), folders({"report.title": "A title"})
    assert before[:3] == after[:3] and before[3]["tables"] == after[3]["tables"]
    assert before[3]["figures"] != after[3]["figures"] and before[3]["report"] != after[3]["report"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"base.optimizer": {"name": "sgd", "lr": 0.1}}, {"base.optimizer": {"name": "sgd", "lr": 0.2}}),
        (
            {"base.optimizer": {"name": "sgd", "lr": 0.001, "weight_decay": 0.05}},
            {"base.optimizer": {"name": "sgd", "lr": 0.05, "weight_decay": 0.001}},
        ),
        ({"base.checkpoints": [0, 4]}, {"base.checkpoints": [0, 2, 4]}),
        ({"base.precision": "float32"}, {"base.precision": "bfloat16"}),
        ({"base.batch_size": 32}, {"base.batch_size": 64}),
        ({"base.augment.flip": True}, {}),
    ],
)
def test_what_changes_weights_is_in_the_trainings_name(one, other):
    first, second = plan(one).runs[0], plan(other).runs[0]
    assert first.pool.path == second.pool.path and first.train.folder != second.train.folder


def test_all_checkpoints_and_the_list_of_all_are_the_same():
    assert folders({"base.checkpoints": "all"}) == folders({"base.checkpoints": [0, 1, 2, 3, 4]})


def test_a_job_gets_plain_sorted_values():
    params = plan().runs[0].train.params()
    assert list(params) == sorted(params)
    assert params["options"]["checkpoints"] == [0, 1, 2, 4] and params["options"]["optimizer"]["name"] == "sgd"
    assert params["folder"].startswith("mlp-") and params["entries"] == [
        "memdyn.models.mlp:mlp",
        "memdyn.optim.sgd:sgd",
        "memdyn.optim.schedules.constant:constant",
    ]


def test_a_path_of_other_code_or_config_is_refused():
    with pytest.raises(LookupError, match=r"not part of the study as code and config now stand.*run snakemake again"):
        plan().stage("digits-0123456789/mlp-0123456789")


def test_the_data_are_known_by_content(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, *lines):
        folder = Path(name)
        for label in ("a", "b"):
            (folder / label).mkdir(parents=True, exist_ok=True)
            (folder / label / "1.png").write_text("".join(lines) + label)

    def pool(path):
        changes = {"pool.dataset": {"name": "image_folder", "path": path, "size": 8}}
        monkeypatch.setattr("memdyn.plan.pools.problem", lambda *_: None)
        return plan(changes).runs[0].pool.path

    write("one", "x")
    write("same", "x")
    write("other", "y")
    assert pool("one") == pool("same") != pool("other")
    before = pool("one")
    write("one", "z")
    assert pool("one") != before


def test_a_users_model_is_known_by_its_code(tmp_path, monkeypatch):
    """In processes of their own: within one, code is read once."""
    monkeypatch.chdir(tmp_path)
    own = Path("own.py")
    changes = {"base.model": {"name": "custom", "target": "own.py:Net"}}
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from studies import plan\n"
        f"run = plan({changes!r}).runs[0]\n"
        "print(run.pool.path, run.train.folder)\n"
    )

    def names():
        command = [sys.executable, "-c", code, str(SCRIPTS), str(HELPERS)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    own.write_text("class Net:\n    size = 1\n")
    before = names()
    own.write_text("# better\nclass Net:\n    size = 1\n")
    assert names() == before
    own.write_text("class Net:\n    size = 2\n")
    assert names()[0] == before[0] and names()[1] != before[1]


def test_planning_is_free_of_torch():
    """The Snakefile imports these on the login node and in every job."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import memdyn.plan.study, memdyn.operations.guard, memdyn.operations.cost, memdyn.operations.adopt\n"
        "assert not {'torch', 'torchvision', 'sklearn', 'matplotlib', 'scipy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(SCRIPTS)], check=True)


# -- probes ---------------------------------------------------------------------------------------------------------

BLOCK = "block-0000-0007"
BOTH = {"difficulty.measures": ["prediction_depth", "grand"]}


def test_without_measures_the_outputs_are_all_that_is_read():
    made = plan()
    run = made.runs[0]
    assert list(run.probes) == ["outputs"]
    assert made.readers(run.train, BLOCK) == [run.outputs]
    assert set(run.analysis.options) == {
        "analysis", "attacks", "dynamics", "early_share", "epochs", "models", "statistics", "thresholds"
    }  # fmt: skip
    assert folders({"difficulty.neighbours": 7}) == folders()


def test_measures_rename_the_analysis_only():
    before, after = plan(), plan(BOTH)
    for old, new in zip(before.runs, after.runs, strict=True):
        assert new.outputs.path == old.outputs.path and new.dynamics.path == old.dynamics.path
        assert [new.attacks[label].path for label in new.attacks] == [old.attacks[label].path for label in old.attacks]
        assert new.analysis.path != old.analysis.path and new.analysis.digest == old.analysis.digest
        assert list(new.probes) == ["outputs", "grand", "prediction_depth"]
        for name, slug in (("grand", "grand"), ("prediction_depth", "prediction-depth")):
            assert new.probes[name].path.startswith(f"{new.train.path}/{slug}-")
            assert after.stage(new.probes[name].path) is new.probes[name]
            assert after.folders()[new.name]["probes"][name] == new.probes[name].path
        assert len(after.readers(new.train, BLOCK)) == 3


def test_one_more_probe_leaves_the_others_as_they_are():
    one, both = plan({"difficulty.measures": ["grand"]}).runs[0], plan(BOTH).runs[0]
    assert one.probes["grand"].path == both.probes["grand"].path
    assert one.probes["grand"].entries == ("memdyn.probes.grand:grand", "memdyn.models.mlp:mlp")


def test_probes_are_resolved_for_each_run():
    def taken(made):
        options = [[run.probes[name].options for name in names] for run in made.runs]
        return [[(one["epochs"], one["probe"].get("neighbours")) for one in of_run] for of_run in options]

    names = ("grand", "prediction_depth")
    made = plan(BOTH | {"analysis.early_epoch": 0.5, "runs.1.epochs": 3, "runs.1.checkpoints": [0, 3]})
    assert taken(made) == [[([2], None), ([4], 30)], [([3], None), ([3], 30)]]
    given = plan(BOTH | {"difficulty.grand_epoch": 0, "difficulty.depth_epoch": 2, "difficulty.neighbours": 5})
    assert taken(given)[0] == [([0], None), ([2], 5)]


def test_the_name_of_a_probe_is_of_what_it_is_made_with():
    def name(changes, probe="prediction_depth"):
        return plan(BOTH | changes).runs[0].probes[probe].path

    assert name({"difficulty.measures": ["grand", "prediction_depth"]}) == name({})
    assert name({"shadow_models": 16, "analysis.bins": 4}) == name({})
    assert name({"difficulty.neighbours": 7}) != name({})
    assert name({"difficulty.neighbours": 7}, "grand") == name({}, "grand")


# -- fewer checkpoints, and more ------------------------------------------------------------------------------------


def begin(made, run=0):
    """The folders of a run's training as a job leaves them."""
    for stage in (made.runs[run].pool, made.runs[run].train):
        write_recipe(Path(made.results, stage.path, RECIPE), stage.params() | {"inputs": {}})


@pytest.fixture
def four(tmp_path):
    """A study of checkpoints 0, 1, 2, 4 whose training is there."""
    made = plan({"results": str(tmp_path)})
    begin(made)
    return made


def test_fewer_checkpoints_read_the_training_of_more(four):
    fewer = plan({"results": four.results, "base.checkpoints": [0, 4]})
    run, before = fewer.runs[0], four.runs[0]
    assert run.epochs == [0, 4] and run.train.path == before.train.path and run.outputs.path == before.outputs.path
    assert run.dynamics.path != before.dynamics.path and run.dynamics.options["epochs"] == [0, 4]
    assert fewer.runs[1].train.options["checkpoints"] == [0, 4], "nothing is there of this run"
    assert run.training.lacking == ()


def test_the_null_of_a_run_is_the_same_whatever_it_is_read_from(four):
    changes = {"base.checkpoints": [0, 4]}
    shared, alone = plan(changes | {"results": four.results}).runs[0], plan(changes).runs[0]
    assert shared.train.path != alone.train.path
    for label, attack in shared.attacks.items():
        assert attack.options == alone.attacks[label].options


def test_its_own_training_comes_first_and_of_several_the_smallest(four):
    begin(plan({"results": four.results, "base.checkpoints": "all"}))
    wanted = {"results": four.results, "base.checkpoints": [0, 4]}
    assert plan(wanted).runs[0].train.path == four.runs[0].train.path
    alone = plan({"base.checkpoints": [0, 4]}).runs[0]
    write_recipe(Path(four.results, alone.train.path, RECIPE), alone.train.params() | {"inputs": {}})
    assert plan(wanted).runs[0].train.path == alone.train.path


def test_more_checkpoints_are_trained_again_and_it_is_told(four):
    more = plan({"results": four.results, "base.checkpoints": [0, 1, 2, 3, 4]})
    assert more.runs[0].train.path != four.runs[0].train.path
    assert [stage.path for stage in more.runs[0].training.lacking] == [four.runs[0].train.path]
    said = list(statement(more, 1))
    assert "mlp was trained before, but its weights at epoch 3 were not saved: its models are trained again" in said[0]


@pytest.mark.parametrize(
    "changes", [{"base.optimizer": {"name": "sgd", "lr": 0.3}}, {"base.epochs": 5}, {"pool.seed": 1}]
)
def test_other_training_stands_for_nothing(four, changes):
    other = plan({"results": four.results, "base.checkpoints": [0, 4], **changes}).runs[0]
    assert other.train.options["checkpoints"] == [0, 4] and other.training.lacking == ()


def test_a_job_knows_the_training_that_its_start_chose(four):
    """Though another study has begun this study's own in between."""
    changes = {"results": four.results, "base.checkpoints": [0, 4]}
    chosen = plan(changes).runs[0]
    alone = plan({"base.checkpoints": [0, 4]}).runs[0].train
    write_recipe(Path(four.results, alone.path, RECIPE), alone.params() | {"inputs": {}})
    job = build_plan(load_study(study(changes)), is_job=True)
    assert job.runs[0].train.path == alone.path
    for stage in chosen.stages():
        assert job.stage(stage.path).params() == stage.params()
