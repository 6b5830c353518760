"""An archive is of a finished study as this checkout makes it, with the config beside its report, or is refused."""

import os
import signal
from pathlib import Path

import pytest
import yaml

from finished_studies import finish
from memdyn.__main__ import main
from memdyn.config.load import load_study
from memdyn.identity.recipe import RECIPE, read_recipe, write_recipe
from memdyn.operations import archive
from memdyn.operations.archives.places import Places
from memdyn.operations.archives.results import Chosen, refuse_unfinished, result_items
from memdyn.operations.guard import CONFIG, keep_config, link_current
from memdyn.own.source import CHECKOUT
from memdyn.plan.study import build_plan
from studies import study


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Of a study that looks finished."""
    monkeypatch.chdir(CHECKOUT)
    made = build_plan(load_study(study({"results": str(tmp_path / "results")})))
    finish(made)
    link_current(made)
    return made


def kept(plan):
    return Path(plan.folder, "report.html").resolve().with_name(CONFIG)


def items_of(plan, **chosen):
    found = result_items(plan, Places.of(plan, CHECKOUT), Chosen(**chosen))
    return {item.path: item for item in found}


def test_what_goes_in_is_what_the_plan_names(plan):
    """Not another study's models or attacks, nor what killed jobs have left."""
    run = plan.runs[0]
    block, outputs = Path(plan.results, run.train.path, "block-0000-0007"), Path(plan.results, run.outputs.path)
    for other in ("lira-m016-0123456789/metrics.parquet", "block-0008-0015/signals.parquet", "progress/x"):
        (outputs / other).parent.mkdir(parents=True)
        (outputs / other).touch()
    (block / ".log.parquet.0123.tmp").touch()
    (block / "train.log").touch()
    found = items_of(plan)
    recipes = {f"results/{path}/recipe.yaml" for path in plan.stages}
    assert recipes | {f"environment/{path}" for path in recipes} <= found.keys()
    log = f"results/{run.train.path}/block-0000-0007/log.parquet"
    assert found[log].measured == ("seconds",) and found[log].role == "given"
    assert found[f"results/{run.dynamics.path}/samples.parquet"].role == "derived"
    assert found[f"environment/results/{run.train.path}/block-0000-0007/train.log"].role == "environment"
    assert f"results/{run.pool.path}/membership/models-00000-00127.npz" in found
    assert not any(word in path for path in found for word in ("m016", "0008-0015", "progress", ".tmp"))


def test_of_a_recipe_the_job_is_told_apart(plan):
    folder = Path(plan.results, plan.runs[0].train.path)
    of_job = {"made": {"host": "here"}, "versions": {"torch": "9"}, "adopted": [{"at": "now"}]}
    recipe = read_recipe(folder)
    write_recipe(folder / RECIPE, recipe | of_job)
    found = items_of(plan)
    path = f"results/{plan.runs[0].train.path}/recipe.yaml"
    assert yaml.safe_load(found[path].source) == recipe
    assert of_job.items() <= yaml.safe_load(found[f"environment/{path}"].source).items()


def test_scores_and_weights_are_a_choice(plan):
    run = plan.runs[0]
    weights = f"{run.train.path}/block-0000-0007/checkpoints/model-0003/epoch-0002.safetensors"
    Path(plan.results, weights).parent.mkdir(parents=True)
    Path(plan.results, weights).touch()
    scores = {f"results/{each.outputs.path}/block-0000-0007/signals.parquet" for each in plan.runs}
    assert scores <= items_of(plan).keys()
    assert items_of(plan).keys() - items_of(plan, scores=False).keys() == scores
    assert items_of(plan, weights=True).keys() - items_of(plan).keys() == {f"results/{weights}"}


def test_the_config_beside_the_report_makes_the_same_study(plan):
    again = archive.planned(Path(plan.folder))
    assert again.study == plan.study and list(again.stages) == list(plan.stages)
    assert again.version_names() == plan.version_names()
    refuse_unfinished(again, Path(plan.folder))


def test_a_start_renews_the_config_of_a_report_that_stays(plan):
    raw = yaml.safe_load(kept(plan).read_text()) | {"archive": {"licence": "CC0-1.0"}}
    edited = build_plan(load_study(raw))
    assert edited.version_names() == plan.version_names()
    link_current(edited)
    assert archive.planned(Path(plan.folder)).study.config.archive.licence == "CC0-1.0"


def test_a_config_that_is_there_is_not_written_again(plan):
    before = kept(plan).stat().st_ino
    keep_config(kept(plan).parent, plan.study.config.stated())
    assert kept(plan).stat().st_ino == before


@pytest.mark.parametrize("link", ["tables", "figures", "report.html"])
def test_an_earlier_version_is_refused(plan, link):
    folder = Path(plan.folder)
    target = (folder / link).resolve()
    version = target.parent if link == "report.html" else target
    version.rename(version.with_name(f"{version.name[:-10]}0123456789"))
    (folder / link).unlink()
    (folder / link).symlink_to(str(target).replace(version.name, f"{version.name[:-10]}0123456789"))
    with pytest.raises(RuntimeError, match=f"{link} is not what this checkout's code and config make"):
        refuse_unfinished(plan, folder)


def test_what_is_not_there_is_named(plan):
    product = Path(plan.results, plan.runs[1].outputs.path, "block-0000-0007", "signals.parquet")
    product.unlink()
    with pytest.raises(FileNotFoundError, match=str(product)):
        refuse_unfinished(plan, Path(plan.folder))


def test_a_report_of_an_older_release_is_told_how_to_go_on(plan):
    kept(plan).unlink()
    with pytest.raises(FileNotFoundError, match=r"run snakemake again, which adds it"):
        archive.planned(Path(plan.folder))


def test_a_folder_that_is_no_study(plan, tmp_path):
    with pytest.raises(FileNotFoundError, match="no study has ended there"):
        archive.planned(tmp_path)
    (tmp_path / "copy").mkdir()
    for name in ("report.html", CONFIG):
        (tmp_path / "copy" / name).write_text(kept(plan).with_name(name).read_text())
    with pytest.raises(RuntimeError, match=r"is of the study .*/results/studies/small, not of"):
        archive.planned(tmp_path / "copy")


def test_elsewhere_than_in_the_checkout(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match=f"cd {CHECKOUT}"):
        archive.planned(Path(plan.folder))


@pytest.mark.parametrize("there", ["out", "out.zip"])
def test_nothing_is_overwritten(plan, tmp_path, there, capsys):
    (tmp_path / there).write_text("mine")
    assert main(["archive", plan.folder, "--output", str(tmp_path / "out")]) == 1
    assert "archives are never overwritten" in capsys.readouterr().err
    assert (tmp_path / there).read_text() == "mine"


@pytest.mark.parametrize("share", ["-1", "1", "none"])
def test_a_tolerance_is_a_share(share, capsys):
    with pytest.raises(SystemExit):
        main(["verify", "archive", "--tolerance", share])
    assert "is no share; allowed: 0 or more and less than 1" in capsys.readouterr().err


def test_a_disk_without_room_is_told_before_anything_is_written(plan, tmp_path, monkeypatch):
    made = archive.Archive(plan, [archive.text_item("a", "about", "x" * 1000)], {})
    made.refuse_full_disk(tmp_path / "out")
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _: archive.shutil._ntuple_diskusage(1, 1, 100))
    with pytest.raises(OSError, match="and the archive needs"):
        made.refuse_full_disk(tmp_path / "out")


def test_a_kill_leaves_nothing_that_looks_whole(plan, tmp_path, monkeypatch):
    """kill -9 when all but the zip is written."""
    items = [archive.text_item(name, "about", "x") for name in ("a", "environment/b")]
    made = archive.Archive(plan, items, {"study": "s"})
    monkeypatch.setattr(archive, "write_zip", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    if (child := os.fork()) == 0:
        made.write(tmp_path / "out", tmp_path / "out.zip")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    left = [path.name for path in tmp_path.iterdir() if path.name.startswith((".out", "out"))]
    assert left and all(name.startswith(".out.") and name.endswith(".tmp") for name in left)
