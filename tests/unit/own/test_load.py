"""A user's own code is imported with its neighbours, and disturbs nothing."""

import dataclasses
import os
import pickle
import sys
import traceback
import typing

import pytest

from memdyn.own.load import call_target, load_target
from own_files import KINDS, NEIGHBOURS, at_the_top, in_a_function, write

FROM_SUB = ("from pack.sub import VALUE", "from .pack.sub import VALUE")
EXPECTED = {
    "VALUE": "helper",
    "helper.VALUE": "helper",
    "h.VALUE": "helper",
    "v, other": ("helper", "other"),
    "pack.sub.VALUE, pack.INIT": ("sub", "init"),
    "s.VALUE, helper.VALUE": ("sub", "helper"),
    "sub.VALUE, INIT": ("sub", "init"),
    "up.VALUE, up.INIT, up.TOP": ("sub", "init", "helper"),
    "space.inside.VALUE": "inside",
    "inside.VALUE, inside.NEXT": ("inside", "next"),
}


def expected(kind, value):
    if value == "mod.VALUE":
        return "sub" if "pack.sub" in kind else "helper"
    return "sub" if kind in FROM_SUB else EXPECTED[value]


@pytest.fixture
def own(tmp_path, monkeypatch):
    """`own/` with neighbours, and nothing of Python's state changed afterwards but the own modules."""
    write(tmp_path / "own", NEIGHBOURS)
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path / "own"
    assert sys.path == path
    new = set(sys.modules) - modules
    assert not {name for name in new if name.partition(".")[0] in ("helper", "pack", "space", "net", "own")}
    assert not list(tmp_path.rglob("__pycache__")), "another program would find our imports in it"


@pytest.mark.parametrize(("kind", "value"), KINDS.items())
@pytest.mark.parametrize("target_of", [at_the_top, in_a_function])
def test_every_kind_of_import(own, kind, value, target_of):
    if "import *" in kind and target_of is in_a_function:
        return  # Python has none there
    write(own, {"net.py": target_of(kind, value)})
    assert load_target("own/net.py:Net")() == expected(kind, value)


PACKAGE = "{}\nimport own\nimport helper\n\n\ndef Net():\n    return VALUE, own.helper is helper\n"
INSIDE = "from ..helper import VALUE\nfrom . import INIT, sub\n\n\ndef Net():\n    return VALUE, INIT, sub.VALUE\n"


@pytest.mark.parametrize("name", ["own.helper", "helper", ".helper"])
def test_a_folder_that_is_a_package(own, name):
    """Both its neighbours and what the outermost package lies beside are importable, each module once."""
    write(own, {"__init__.py": "", "net.py": PACKAGE.format(f"from {name} import VALUE"), "pack/net.py": INSIDE})
    assert load_target("own/net.py:Net")() == ("helper", True)
    assert load_target("own/pack/net.py:Net")() == ("helper", "init", "sub")


ODD = ["net.v2.py", "net-2.py", "2 nets.py", "netz ü.py", "v1.0/net.py", "__init__.py", "pack/__init__.py"]


@pytest.mark.parametrize("file", ODD)
def test_files_that_python_could_not_name(own, file):
    write(own, {"v1.0/__init__.py": "", "v1.0/helper.py": "VALUE = 'helper'\n", "pack/helper.py": "VALUE = 'helper'\n"})
    write(
        own, {file: "from helper import VALUE\nfrom .helper import VALUE as v\n\n\ndef Net():\n    return VALUE, v\n"}
    )
    assert load_target(f"own/{file}:Net")() == ("helper", "helper")


def test_neighbours_of_one_name_in_two_folders(tmp_path):
    code = "from helper import VALUE\n\n\ndef Net():\n    import helper\n    return VALUE, helper.VALUE\n"
    for name in "ab":
        write(tmp_path / name, {"net.py": code, "helper.py": f"VALUE = {name!r}\n"})
    one, other = (load_target(f"{tmp_path}/{name}/net.py:Net") for name in "ab")
    assert (one(), other(), one()) == (("a", "a"), ("b", "b"), ("a", "a"))


SPEC = """from __future__ import annotations
from dataclasses import dataclass, field
from helper import VALUE
from pack.shape import Shape


@dataclass(frozen=True)
class Spec:
    n: int
    shape: Shape = field(default_factory=Shape)
    rest: list[Spec] | None = None


def Net(n: int, spec: Spec | None = None) -> Spec:
    return Spec(n)
"""
SHAPE = "from dataclasses import dataclass\n\n\n@dataclass\nclass Shape:\n    h: int = 3\n"


def test_classes_are_whole(own):
    """What looks a class's module up by its name: dataclasses, pickling, annotations that are texts."""
    write(own, {"net.py": SPEC, "pack/shape.py": SHAPE})
    build = load_target("own/net.py:Net")
    spec = build(2)
    again = pickle.loads(pickle.dumps(spec))
    assert again == spec and type(again) is type(spec) and again.shape.h == 3
    assert typing.get_type_hints(build)["spec"] == type(spec) | None
    assert typing.get_type_hints(type(spec))["shape"] is type(spec.shape)
    assert dataclasses.asdict(spec) == {"n": 2, "shape": {"h": 3}, "rest": None}


def test_nothing_that_a_module_keeps_is_handed_on(own):
    """A model must not depend on which models were made before it in the same job."""
    write(own, {"net.py": "import helper\n\n\ndef Net():\n    helper.SEEN.append(1)\n    return len(helper.SEEN)\n"})
    write(own, {"helper.py": "SEEN = []\n"})
    assert [load_target("own/net.py:Net")() for _ in range(3)] == [1, 1, 1]


def test_python_and_libraries_are_not_hidden(own):
    """Neither for the own code, where the check refuses the names, nor for anything else."""
    code = "import numpy as np\nimport json\n\n\ndef Net():\n    return np.ones(2).sum(), json.dumps([1])\n"
    write(own, {"net.py": code, "colorsys.py": "raise SystemExit\n", "numpy/empty.txt": ""})
    assert load_target("own/net.py:Net")() == (2.0, "[1]")
    import colorsys

    assert colorsys.__file__ != str(own / "colorsys.py")


def test_a_mistake_is_shown_where_it_is(own):
    write(own, {"net.py": "import pack.sub\n\nfrom helper import fail\n\n\ndef Net():\n    return fail()\n"})
    write(own, {"helper.py": "import pack.sub\n\n\ndef fail():\n    x = 1\n    return x / 0\n"})
    with pytest.raises(ZeroDivisionError) as caught:
        load_target("own/net.py:Net")()
    frames = traceback.extract_tb(caught.tb)[1:]
    shown = [(frame.filename.rpartition("/")[2], frame.lineno, frame.line) for frame in frames]
    assert shown == [("net.py", 7, "return fail()"), ("helper.py", 6, "return x / 0")]


def test_other_spellings_of_a_file(own, tmp_path):
    write(own, {"net.py": "from helper import VALUE\n\n\ndef Net():\n    return VALUE\n"})
    (tmp_path / "link.py").symlink_to(own / "net.py")
    (tmp_path / "linked").symlink_to(own)
    for path in ("own/net.py", "./own//net.py", f"{own}/net.py", "link.py", "linked/net.py"):
        assert load_target(f"{path}:Net")() == "helper", path


def test_code_in_other_encodings(own):
    (own / "net.py").write_bytes("# -*- coding: latin-1 -*-\nNet = lambda: 'größe'\n".encode("latin-1"))
    assert load_target("own/net.py:Net")() == "größe"
    (own / "net.py").write_bytes("\ufeffNet = lambda: 'größe'\r\n".encode())
    assert load_target("own/net.py:Net")() == "größe"


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ("own/no.py:Net", FileNotFoundError, "no such file"),
        ("own/helper.py:Net", ValueError, "has no function Net"),
        ("own/helper.py:VALUE", ValueError, "has no function VALUE"),
    ],
)
def test_what_is_not_there(own, target, error, words):
    with pytest.raises(error, match=words):
        load_target(target)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("from helper import fail\n\n\ndef Net():\n    return fail()\n", r"KeyError: 'boo' \(helper\.py, line 2\)"),
        ("def Net(width=1):\n    return width\n", r"TypeError: Net\(\) got an unexpected keyword argument 'depth'"),
        (
            "raise RuntimeError('at the top')\n\n\ndef Net():\n    pass\n",
            r"RuntimeError: at the top \(net\.py, line 1\)",
        ),
        ("import sys\n\nsys.exit(0)\n\n\ndef Net():\n    pass\n", r"SystemExit: 0 \(net\.py, line 3\)"),
        ("def Net(depth):\n    __import__('helper')\n", r"No module named 'helper' .*found by `import helper`"),
    ],
)
def test_an_error_in_own_code_names_the_target_and_the_line(own, code, said):
    write(own, {"net.py": code, "helper.py": "def fail():\n    raise KeyError('boo')\n"})
    options = {} if "fail" in code else {"depth": 3}
    with pytest.raises(ValueError, match=rf"^own/net\.py:Net: .*{said}"):
        call_target("own/net.py:Net", **options)


def test_code_that_changes_the_working_directory_moves_nobody(own, tmp_path):
    write(own, {"net.py": "import os\n\nos.chdir('/')\n\n\ndef Net():\n    os.chdir('/usr')\n"})
    call_target("own/net.py:Net")
    assert os.getcwd() == str(tmp_path)
