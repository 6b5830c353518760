"""A path of the config is written out once, and how it is spelled changes nothing."""

from pathlib import Path

import numpy as np
import pytest

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.config.paths import name_of_target, written_out
from memdyn.plan.study import build_plan
from studies import study


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with a link and a home folder."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    (tmp_path / "far" / "folder").mkdir(parents=True)
    (work / "data").mkdir(parents=True)
    (work / "link").symlink_to(tmp_path / "far" / "folder")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    return work


SPELLINGS = {
    "as it is": "data/a b/ü.npz",
    "a slash at the end": "data/a b/ü.npz/",
    "a dot in front": "./data/a b/ü.npz",
    "doubled slashes": "data//a b///ü.npz",
    "dots inside": "data/./a b/./ü.npz",
    "up and down": "data/../data/a b/c/../ü.npz",
    "out and in": "../work/data/a b/ü.npz",
    "absolute": "{here}/data/a b/ü.npz",
    "absolute, doubled": "/{here}//data/a b/ü.npz",
    "absolute, from its parent": "{here}/../work/data/a b/ü.npz",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_spellings_of_one_path(here, spelling):
    assert written_out(spelling.format(here=here)) == "data/a b/ü.npz"


def test_home_folders(here, tmp_path):
    assert written_out("~") == str(tmp_path / "home")
    assert written_out("~//photos/") == str(tmp_path / "home" / "photos")
    assert written_out("a/~") == "a/~"
    assert written_out("./~") == f"{here}/~"  # a library that expands ~ itself is not misled
    assert written_out("~root/x") == str(Path("~root").expanduser() / "x")


def test_other_places(here, tmp_path):
    assert written_out("/data//sets/") == "/data/sets"
    assert written_out("..") == str(tmp_path)
    assert written_out(".") == written_out("data/..") == str(here)
    assert written_out("../other") == str(tmp_path / "other")
    assert written_out("link/x") == "link/x"
    assert written_out("link/../x") == str(tmp_path / "far" / "x")  # where the system finds it
    assert written_out("../workshop") == str(tmp_path / "workshop")  # not below `work`


BAD = {
    "": "blank",
    "  ": "blank",
    "data ": "blank",
    "a\nb": "line break",
    "a\0b": "control character",
    "$HOME/x": "variable",
    "data/${NAME}": "variable",
    "~nobody_of_this_name/x": "no home folder",
    "https://example.org/a.npz": "an address",
    "s3://bucket/a.npz": "an address",
}


@pytest.mark.parametrize(("path", "words"), BAD.items())
@pytest.mark.parametrize("key", ["results", "data_dir", "pool.dataset.path", "pool.dataset.files"])
def test_what_is_refused_names_key_and_value(here, key, path, words):
    folder = {"name": "image_folder", "path": path, "size": 8}
    own = {"name": "custom", "target": "own.py:load", "files": [path]}
    changes = {"pool.dataset.path": {"pool.dataset": folder}, "pool.dataset.files": {"pool.dataset": own}}
    changes = changes.get(key, {key: path})
    with pytest.raises(ConfigError) as caught:
        load_study(study(changes))
    assert key in str(caught.value) and (words in str(caught.value) or "or more characters" in str(caught.value))


@pytest.mark.parametrize("place", ["r/{a}", "/", "//", "a}b"])
def test_folders_that_snakemake_cannot_write_into(here, place):
    for key in ("results", "data_dir"):
        with pytest.raises(ConfigError, match=f"{key}: .*Snakemake"):
            load_study(study({key: place}))


def test_braces_and_dollars_are_fine_where_files_are_read(here):
    changes = {"pool.dataset": {"name": "image_folder", "path": "{a}/5 $", "size": 8}}
    assert load_study(study(changes)).runs[0].pool.dataset.path == "{a}/5 $"


@pytest.mark.parametrize(("path", "words"), {"$HOME/net": "variable", " net": "blank", "a\tb": "control"}.items())
def test_a_target_is_refused_like_a_path(here, path, words):
    with pytest.raises(ConfigError, match=f"base.model.target: .*{words}"):
        load_study(study({"base.model": {"name": "custom", "target": f"{path}.py:Net"}}))


def test_a_target_is_a_path_and_a_name(here):
    def target(spelled):
        return load_study(study({"base.model": {"name": "custom", "target": spelled}})).config.base.model.target

    assert target("./own//net.py:Net") == target(f"{here}/own/net.py:Net") == "own/net.py:Net"
    assert name_of_target(target("~/net.py:Net")) == "Net"


def test_identity_does_not_depend_on_the_spelling(here):
    np.savez("data/a.npz", x=np.zeros((900, 3), np.float32), labels=np.arange(900) % 10)
    Path("own.py").write_text("class Net:\n    pass\n\n\ndef load(files):\n    pass\n")
    (here / "far").mkdir()
    Path("far/moved.py").write_text("# moved\n" + Path("own.py").read_text())

    def folders(path, data_code, net_code):
        table = {"name": "arrays", "path": path, "features": "x"}
        custom = {"name": "custom", "target": f"{data_code}:load", "files": [path]}
        net = {"name": "custom", "target": f"{net_code}:Net"}
        made = [
            build_plan(load_study(study({"pool.dataset": dataset, "base.model": net, "runs": []})))
            for dataset in (table, custom)
        ]
        return [(plan.runs[0].train.path, plan.runs[0].outputs.path) for plan in made]

    spelled = folders("data/a.npz", "own.py", "own.py")
    assert spelled == folders(f"{here}//data/../data/a.npz", "./own.py", f"{here}/own.py")
    assert spelled == folders("data/./a.npz", "far/moved.py", "far//moved.py")


def test_one_net_spelled_twice_is_one_recipe(here):
    nets = [{"name": "custom", "target": target} for target in ("own.py:Net", f"{here}/./own.py:Net")]
    runs = [{"name": name, "model": net} for name, net in zip("ab", nets, strict=True)]
    with pytest.raises(ConfigError, match="same recipe"):
        load_study(study({"runs": runs}))


@pytest.mark.parametrize("place", ["taken", "taken/below/it"])
@pytest.mark.parametrize("key", ["results", "data_dir"])
def test_a_file_in_the_place_of_a_folder(here, key, place):
    (here / "taken").write_text("")
    found = load_study(study({key: place}))
    with pytest.raises(ConfigError, match=rf'{key} = "{place}": taken is a file; allowed: a folder'):
        build_plan(found)
    (here / "taken").unlink()
    build_plan(found)
