"""What an attack reads is known from how it is written: as the loaded class says it, and nothing is run for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from memdyn.attacks import REGISTRY
from memdyn.attacks.base import build
from memdyn.attacks.reads import Reads
from memdyn.config.attacks.custom import CustomAttack
from memdyn.config.errors import ConfigError
from memdyn.plan import reads as module
from memdyn.plan.reads import reads_of
from memdyn.registry import resolve
from own_files import write

HEAD = """
from memdyn.attacks.base import Attack, Reads
import nothing_of_this_is_run  # noqa
raise RuntimeError

"""
LOGITS = (Reads("logits"),)
SEEN = {
    "a tuple": ('class Mine(Attack):\n    reads = (Reads("logits"),)\n', LOGITS),
    "annotated": ('class Mine(Attack):\n    reads: ClassVar[tuple] = (Reads(signal="logits"),)\n', LOGITS),
    "several": (
        'class Mine(Attack):\n    reads = (Reads("margin"), Reads("margin", True), Reads("gap", history=True))\n',
        (Reads("margin"), Reads("margin", views=True), Reads("gap", history=True)),
    ),
    "by its module": ('class Mine(Attack):\n    reads = (reads.Reads("logits"),)\n', LOGITS),
    "decorated": (
        '@dataclass(frozen=True)\nclass Mine(Attack):\n    k: int = 3\n    reads = (Reads("logits"),)\n',
        LOGITS,
    ),
    "as every attack": ("class Mine(Attack):\n    pass\n", (Reads("margin"),)),
    "as its base": ('class Base(Attack):\n    reads = (Reads("logits"),)\nclass Mine(Base):\n    pass\n', LOGITS),
    "as a shipped one": ("from memdyn.attacks.lira import LiRA\nclass Mine(LiRA):\n    pass\n", (Reads("margin"),)),
    "as a neighbour's": ("from helper import Theirs\nclass Mine(Theirs):\n    pass\n", LOGITS),
    "imported": ("from helper import Theirs as Mine\n", LOGITS),
}
UNSEEN = {
    "computed": ('class Mine(Attack):\n    reads = tuple([Reads("logits")])\n', "mine.py, line 7: `reads` must be"),
    "one": ('class Mine(Attack):\n    reads = Reads("logits")\n', "mine.py, line 7: `reads` must be"),
    "none": ("class Mine(Attack):\n    reads = ()\n", "mine.py, line 7: `reads` must be"),
    "a name": ("S = 'logits'\nclass Mine(Attack):\n    reads = (Reads(S),)\n", "mine.py, line 8: `reads` must be"),
    "words": ('class Mine(Attack):\n    reads = ("logits",)\n', "mine.py, line 7: `reads` must be"),
    "an unknown option": ('class Mine(Attack):\n    reads = (Reads("logits", beside=2),)\n', "line 7: `reads` must be"),
    "a function": ("def Mine():\n    return 1\n", "mine.py, line 6: Mine is no class"),
    "a library's": ("from numpy import Base\nclass Mine(Base):\n    pass\n", "imported from numpy cannot be seen"),
    "twice": ("class Mine(Attack):\n    pass\nclass Mine(Attack):\n    pass\n", "mine.py defines Mine 2 times"),
}


def reads(folder, code):
    module._reads.cache_clear()
    write(folder, {"mine.py": HEAD + code, "helper.py": 'class Theirs(Base):\n    reads = (Reads("logits"),)\n'})
    return reads_of(CustomAttack(target=f"{folder}/mine.py:Mine"))


@pytest.mark.parametrize(("code", "expected"), SEEN.values(), ids=SEEN.keys())
def test_it_is_seen(code, expected, tmp_path):
    assert reads(tmp_path, code) == expected


@pytest.mark.parametrize(("code", "message"), UNSEEN.values(), ids=UNSEEN.keys())
def test_it_must_be_written_out(code, message, tmp_path):
    with pytest.raises(ConfigError) as raised:
        reads(tmp_path, code)
    (problem,) = raised.value.problems
    assert problem.startswith(f"attacks.target = {tmp_path}/mine.py:Mine: ") and 'reads = (Reads("margin")' in problem
    assert message in problem


@pytest.mark.parametrize("name", [name for name in REGISTRY if name != "custom"])
def test_shipped_attacks_read_what_their_classes_say(name):
    assert reads_of(type("Config", (), {"name": name})) == resolve(REGISTRY, name).reads


def test_a_missing_file_is_told():
    with pytest.raises(ConfigError, match=r"attacks.target = no/mine.py:Mine: .*no/mine.py: no such file"):
        reads_of(CustomAttack(target="no/mine.py:Mine"))


def test_it_is_what_the_loaded_attack_says(tmp_path):
    code = "class Mine(Attack):\n    reads = (Reads('logits', views=True),)\n    score_prepared = None\n"
    write(tmp_path, {"mine.py": f"from memdyn.attacks.base import Attack, Reads\n{code}"})
    config = CustomAttack(target=f"{tmp_path}/mine.py:Mine")
    assert reads_of(config) == build(config.model_dump()).reads == (Reads("logits", views=True),)


def test_neither_torch_nor_the_attacks_are_imported_for_it():
    code = (
        "import sys; from memdyn.config.attacks.lira import LiraAttack; from memdyn.plan.reads import reads_of;"
        "print(reads_of(LiraAttack())); assert not {'torch', 'scipy', 'memdyn.attacks.lira'} & set(sys.modules)"
    )
    scripts = Path(module.__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=scripts)
    assert done.returncode == 0, done.stderr
