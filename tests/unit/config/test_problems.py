"""Bad configs and bad data are refused before any job, with the key or file, the value and what is allowed."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from bad_configs import BAD, BAD_FILES, OWN_MODEL, TABLE
from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.plan.study import build_plan
from studies import study

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with the user's files."""
    monkeypatch.chdir(tmp_path)
    np.savez("table.npz", x=np.zeros((1000, 3), np.float32), labels=np.arange(1000) % 10, few=np.arange(3))
    Path("empty.npz").touch()
    Path("folder").mkdir()
    Path("own.py").write_text("import torch\n\n\nclass Net:\n    pass\n\n\ndef load(files):\n    pass\n")
    Path("bad.py").write_text("class Net\n")
    return tmp_path


def assert_says(message: str, words: list[str]) -> None:
    place = 0
    for word in words:
        assert word in message[place:], f"{word!r} is not in {message[place:]!r}"
        place = message.index(word, place) + len(word)


@pytest.mark.parametrize(("changes", "words"), BAD.values(), ids=BAD.keys())
def test_a_bad_config_is_refused(changes, words):
    with pytest.raises(ConfigError) as caught:
        load_study(study(changes))
    assert_says(str(caught.value), words)
    assert len(caught.value.problems) <= 2 and "Input should" not in str(caught.value)


@pytest.mark.parametrize(("changes", "words"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_refused(changes, words, folder):
    with pytest.raises(ConfigError) as caught:
        build_plan(load_study(study(changes)))
    assert_says(str(caught.value), words)


@pytest.mark.parametrize("raw", [None, [], "study", 3])
def test_what_is_no_mapping_is_refused(raw):
    with pytest.raises(ConfigError, match="keys with values"):
        load_study(raw)


def test_an_empty_config_is_refused():
    with pytest.raises(ConfigError) as caught:
        load_study({})
    assert caught.value.problems == ["study: missing, must be given", "pool: missing, must be given"]


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        load_study(study({"shadow_models": 7, "base.epochs": "4", "attacks": [{"name": "lra"}], "device": "gpu"}))
    assert [problem.split(" ")[0] for problem in caught.value.problems] == [
        "base.epochs",
        "shadow_models",
        "attacks.0.name",
        "device",
    ]


@pytest.mark.parametrize("path", sorted(ROOT.glob("config/**/*.yaml")), ids=lambda path: path.stem)
def test_shipped_studies_are_valid(path):
    assert load_study(yaml.safe_load(path.read_text())).runs


def test_own_code_is_read_and_never_run(folder):
    own = folder / "own.py"
    own.write_text("raise SystemExit('was run')\n\n\nclass Net:\n    pass\n")
    plan = build_plan(load_study(study({"base.model": OWN_MODEL})))
    assert plan.runs[0].train.folder.startswith("net-sgd-e4-")


def test_the_data_of_a_finished_pool_are_not_looked_at_again(folder, monkeypatch):
    raw = study({"pool.dataset": TABLE, "runs": []})
    plan = build_plan(load_study(raw))
    pool = Path(plan.results, plan.runs[0].pool.path, "pool.arrow")
    asked = []
    monkeypatch.setattr("memdyn.plan.pools.problem", lambda *arguments: asked.append(arguments))
    build_plan(load_study(raw))
    assert len(asked) == 1
    pool.parent.mkdir(parents=True)
    pool.touch()
    build_plan(load_study(raw))
    assert len(asked) == 1
