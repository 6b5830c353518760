"""What no study refers to is listed, and deleted when told; what a study needs never is."""

import atexit
import shutil
from pathlib import Path

import pytest

from designs import half_of_the_models
from exported_scores import arrays, write
from finished_studies import finish
from memdyn.__main__ import main
from memdyn.config.load import load_study
from memdyn.identity.recipe import RECIPE, read_recipe, write_recipe
from memdyn.jobs.atomic import discard
from memdyn.operations import clean
from memdyn.operations.clean import unused
from memdyn.operations.guard import link_current
from memdyn.operations.places import places
from memdyn.operations.wanted import WANTED, announce, note_wanted
from memdyn.plan import stage
from memdyn.plan.study import build_plan
from studies import study
from worlds import complementary_mask


def start(results: Path, **more):
    """A study is started, and noted."""
    plan = build_plan(load_study(study({"results": str(results)} | more)))
    note_wanted(plan)
    return plan


def end(plan) -> None:
    finish(plan)
    link_current(plan)


def own_note(plan) -> Path:
    """Of the checkout that tests run in."""
    (found,) = Path(plan.folder).glob(WANTED)
    return found


def names(results: Path) -> set[str]:
    return {each.folder.relative_to(results).as_posix() for each in unused(results)}


def test_nothing_of_what_a_study_asks_for_is_listed(tmp_path):
    plan = start(tmp_path)
    end(plan)
    assert names(tmp_path) == set()


def test_what_an_edit_left_behind_is_listed_whole(tmp_path):
    old = start(tmp_path)
    end(old)
    new = start(tmp_path, **{"base.batch_size": 16})
    assert names(tmp_path) == set()  # is shown until the new work has ended
    end(new)
    left = {run.train.path for run in old.runs}
    versions = {f"studies/small/versions/{name}" for name in old.version_names().values()}
    assert names(tmp_path) == left | versions


def test_what_another_study_shares_is_not(tmp_path):
    end(start(tmp_path))
    end(start(tmp_path, study="other", attacks=[{"name": "lira"}, {"name": "rmia"}]))
    assert names(tmp_path) == set()
    shutil.rmtree(tmp_path / "studies" / "other")
    found = names(tmp_path)
    assert found and all(Path(name).name.startswith(("rmia-", "agreement-", "realised-")) for name in found)


def test_a_study_that_never_ended_keeps_what_it_has_begun(tmp_path):
    plan = start(tmp_path)
    finish(plan)
    shutil.rmtree(tmp_path / "studies" / "small" / "versions")
    assert names(tmp_path) == set()


def test_of_a_study_without_a_note_the_whole_pool_is_kept(tmp_path):
    old = start(tmp_path)
    end(old)
    end(start(tmp_path, **{"base.batch_size": 16}))
    own_note(old).unlink()
    assert names(tmp_path) == set()


def test_a_study_of_which_nothing_is_known_stops_it(tmp_path, capsys):
    end(start(tmp_path))
    (tmp_path / "studies" / "lost").mkdir()
    assert main(["clean", "--results", str(tmp_path), "--delete"]) == 1
    assert "studies/lost: it is not noted what this study needs" in capsys.readouterr().err


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Results with folders that an edit left behind; the working folder is elsewhere."""
    end(start(tmp_path / "results"))
    end(start(tmp_path / "results", **{"base.batch_size": 16}))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


def test_it_deletes_when_told_and_not_before(edited, capsys):
    listed = unused(edited)
    assert listed and all(each.size > 0 for each in listed if each.folder.parent.name != "versions")
    assert main(["clean"]) == 0 and all(each.folder.exists() for each in listed)
    assert "`memdyn clean --delete` deletes them" in capsys.readouterr().out
    assert main(["clean", "--delete"]) == 0 and not any(each.folder.exists() for each in listed)
    said = capsys.readouterr().out
    assert all(f"deleted {each.folder.relative_to(edited.parent)}: " in said for each in listed)
    assert main(["clean"]) == 0
    assert capsys.readouterr().out == "nothing to delete: all results are of studies as they are now\n"
    plan = build_plan(load_study(study({"results": str(edited), "base.batch_size": 16})))
    assert all(Path(edited, path).exists() for path in plan.stages)


def test_it_deletes_nothing_while_a_snakemake_runs(edited, capsys):
    lock = Path(".snakemake", "locks", "0.input.lock")
    lock.parent.mkdir(parents=True)
    lock.touch()
    before = unused(edited)
    assert main(["clean", "--delete"]) == 1 and unused(edited) == before
    assert "`snakemake --unlock` first" in capsys.readouterr().err


def test_no_results_are_no_results(tmp_path, capsys):
    assert main(["clean", "--results", str(tmp_path / "nothing")]) == 1
    assert "no such folder of results" in capsys.readouterr().err


def test_a_hidden_teacher_of_what_is_shown_is_kept(tmp_path):
    """The new work has begun and not ended; the map of what is shown names no hidden teachers."""
    taught = {"runs.0.mechanisms": {"distillation": {"temperature": 2}}, "pool.parts.spare": 100}
    old = start(tmp_path, **taught)
    end(old)
    assert old.teachers
    new = start(tmp_path, **taught, **{"base.batch_size": 16})
    assert names(tmp_path) == set()
    end(new)
    assert names(tmp_path) >= {teacher.train.path for teacher in old.teachers}


def test_what_was_adopted_is_known_by_its_earlier_names(tmp_path):
    """Until a study is started again, its note and its map say the earlier ones, of what lies in the folder too."""
    plan = start(tmp_path)
    end(plan)
    train = plan.runs[0].train
    folder = tmp_path / train.path
    write_recipe(folder / RECIPE, read_recipe(folder) | {"adopted": [{"from": train.folder, "to": "mlp-new"}]})
    folder.rename(folder.with_name("mlp-new"))
    assert names(tmp_path) == set()
    write_recipe(folder.with_name("mlp-new") / RECIPE, {})
    assert names(tmp_path) == {f"{plan.runs[0].pool.path}/mlp-new"}


def test_folders_without_studies_are_no_results(tmp_path, capsys):
    """Such as a pool, or results whose studies lie elsewhere: all in them would count as unused."""
    plan = start(tmp_path)
    end(plan)
    pool = tmp_path / plan.runs[0].pool.path
    assert main(["clean", "--results", str(pool), "--delete"]) == 1
    assert "it has no `studies`" in capsys.readouterr().err
    assert all((tmp_path / path).exists() for path in plan.stages)


def test_a_study_that_is_a_link_to_nowhere_stops_it(tmp_path, capsys):
    end(start(tmp_path))
    (tmp_path / "studies" / "small").rename(tmp_path / "away")
    (tmp_path / "studies" / "small").symlink_to(tmp_path / "not_mounted")
    assert main(["clean", "--results", str(tmp_path), "--delete"]) == 1
    assert "which is not there" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"folders: digits\nversions: []", b"folders:\nversions: []", b"\xff\xfe"]
)
def test_a_note_that_is_none_stops_it(tmp_path, capsys, content):
    plan = start(tmp_path)
    end(plan)
    note = own_note(plan)
    note.write_bytes(content)
    assert main(["clean", "--results", str(tmp_path), "--delete"]) == 1
    assert f"{note.name} does not say what a study needs" in capsys.readouterr().err
    assert all((tmp_path / path).exists() for path in plan.stages)


def test_a_version_that_is_shown_by_a_link_from_the_root_is_kept(tmp_path):
    old = start(tmp_path)
    end(old)
    for link in ("tables", "figures"):
        shown = Path(old.folder, link)
        target = shown.resolve()
        shown.unlink()
        shown.symlink_to(target)
    start(tmp_path, **{"base.batch_size": 16})
    assert names(tmp_path) == set()


def test_two_checkouts_on_one_name_need_the_folders_of_both(tmp_path, monkeypatch, capsys):
    """The second start, with another config, takes nothing from the first, which may be running."""
    results, checkouts = tmp_path / "results", [tmp_path / name for name in ("first", "second")]
    plans = []
    for checkout, batch in zip(checkouts, (16, 32), strict=True):
        checkout.mkdir()
        monkeypatch.chdir(checkout)
        plans.append(start(results, **{"base.batch_size": batch}))
    for plan in plans:
        end(plan)
    assert names(results) == set()
    # the first is edited: what it alone has asked for goes, and nothing of the second's
    monkeypatch.chdir(checkouts[0])
    end(start(results, **{"base.batch_size": 64}))
    first, second = ({run.train.path for run in plan.runs} for plan in plans)
    found = names(results)
    assert first <= found and not any(name.startswith(tuple(second)) for name in found)
    versions = set(plans[1].version_names().values())
    assert not any(Path(name).name in versions for name in found)
    capsys.readouterr()
    checkouts[1].rmdir()
    assert main(["clean", "--results", str(results)]) == 0
    said = capsys.readouterr().out
    assert f"kept for {checkouts[1]}, which is not on this machine" in said and str(checkouts[0]) not in said


def test_a_note_of_an_older_release_holds_until_the_next_start(tmp_path):
    old = start(tmp_path)
    end(old)
    own_note(old).rename(Path(old.folder, "wanted.yaml"))
    assert names(tmp_path) == set()
    new = start(tmp_path, **{"base.batch_size": 16})
    assert not Path(old.folder, "wanted.yaml").exists()
    end(new)
    assert {run.train.path for run in old.runs} <= names(tmp_path)


def test_what_a_start_is_deciding_on_is_kept_until_it_is_noted_or_refused(tmp_path, monkeypatch):
    """An earlier config is started again, whose folders are there: it will plan to use them."""
    left = []
    monkeypatch.setattr(atexit, "register", lambda *call: left.append(call))
    old = start(tmp_path)
    end(old)
    end(start(tmp_path, **{"base.batch_size": 16}))
    listed = names(tmp_path)
    assert listed
    announce(old)
    assert names(tmp_path) == set()
    for function, *arguments in left:  # it was refused
        function(*arguments)
    assert names(tmp_path) == listed
    announce(old)
    note_wanted(old)
    assert len(list(Path(old.folder).glob(WANTED))) == 1 and not names(tmp_path) & listed


def test_a_first_start_that_was_refused_leaves_no_trace(tmp_path, monkeypatch):
    left = []
    monkeypatch.setattr(atexit, "register", lambda *call: left.append(call))
    announce(build_plan(load_study(study({"results": str(tmp_path / "results")}))))
    assert list((tmp_path / "results" / "studies" / "small").iterdir())
    for function, *arguments in left:
        function(*arguments)
    assert not (tmp_path / "results").exists() and tmp_path.exists()


def test_a_study_that_starts_while_it_deletes_stops_it(edited, monkeypatch, capsys):
    listed = unused(edited)

    def discards(folder: Path) -> None:
        discard(folder)
        start(edited, study="another", **{"base.batch_size": 64})

    monkeypatch.setattr(clean, "discard", discards)
    assert main(["clean", "--delete"]) == 1
    assert "stopped, for a study was started meanwhile" in capsys.readouterr().err
    assert sum(not each.folder.exists() for each in listed) == 1 < len(listed)


def test_what_the_page_shows_is_kept_though_the_tables_have_gone_ahead(tmp_path):
    """The new work has tables, and failed at its figures: the page is still of the earlier config."""
    old = start(tmp_path)
    end(old)
    new = start(tmp_path, **{"base.batch_size": 16})
    finish(new)
    shutil.rmtree(Path(new.versions, new.figures.folder))
    shutil.rmtree(Path(new.versions, new.report.folder))
    link_current(new)
    assert Path(new.folder, "tables").resolve().name == new.tables.folder
    assert Path(new.folder, "report.html").resolve().parent.name == old.report.folder
    assert names(tmp_path) == set()
    end(start(tmp_path, **{"base.batch_size": 32}))
    assert names(tmp_path) >= {run.train.path for plan in (old, new) for run in plan.runs}


KINDS = {
    "plain": {"regularization": {"baseline": "mlp", "known": 10}, "difficulty.measures": ["grand"]},
    "teachers": {"runs.0.mechanisms": {"distillation": {"temperature": 2}}, "pool.parts.spare": 100},
    "hidden runs": {"attacks": [{"name": "lira"}, {"name": "ye_distilled"}], "pool.parts.spare": 100},
    "probabilities": {"attacks": [{"name": "lira"}, {"name": "privacy_risk_score"}]},
    "distance": {"level_distance": {"samples": 100}},
    "limits": {"fail_above": {"auc": 0.9}},
    "audit": {"audit": {"targets": 2, "delta": 1e-4}},
    "scores": None,
    "folds": None,
}


def asked(kind: str, tmp_path: Path) -> dict:
    """A study with that kind of artifacts."""
    if KINDS[kind] is not None:
        return study(KINDS[kind])
    masks = complementary_mask if kind == "scores" else half_of_the_models
    write(tmp_path / "scores.npz", arrays(n_models=16, masks=masks))
    return {"study": "small", "scores": {"path": str(tmp_path / "scores.npz")}, "attacks": [{"name": "lira"}]}


@pytest.mark.parametrize("kind", KINDS)
def test_of_every_kind_what_is_needed_is_kept(tmp_path, kind):
    """While the study runs, after it was killed, when it has ended, and while another config of its has begun."""
    raw = asked(kind, tmp_path) | {"results": str(tmp_path / "results")}
    results, plan = tmp_path / "results", build_plan(load_study(raw))
    note_wanted(plan)
    finish(plan)
    assert names(results) == set(), "it runs, or was killed"
    link_current(plan)
    assert names(results) == set(), "it has ended"
    own_note(plan).unlink()
    assert names(results) == set(), "its links tell"
    edited = {"audit": {"targets": 3, "delta": 1e-4}} if kind == "audit" else {"statistics": {"jackknife_groups": 5}}
    note_wanted(build_plan(load_study(raw | edited)))
    verdict = {f"studies/small/versions/{plan.limits.folder}"} if kind == "limits" else set()  # which no link shows
    assert names(results) == verdict, "its links still show it"
    shutil.rmtree(plan.folder)
    start(results, study="other", **{"pool.seed": 9})
    tops = {path.partition("/")[0] for path in plan.stages}
    assert names(results) == tops, "it was given up"


def test_these_are_all_kinds_of_artifacts(tmp_path):
    found = set()
    for kind in KINDS:
        (tmp_path / kind).mkdir()
        plan = build_plan(load_study(asked(kind, tmp_path / kind) | {"results": str(tmp_path / kind)}))
        found |= {each.kind for each, _ in places(plan).values()}
    assert found == {each for each in vars(stage).values() if isinstance(each, stage.Kind)}
