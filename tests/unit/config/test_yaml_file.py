"""What a YAML file says otherwise than it looks, at any depth: a key given twice, a number to another base."""

from pathlib import Path

import pytest

from memdyn.config.errors import ConfigError
from memdyn.config.yaml_file import misread, read_yaml, refuse_misread

ROOT = Path(__file__).resolve().parents[3]
REPEATS = {
    "at the top": ("a: 1\nb: 2\na: 3\n", ["a is given twice (line 1, line 3)"]),
    "the same value": ("a: 1\na: 1\n", ["a is given twice (line 1, line 2)"]),
    "below": ("base:\n  lr: {x: 1}\n  n: 2\n  lr: {x: 2}\n", ["base.lr is given twice (line 2, line 4)"]),
    "three times": ("a: 1\na: 2\na: 3\n", ["a is given 3 times (line 1, line 2, line 3)"]),
    "in braces": ("a: {b: 1,\n    b: 2}\n", ["a.b is given twice (line 1, line 2)"]),
    "in a list": ("runs:\n- name: x\n- name: y\n  name: z\n", ["runs.1.name is given twice (line 3, line 4)"]),
    "quoted once": ("a: 1\n'a': 2\n", ["a is given twice (line 1, line 2)"]),
    "in both of two sections": (
        "a:\n  x: 1\n  x: 2\na:\n  y: 1\n  y: 2\n",
        [f"{key} is given twice (line {i}, line {j})" for key, i, j in (("a", 1, 4), ("a.x", 2, 3), ("a.y", 5, 6))],
    ),
    "in an anchor, told once": ("a: &x {b: 1, b: 2}\nc: *x\n", ["a.b is given twice (line 1, line 1)"]),
    "beside a merge": ("a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n  b: 3\n", ["c.b is given twice (line 4, line 5)"]),
    "JSON": ('{\n"a": {"b": 1,\n"b": 2}}', ["a.b is given twice (line 2, line 3)"]),
    "JSON with tabs": ('{\n\t"a": 1,\n\t"\\u0061": 2\n}', ["a is given twice (line 2, line 3)"]),
    "with a mark of the byte order": ("\ufeff# c\na: 1\na: 2\n", ["a is given twice (line 2, line 3)"]),
    **{
        f"a number like {text}": (
            f"a:\n- {{b: {text}}}\n",
            [
                f"a.0.b = {text} is {meant} in YAML (line 2); allowed: numbers without a 0 before them or a "
                "colon in them, and texts in quotes"
            ],
        )
        for text, meant in {"010": 8, "-017": -15, "1:30": 90, "1:30.5": 90.5}.items()
    },
}  # fmt: skip
FINE = {
    "one key in two sections": "a: {x: 1}\nb: {x: 1}\n",
    "one key in two items": "- {x: 1}\n- {x: 1}\n",
    "merges": "a: &x {b: 1, c: 1}\nd: &y {e: 1}\nf:\n  <<: [*x, *y]\n  b: 2\ng:\n  <<: *x\n  <<: *y\n",
    "an anchor in a circle": "a: &x [1, *x]\n",
    "a number and its text": "1: a\n'1': b\n",
    "nothing": "",
    "plain numbers": "a: [0, 00, 07, 0.10, 1_000, 0x10, -3, -007, 1e-3, .5, '010', '1:30', 08, 2024-01-01, 10]",
    "no YAML": "a: [\n",
    "a tab": "a: 1\n\tb: 2\n",
}


@pytest.mark.parametrize(("text", "found"), REPEATS.values(), ids=REPEATS.keys())
def test_a_key_given_twice_is_told_with_its_lines(text, found, tmp_path):
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    assert list(misread(tmp_path / "study.yaml")) == found
    with pytest.raises(ConfigError) as caught:
        refuse_misread([tmp_path / "study.yaml"])
    assert caught.value.problems == [f"{tmp_path / 'study.yaml'}: {problem}" for problem in found]


@pytest.mark.parametrize("text", FINE.values(), ids=FINE.keys())
def test_other_files_are_let_pass(text, tmp_path):
    (tmp_path / "study.yaml").write_text(text)
    refuse_misread([tmp_path / "study.yaml", tmp_path / "not there.yaml"])


def test_one_file_may_override_another(tmp_path):
    for name in ("one.yaml", "other.yaml"):
        (tmp_path / name).write_text("a: 1\n")
    refuse_misread([tmp_path / "one.yaml", tmp_path / "other.yaml"])


def test_reading(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n")
    assert read_yaml(file) == {"a": {"b": 1}, "c": {"b": 2}}
    for text, words in {
        "a: 1\na: 2\n": "twice",
        "a: [": "not valid YAML",
        "- a\n": "keys with values",
        "": "keys",
    }.items():
        file.write_text(text)
        with pytest.raises(ConfigError, match=words):
            read_yaml(file)


SHIPPED = [path for place in ("config", "profiles", "envs") for path in sorted((ROOT / place).rglob("*.yaml"))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_shipped_files_repeat_nothing(path):
    assert list(misread(path)) == []
