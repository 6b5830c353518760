"""Bad data is refused with a message that names the file or the key: by the check before any job, or by the loader."""

import gzip
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from memdyn.config.datasets import ArraysDataset, CustomDataset, TorchvisionDataset
from memdyn.data import REGISTRY, embedded
from memdyn.registry import resolve
from tiny_data import CLASSES, IMAGES, LABELS, PIXELS, expect_tiny_idx, idx_bytes, refuse, write_idx

TABLE = np.random.default_rng(0).normal(size=(12, 4))


@pytest.fixture
def tiny_idx(monkeypatch):
    expect_tiny_idx(monkeypatch)


# -- one .npz or .parquet file -----------------------------------------------------------------------------------


def npz(values=IMAGES, labels=CLASSES, **options):
    def make(folder):
        np.savez(folder / "d.npz", x=values, y=labels)
        return ArraysDataset(path=str(folder / "d.npz"), labels="y", **({"images": "x"} | options))

    return make


def table(values=TABLE, labels=CLASSES):
    return npz(values, labels, images=None, features="x")


def parquet(columns, **options):
    def make(folder):
        pq.write_table(pa.table(columns), folder / "d.parquet")
        return ArraysDataset(path=str(folder / "d.parquet"), **options)

    return make


def file_of(name, content, **options):
    def make(folder):
        if content is not None:
            (folder / name).write_bytes(content)
        return ArraysDataset(path=str(folder / name), **({"images": "x"} | options))

    return make


def truncated(make, share=0.5):
    def damage(folder):
        dataset = make(folder)
        path = next(folder.iterdir())
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        return dataset

    return damage


def flipped_byte(make):
    def damage(folder):
        dataset = make(folder)
        path = next(folder.iterdir())
        content = bytearray(path.read_bytes())
        content[300] ^= 255  # among the first array's values
        path.write_bytes(content)
        return dataset

    return damage


def objects():
    values = np.empty(12, dtype=object)
    values[:] = [[1]] * 12
    return values


def with_nan():
    values = TABLE.copy()
    values[5, 2] = np.nan
    return values


FLAT = [row.tobytes() for row in IMAGES]
ARRAYS = {
    "missing npz": (file_of("d.npz", None), r"check: .*no such file.*d\.npz"),
    "missing parquet": (file_of("d.parquet", None), r"check: .*no such file.*d\.parquet"),
    "a single array": (file_of("d.npz", b"\x93NUMPY" + b" " * 100), r"check: .*d\.npz: a single array \(\.npy\)"),
    "npz that is text": (file_of("d.npz", b"a,b\n1,2\n"), r"check: .*d\.npz: cannot be read"),
    "parquet that is text": (file_of("d.parquet", b"a,b\n1,2\n" * 9), r"check: .*d\.parquet: cannot be read"),
    "empty npz": (file_of("d.npz", b""), r"check: .*d\.npz: cannot be read"),
    "empty parquet": (file_of("d.parquet", b""), r"check: .*d\.parquet: cannot be read"),
    "truncated npz": (truncated(npz()), r"check: .*d\.npz: cannot be read"),
    "truncated parquet": (
        truncated(parquet({"x": FLAT, "labels": CLASSES}, images="x")),
        r"check: .*d\.parquet: cannot",
    ),
    "damaged npz": (flipped_byte(npz()), r"\w+: .*d\.npz.*cannot be read"),
    "npz without keys": (
        lambda f: npz()(f).model_copy(update={"images": "p", "labels": "q"}),
        r"check: .*d\.npz: no key 'p', 'q'; it has 'x', 'y'",
    ),
    "parquet without columns": (
        parquet({"a": TABLE[:, 0], "labels": CLASSES}, features=["b", "a", "c"]),
        r"check: .*d\.parquet: no column 'b', 'c'; it has 'a', 'labels'",
    ),
    "npz without key": (npz(images="pixels"), r"check: .*d\.npz: no key 'pixels'; it has 'x', 'y'"),
    "npz without labels": (
        lambda f: npz()(f).model_copy(update={"labels": "z"}),
        r"check: .*no key 'z'; it has 'x', 'y'",
    ),
    "parquet without column": (
        parquet({"a": TABLE[:, 0], "labels": CLASSES}, features=["b"]),
        r"check: .*no column 'b'",
    ),
    "parquet without labels": (parquet({"a": TABLE[:, 0]}, features="*"), r"check: .*d\.parquet: no column 'labels'"),
    "object array": (npz(objects()), r"check: .*d\.npz: x holds Python objects"),
    "object labels": (npz(labels=objects()), r"check: .*d\.npz: y holds Python objects"),
    "fewer labels": (npz(labels=CLASSES[:9]), r"check: .*d\.npz: y: 12 samples, but 9 labels"),
    "scalar": (npz(np.uint8(3)), r"check: .*d\.npz: x is a single number"),
    "no samples": (npz(IMAGES[:0], CLASSES[:0]), r"check: .*d\.npz: no samples"),
    "labels in columns": (
        npz(labels=np.eye(12)),
        r"check: .*d\.npz: y: labels of shape \(12, 12\) look one-hot.*argmax",
    ),
    "labels in a row": (npz(labels=CLASSES[None]), r"check: .*d\.npz: y: labels of shape \(1, 12\) are one row.*ravel"),
    "labels in a cube": (npz(labels=np.zeros((12, 1, 2))), r"check: .*d\.npz: y: 12 samples, but labels of shape"),
    "labels that are no numbers": (npz(labels=CLASSES / 2), r"check: .*d\.npz: y: label 0.5 in row 1 is not whole"),
    "negative labels": (npz(labels=CLASSES - 1), r"check: .*d\.npz: y: labels are 3 different numbers from -1 to 1"),
    "labels from one": (npz(labels=CLASSES + 1), r"check: .*: labels are 3 different numbers from 1 to 3.*np\.unique"),
    "empty class": (npz(labels=CLASSES * 2), r"check: .*d\.npz: y: labels are 3 different numbers from 0 to 4"),
    "one class": (npz(labels=CLASSES * 0), r"check: .*d\.npz: y: one class only"),
    "huge label": (npz(labels=CLASSES * 10**15), r"check: .*d\.npz: y: labels are 3 different numbers"),
    "float images": (npz(IMAGES / 255), r"check: .*d\.npz: x: images are float64; allowed: uint8.*255 \* x"),
    "images of 16 bits": (npz(IMAGES.astype(np.uint16)), r"check: .*d\.npz: x: images are uint16.*257"),
    "images of two levels": (npz(IMAGES > 9), r"check: .*d\.npz: x: images are bool; .*\* 255"),
    "images without layout": (
        npz(IMAGES.reshape(12, 2, 30)[:, None, None]),
        r"check: .*d\.npz: x: cannot tell channels",
    ),
    "ambiguous layout": (npz(IMAGES.reshape(12, 3, 20, 1)), r"check: .*d\.npz: x: cannot tell channels.*allowed"),
    "flat without shape": (
        npz(IMAGES.reshape(12, 60)),
        r"check: .*d\.npz: x: cannot tell channels in shape \(12, 60\)",
    ),
    "wrong shape": (npz(shape=[3, 5, 5]), r"check: .*d\.npz: x: 60 values an image, but shape \[3, 5, 5\] needs 75"),
    "NaN feature": (
        table(with_nan()),
        r"check: .*d\.npz: 1 of 4 columns .*: column 2: 1 missing or NaN, first in row 5",
    ),
    "text features": (table(TABLE.astype(str)), r"check: .*d\.npz: x: features are <U"),
    "complex features": (table(TABLE + 1j), r"check: .*d\.npz: x: features are complex128"),
    "dates as features": (table(np.zeros((12, 2), "M8[s]")), r"check: .*d\.npz: x: features are datetime64"),
    "features of one dimension": (table(TABLE[:, 0]), r"check: .*x: features of shape \(12,\);.*\[:, None\]"),
    "features of three dimensions": (table(IMAGES[:, 0]), r"check: .*x: features of shape \(12, 5, 4\).*`images`"),
    "features of four dimensions": (table(IMAGES), r"check: .*d\.npz: x: features of shape \(12, 3, 5, 4\).*`images`"),
    "missing value": (
        parquet({"a": pa.array([None, *range(11)]), "labels": CLASSES}, features="*"),
        r"check: .*d\.parquet: 1 of 1 columns .*: column 'a': 1 missing or NaN, first in row 0",
    ),
    "text column": (
        parquet({"a": ["1.5"] + ["x"] * 11, "labels": CLASSES}, features="*"),
        r"check: .*d\.parquet: 1 of 1 columns .*: column 'a': text, first in row 1: 'x'",
    ),
    "numbers as images": (
        parquet({"a": np.arange(12), "labels": CLASSES}, images="a", shape=[1, 1, 1]),
        r"check: .*d\.parquet: column 'a' is int64; allowed for images: bytes",
    ),
    "images of two sizes": (
        parquet({"a": [b"123"] * 11 + [b"12"], "labels": CLASSES}, images="a", shape=[1, 1, 3]),
        r"check: .*d\.parquet: column 'a': 3 bytes in row 0, but 2 in row 11",
    ),
}


@pytest.mark.parametrize("make, message", ARRAYS.values(), ids=ARRAYS.keys())
def test_arrays(tmp_path, make, message):
    assert re.match(message, refuse(make(tmp_path), tmp_path))


# -- idx files ---------------------------------------------------------------------------------------------------

IMAGE_FILE, LABEL_FILE = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


def rewrite(name, change):
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def recompressed(change):
    return lambda content: gzip.compress(change(gzip.decompress(content)))


IDX = {
    "missing file": (
        lambda folder: (folder / LABEL_FILE).unlink(),
        r"check: .*no such file.*train-images-idx3.*<data_dir>",
    ),
    "truncated gzip": (rewrite(IMAGE_FILE, lambda c: c[:-500]), rf"load: .*{IMAGE_FILE}: truncated or corrupt gzip"),
    "damaged gzip": (
        rewrite(IMAGE_FILE, lambda c: c[:2000] + bytes([c[2000] ^ 255]) + c[2001:]),
        rf"load: .*{IMAGE_FILE}: truncated or corrupt gzip",
    ),
    "truncated inside": (
        rewrite(IMAGE_FILE, recompressed(lambda c: c[:-1])),
        rf"load: .*{IMAGE_FILE}: truncated or corrupt: 23519",
    ),
    "longer than said": (
        rewrite(LABEL_FILE, recompressed(lambda c: c + b"1")),
        rf"load: .*{LABEL_FILE}: truncated or corrupt: 31",
    ),
    "wrong magic": (
        rewrite(LABEL_FILE, lambda c: idx_bytes(PIXELS)),
        rf"load: .*{LABEL_FILE}: not an idx file.*00000803",
    ),
    "web page": (rewrite(IMAGE_FILE, lambda c: b"<!DOCTYPE html>"), rf"load: .*{IMAGE_FILE}: not an idx file"),
    "empty": (rewrite(IMAGE_FILE, lambda c: b""), rf"load: .*{IMAGE_FILE}: not an idx file"),
    "fewer labels": (
        lambda folder: write_idx(folder, PIXELS, LABELS[:20]),
        rf"load: .*{LABEL_FILE}: labels of shape \(20,\).*\(30,\)",
    ),
    "other image size": (
        lambda folder: write_idx(folder, PIXELS[:, :8], LABELS),
        rf"load: .*{IMAGE_FILE}: images of shape \(30, 8, 28\)",
    ),
    "label 10": (
        lambda folder: write_idx(folder, PIXELS, LABELS + 1),
        r"load: .*: labels are 10 different numbers from 1 to 10",
    ),
    "empty class": (
        lambda folder: write_idx(folder, PIXELS, LABELS % 9),
        r"load: .*: samples of 9 classes, but 10 class names",
    ),
}


@pytest.mark.parametrize("damage, message", IDX.values(), ids=IDX.keys())
def test_idx(tmp_path, tiny_idx, damage, message):
    write_idx(tmp_path, PIXELS, LABELS)
    damage(tmp_path)
    assert re.match(message, refuse(TorchvisionDataset(name="mnist"), tmp_path))


@pytest.mark.parametrize("name", ["mnist", "kmnist"])
def test_files_of_another_set_with_the_same_names(tmp_path, tiny_idx, monkeypatch, name):
    """A flat folder of Fashion-MNIST is not taken for MNIST or KMNIST."""
    fashion = np.concatenate([[9, 0, 0, 3, 0, 2, 7, 2, 5, 5], LABELS[:20]])
    known = {("mnist", "train"): [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], ("fashion_mnist", "train"): fashion[:10].tolist()}
    monkeypatch.setattr("memdyn.data.idx.FIRST_LABELS", known)
    write_idx(tmp_path, PIXELS, fashion)
    assert f"{LABEL_FILE}: not the labels of {name} (train)" in refuse(TorchvisionDataset(name=name), tmp_path)
    resolve(REGISTRY, "fashion_mnist")(
        {"name": "fashion_mnist", "split": "train"}, [str(tmp_path / IMAGE_FILE), str(tmp_path / LABEL_FILE)]
    )


def test_changed_fashion_mnist(tmp_path, tiny_idx, monkeypatch):
    monkeypatch.setattr("memdyn.data.idx.SHA256", {("fashion_mnist", "train", "images"): "0" * 64})
    write_idx(tmp_path, PIXELS, LABELS)
    assert f"{IMAGE_FILE}: not the images of fashion_mnist" in refuse(
        TorchvisionDataset(name="fashion_mnist"), tmp_path
    )


# -- a function of the user's --------------------------------------------------------------------------------------

CUSTOM = {
    "no file": (None, r"check: .*target: no such file: .*mine\.py"),
    "no function": ("other = 1", r"load: .*mine\.py has no function load"),
    "not a function": ("load = 1", r"load: .*mine\.py has no function load"),
    "list": ("def load(files): return [1]", r"load: .*mine\.py:load: returned list; expected a dict"),
    "no labels": ("def load(files): return {'images': []}", r"load: .*returned a dict with \['images'\]"),
    "other keys": (
        "def load(files): return dict(images=[], labels=[], x=1)",
        r"load: .*mine\.py:load: returned a dict",
    ),
    "no samples": ("def load(files): return dict(images=[], labels=[])", r"load: .*mine\.py:load: no samples"),
    "ids twice": (
        "def load(files): return dict(images=[[1.], [2.]], labels=[0, 1], ids=[3, 3])",
        r"load: .*mine\.py:load: ids must be 2 different whole numbers",
    ),
    "names too few": (
        "def load(files): return dict(images=[[1.], [2.]], labels=[0, 1], class_names=['a'])",
        r"load: .*mine\.py:load: samples of 2 classes, but 1 class names",
    ),
    "bad columns of a frame": (
        "import pandas as pd\nframe = pd.DataFrame({'a': [1., None], 'b': ['x', 'y'], 'c': [1, 2]})\n"
        "def load(files): return dict(images=frame, labels=[0, 1])",
        r"load: .*load: 2 of 3 columns .*'a': 1 missing or NaN, first in row 1; column 'b': text, .*row 0: 'x'",
    ),
    "channels last": (
        "import numpy as np\ndef load(files): return dict(images=np.zeros((2, 8, 9, 3), np.uint8), labels=[0, 1])",
        r"load: .*mine\.py:load: images of shape \(2, 8, 9, 3\) look like \[n, height, width, channels\]",
    ),
    "grey without channels": (
        "import numpy as np\ndef load(files): return dict(images=np.zeros((4, 8, 9), np.uint8), labels=[0, 1, 0, 1])",
        r"load: .*mine\.py:load: values of shape \(4, 8, 9\); allowed: images \[n, channels, height, width\]",
    ),
    "float images": (
        "import numpy as np\ndef load(files): return dict(images=np.zeros((4, 3, 8, 9)), labels=[0, 1, 0, 1])",
        r"load: .*mine\.py:load: images are float64; allowed: uint8, 0 to 255: of values 0 to 1 make",
    ),
    "one-hot": (
        "import numpy as np\ndef load(files): return dict(images=np.zeros((4, 2)), labels=np.eye(4))",
        r"load: .*mine\.py:load: labels of shape \(4, 4\) look one-hot",
    ),
    "names of other labels": (
        "def load(files): return dict(images=[[1.], [2.]], labels=['a', 'b'], class_names=['tea', 'milk'])",
        r"load: .*mine\.py:load: labels are 'a', 'b', but class_names are 'tea', 'milk'",
    ),
    "ragged": (
        "def load(files): return dict(images=[[1.], [2., 3.]], labels=[0, 1])",
        r"load: .*mine\.py:load: samples are not a regular array",
    ),
}


@pytest.mark.parametrize("code, message", CUSTOM.values(), ids=CUSTOM.keys())
def test_custom(tmp_path, code, message):
    if code is not None:
        (tmp_path / "mine.py").write_text(code)
    assert re.match(message, refuse(CustomDataset(target=f"{tmp_path}/mine.py:load"), tmp_path))


# -- the embedded file ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"PAR1", b"version https://git-lfs.github.com/spec/v1\n"])
def test_damaged_embedded_file(tmp_path, content):
    (tmp_path / "f.parquet").write_bytes(content)
    with pytest.raises(ValueError, match="f.parquet: damaged or missing"):
        embedded.load({}, [str(tmp_path / "f.parquet")])
