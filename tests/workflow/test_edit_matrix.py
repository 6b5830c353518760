"""The edit matrix: after any edit only the missing work is done, and finished work is never reused wrongly."""

import hashlib
import os
import re
import shutil
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import yaml

from memdyn.operations.wanted import WANTED
from project import Project, write_data

pytestmark = pytest.mark.slow

STUDY_JOBS = {"compare_runs": 1, "draw_figures": 1, "write_report": 1}
RESULTS_OF_ONE_RUN = {
    "train_block": 1,
    "probe_block": 1,
    "run_attack": 2,
    "compute_dynamics": 1,
    "compare_attacks": 1,
    "analyse_dynamics": 1,
}
ALL_JOBS = {
    "build_pool": 1,
    "draw_membership": 1,
    **{rule: 2 * n for rule, n in RESULTS_OF_ONE_RUN.items()},
    **STUDY_JOBS,
}
CHANGE = "\nCHANGED = 1\n"
TRAINING_CODE, SCORING_CODE = "training/loop.py", "probes/outputs.py"


def files(folder: Path) -> dict[str, tuple[int, str]]:
    """Every result: its time and content. (What a study wants of them is noted anew with each start.)"""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and not path.match(WANTED)
    }


def folders(copy: Project, pattern: str) -> set[str]:
    return {str(path.relative_to(copy.results)) for path in copy.results.glob(pattern)}


def touch(path: Path) -> None:
    os.utime(path, (time.time() + 5, time.time() + 5))


# -- nothing that matters -------------------------------------------------------------------------------------------


def test_a_fresh_study_is_everything(project: Project):
    assert project.planned() == ALL_JOBS


def test_each_run_has_a_null_of_its_own_and_all_its_attacks_have_the_same(finished: Project):
    recipes = [yaml.safe_load(path.read_text()) for path in finished.results.glob("*/*/outputs-*/*-m008-*/recipe.yaml")]
    attacks = [recipe for recipe in recipes if recipe["kind"] == "attack"]
    seeds = Counter(recipe["inputs"]["null_seed"] for recipe in attacks)
    assert len(attacks) == 4 and sorted(seeds.values()) == [2, 2]


def test_nothing_changed(copy: Project):
    before = files(copy.results)
    assert "Nothing to be done" in copy.run()
    assert files(copy.results) == before


def test_the_data_file_touched(copy: Project):
    touch(copy.folder / "data.npz")
    assert copy.planned() == {}


def test_all_sources_touched_and_snakemakes_memory_deleted(copy: Project):
    for path in copy.folder.rglob("*"):
        if path.is_file() and not path.is_relative_to(copy.results):
            touch(path)
    shutil.rmtree(copy.folder / ".snakemake")
    assert copy.planned() == {}


def test_the_data_file_elsewhere_and_the_same(copy: Project):
    (copy.folder / "data.npz").rename(copy.folder / "moved.npz")
    study = copy.study()
    study["pool"]["dataset"]["path"] = "moved.npz"
    copy.write_study(study)
    assert copy.planned() == {}


def test_a_comment_a_docstring_and_formatting_in_the_training_code(copy: Project):
    loop = copy.package / TRAINING_CODE
    text = loop.read_text()
    text = re.sub(r'^"""[^"]*"""', '"""Another docstring."""', text)
    text = text.replace("self.network.train()\n", "self.network.train( )  # a comment\n\n")
    assert text != loop.read_text()
    loop.write_text(f"{text}\n# another comment\n")
    assert copy.planned() == {}


def test_keys_outside_of_the_identity(copy: Project):
    free = {"threads": 2, "scoring_batch": 50, "keep_checkpoints": "all", "on_divergence": "drop"}
    copy.write_study(copy.study() | free)
    assert copy.planned() == {}


# -- a fresh clone --------------------------------------------------------------------------------------------------


def test_a_fresh_clone_uses_the_old_results(clone: Project, finished: Project):
    old = ("--config", f"results={finished.results}")
    assert clone.planned(*old) == {}
    assert "Nothing to be done" in clone.run(*old)


def test_a_fresh_clone_with_edited_training_code_never_uses_them(clone: Project, copy: Project):
    clone.append(TRAINING_CODE, CHANGE)
    old = f"results={copy.results}"
    before, runs = files(copy.results), folders(copy, "arrays-*/*-e2-*")
    said = clone.refused("--config", old)
    assert "Traceback" not in said and "allow_retrain=true" in said
    assert "`memdyn adopt --configfile study.yaml --reason '...'`" in said
    assert len(runs) == 2 and all(run in said for run in runs)
    assert said.count(f"): changed: memdyn/{TRAINING_CODE}\n") == 2
    real = clone.snakemake("--config", old)
    assert real.returncode != 0 and said.partition("the code of")[2].split("\n")[0] in real.stdout
    for other in ("--unlock", "--lint"):  # which train nothing
        assert clone.snakemake("--config", old, other).returncode == 0

    clone.run("--config", old, "allow_retrain=true", "--until", "train_block")
    after = files(copy.results)
    assert {name: after[name] for name in before} == before
    assert len(folders(copy, "arrays-*/*-e2-*") - runs) == 2
    assert len(folders(copy, "arrays-*/*-e2-*/block-*/log.parquet")) == 4
    assert clone.planned("--config", old).get("train_block") is None  # begun work needs no permission


# -- more of the same -----------------------------------------------------------------------------------------------


def test_growth_trains_the_new_models_only(copy: Project):
    blocks = ["block-0000-0007"]
    for models, block in ((16, "block-0008-0015"), (24, "block-0016-0023")):
        copy.write_study(copy.study() | {"shadow_models": models})
        jobs = {rule: 2 * n for rule, n in RESULTS_OF_ONE_RUN.items()} | STUDY_JOBS
        assert copy.planned() == jobs
        before = files(copy.results)
        copy.run("--until", "probe_block")
        after = files(copy.results)
        assert {name: after[name] for name in before} == before
        blocks.append(block)
        logs = sorted(copy.results.glob("arrays-*/*-e2-*/block-*/log.parquet"))
        assert [log.parent.name for log in logs] == 2 * blocks
        for log in logs:
            first, last = map(int, log.parent.name.split("-")[1:])
            assert set(pd.read_parquet(log)["model"]) == set(range(first, last + 1))
        assert copy.planned() == {rule: n for rule, n in jobs.items() if rule not in ("train_block", "probe_block")}


def test_an_attack_added(copy: Project):
    study = copy.study()
    study["attacks"].append({"name": "rmia"})
    copy.write_study(study)
    jobs = {"run_attack": 2, "compare_attacks": 2, **STUDY_JOBS}
    assert copy.planned() == jobs
    said = copy.memdyn("why", "--configfile", "study.yaml").stdout
    assert "because there is no attack like it yet\n" in said
    assert said.endswith(f"\n{sum(jobs.values())} jobs in all\n")


def test_a_run_added(copy: Project):
    study = copy.study()
    study["runs"].append({"name": "adam", "optimizer": {"name": "adam"}})
    copy.write_study(study)
    assert copy.planned() == RESULTS_OF_ONE_RUN | STUDY_JOBS


# -- code -----------------------------------------------------------------------------------------------------------


def test_what_changes_no_number(copy: Project):
    """Operations, names, mechanics of jobs, and what config and tables say about themselves."""
    rooms = (
        "jobs/atomic",
        "identity/fingerprint",
        "operations/cost",
        "plan/reuse",
        "config/attacks/base",
        "tables/attack",
    )
    for code in rooms:
        copy.append(f"{code}.py", CHANGE)
    assert copy.planned() == {}


def test_a_probe_added(copy: Project):
    (copy.package / "probes" / "norm.py").write_text("def norm(network, samples, members, batch):\n    return {}\n")
    copy.edit("probes/__init__.py", '    "grand":', '    "norm": "memdyn.probes.norm:norm",\n    "grand":')
    assert copy.planned() == {}


def test_a_colour_of_the_figures(copy: Project):
    path = copy.package / "report" / "draw" / "style.py"
    path.write_text(re.sub('"#[0-9a-fA-F]{6}"', '"#123456"', path.read_text(), count=1))
    assert copy.planned() == {"draw_figures": 1, "write_report": 1}


def test_a_caption(copy: Project):
    copy.edit("report/sections/leakage.py", "Dotted: an attack that guesses.", "Dotted: a guess.")
    assert copy.planned() == {"write_report": 1}


def test_a_table_of_the_page(copy: Project):
    copy.edit("report/sections/run.py", '"time/model"', '"time a model"')
    assert copy.planned() == {"write_report": 1}


def test_the_pages_style_sheet(copy: Project):
    copy.append("report/page/templates/report.css", "\nbody { color: #123456; }\n")
    assert copy.planned() == {"write_report": 1}


def test_the_code_of_one_attack(copy: Project):
    copy.append("attacks/loss.py", CHANGE)
    assert copy.planned() == {"run_attack": 2, "compare_attacks": 2, **STUDY_JOBS}


def test_an_optimizer_and_a_model_added(copy: Project):
    (copy.package / "optim" / "lion.py").write_text("def lion(model, lr):\n    raise NotImplementedError\n")
    copy.edit("optim/__init__.py", '    "muon":', '    "lion": "memdyn.optim.lion:lion",\n    "muon":')
    config = 'class LionOptimizer(Strict):\n    """Lion."""\n\n    name: Literal["lion"]\n    lr: Positive = 0.1\n\n\n'
    copy.edit("config/optim.py", "OptimizerConfig = Annotated[", f"{config}OptimizerConfig = Annotated[")
    copy.edit("config/optim.py", "| MuonOptimizer", "| MuonOptimizer | LionOptimizer")
    (copy.package / "models" / "tree.py").write_text(
        "def tree(input_shape, n_classes):\n    raise NotImplementedError\n"
    )
    copy.edit("models/__init__.py", '    "mlp":', '    "tree": "memdyn.models.tree:tree",\n    "mlp":')
    config = 'class TreeModel(Strict):\n    """Tree."""\n\n    name: Literal["tree"]\n\n\n'
    copy.edit("config/models.py", "ModelConfig = Annotated[", f"{config}ModelConfig = Annotated[")
    copy.edit("config/models.py", "| CustomModel", "| CustomModel | TreeModel")
    assert copy.planned() == {}

    study = copy.study()
    study["runs"].append({"name": "new", "model": {"name": "tree"}, "optimizer": {"name": "lion"}})
    copy.write_study(study)
    assert copy.planned() == RESULTS_OF_ONE_RUN | STUDY_JOBS


def test_a_key_added_with_a_neutral_default(copy: Project):
    copy.edit("config/recipe.py", "config.base import Neutral", "config.base import Float, Neutral")
    key = "    smoothing: Annotated[Float, Neutral(0.0)] = Field(default=0.0)\n"
    copy.edit("config/recipe.py", "    batch_size: int = Field(", f"{key}    batch_size: int = Field(")
    assert copy.planned() == {}

    study = copy.study()
    study["base"]["smoothing"] = 0.1
    copy.write_study(study)
    assert copy.planned() == {rule: 2 * n for rule, n in RESULTS_OF_ONE_RUN.items()} | STUDY_JOBS


def test_the_scoring_code_after_the_checkpoints_are_gone(copy: Project):
    copy.append(SCORING_CODE, CHANGE)
    said = copy.refused()
    assert "checkpoints" in said and "allow_retrain=true" in said and "memdyn adopt" in said and "Traceback" not in said
    assert said.count(f"): changed: memdyn/{SCORING_CODE}") == 2
    assert all(run in said for run in folders(copy, "arrays-*/*-e2-*/block-*"))
    again = {rule: 2 * n for rule, n in RESULTS_OF_ONE_RUN.items()} | STUDY_JOBS
    assert copy.planned("--config", "allow_retrain=true") == again


def test_the_scoring_code_while_the_checkpoints_are_there(copy: Project):
    for block in copy.results.glob("arrays-*/*-e2-*/block-*"):
        (block / "checkpoints").mkdir()
    copy.append(SCORING_CODE, CHANGE)
    again = {rule: 2 * n for rule, n in RESULTS_OF_ONE_RUN.items() if rule != "train_block"} | STUDY_JOBS
    assert copy.planned("--config", "keep_checkpoints=all") == again


def test_code_edited_while_a_job_waits(clone: Project):
    """The data set's own loader edits the training code: after the plan was made, before training starts."""
    (clone.folder / "own.py").write_text(
        "from pathlib import Path\nimport numpy as np\n\n\n"
        "def load(files):\n"
        f"    code = Path('workflow/scripts/memdyn/{TRAINING_CODE}')\n"
        f"    code.write_text(code.read_text() + {CHANGE!r})\n"
        "    data = np.load(files[0])\n"
        "    return {'images': data['images'][:, None], 'labels': data['labels']}\n"
    )
    study = clone.study()
    study["pool"]["dataset"] = {"name": "custom", "target": "own.py:load", "files": ["data.npz"]}
    clone.write_study(study)
    done = clone.snakemake("--until", "train_block")
    assert done.returncode != 0 and "CodeChanged" in done.stdout and "run snakemake again" in done.stdout
    assert folders(clone, "custom-*/pool.arrow") and not folders(clone, "custom-*/*/block-*/log.parquet")


# -- config ---------------------------------------------------------------------------------------------------------


def test_the_learning_rate_of_one_run_there_and_back(copy: Project):
    links = {name: copy.results / "studies/matrix" / name for name in ("report.html", "tables", "figures")}
    old_study, old = copy.study(), {name: link.resolve() for name, link in links.items()}
    study = copy.study()
    study["runs"][1]["optimizer"] = {"lr": 0.1}
    copy.write_study(study)
    assert copy.planned() == RESULTS_OF_ONE_RUN | STUDY_JOBS
    assert {name: link.resolve() for name, link in links.items()} == old  # a dry run changes nothing
    before = files(copy.results)
    copy.run()
    after = files(copy.results)
    lineage = [name for name in before if not name.startswith("studies/matrix/") or "/versions/" in name]
    assert {name: after[name] for name in lineage} == {name: before[name] for name in lineage}
    assert all(link.resolve() != old[name] and link.exists() for name, link in links.items())

    copy.write_study(old_study)
    assert "Nothing to be done" in copy.run()
    assert {name: link.resolve() for name, link in links.items()} == old
    copy.write_study(study)
    assert copy.planned() == {}
    assert {name: link.resolve() for name, link in links.items()} == old  # a dry run of a finished version neither


def test_learning_rate_and_weight_decay_exchange_their_values(copy: Project):
    study = copy.study()
    optimizer = study["base"]["optimizer"]
    optimizer["lr"], optimizer["weight_decay"] = optimizer["weight_decay"], optimizer["lr"]
    copy.write_study(study)
    assert copy.planned() == {rule: 2 * n for rule, n in RESULTS_OF_ONE_RUN.items()} | STUDY_JOBS


def test_the_order_of_keys_and_the_spelling_of_numbers(copy: Project):
    study = copy.study()
    study["base"]["optimizer"] = {"weight_decay": "1e-3", "lr": 5e-2, "name": "sgd", "momentum": 0.9}
    copy.write_study(study)
    assert copy.planned() == {}


def test_another_content_of_the_data_file(copy: Project):
    write_data(copy.folder / "data.npz", brightness=7.5)
    assert copy.planned() == ALL_JOBS


# -- adoption -------------------------------------------------------------------------------------------------------


def test_adopting_keeps_the_training_and_says_so(copy: Project):
    for code in ("data/pool.py", TRAINING_CODE):  # of pool, training and scoring; of training
        copy.append(code, CHANGE)
    old = {str(copy.results.name + "/" + name) for name in folders(copy, "arrays-*/**/outputs-*")}
    wanted = ("--configfile", "study.yaml", "--reason", "adds a name that nothing uses")
    tried = copy.memdyn("adopt", *wanted, "--dry-run")
    assert tried.stdout.count("would adopt") == 5 and all(name in tried.stdout for name in old)
    assert {str(copy.results.name + "/" + name) for name in folders(copy, "arrays-*/**/outputs-*")} == old

    done = copy.memdyn("adopt", *wanted)
    assert done.returncode == 0 and done.stdout.count("adopted ") == 5, done.stdout
    assert not copy.planned().keys() & {"build_pool", "draw_membership", "train_block", "probe_block"}
    for recipe in map(Path, copy.results.glob("arrays-*/*-e2-*/recipe.yaml")):
        content = yaml.safe_load(recipe.read_text())
        assert content["folder"] == recipe.parent.name and "inputs" in content and "made" in content
        (entry,) = content["adopted"]
        assert entry["reason"] == wanted[-1] and entry["to"] == recipe.parent.name != entry["from"]
        assert entry["to_digest"] == content["digest"] != entry["from_digest"]
    assert "nothing to adopt" in copy.memdyn("adopt", *wanted).stdout


def test_adoption_never_covers_a_folder(copy: Project):
    copy.append(TRAINING_CODE, CHANGE)
    arguments = ("--configfile", "study.yaml", "--reason", "none")
    tried = copy.memdyn("adopt", *arguments, "--dry-run").stdout
    before = folders(copy, "**")
    folder, new = re.search(r"would adopt (\S+) as (\S+)", tried).groups()
    (copy.folder / folder).with_name(new).mkdir()
    done = copy.memdyn("adopt", *arguments)
    assert done.returncode != 0 and new in done.stdout and "Traceback" not in done.stdout
    assert before < folders(copy, "**")
