"""What of a user's own code is in the name of what it makes: the file and all local modules, transitively."""

import shutil

import pytest

from fresh_code import forget_code
from memdyn.identity import digest
from memdyn.identity import recipe as record
from memdyn.identity.differences import Changes
from memdyn.identity.digest import code_digest, module_hashes
from memdyn.own.source import Code
from own_files import KINDS, NEIGHBOURS, at_the_top, in_a_function, write

NET = "from helper import VALUE\nimport pack.sub\n\n\nclass Net:\n    size = 1\n"


@pytest.fixture
def own(tmp_path):
    write(tmp_path / "own", NEIGHBOURS | {"net.py": NET, "unused.py": "x = 1\n"})
    yield tmp_path / "own"
    forget_code()


def now(folder, file="net.py"):
    forget_code()
    return code_digest(["train_block.py", str((folder / file).resolve())], ["memdyn.models.custom:custom"])


def reached(folder, file="net.py"):
    code = Code.of(f"{folder / file}:Net")
    return {module.file.relative_to(folder.resolve()).as_posix() for module in code.modules.values()}


@pytest.mark.parametrize("target_of", [at_the_top, in_a_function])
@pytest.mark.parametrize(("kind", "value"), KINDS.items())
def test_every_kind_of_import_is_followed(own, kind, value, target_of):
    """All that such a target runs, known from running it, is known beforehand, without running it."""
    write(own, {"net.py": target_of(kind, value)})
    needed = {"helper.py"} if "helper" in kind or "pack.deep" in kind else set()
    needed |= {"pack/__init__.py"} if "pack" in kind else set()
    needed |= {"pack/sub.py"} if "sub" in kind or "pack.deep" in kind else set()
    needed |= {"pack/deep/__init__.py", "pack/deep/up.py"} if "pack.deep" in kind else set()
    needed |= {"space/inside.py", "space/next.py"} if "space" in kind else set()
    assert reached(own) == needed | {"net.py"}


LOUD = {
    "the file": ("net.py", "size = 1", "size = 2"),
    "a neighbour": ("helper.py", "'helper'", "'Helper'"),
    "a module of a package": ("pack/sub.py", "'sub'", "'Sub'"),
    "the package": ("pack/__init__.py", "'init'", "'Init'"),
    "a registry of the user's": ("helper.py", "VALUE = ", "REGISTRY = {1: 2}\nVALUE = "),
}
SILENT = {
    "a comment": ("helper.py", "VALUE", "# a comment\nVALUE"),
    "a docstring": ("pack/sub.py", "VALUE", '"""What is here."""\n\nVALUE'),
    "quotes": ("helper.py", "'helper'", '"helper"'),
    "a file that is not imported": ("unused.py", "1", "2"),
}


@pytest.mark.parametrize(("file", "old", "new"), LOUD.values(), ids=LOUD.keys())
def test_what_counts(own, file, old, new):
    before = now(own)
    write(own, {file: (own / file).read_text().replace(old, new)})
    assert now(own) != before


@pytest.mark.parametrize(("file", "old", "new"), SILENT.values(), ids=SILENT.keys())
def test_what_does_not_count(own, file, old, new):
    before = now(own)
    write(own, {file: (own / file).read_text().replace(old, new)})
    assert now(own) == before


def test_a_user_s_registry_counts(own):
    """Those of this package are left out, since the entries that a recipe names are hashed instead."""
    write(own, {"helper.py": "REGISTRY = {'a': 1}\nVALUE = 1\n"})
    before = now(own)
    write(own, {"helper.py": "REGISTRY = {'a': 2}\nVALUE = 1\n"})
    assert now(own) != before


def test_two_modules_that_change_places_count(own):
    write(own, {"net.py": "import one\nimport two\n\nNet = one.x - two.x\n", "one.py": "x = 1\n", "two.py": "x = 2\n"})
    before = now(own)
    write(own, {"one.py": "x = 2\n", "two.py": "x = 1\n"})
    assert now(own) != before


def test_where_the_code_lies_does_not_count(own, tmp_path):
    before = now(own)
    shutil.copytree(own, tmp_path / "far" / "away")
    assert now(tmp_path / "far" / "away") == before
    shutil.move(tmp_path / "far" / "away" / "net.py", tmp_path / "far" / "away" / "moved.py")
    assert now(tmp_path / "far" / "away", "moved.py") == before


def test_the_same_in_a_package(own, tmp_path):
    write(own, {"__init__.py": "", "net.py": "from .helper import VALUE\nfrom own.pack import sub\n\nNet = VALUE\n"})
    assert reached(own) == {"__init__.py", "net.py", "helper.py", "pack/__init__.py", "pack/sub.py"}
    before = now(own)
    write(own, {"__init__.py": "x = 1\n"})
    assert now(own) != before
    write(own, {"pack/net.py": "from .. import helper\n\nNet = helper.VALUE\n"})
    assert reached(own, "pack/net.py") == {"__init__.py", "pack/__init__.py", "pack/net.py", "helper.py"}


def test_imports_in_a_circle_end(own):
    write(own, {"helper.py": "import net\nVALUE = 1\n"})
    assert {"net.py", "helper.py"} <= reached(own) and now(own)


def test_what_is_imported_from_this_package_counts_too(own):
    before = now(own)
    write(own, {"helper.py": "from memdyn.models.layers import norm_layer\nVALUE = 'helper'\n"})
    with_layers = now(own)
    assert with_layers != before
    files = {path.name for _, path in digest._reach(str((own / "net.py").resolve()))}
    assert "layers.py" in files


def test_installed_packages_are_recorded_by_version(own):
    """Their names are those of the packages, not of the modules; the optional and the missing ones are told."""
    code = "import sklearn.linear_model\nfrom PIL import Image\nimport json, numpy, memdyn.registry\n"
    optional = "try:\n    import no_such_package_here\nexcept ImportError:\n    pass\n"
    write(own, {"helper.py": f"{code}{optional}VALUE = 1\n"})
    assert Code.of(f"{own}/net.py:Net").outside == ["PIL", "json", "memdyn", "no_such_package_here", "numpy", "sklearn"]
    known, with_own = record.versions(), record.versions(["train_block.py", str(own / "net.py")])
    assert set(with_own) - set(known) == {"scikit-learn", "pillow", "no_such_package_here"}
    assert with_own["scikit-learn"][0].isdigit() and with_own["no_such_package_here"] == "not installed"
    assert {name: with_own[name] for name in known} == known


def test_a_version_is_in_the_recipe_and_not_in_the_name(own, tmp_path, monkeypatch):
    write(own, {"helper.py": "import yaml\nVALUE = 1\n"})
    roots = ["train_block.py", str(own / "net.py")]

    def recipe(version):
        monkeypatch.setattr(record, "version", lambda package: version)
        stage = {"roots": roots, "entries": [], "files": [], "digest": code_digest(roots)}
        record.open_stage(stage, tmp_path / version)
        return record.read_recipe(tmp_path / version)

    one, other = recipe("1.0"), recipe("2.0")
    assert (one["versions"]["PyYAML"], other["versions"]["PyYAML"]) == ("1.0", "2.0")
    assert one["digest"] == other["digest"]
    score = {"roots": ["probe_block.py"], "entries": [], "files": [], "digest": code_digest(["probe_block.py"])}
    record.open_stage(score, tmp_path / "scores", own=roots)
    assert record.read_recipe(tmp_path / "scores")["versions"]["PyYAML"] == "2.0"


def hashes(*targets):
    forget_code()
    return module_hashes(["train_block.py", *(str(target.resolve()) for target in targets)])


def test_the_recipe_names_the_modules(own, tmp_path):
    before = hashes(own / "net.py")
    names = {"own:net.py", "own:helper.py", "own:pack/__init__.py", "own:pack/sub.py"}
    assert {name for name in before if name.startswith("own:")} == names and "memdyn/training/loop.py" in before
    shutil.copytree(own, tmp_path / "elsewhere")
    assert hashes(tmp_path / "elsewhere" / "net.py") == before
    write(own, {"helper.py": "import pack.deep.up\nVALUE = 'other'\n"})
    found = Changes.between(before, hashes(own / "net.py"))
    assert set(found.changed) == {"own:helper.py"} and not found.gone
    assert set(found.added) == {"own:pack/deep/__init__.py", "own:pack/deep/up.py"}


def test_helpers_of_one_name_are_told_apart(own, tmp_path):
    write(tmp_path / "second", {"data.py": "from helper import VALUE\n", "helper.py": "VALUE = 1\n"})
    both = hashes(own / "net.py", tmp_path / "second" / "data.py")
    one, other = hashes(own / "net.py"), hashes(tmp_path / "second" / "data.py")
    assert set(both["own:helper.py"].split("+")) == {one["own:helper.py"], other["own:helper.py"]}
    write(tmp_path / "second", {"helper.py": "VALUE = 2\n"})
    now = hashes(own / "net.py", tmp_path / "second" / "data.py")
    assert set(Changes.between(both, now).changed) == {"own:helper.py"}
