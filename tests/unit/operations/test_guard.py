"""Finished work is not done again without permission and can be adopted by changed code; links show what is asked."""

from pathlib import Path

import pandas as pd
import pytest

from memdyn.config.load import load_study
from memdyn.design.blocks import block_names
from memdyn.identity.recipe import RECIPE, read_recipe, with_code, write_recipe
from memdyn.operations.adopt import adopt, adoptable
from memdyn.operations.guard import link_current, point_links, refuse_needless_training, superseded
from memdyn.plan.study import build_plan
from studies import study


@pytest.fixture
def plan(tmp_path):
    return build_plan(load_study(study({"results": str(tmp_path / "results")})))


def finish(plan, run, older=(), checkpoints=False, scored=True):
    """Files of a finished run as its jobs leave them; `older`: the kinds whose code has changed since.

    Returns:
        the folders of pool, training and scoring.
    """
    place, found = Path(plan.results), []
    for stage in (run.pool, run.train, run.outputs):
        params, name = stage.params(), stage.folder
        if stage.kind.name in older:
            name = stage.folder[:-10] + "0123456789"
            params |= {"digest": "f" * 64, "folder": name}
        place = place / name
        if stage.kind.name != "probe" or scored:
            place.mkdir(parents=True, exist_ok=True)
            write_recipe(place / RECIPE, params | {"inputs": {"file": "hash"}})
        found.append(place)
    for block in block_names(plan.study.config.shadow_models):
        write(found[1] / block / "log.parquet")
        if checkpoints:
            write(found[1] / block / "checkpoints" / "weights")
        if scored:
            write(found[2] / block / "signals.parquet")
    return found


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")


def finish_all(plan, **options):
    return [finish(plan, run, **options) for run in plan.runs]


def test_nothing_is_refused_at_first_nor_when_all_is_done(plan):
    refuse_needless_training(plan)
    finish_all(plan)
    refuse_needless_training(plan)
    assert superseded(plan) == []


@pytest.mark.parametrize("kinds", [("train",), ("pool",), ("pool", "train", "probe")])
def test_changed_code_is_refused_with_the_folders_and_both_ways_out(plan, kinds):
    (pool, first, _), (_, second, _) = finish_all(plan, older=kinds)
    with pytest.raises(RuntimeError) as caught:
        refuse_needless_training(plan)
    said = str(caught.value)
    assert "allow_retrain=true" in said and "memdyn adopt" in said
    for folder, kind in ((pool, "pool"), (first, "train"), (second, "train")):
        assert (f"  - {folder} (would become " in said) == (kind in kinds)


def rewrite(folder, **modules):
    """As if the folder had been made by code of which these modules were otherwise."""
    recipe = with_code(read_recipe(folder))
    write_recipe(folder / RECIPE, recipe | {"modules": recipe["modules"] | modules})


def test_the_modules_that_changed_are_named(plan):
    (_, train, _), (_, other, _) = finish_all(plan, older=("train",))
    rewrite(train, **{"memdyn/training/loop.py": "0" * 64, "memdyn/training/gone.py": "0" * 64})
    with pytest.raises(RuntimeError) as caught:
        refuse_needless_training(plan)
    lines = str(caught.value).splitlines()
    said = {folder: next(line for line in lines if str(folder) in line) for folder in (train, other)}
    assert said[train].endswith("): changed: memdyn/training/loop.py; gone: memdyn/training/gone.py")
    assert said[other].endswith("): it is not recorded which code")


def test_the_scoring_code_that_changed_is_named_where_the_checkpoints_are_gone(plan):
    for _, _, scores in finish_all(plan, older=("probe",)):
        rewrite(scores, **{"memdyn/probes/outputs.py": "0" * 64})
    with pytest.raises(RuntimeError, match="deleted once they were read") as caught:
        refuse_needless_training(plan)
    assert str(caught.value).count("): changed: memdyn/probes/outputs.py\n") == 2


def test_one_changed_run_is_told_alone(plan):
    finish(plan, plan.runs[0])
    old = finish(plan, plan.runs[1], older=("train",))
    assert [item.folder for item in superseded(plan)] == [old[1]]


def test_permission(plan):
    finish_all(plan, older=("train",))
    raw = study({"results": plan.results, "allow_retrain": True})
    refuse_needless_training(build_plan(load_study(raw)))


def test_a_folder_of_other_options_or_without_work_is_no_predecessor(plan):
    finish_all(plan, older=("train",))
    other = study({"results": plan.results, "base.epochs": 5})
    refuse_needless_training(build_plan(load_study(other)))
    for log in Path(plan.results).glob("*/*/block-*/log.parquet"):
        log.unlink()
    refuse_needless_training(plan)


def test_begun_work_of_the_new_code_needs_no_permission(plan):
    finish_all(plan, older=("train",))
    finish_all(plan)
    refuse_needless_training(plan)
    assert superseded(plan) == []


def test_scoring_code_asks_only_where_the_checkpoints_are_gone(plan):
    folders = finish_all(plan, older=("probe",), checkpoints=True)
    refuse_needless_training(plan)
    for _, train, _ in folders:
        for weights in train.glob("block-*/checkpoints/weights"):
            weights.unlink()
            weights.parent.rmdir()
    with pytest.raises(RuntimeError) as caught:
        refuse_needless_training(plan)
    said = str(caught.value)
    assert "deleted once they were read" in said and "keep_checkpoints: all" in said and "memdyn adopt" in said
    assert all(f"  - {train}/block-0000-0007" in said for _, train, _ in folders)


def test_what_the_training_took_is_told(plan):
    for _, train, _ in finish_all(plan, scored=False):
        pd.DataFrame({"seconds": [100.0] * 6}).to_parquet(train / "block-0000-0007" / "log.parquet")
    with pytest.raises(
        RuntimeError, match="would be trained again, which took 20 min of one job after the other: allow"
    ):
        refuse_needless_training(plan)


def test_no_adoption_is_offered_where_there_is_nothing_to_adopt(plan):
    finish_all(plan, scored=False)
    with pytest.raises(RuntimeError, match="deleted once they were read") as caught:
        refuse_needless_training(plan)
    assert "memdyn adopt" not in str(caught.value)


def test_progress_that_is_still_there_needs_no_permission(plan):
    for _, train, _ in finish_all(plan, scored=False):
        (train / "progress" / "block-0000-0007").mkdir(parents=True)
    refuse_needless_training(plan)


# -- weights that measures of difficulty are still to be made from --------------------------------------------------


def with_measures(plan):
    measures = {"difficulty.measures": ["grand"], "results": plan.results}
    return build_plan(load_study(study(measures)))


def test_measures_ask_where_the_checkpoints_are_gone(plan):
    wanted = with_measures(plan)
    folders = finish_all(plan, checkpoints=True)
    refuse_needless_training(wanted)
    finished = Path(plan.results, wanted.runs[0].probes["grand"].path)
    write_recipe(finished / RECIPE, wanted.runs[0].probes["grand"].params())
    write(finished / "block-0000-0007" / "signals.parquet")
    for _, train, _ in folders:
        for weights in train.glob("block-*/checkpoints/weights"):
            weights.unlink()
            weights.parent.rmdir()
    with pytest.raises(RuntimeError, match="new probes or students need them") as caught:
        refuse_needless_training(wanted)
    assert f"  - {folders[1][1]}/block-0000-0007" in str(caught.value) and str(folders[0][1]) not in str(caught.value)
    older = finished.with_name("grand-0123456789")
    finished.rename(older)
    assert [item.folder for item in superseded(wanted)] == [older]


# -- adoption -------------------------------------------------------------------------------------------------------


def test_adoption_renames_and_records(plan):
    (pool, *_), _ = finish_all(plan, older=("pool", "train", "probe"))
    found = adoptable(plan)
    assert len(found) == 5 and found[-1].folder == pool
    for item in found:
        adopt(item, "a refactoring")
    assert superseded(plan) == []
    refuse_needless_training(plan)
    for run in plan.runs:
        assert Path(plan.results, run.outputs.path, "block-0000-0007", "signals.parquet").exists()
        for stage in (run.pool, run.train, run.outputs):
            recipe = read_recipe(Path(plan.results, stage.path))
            (entry,) = recipe.pop("adopted")
            assert {key: recipe[key] for key in stage.params()} == stage.params()
            assert recipe["inputs"] == {"file": "hash"}
            assert entry["reason"] == "a refactoring" and entry["to"] == stage.folder and entry["from"] != stage.folder
            assert entry["from_digest"] == "f" * 64 and entry["to_digest"] == stage.digest and entry["at"]
    assert not list(Path(plan.results).rglob("*0123456789"))


def test_an_adopted_folder_has_the_hashes_of_the_code_that_it_is_named_after(plan, monkeypatch):
    folders = finish(plan, plan.runs[0], older=("train",))
    rewrite(folders[1], **{"memdyn/training/loop.py": "0" * 64})
    (item,) = adoptable(plan)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            adopt(item, "killed")
    (item,) = adoptable(plan)
    adopt(item, "a refactoring")
    recipe = read_recipe(item.new_folder)
    assert recipe["modules"] == with_code(item.wanted.params())["modules"]
    assert recipe["adopted"][0]["code"] == "changed: memdyn/training/loop.py"


def test_adoption_is_told_once_where_it_was_killed_before_the_rename(plan, monkeypatch):
    finish(plan, plan.runs[0], older=("train",))
    (item,) = adoptable(plan)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            adopt(item, "first")
    (item,) = adoptable(plan)
    adopt(item, "second")
    (entry,) = read_recipe(item.new_folder)["adopted"]
    assert entry["reason"] == "second" and entry["from_digest"] == "f" * 64


def test_a_later_adoption_keeps_the_earlier_record(plan):
    folders = finish(plan, plan.runs[0], older=("train",))
    recipe = read_recipe(folders[1])
    write_recipe(folders[1] / RECIPE, recipe | {"adopted": [{"to": recipe["folder"], "reason": "earlier"}]})
    (item,) = adoptable(plan)
    adopt(item, "later")
    assert [entry["reason"] for entry in read_recipe(item.new_folder)["adopted"]] == ["earlier", "later"]


def test_adoption_never_covers_a_folder(plan):
    finish_all(plan, older=("train",))
    taken = Path(plan.results, plan.runs[0].train.path)
    taken.mkdir()
    with pytest.raises(FileExistsError, match=taken.name):
        adoptable(plan)


# -- links ----------------------------------------------------------------------------------------------------------


def versions(study_folder, number):
    names = {kind: f"{kind}-{number}" for kind in ("tables", "figures", "report")}
    write(study_folder / "versions" / names["tables"] / "runs.csv")
    write(study_folder / "versions" / names["figures"] / "roc.png")
    write(study_folder / "versions" / names["report"] / "report.html")
    return names


def test_links_go_there_and_back(tmp_path):
    one, two = versions(tmp_path, 1), versions(tmp_path, 2)
    for names in (one, two, one, one):
        point_links(tmp_path, names)
        assert (tmp_path / "tables").resolve().name == names["tables"]
        assert (tmp_path / "figures").resolve().name == names["figures"]
        assert (tmp_path / "report.html").resolve().parent.name == names["report"]
        assert not (tmp_path / "tables").readlink().is_absolute()  # results can be moved
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures", "report.html", "tables", "versions"]


def test_links_never_point_to_what_is_not_finished(tmp_path):
    point_links(tmp_path, versions(tmp_path, 1))
    two = versions(tmp_path, 2)
    (tmp_path / "versions" / two["report"] / "report.html").unlink()
    point_links(tmp_path, two)
    assert (tmp_path / "report.html").resolve().parent.name == "report-1"
    assert (tmp_path / "tables").resolve().name == "tables-2"


def test_the_plans_own_version_is_linked(plan):
    link_current(plan)  # before anything is there
    folder = Path(plan.versions, plan.report.folder)
    write(folder / "report.html")
    link_current(plan)
    assert Path(plan.folder, "report.html").resolve() == (folder / "report.html").resolve()
