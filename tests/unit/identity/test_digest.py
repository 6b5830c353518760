"""The code digest: what counts as a change of code, and of whose."""

import ast
import shutil
from pathlib import Path

import pytest

from fresh_code import forget_code
from memdyn.identity import digest
from memdyn.identity.digest import code_digest
from memdyn.identity.tree import _imports, _statements

JOB = '''"""A script."""

from memdyn.work import run
from memdyn.config.options import Options
from memdyn.identity.recipe import note

if __name__ == "__main__":
    note(run(Options()))
'''
WORK = '''"""What is done."""

import json
from memdyn import tools

RATE: float = 0.1


class Work:
    """A class."""

    def do(self, x, *, power=2):
        """Do it."""
        return x**power  # the work


def run(options):
    from memdyn.lazy import later

    print(f"rate {RATE:.{options.digits}f}" "%")
    return tools.mean([later(options), Work().do(RATE)])
'''
FILES = {
    "job.py": JOB,
    "other_job.py": "from memdyn.unrelated import nothing\n",
    "memdyn/__init__.py": '"""The package."""\n',
    "memdyn/work.py": WORK,
    "memdyn/tools.py": "def mean(values):\n    return sum(values) / len(values)\n",
    "memdyn/lazy.py": "from memdyn.deep.inside import DEPTH\n\n\ndef later(options):\n    return DEPTH\n",
    "memdyn/deep/__init__.py": "",
    "memdyn/deep/inside.py": "DEPTH = 1\n",
    "memdyn/unrelated.py": "nothing = 0\n",
    "memdyn/models/__init__.py": 'REGISTRY = {"one": "memdyn.models.one:One", "two": "memdyn.models.two:Two"}\n',
    "memdyn/models/one.py": "class One:\n    layers = 1\n",
    "memdyn/models/two.py": "class Two:\n    layers = 2\n",
    "memdyn/config/__init__.py": "",
    "memdyn/config/options.py": "class Options:\n    lr = 0.1\n",
    "memdyn/identity/__init__.py": "",
    "memdyn/identity/recipe.py": "def note(value):\n    print(value)\n",
    "memdyn/report/page.css": "body { color: red; }\n",
}
ROOTS, ENTRIES, TEMPLATES = ("job.py",), ("memdyn.models.one:One",), ("memdyn/report/page.css",)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A small package in place of memdyn."""
    root = tmp_path / "scripts"
    for name, content in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    move_to(root, monkeypatch)
    return root


def move_to(root, monkeypatch):
    monkeypatch.setattr(digest, "SCRIPTS", root)
    monkeypatch.setattr(digest, "PACKAGE_ROOT", root / "memdyn")


def now(roots=ROOTS, entries=ENTRIES, files=TEMPLATES):
    forget_code()
    return code_digest(roots, entries, files)


@pytest.fixture(autouse=True)
def _forget():
    yield
    forget_code()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


SILENT = {
    "a comment": ("memdyn/work.py", "# the work", "# what it is all about"),
    "a new comment": ("memdyn/work.py", "RATE: float", "# how fast\nRATE: float"),
    "a module's docstring": ("memdyn/work.py", '"""What is done."""', '"""What is done, in other words."""'),
    "no docstring": ("memdyn/work.py", '        """Do it."""\n', ""),
    "a class's docstring": ("memdyn/work.py", '"""A class."""', "'''Another.'''"),
    "blank lines": ("memdyn/work.py", "\n\n\nclass", "\n\n\n\n\nclass"),
    "line breaks and brackets": ("memdyn/work.py", "x, *, power=2", "\n        x, *,\n        power=(2),\n    "),
    "quotes": ("job.py", '"__main__"', "'__main__'"),
    "spelling of a number": ("memdyn/work.py", "0.1", "1e-1"),
    "a registry's line": ("memdyn/models/__init__.py", '"two"', '"three": "memdyn.models.three:Three", "two"'),
    "an entry that is not named": ("memdyn/models/two.py", "2", "3"),
    "a module that is not reached": ("memdyn/unrelated.py", "0", "1"),
    "another script": ("other_job.py", "nothing", "nothing as something"),
    "the config": ("memdyn/config/options.py", "0.1", "0.2"),
    "the bookkeeping": ("memdyn/identity/recipe.py", "print(value)", "print(value, value)"),
}
LOUD = {
    "a constant": ("memdyn/work.py", "0.1", "0.2"),
    "the type of a constant": ("memdyn/deep/inside.py", "1", "1.0"),
    "a default": ("memdyn/work.py", "power=2", "power=3"),
    "a default that can be given by place": ("memdyn/work.py", "x, *, power", "x, power"),
    "an operator": ("memdyn/work.py", "x**power", "x*power"),
    "a name": ("memdyn/work.py", "RATE: float", "PACE: float"),
    "a text that is used": ("job.py", '"__main__"', '"__name__"'),
    "a statement more": ("memdyn/work.py", "RATE: float = 0.1", "RATE: float = 0.1\nRATE += 0"),
    "the script": ("job.py", "note(run(Options()))", "run(Options())"),
    "an imported module": ("memdyn/tools.py", "len(values)", "(len(values) - 1)"),
    "a module imported in a function": ("memdyn/lazy.py", "return DEPTH", "return -DEPTH"),
    "a module imported by that": ("memdyn/deep/inside.py", "1", "2"),
    "a package's __init__": ("memdyn/deep/__init__.py", "", "DEPTH = 2\n"),
    "the named entry": ("memdyn/models/one.py", "1", "2"),
    "the entry's package, beside the registry": ("memdyn/models/__init__.py", "REGISTRY", "LIMIT = 1\nREGISTRY"),
    "a template": ("memdyn/report/page.css", "red", "blue"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new"), SILENT.values(), ids=SILENT.keys())
def test_what_does_not_count(tree, file, old, new):
    before = now()
    edit(tree / file, old, new)
    assert now() == before


@pytest.mark.parametrize(("file", "old", "new"), LOUD.values(), ids=LOUD.keys())
def test_what_counts(tree, file, old, new):
    before = now()
    edit(tree / file, old, new)
    assert now() != before


def test_the_place_of_the_checkout_does_not_count(tree, tmp_path, monkeypatch):
    before = now()
    shutil.copytree(tree, tmp_path / "elsewhere" / "scripts")
    move_to(tmp_path / "elsewhere" / "scripts", monkeypatch)
    assert now() == before


def test_which_entries_are_named_counts(tree):
    assert len({now(entries=entries) for entries in ((), ENTRIES, ("memdyn.models.two:Two",))}) == 3
    assert now(entries=("memdyn.models.one:One", "memdyn.models.one:Other")) != now()
    both = ("memdyn.models.one:One", "memdyn.models.two:Two")
    assert now(entries=both) == now(entries=both[::-1]) == now(entries=(*both, *both))


def test_a_users_file_counts_by_its_code_alone(tree, tmp_path):
    own, moved = tmp_path / "net.py", tmp_path / "moved.py"
    own.write_text("from memdyn.unrelated import nothing\n\n\nclass Net:\n    size = 1\n")
    moved.write_text("# moved\n" + own.read_text())
    assert now((*ROOTS, str(own))) == now((*ROOTS, str(moved))) != now()
    before = now((*ROOTS, str(own)))
    edit(tree / "memdyn/unrelated.py", "0", "1")
    assert now((*ROOTS, str(own))) != before  # what it imports from the package counts too
    edit(own, "1", "2")
    assert now((*ROOTS, str(own))) != now((*ROOTS, str(moved)))


def test_circular_imports_end(tree):
    edit(tree / "memdyn/tools.py", "def mean", "import memdyn.work\n\n\ndef mean")
    assert now()


@pytest.mark.parametrize("roots", [("no.py",), ("memdyn.no",), ("job.py", "numpy")])
def test_code_that_is_not_there(tree, roots):
    with pytest.raises(FileNotFoundError, match=roots[-1].replace(".", r"\.")):
        now(roots)


def test_code_that_does_not_parse_names_its_file(tree):
    edit(tree / "memdyn/tools.py", "return", "return return")
    with pytest.raises(SyntaxError) as caught:
        now()
    assert caught.value.filename.endswith("memdyn/tools.py")


def test_frozen(tree):
    """The same digest on every version of Python and in every release, or finished work would lose its name."""
    assert now() == FROZEN


FROZEN = "2949a807252ff0da7e5b84d6463b123988789251b4483c7712c81aaab419f756"


def test_every_stage_of_the_real_package_has_a_digest():
    scripts = Path(digest.__file__).resolve().parents[2]
    for script in scripts.glob("*.py"):
        assert len(code_digest([script.name])) == 64


NESTED = """
import m0
if x: import m1
elif y: import m2
else: import m3
try: import m4
except A: import m5
else: import m6
finally: import m7
try: pass
except* B: import m8
for a in b: import m9
else: import m10
while c: import m11
else: import m12
with d: import m13
match e:
    case 1: import m14
    case _:
        if f: from m15 import g
async def h():
    async for i in j: import m16
    async with k: import m17
class L:
    def n(self):
        class O: import m18
"""


def test_imports_are_found_in_statements_of_any_kind():
    found = set(_imports(ast.parse(NESTED)))
    assert found == {f"m{number}" for number in range(19)} | {"m15.g"}


def test_no_import_of_the_package_is_missed():
    for path in digest.PACKAGE_ROOT.rglob("*.py"):
        parsed = ast.parse(path.read_bytes())
        imports = [node for node in ast.walk(parsed) if isinstance(node, ast.Import | ast.ImportFrom)]
        statements = set(map(id, _statements(parsed)))
        assert all(id(node) in statements for node in imports), path
