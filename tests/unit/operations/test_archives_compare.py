"""What differs between two versions of a table or a figure is told with its place and size."""

import json
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from memdyn.operations.archives import VERSIONS
from memdyn.operations.archives.compare import figure_differences, table_differences
from memdyn.operations.verify import other_versions

TABLE = {
    "run": ["a", "b", "c"],
    "auc": [0.5, 0.75, np.nan],
    "n": [1, 2, 3],
    "passed": [True, False, True],
    "seconds": [1.0, 2.0, 3.0],
}


@pytest.fixture
def differing(tmp_path):
    def found(without=(), **changed):
        old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
        pd.DataFrame(TABLE).to_parquet(old)
        pd.DataFrame(TABLE | changed).to_parquet(new)
        return list(table_differences("t", old, new, without))

    return found


def test_equal_tables_differ_in_nothing(differing):
    assert differing() == []
    assert differing(("seconds",), seconds=[9.0, 9.0, 9.0]) == []


@pytest.mark.parametrize("name", TABLE)
def test_one_value_is_found_in_every_column(differing, name):
    values = list(TABLE[name])
    values[1] = {"run": "x", "passed": True}[name] if name in ("run", "passed") else values[1] + 1
    (found,) = differing(**{name: values})
    assert (found.path, found.column, found.rows) == ("t", name, 1)


def test_numbers_differ_by_so_much(differing):
    (found,) = differing(auc=[0.5 + 1e-9, 0.75 - 0.25, np.nan])
    assert found.largest == 0.25 and found.relative == pytest.approx(1 / 3) and found.rows == 2
    assert str(found) == "t, column auc: 2 of 3 values, by 0.25 at most (0.33 of the value)"


@pytest.mark.parametrize("values", [[2**53, 1], [-(2**63), 2**63 - 1], np.array([2**64 - 1, 2**63], np.uint64)])
def test_whole_numbers_are_compared_in_all_their_digits(tmp_path, values):
    """As floats, 2**53 and 2**53 + 1 would be one."""
    other = pd.Series(values, name="n")
    other[0] ^= 1  # its last bit
    for name, column in (("old", pd.Series(values, name="n")), ("new", other)):
        column.to_frame().to_parquet(tmp_path / name)
    assert list(table_differences("t", tmp_path / "old", tmp_path / "old")) == []
    (found,) = table_differences("t", tmp_path / "old", tmp_path / "new")
    assert (found.column, found.rows, found.largest) == ("n", 1, 1.0) and 0 < found.relative < 1e-15


def test_signed_and_unsigned_are_one_kind_and_whole_numbers_are_no_floats(tmp_path):
    for kind in ("int64", "uint64", "float64"):
        pd.DataFrame({"n": np.array([1, 2**53], kind)}).to_parquet(tmp_path / kind)
    assert list(table_differences("t", tmp_path / "int64", tmp_path / "uint64")) == []
    (found,) = table_differences("t", tmp_path / "int64", tmp_path / "float64")
    assert str(found) == "t, column n: values of the type int64, now float64"
    assert not found.relative <= 1, "so that no tolerance lets it pass"


@pytest.mark.parametrize("values", [[0.5, 0.75, 0.0], [0.5, np.nan, np.nan], [0.5, np.inf, np.nan]])
def test_what_is_missing_on_one_side_is_apart_without_bound(differing, values):
    (found,) = differing(auc=values)
    assert found.largest == found.relative == np.inf, "so that no tolerance lets it pass"


def test_infinite_on_both_sides_is_equal(tmp_path):
    for name in ("old", "new"):
        pd.DataFrame({"x": [np.inf, -np.inf]}).to_parquet(tmp_path / name)
    assert list(table_differences("t", tmp_path / "old", tmp_path / "new")) == []


def test_texts_that_are_missing(differing):
    (found,) = differing(run=["a", None, "c"])
    assert "row 1: 'b', now None" in str(found) or "row 1: 'b', now nan" in str(found)


def test_another_shape_is_told(differing, tmp_path):
    assert [str(found) for found in differing(more=[1, 2, 3])] == ["t: 3 rows of 5 columns, now 3 of 6"]
    assert [str(found) for found in table_differences("t", tmp_path / "old.parquet", tmp_path / "no")] == [
        "t: was not made"
    ]


def test_a_figure_is_held_to_its_pixels(tmp_path):
    old, new = tmp_path / "old.png", tmp_path / "new.png"
    pixels = np.full((10, 20, 3), 200, np.uint8)
    Image.fromarray(pixels).save(old)
    Image.fromarray(pixels).save(new, compress_level=0)
    assert old.read_bytes() != new.read_bytes() and list(figure_differences("f", old, new)) == []
    pixels[3, 4, 1] += 7
    Image.fromarray(pixels).save(new)
    assert [str(found) for found in figure_differences("f", old, new)] == [
        "f: 0.50% of its pixels, by 7 of 255 at most"
    ]
    Image.fromarray(pixels[:5]).save(new)
    assert [str(found) for found in figure_differences("f", old, new)] == ["f: 20 x 10 pixels, now 20 x 5 pixels"]
    assert [str(found) for found in figure_differences("f", old, tmp_path / "no")] == ["f: was not drawn"]


def test_a_moving_figure_is_held_to_each_frame(tmp_path):
    def moving(path, level):
        frames = [Image.new("L", (4, 4), 0), Image.new("L", (4, 4), level)]
        frames[0].save(path, save_all=True, append_images=frames[1:])
        return path

    old = moving(tmp_path / "old.gif", 100)
    assert list(figure_differences("f", old, moving(tmp_path / "new.gif", 100))) == []
    (found,) = figure_differences("f", old, moving(tmp_path / "other.gif", 130))
    assert "by 30 of 255" in str(found)


def test_versions_that_differ_are_named(tmp_path):
    here = version("numpy")
    said = {"jobs": {"numpy": ["0.1", here], "torch": ["0.2"]}, "archiving": {"pillow": "0.3", "no-such": "1"}}
    (tmp_path / "environment").mkdir()
    (tmp_path / VERSIONS).write_text(json.dumps(said))
    torch, pillow = version("torch"), version("pillow")
    assert list(other_versions(tmp_path)) == [
        *("no-such 1 (not here)", f"pillow 0.3 (here {pillow})", f"torch 0.2 (here {torch})"),
    ]
