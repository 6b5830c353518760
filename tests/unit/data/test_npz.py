"""Users' .npz files: whatever is wrong inside, the message names file, key and row."""

import io
import re
import warnings
import zipfile

import numpy as np
import pytest

from memdyn.config.datasets import ArraysDataset
from memdyn.data import arrays
from tiny_data import CLASSES, load, refuse

TABLE = np.random.default_rng(0).normal(size=(12, 2))
TEXTS = np.array(["日本", "é", "🚀"])[CLASSES]


def npy(array, version=None):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), version=version, allow_pickle=True)
    return stream.getvalue()


MEMBERS = {"x.npy": npy(TABLE), "y.npy": npy(CLASSES)}


def write_zip(path, members=MEMBERS, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)


def table_of(path, **options):
    return ArraysDataset(path=str(path), **({"features": "x", "labels": "y"} | options))


def patched(content, *changes):
    """Bytes of a zip file with one byte set in each local header and each entry of the directory."""
    content = bytearray(content)
    for mark, place, value in changes:
        at = content.find(mark)
        while at >= 0:
            content[at + place] = value
            at = content.find(mark, at + 4)
    return bytes(content)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npz_of_any_compression_and_version(tmp_path, method, version):
    members = {"x.npy": npy(TABLE, version), "y.npy": npy(TEXTS, version)}
    write_zip(tmp_path / "d.npz", members, compression=method)
    raw = load(table_of(tmp_path / "d.npz"))
    np.testing.assert_array_equal(raw.images, TABLE)
    assert raw.class_names == ("é", "日本", "🚀")


def test_other_members_of_an_npz_do_not_matter(tmp_path):
    strays = {"__MACOSX/._x.npy": b"junk", "README.txt": b"hi", "z.npy": npy(np.array([{}])), "folder/": b""}
    write_zip(tmp_path / "d.npz", MEMBERS | strays)
    np.testing.assert_array_equal(load(table_of(tmp_path / "d.npz")).images, TABLE)


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("kind", [">f8", "<f4", ">i2", "?"])
def test_npz_of_any_byte_order_and_axis_order(tmp_path, layout, kind):
    table = np.asarray(TABLE, order=layout).astype(kind)
    np.savez(tmp_path / "d.npz", x=table, y=CLASSES.astype(">i4"))
    np.testing.assert_array_equal(load(table_of(tmp_path / "d.npz")).images, table)


def stored(members=MEMBERS):
    stream = io.BytesIO()
    write_zip(stream, members)
    return stream.getvalue()


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


LOCAL, ENTRY = b"PK\x03\x04", b"PK\x01\x02"
WHOLE = stored()
SHORT = npy(TABLE)[:-8]
BAD_NPZ = {
    "deflate64": (patched(WHOLE, (LOCAL, 8, 9), (ENTRY, 10, 9)), r"d\.npz: x: cannot be read.*\(NotImplementedError"),
    "unknown method": (patched(WHOLE, (LOCAL, 8, 77), (ENTRY, 10, 77)), r"d\.npz: x: cannot be read.*\(NotImpl"),
    "said to be deflated": (patched(WHOLE, (LOCAL, 8, 8), (ENTRY, 10, 8)), r"d\.npz: x: cannot be read"),
    "said to be lzma": (patched(WHOLE, (LOCAL, 8, 14), (ENTRY, 10, 14)), r"d\.npz: x: cannot be read"),
    "encrypted": (patched(WHOLE, (LOCAL, 6, 1), (ENTRY, 8, 1)), r"d\.npz: x: cannot be read.*encrypted"),
    "half": (WHOLE[: len(WHOLE) // 2], r"d\.npz: cannot be read"),
    "damaged values": (flipped(WHOLE, WHOLE.find(npy(TABLE)) + 200), r"d\.npz: x: cannot be read.*CRC"),
    "damaged labels": (flipped(WHOLE, WHOLE.find(npy(CLASSES)) + 140), r"d\.npz: y: cannot be read.*CRC"),
    "fewer values than said": (stored(MEMBERS | {"x.npy": SHORT}), r"d\.npz: x: truncated or corrupt: 184 bytes"),
    "no magic": (stored(MEMBERS | {"x.npy": b"hello world"}), r"d\.npz: x: cannot be read"),
    "an empty member": (stored(MEMBERS | {"x.npy": b""}), r"d\.npz: x: cannot be read"),
    "a bad header": (
        stored(MEMBERS | {"x.npy": npy(TABLE).replace(b"descr", b"desc\0")}),
        r"d\.npz: x: cannot be read",
    ),
    "an unknown type": (stored(MEMBERS | {"x.npy": npy(TABLE).replace(b"<f8", b"<q9")}), r"d\.npz: x: cannot be read"),
    "too many values to hold": (
        stored(MEMBERS | {"x.npy": npy(TABLE).replace(b"(12, 2), }", b"(12, 9999999999999), }")[:-6]}),
        r"d\.npz: x: truncated or corrupt: \d+ bytes of values, \d+ expected",
    ),
    "pickled objects": (stored(MEMBERS | {"x.npy": npy(np.array([{}] * 12))}), r"d\.npz: x holds Python objects"),
    "pickled labels": (stored(MEMBERS | {"y.npy": npy(TEXTS.astype(object))}), r"d\.npz: y holds Python objects"),
    "pickle instead": (b"\x80\x04K\x01.", r"d\.npz: cannot be read"),
    "parquet instead": (b"PAR1" + b" " * 60 + b"PAR1", r"d\.npz: cannot be read"),
    "no member": (stored({}), r"d\.npz: no key 'x', 'y'; it has none"),
    "no array": (stored({"x.txt": b"hi"}), r"d\.npz: no key 'x', 'y'; it has none"),
    "not UTF-8": (stored(MEMBERS | {"y.npy": npy(np.array([b"a", b"caf\xe9"] * 6))}), r"d\.npz: y: label b'caf.*row 1"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("content, message", BAD_NPZ.values(), ids=BAD_NPZ.keys())
def test_bad_npz_is_refused_before_any_job(tmp_path, content, message):
    (tmp_path / "d.npz").write_bytes(content)
    assert re.match(rf"check: dataset arrays: {tmp_path}/{message}", refuse(table_of(tmp_path / "d.npz"), tmp_path))


def test_key_that_is_there_twice(tmp_path):
    with warnings.catch_warnings(action="ignore"):
        write_zip(tmp_path / "d.npz", [*MEMBERS.items(), ("x.npy", npy(TABLE + 1))])
    said = refuse(table_of(tmp_path / "d.npz"), tmp_path)
    assert "d.npz: has key 'x' 2 times; rename them; it has 'x', 'y', 'x'" in said


def test_bad_labels_of_a_large_npz_are_named_before_any_job(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "SMALL", 0)
    np.savez(tmp_path / "d.npz", x=np.where(np.arange(24).reshape(12, 2) == 5, np.nan, 1), y=CLASSES + 1)
    assert re.match("check: .*d.npz: y: labels are 3 different", refuse(table_of(tmp_path / "d.npz"), tmp_path))
    np.savez(tmp_path / "d.npz", x=np.where(np.arange(24).reshape(12, 2) == 5, np.nan, 1), y=CLASSES)
    assert re.match(
        "load: .*column 1: 1 missing or NaN, first in row 2", refuse(table_of(tmp_path / "d.npz"), tmp_path)
    )


@pytest.mark.parametrize("name", ["d.parquet", "d.npz"])
def test_a_folder_of_that_name(tmp_path, name):
    (tmp_path / name).mkdir()
    assert re.match(rf"check: .*{name}: cannot be read", refuse(table_of(tmp_path / name), tmp_path))
