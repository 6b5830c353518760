"""What of a study is finished, as a study of its own: which runs and models, what is missing, links to the files."""

import os
from pathlib import Path

import pytest
import yaml

from finished_studies import finish
from memdyn.__main__ import main
from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.config.yaml_file import read_yaml
from memdyn.operations.clean import unused
from memdyn.operations.finished import run_states
from memdyn.operations.interim import choose, prepare
from memdyn.operations.wanted import INTERIM, note_wanted
from memdyn.plan.study import StudyPlan, build_plan
from memdyn.tables import STAGES
from studies import study

LOST = "05:12:44 train_block mlp: FAILED on c1 (SLURM job 12), TrainingDiverged: model 9: nan, alas (details: x.log)"


class Half:
    """A study of which all is there but what a test takes away."""

    def __init__(self, results: Path, **changes) -> None:
        self.raw = study({"results": str(results), "shadow_models": 24} | changes)
        self.plan: StudyPlan = build_plan(load_study(self.raw))
        finish(self.plan)
        Path(self.plan.versions, self.plan.report.folder, "report.html").unlink()

    def run(self, name: str):
        return next(run for run in self.plan.all_runs if run.name == name)

    def without(self, stage, *blocks: str) -> "Half":
        for block in blocks:
            Path(self.plan.results, stage.product(block)).unlink()
        return self

    def part(self, models: int | None = None):
        return choose(self.plan, self.raw, run_states(self.plan), models)

    def missing(self) -> dict[str, str]:
        return {state.run.name: state.missing for state in run_states(self.plan)}


LENGTHS = {"short": 6, "long": 40}
BLOCKS = "block-0000-0007", "block-0008-0015", "block-0016-0023"


@pytest.fixture
def half(tmp_path):
    return Half(tmp_path)


def names(part) -> list[str]:
    return [run.name for run in part.plan.runs]


def test_nothing_finished_is_told_with_what_is_missing(half, capsys):
    for run in half.plan.runs:
        half.without(run.train, *BLOCKS).without(run.outputs, *BLOCKS)
    with pytest.raises(RuntimeError, match="no run of small has a finished first block") as refused:
        half.part()
    assert "\n  logistic: models 0 to 23: training of logistic not begun" in str(refused.value)


def test_all_of_it_is_shown_while_only_the_report_is_missing(half):
    part = half.part()
    assert (names(part), part.models) == (["mlp", "logistic"], 24)
    assert part.said == ["small: 2 of 2 runs, with 24 of 24 models each"]
    assert [run.attacks for run in part.plan.runs] == [run.attacks for run in half.plan.runs]


def test_as_many_models_in_all_as_can_be_or_as_is_asked(half):
    """One run of 24 models, or both of 16."""
    half.without(half.run("logistic").outputs, BLOCKS[2])
    assert (names(half.part()), half.part().models) == (["mlp", "logistic"], 16)
    assert (names(half.part(24)), half.part(24).models) == (["mlp"], 24)
    assert (names(half.part(8)), half.part(8).models) == (["mlp", "logistic"], 8)
    with pytest.raises(RuntimeError, match=r"--models 12: .* allowed: 8 \(2 runs\), 16 \(2 runs\), 24 \(1 runs\)"):
        half.part(12)


def test_one_whole_run_is_shown_rather_than_two_of_few_models(half):
    half.without(half.run("logistic").outputs, *BLOCKS[1:])
    assert (names(half.part()), half.part().models) == (["mlp"], 24)  # 24 against twice 8


def test_models_after_a_gap_wait(half):
    half.without(half.run("mlp").train, BLOCKS[1])
    told = "models 8 to 15: training of mlp not begun; models 16 to 23 are finished, and wait for those before them"
    assert half.missing() == {"mlp": told, "logistic": ""}
    assert half.part(8).plan.study.config.interim.runs[0].models == 8


def test_a_block_is_finished_once_all_is_read_off_it(tmp_path):
    half = Half(tmp_path, **{"difficulty.measures": ["grand"]})
    run = half.run("mlp")
    half.without(run.probes["grand"], BLOCKS[0]).without(run.outputs, BLOCKS[2])
    told = (
        "models 0 to 7: grand of mlp not begun; models 16 to 23: outputs of mlp not begun; models 8 to 15 are finished"
    )
    assert half.missing()["mlp"].startswith(told)
    assert names(half.part()) == ["logistic"]


def test_what_failed_is_told_with_its_last_words(half):
    half.without(half.run("mlp").train, *BLOCKS[1:]).without(half.run("mlp").outputs, *BLOCKS[1:])
    for block, said in zip(BLOCKS[1:], (LOST, LOST.replace("model 9", "model 17")), strict=True):
        Path(half.plan.results, half.run("mlp").train.path, block, "train.log").write_text(f"Traceback\n{said}\n")
    told = "models 8 to 23: training of mlp failed: TrainingDiverged: model 9: nan, alas"
    assert half.missing()["mlp"] == told
    hidden = build_plan(load_study(half.raw | {"report": {"show_images": False}}))  # it may name where the data lie
    assert run_states(hidden)[0].missing == "models 8 to 23: training of mlp failed"


def test_a_student_waits_for_its_hidden_teacher(tmp_path):
    taught = {"runs.0.mechanisms": {"distillation": {"temperature": 2}}, "pool.parts.spare": 100}
    half = Half(tmp_path, **taught)
    (teacher,), student = half.plan.teachers, half.run("mlp")
    half.without(teacher.train, BLOCKS[2])
    assert half.missing()["mlp"] == "", "it has its weights, and needs the teacher's no more"
    half.without(student.train, BLOCKS[2]).without(student.outputs, BLOCKS[2])
    assert half.missing()["mlp"] == "models 16 to 23: training of teacher of mlp not begun"
    assert half.part().models == 16


def test_attacks_wait_for_the_hidden_runs_that_they_read(tmp_path):
    half = Half(tmp_path, **{"attacks": [{"name": "lira"}, {"name": "ye_distilled"}], "pool.parts.spare": 100})
    other = next(iter(half.run("mlp").others.values()))
    half.without(other.outputs, BLOCKS[1])
    assert half.missing()["mlp"].startswith(f"models 8 to 15: outputs of {other.name} not begun")
    assert names(half.part()) == ["logistic"]


def test_a_baseline_that_is_there_and_one_that_is_not(tmp_path):
    runs = [*study()["runs"], {"name": "wide", "model": {"name": "mlp", "hidden": [64]}}]
    half = Half(tmp_path, runs=runs, regularization={"baseline": "mlp", "known": 10})
    half.without(half.run("logistic").outputs, BLOCKS[0])
    assert half.part().plan.study.config.regularization.baseline == "mlp"
    assert half.part().plan.study.config.interim.left_out == []
    half = Half(tmp_path / "other", runs=runs, regularization={"baseline": "mlp", "known": 10})
    half.without(half.run("mlp").outputs, BLOCKS[0])
    part = half.part()
    assert names(part) == ["logistic", "wide"] and part.plan.study.config.regularization is None
    assert part.said[-1] == "Runs are not compared with a baseline, for the baseline mlp is not finished"


def test_of_several_baselines_those_that_are_there(tmp_path):
    changes = {
        "runs": [
            {"name": name, "pool": {"seed": seed}, **({"epochs": 3, "checkpoints": [0, 3]} if other else {})}
            for seed in (0, 1)
            for other, name in enumerate((f"base{seed}", f"other{seed}"))
        ],
        "regularization": {"baseline": ["base0", "base1"], "known": 10},
    }
    half = Half(tmp_path, **changes)
    half.without(half.run("other1").outputs, BLOCKS[0]).without(half.run("base1").outputs, BLOCKS[0])
    part = half.part()
    assert names(part) == ["base0", "other0"] and part.plan.study.config.regularization.baseline == ["base0"]


def test_a_run_that_stands_on_another_ones_training_goes_with_it(tmp_path):
    """The short one is a checkpoint of the long one, of which a probe is missing; alone it would be trained."""
    runs = [
        {"name": name, "epochs": epochs, "checkpoints": list(range(epochs + 1))} for name, epochs in LENGTHS.items()
    ]
    own = {"base.schedule": {"name": "constant"}, "difficulty.measures": ["grand"]}
    half = Half(tmp_path, runs=[*runs, {"name": "other", "batch_size": 16}], **own)
    short, long = half.run("short"), half.run("long")
    assert short.train.path == long.train.path and short.probes["grand"].path != long.probes["grand"].path
    half.without(long.probes["grand"], *BLOCKS)
    part = half.part()
    assert names(part) == ["other"]
    assert half.missing()["short"] == ""
    assert part.said[-2:] == [
        "  short: stands on the training of a run that is not finished",
        "  long: models 0 to 23: grand of long not begun",
    ]


def test_of_a_grid_the_runs_that_are_there(tmp_path):
    half = Half(tmp_path, runs=[], grid={"optimizer.lr": [1e-5, 0.1], "batch_size": [16, 32]})
    half.without(half.run("lr=0.1,batch_size=16").outputs, BLOCKS[0])
    part = half.part()
    assert names(part) == ["lr=1e-05,batch_size=16", "lr=1e-05,batch_size=32", "lr=0.1,batch_size=32"]
    place = Path(half.plan.folder, INTERIM)
    prepare(part, place)
    written = build_plan(load_study(read_yaml(str(place / "config.yaml"))))
    assert list(written.stages) == list(part.plan.stages) and written.results == str(place)


def test_of_an_audit_no_fewer_models_than_its_targets_leave(tmp_path):
    changes = {"audit": {"targets": 8, "delta": 1e-4}, "shadow_models": 24}
    half = Half(tmp_path, **changes)
    half.without(half.run("mlp").outputs, BLOCKS[2]).without(half.run("logistic").outputs, *BLOCKS[1:])
    assert (names(half.part()), half.part().models) == (["mlp"], 16)
    with pytest.raises(RuntimeError, match=r"of 8 models a run: bad config:\n  - .*audit.targets = 8"):
        half.part(8)


def test_the_links_are_the_files_and_nothing_is_written_elsewhere(half, monkeypatch):
    half.without(half.run("logistic").outputs, BLOCKS[2])
    log = Path(half.plan.results, half.run("mlp").train.path, BLOCKS[0], "train.log")
    log.write_text("which goes on")
    before = {path: path.stat().st_mtime_ns for path in Path(half.plan.results).rglob("*") if path.is_file()}
    part, place = half.part(), Path(half.plan.folder, INTERIM)
    page = prepare(part, place)
    assert page.startswith(f"{place}/studies/small-interim/versions/report-")
    linked = [path for path in place.rglob("*.parquet") if path.name in ("signals.parquet", "log.parquet")]
    assert len(linked) == 2 * 2 * 2  # of two blocks of two runs
    assert all(path.samefile(Path(half.plan.results, path.relative_to(place))) for path in linked)
    assert not list(place.rglob("*.log"))
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert build_plan(load_study(part.config | {"results": str(place)})).report.folder == part.plan.report.folder


@pytest.mark.parametrize("hard", [True, False])
def test_links_to_what_was_made_anew_are_made_anew_with_all_that_was_made_of_them(half, monkeypatch, hard):
    def link(source, target):
        raise PermissionError(source)

    if not hard:
        monkeypatch.setattr(os, "link", link)
    place, run = Path(half.plan.folder, INTERIM), half.run("mlp")
    prepare(half.part(), place)
    made, signals = place / run.attacks["lira"].path, place / run.outputs.product(BLOCKS[0])
    assert signals.is_symlink() is not hard
    made.mkdir()
    prepare(half.part(), place)
    assert made.exists()
    source = Path(half.plan.results, run.outputs.product(BLOCKS[0]))
    source.unlink()
    source.write_bytes(b"other bits")
    prepare(half.part(), place)
    assert signals.read_bytes() == b"other bits"
    assert made.exists() is not hard


def test_of_the_study_s_own_attacks_those_that_have_ended_are_taken(half):
    """Of one all tables are written; of the other all but one."""
    place = Path(half.plan.folder, INTERIM)
    ended, begun = (half.run(name).attacks["lira"] for name in ("mlp", "logistic"))
    for stage in (ended, begun):
        for table in STAGES["attack"]:
            Path(half.plan.results, stage.path, f"{table}.parquet").touch()
    Path(half.plan.results, begun.path, "rates.parquet").unlink()
    prepare(half.part(), place)
    assert len(list((place / ended.path).glob("*.parquet"))) == len(STAGES["attack"])
    assert not (place / begun.path).exists()


def test_who_has_no_part_to_show(half, tmp_path, capsys, monkeypatch):
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(half.raw))
    page = Path(half.plan.versions, half.plan.report.folder, "report.html")
    page.touch()
    assert main(["interim", "--configfile", str(file)]) == 1
    assert "small has ended, and nothing is missing: its report is" in capsys.readouterr().err
    page.unlink()
    assert main(["interim", "--configfile", str(file), "--dry-run"]) == 0
    assert capsys.readouterr().out == "small: 2 of 2 runs, with 24 of 24 models each\n"
    assert not Path(half.plan.folder, INTERIM).exists()
    prepare(half.part(), Path(half.plan.folder, INTERIM))
    assert main(["interim", "--configfile", f"{half.plan.folder}/{INTERIM}/config.yaml"]) == 1
    assert "this is the interim study of small" in capsys.readouterr().err


def test_clean_lists_it_once_the_study_has_ended(half):
    note_wanted(half.plan)
    prepare(half.part(), Path(half.plan.folder, INTERIM))
    results = Path(half.plan.results)
    assert unused(results) == []
    Path(half.plan.versions, half.plan.report.folder, "report.html").touch()
    assert [each.folder for each in unused(results)] == [Path(half.plan.folder, INTERIM)]


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([{"name": "mlp", "shown": False}], "interim.runs: none is shown"),
        ([{"name": "cnn", "shown": True}], "interim.runs: 'cnn' is no run of the study; allowed: mlp, logistic"),
    ],
)
def test_an_interim_study_shows_runs_that_there_are(runs, words):
    told = [{"models": 8, "checkpoints": 4} | run for run in runs]
    with pytest.raises(ConfigError, match=words):
        load_study(study({"interim": {"study": "small", "models": 8, "runs": told}}))


def test_the_config_says_nothing_of_it_elsewhere():
    assert "interim" not in load_study(study()).config.stated()
