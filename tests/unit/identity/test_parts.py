"""Of a section of the report each job's digest covers what its own fields need, and all of that."""

import ast

import pytest

from fresh_code import forget_code
from memdyn.identity import digest
from memdyn.identity.digest import code_digest
from memdyn.identity.parts import part_of

SECTION = '''"""A section."""

from memdyn.draw import curves, points
from memdyn.page import Table as Page
import memdyn.section

LIMIT: int = 3
WORDS, MORE = "The mean.", "And more."


class Axis:
    scale = 1


def scaled(x):
    return Axis.scale * x


def draw(study):
    return curves(scaled(study))


def again(study):
    from memdyn.late import late

    return late(draw(study))


def table(study, LIMIT=LIMIT):
    return Page([study, LIMIT])


SECTION = memdyn.section.Section(
    "one",
    title="One",
    figures=(draw, again),
    captions={"one": WORDS},
    tables=(table,),
)
'''
FILES = {
    "memdyn/__init__.py": "",
    "memdyn/section.py": "class Section:\n    fields = 5\n",
    "memdyn/draw.py": "def curves(x):\n    return x\n\n\ndef points(x):\n    return x\n",
    "memdyn/page.py": "Table = list\n",
    "memdyn/late.py": "def late(x):\n    return x\n",
    "memdyn/one.py": SECTION,
}
FIELDS = ("title", "figures", "captions", "tables")
# what is edited -> (file, old, new, the fields whose digest moves)
EDITS = {
    "a drawing": ("one", "return curves(", "return 2 * curves(", {"figures"}),
    "its helper": ("one", "return Axis.scale * x", "return Axis.scale + x", {"figures"}),
    "the helper's class": ("one", "scale = 1", "scale = 2", {"figures"}),
    "what it imports": ("draw", "def curves(x):\n    return x", "def curves(x):\n    return -x", {"figures"}),
    "what it imports when it runs": ("late", "return x", "return -x", {"figures"}),
    "the words of a caption": ("one", "The mean.", "The median.", {"captions"}),
    "a table": ("one", "[study, LIMIT]", "[LIMIT, study]", {"tables"}),
    "a table's default": ("one", "LIMIT: int = 3", "LIMIT: int = 4", {"tables"}),
    "what it imports by another name": ("page", "list", "tuple", {"tables"}),
    "the title": ("one", '"One"', '"The first"', {"title"}),
    "which figures": ("one", "(draw, again)", "(again, draw)", {"figures"}),
    "the name": ("one", '"one",', '"two",', set(FIELDS)),
    "what a section is": ("section", "5", "6", set(FIELDS)),
    "a statement that may do anything": ("one", "LIMIT: int", "print()\nLIMIT: int", set(FIELDS)),
    "an import of whatever is there": ("one", "LIMIT: int", "from memdyn.page import *\n\nLIMIT: int", set(FIELDS)),
    "what is behind such names": ("page", "Table = list", "Table = list\ndraw = None", {"tables"}),
    "a change of what was bound": ("one", "LIMIT: int", "memdyn.section.fields = 1\nLIMIT: int", set(FIELDS)),
    "a name that is bound anew": ("one", "def again", "def scaled(x):\n    return -x\n\n\ndef again", {"figures"}),
    "what nobody uses": ("one", "LIMIT: int", "UNUSED = 1\nLIMIT: int", set()),
    "a docstring": ("one", "A section.", "Another section.", set()),
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(digest, "SCRIPTS", tmp_path)
    monkeypatch.setattr(digest, "PACKAGE_ROOT", tmp_path / "memdyn")
    yield tmp_path / "memdyn"
    forget_code()


def now():
    forget_code()
    return {field: code_digest((), [f"memdyn.one:SECTION.{field}"]) for field in FIELDS}


@pytest.mark.parametrize(("file", "old", "new", "moved"), EDITS.values(), ids=EDITS.keys())
def test_an_edit_moves_the_digests_of_what_it_can_change(package, file, old, new, moved):
    before, path = now(), package / f"{file}.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    after = now()
    assert {field for field in FIELDS if after[field] != before[field]} == moved


def test_a_part_runs_by_itself():
    """What is left of a module suffices for its part: nothing is missing that the whole would have."""
    plain = SECTION.replace("memdyn.section.Section", "dict").replace('"one",\n', "")
    stubs = "from statistics import mean as curves, mode as points\nfrom collections import deque as Page\n"
    whole = ast.parse(stubs + plain[plain.index("LIMIT") :].replace("from memdyn.late import late", "late = float"))
    spaces = {}
    for field in FIELDS:
        tree = ast.fix_missing_locations(part_of(whole, "SECTION", field))
        exec(compile(tree, field, "exec"), spaces.setdefault(field, {}))
        assert list(spaces[field]["SECTION"]) == [field]
    draw, again = spaces["figures"]["SECTION"]["figures"]
    assert draw([2, 4]) == again([2, 4]) == 3
    assert list(spaces["tables"]["SECTION"]["tables"][0](7)) == [7, 3]
    assert "draw" not in spaces["tables"] and "table" not in spaces["figures"] and "WORDS" not in spaces["figures"]


def test_what_may_be_among_fields_given_as_a_mapping_stays():
    tree = part_of(
        ast.parse("A = 1\nB = 2\nFIELDS = {'figures': A}\nSECTION = f(**FIELDS, tables=B)\n"), "SECTION", "figures"
    )
    assert ast.unparse(ast.fix_missing_locations(tree)) == "A = 1\nFIELDS = {'figures': A}\nSECTION = f(**FIELDS)"


@pytest.mark.parametrize("text", ["", "SECTION = 3\n", "def SECTION():\n    pass\n", "OTHER = f()\n"])
def test_a_module_without_the_call_is_an_error(text):
    with pytest.raises(LookupError, match="no call SECTION"):
        part_of(ast.parse(text), "SECTION", "figures")
