"""What does not fit of a user's own code is told before any job, with file and line, and nothing of it is run."""

import subprocess
import sys
from pathlib import Path

import pytest

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.own import check as own_check
from memdyn.own.check import check_target
from memdyn.own.source import code_of_file
from memdyn.plan.study import build_plan
from own_files import NEIGHBOURS, write
from studies import study

HELPERS = Path(__file__).resolve().parents[2] / "helpers"
NET = "def Net(input_shape, n_classes, width=8, *, depth: int = 2):\n    return width\n"


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "own", NEIGHBOURS)
    yield tmp_path / "own"
    code_of_file.cache_clear()


def check(own, code, options=None, given=("input_shape", "n_classes"), **more):
    """What is wrong with a net of this code; nothing where it fits."""
    code_of_file.cache_clear()
    own_check._wrong_imports.cache_clear()
    write(own, {"net.py": code})
    try:
        check_target("own/net.py:Net", options or {}, given, "model", **more)
    except ConfigError as error:
        return error.problems
    return []


WRONG = {
    "a syntax error": ({"net.py": "def Net(:\n    pass\n"}, ["net.py, line 1, is not Python: "]),
    "one in a neighbour": ({"helper.py": "x = 1\nx = = 2\n"}, ["helper.py, line 2, is not Python: "]),
    "one deep inside": ({"pack/sub.py": "x = (\n"}, ["pack/sub.py, line 1, is not Python: "]),
    "a tab between blanks": ({"helper.py": "if 1:\n        x = 1\n\ty = 2\n"}, ["helper.py, line 3, is not Python"]),
    "a zero byte": ({"net.py": "x = 1\0\n"}, ["net.py, or what it imports, is not Python: ", "null bytes"]),
    "bytes that are no text": ({"net.py": b"x = '\xff'\n"}, ["net.py", "is not Python"]),
    "a missing package": ({"net.py": f"import nupmy as n\n{NET}"}, ["net.py, line 1: no module 'nupmy'", "installed"]),
    "a missing neighbour": ({"net.py": f"\nimport helpr\n{NET}"}, ["line 2: no module 'helpr'", "you mean 'helper'?"]),
    "a missing relative": ({"net.py": f"from .helpr import x\n{NET}"}, ["line 1: no module '.helpr'", "'helper'?"]),
    "a missing submodule": ({"net.py": f"import pack.sup\n{NET}"}, ["line 1: no module 'pack.sup'"]),
    "in a neighbour": ({"helper.py": "\n\nimport nupmy\nVALUE = 1\n"}, ["helper.py, line 3: no module 'nupmy'"]),
    "in the function": (
        {"net.py": NET.replace("    return", "    import nupmy\n    return")},
        ["net.py, line 2", "nupmy"],
    ),
    "in the class": (
        {"net.py": "class Net:\n    def __init__(self, input_shape, n_classes, **_):\n        from nupmy import x\n"},
        ["net.py, line 3", "nupmy"],
    ),
    "a name that a neighbour lacks": (
        {"net.py": f"from helper import VALU\n{NET}"},
        ["helper.py has no 'VALU'", "'VALUE'?"],
    ),
    "a name that a package lacks": ({"net.py": f"from pack import sup\n{NET}"}, ["pack/__init__.py has no 'sup'"]),
    "a module that a folder lacks": ({"net.py": f"from space import outside\n{NET}"}, ["space has no 'outside'"]),
    "above the root": ({"net.py": f"from ..helper import VALUE\n{NET}"}, ["line 1: '..helper' lies above", "own"]),
    "a neighbour of Python's name": (
        {"net.py": f"import statistics\n{NET}", "statistics.py": "x = 1\n"},
        ["net.py, line 1: 'statistics' is", "statistics.py", "another name"],
    ),
    "a neighbour of a library's name": (
        {"net.py": f"def f():\n    from yaml import x\n\n\n{NET}", "yaml/__init__.py": "x = 1\n"},
        ["net.py, line 2: 'yaml' is", "yaml/__init__.py", "another name"],
    ),
    "a file of a library's name": ({"net.py": f"import net\nimport torch\n{NET}", "torch.py": ""}, ["'torch' is"]),
    "no such name": ({"net.py": "def Nte():\n    pass\n"}, ["has no 'Net'", "did you mean 'Nte'?"]),
}  # fmt: skip


@pytest.mark.parametrize(("files", "words"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_imported(own, files, words):
    code = "from helper import VALUE\nimport pack.sub\n" + NET
    for name, text in files.items():
        if isinstance(text, bytes):
            (own / name).write_bytes(text)
        else:
            write(own, {name: text})
    if "net.py" not in files:
        write(own, {"net.py": code})
    with pytest.raises(ConfigError) as caught:
        build_plan(load_study(study({"base.model": {"name": "custom", "target": "own/net.py:Net"}, "runs": []})))
    assert str(caught.value).startswith("bad config:\n  - model.target = own/net.py:Net: ")
    for word in words:
        assert word in str(caught.value)


FINE = {
    "a package that is there": "import torch\nfrom sklearn import svm\nimport os.path\n",
    "an optional one": "try:\n    import nupmy\nexcept ImportError:\n    nupmy = None\n",
    "one in a branch": "import sys\nif sys.version_info < (3,):\n    import nupmy\n",
    "one for types": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nupmy import Array\n",
    "one in another function": "def plot():\n    import nupmy\n",
    "a name that is made in a branch": "from helper import other\nfrom odd import late\n",
    "a name that is made when asked for": "from odd_too import anything\n",
    "names behind stars": "from star import VALUE, join\n",
    "a submodule": "from pack import sub, deep\nfrom space import inside\n",
    "a library beside a folder of its name": "import yaml\n",
    "this package": "from memdyn.models.layers import norm_layer\n",
}


@pytest.mark.parametrize("code", FINE.values(), ids=FINE.keys())
def test_what_may_be_imported(own, code):
    write(
        own,
        {
            "odd.py": "import os\nif os.name:\n    late = 1\n",
            "odd_too.py": "def __getattr__(name):\n    return 1\n",
            "star.py": "from helper import *\nfrom os.path import *\n",
            "yaml/data.csv": "1,2\n",
        },
    )
    assert check(own, code + NET) == []


def test_jobs_with_packages_of_their_own(own):
    """With --sdm this Python does not know what jobs have."""
    assert check(own, "import nupmy\n" + NET, judge_installed=False) == []
    assert check(own, "import helpr_of_mine.x\nfrom .helpr import x\n" + NET, judge_installed=False) != []


DATA = "import dataclasses\nfrom typing import ClassVar\n\n\n@dataclasses.dataclass(frozen=True)\n"
FIELDS = (
    "    input_shape: tuple\n    n_classes: int\n    width: int = 8\n    depth: int = 2\n"
    "    kind: ClassVar[str] = 'net'\n    other = 3\n"
)
TAKES = {
    "a function": NET,
    "a class": "class Net:\n    def __init__(self, input_shape, n_classes, width=8, *, depth=2):\n        pass\n",
    "a class of a local one": (
        "class Base:\n    def __init__(self, input_shape, n_classes, width=8, *, depth=2):\n        pass\n\n\n"
        "class Net(Base):\n    pass\n"
    ),
    "another name": NET.replace("def Net", "def build") + "\n\nNet = build\n",
    "a lambda": "Net = lambda input_shape, n_classes, width=8, *, depth=2: width\n",
    "from a neighbour": "from parts import Net\n",
    "from a neighbour, renamed": "from .parts import Other as Net\n",
    "a data class": f"{DATA}class Net:\n{FIELDS}",
    "a data class of a local one": f"{DATA}class Base:\n{FIELDS}\n\n{DATA}class Net(Base):\n    depth: int = 3\n",
    "a data class of this package's": f"from memdyn.attacks.base import Attack\n{DATA}class Net(Attack):\n{FIELDS}",
    "a data class of a neighbour's": f"from parts import Plain\n{DATA}class Net(Plain):\n{FIELDS}",
    "a class of a neighbour's": "from parts import Base\n\n\nclass Net(Base):\n    pass\n",
}
PARTS = (
    NET
    + "\n\nOther = Net\n\n\n"
    + "class Base:\n    def __init__(self, input_shape, n_classes, width=8, *, depth=2):\n        pass\n"
    + "\n\nfrom abc import ABC\n\n\nclass Plain(ABC):\n    kind: str = 'plain'\n"
)


@pytest.mark.parametrize("code", TAKES.values(), ids=TAKES.keys())
def test_options_are_held_to_the_signature(own, code):
    write(own, {"parts.py": PARTS})
    for options in ({}, {"width": 3}, {"depth": 3}, {"width": 1, "depth": 1}):
        assert check(own, code, options) == []
    (said,) = check(own, code, {"widht": 3})
    assert said.startswith("model.options.widht = 3: no option of ") and ".py, line " in said
    assert said.endswith("did you mean 'width'? allowed: width, depth")
    assert [line.partition(" = ")[0] for line in check(own, code, {"a": 1, "width": 1, "b": 2})] == [
        "model.options.a",
        "model.options.b",
    ]


@pytest.mark.parametrize(
    ("parameters", "options", "words"),
    [
        (
            "input_shape, n_classes, width, depth",
            {"depth": 1},
            "model.options: Net, {file}, line 1, must be given width",
        ),
        ("a, b, *, width, depth", {}, "must be given width, depth"),
        ("a, b", {"width": 1}, "model.options.width = 1: no option of Net, {file}, line 1; it takes none"),
        ("a", {}, "model.target: {file}, line 1: Net(a) must take (input_shape, n_classes) before its options"),
        ("*, input_shape, n_classes", {}, "must take (input_shape, n_classes)"),
        ("a, b, width=1", {"a": 1}, "model.options.a = 1: no option of Net"),
        ("a, b, width=1, **rest", {"a": 1}, "model.options.a = 1: no option of Net"),
        ("a, b, c, /", {}, "must be given c"),
        ("a, b, c=1, /", {"c": 1}, "model.options.c = 1: no option of Net"),
    ],
)
def test_arguments_that_do_not_fit(own, parameters, options, words):
    (said,) = check(own, f"def Net({parameters}):\n    pass\n", options)
    assert words.format(file=(own / "net.py").resolve()) in said


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("def Net(a, b, **rest):\n    pass\n", {"any": 1}),
        ("def Net(*all, **rest):\n    pass\n", {"any": 1}),
        ("def Net(a, b, /, **rest):\n    pass\n", {"a": 1}),
        ("def Net(a, b=1, *more, c=2):\n    pass\n", {"c": 1}),
        # what cannot be seen is left to the call itself
        ("@decorated\ndef Net(a):\n    pass\n", {"any": 1}),
        ("from functools import partial\n\n\ndef f(a):\n    pass\n\n\nNet = partial(f, 1)\n", {"any": 1}),
        ("from torch.nn import Linear as Net\n", {"any": 1}),
        ("from torch import nn\n\n\nclass Net(nn.Linear):\n    pass\n", {"bias": False}),
        ("import os\nif os.name:\n    def Net(a):\n        pass\nelse:\n    def Net(b):\n        pass\n", {"any": 1}),
        ("class Net(type('A', (), {})):\n    pass\n", {"any": 1}),
        ("Net = Net\n", {"any": 1}),
        (f"{DATA}class Net:\n    a: int = dataclasses.field(init=False)\n", {"any": 1}),
        (f"{DATA}@other\nclass Net:\n    a: int\n", {"any": 1}),
        (f"from torch.nn import Linear\n{DATA}class Net(Linear):\n    a: int\n", {"any": 1}),
        (f"{DATA}class Net:\n    _: dataclasses.KW_ONLY\n    a: int\n", {"any": 1}),
    ],
)
def test_what_is_let_pass(own, code, options):
    assert check(own, code, options) == []


def test_options_of_a_data_set(own):
    write(own, {"data.py": "def load(files, classes, n=3):\n    pass\n"})

    def plan(options):
        dataset = {"name": "custom", "target": "own/data.py:load", "options": options}
        return build_plan(load_study(study({"pool.dataset": dataset})))

    assert plan({"classes": 2})
    with pytest.raises(ConfigError) as caught:
        plan({"clases": 2})
    assert "pool.dataset.options.clases = 2: no option of load" in str(caught.value)
    assert "must be given classes" in str(caught.value)


def test_a_run_s_options_are_held_to_it_too(own):
    write(own, {"net.py": NET})
    net = {"name": "custom", "target": "own/net.py:Net"}
    runs = [{"name": "a"}, {"name": "b", "model": {"options": {"wide": 1}}}]
    with pytest.raises(ConfigError, match="model.options.wide = 1"):
        build_plan(load_study(study({"base.model": net, "runs": runs})))
    with pytest.raises(ConfigError, match="model.options.height = 2"):
        build_plan(load_study(study({"base.model": net, "runs": [], "grid": {"model.options.height": [2, 3]}})))


def test_planning_runs_nothing_and_imports_no_library(own):
    code = "raise SystemExit('was run')\nimport torch, sklearn\nfrom helper import VALUE\n" + NET
    write(own, {"net.py": code})
    scripts = Path(__file__).resolve().parents[3] / "workflow" / "scripts"
    asked = (
        f"import sys; sys.path[:0] = [{str(scripts)!r}, {str(HELPERS)!r}]\n"
        "from studies import plan\n"
        "before = set(sys.modules)\n"
        "plan({'base.model': {'name': 'custom', 'target': 'own/net.py:Net'}})\n"
        "print({'torch', 'helper', 'net', 'sklearn'} & (set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, cwd=own.parent, check=False)
    assert done.returncode == 0 and done.stdout == "set()\n", done.stderr
