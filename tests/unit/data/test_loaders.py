"""Every loader reads a tiny data set in its real layout; published checksums and sizes are replaced where needed."""

import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.io import savemat

from memdyn.config.datasets import (
    ArraysDataset,
    Cinic10Dataset,
    CustomDataset,
    DigitsDataset,
    EmbeddedDataset,
    TorchvisionDataset,
)
from memdyn.data import REGISTRY
from memdyn.data.check import problem
from tiny_data import CLASSES, IMAGES, LABELS, PIXELS, RNG, expect_tiny_idx, load, write_idx, write_images


def test_importing_the_data_package_imports_no_torch():
    modules = sorted({entry.partition(":")[0] for entry in REGISTRY.values()}) + [
        "memdyn.data.pool",
        "memdyn.data.check",
        "memdyn.data.download",
        "memdyn.design.membership",
        "memdyn.config.datasets",
    ]
    code = f"import sys, importlib; [importlib.import_module(m) for m in {modules}]; sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, check=False).returncode
        == 0
    )


def test_embedded():
    raw = load(EmbeddedDataset())
    assert raw.images.shape == (10_000, 1, 28, 28) and raw.images.dtype == np.uint8
    assert np.bincount(raw.labels).tolist() == [1000] * 10
    assert raw.class_names[9] == "Ankle boot" and raw.ids.min() >= 0 and raw.ids.max() < 60_000


def test_digits():
    raw = load(DigitsDataset())
    assert raw.images.shape == (1797, 1, 8, 8) and raw.images.max() == 255
    assert len(np.unique(raw.images)) == 17


@pytest.fixture
def tiny_idx(monkeypatch):
    expect_tiny_idx(monkeypatch)


@pytest.mark.parametrize("gz", [True, False])
@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("name, folder", [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST"), ("kmnist", "KMNIST")])
def test_idx_in_torchvisions_layout_and_flat(tmp_path, tiny_idx, name, folder, flat, gz):
    place = tmp_path if flat else tmp_path / folder / "raw"
    write_idx(place, PIXELS, LABELS, gz=gz)
    write_idx(place, PIXELS[:20], LABELS[:20], "test", gz=gz)
    raw = load(TorchvisionDataset(name=name, split="all"), tmp_path)
    np.testing.assert_array_equal(raw.images[:, 0], np.concatenate([PIXELS, PIXELS[:20]]))
    np.testing.assert_array_equal(raw.labels, np.concatenate([LABELS, LABELS[:20]]))
    assert raw.ids.tolist() == list(range(50)) and len(raw.class_names) == 10
    assert len(load(TorchvisionDataset(name=name, split="test"), tmp_path)) == 20


def test_torchvision_itself_reads_the_idx_files_alike(tmp_path, tiny_idx):
    from torchvision.datasets import FashionMNIST

    write_idx(tmp_path / "FashionMNIST" / "raw", PIXELS, LABELS, gz=False)
    write_idx(tmp_path / "FashionMNIST" / "raw", PIXELS[:20], LABELS[:20], "test", gz=False)
    theirs = FashionMNIST(str(tmp_path), train=True)
    ours = load(TorchvisionDataset(name="fashion_mnist"), tmp_path)
    np.testing.assert_array_equal(theirs.data.numpy(), ours.images[:, 0])
    assert tuple(theirs.classes) == ours.class_names


def test_idx_files_of_a_half_empty_folder_are_not_mixed_with_another(tmp_path, tiny_idx):
    write_idx(tmp_path / "MNIST" / "raw", PIXELS, LABELS)
    (tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz").unlink()
    write_idx(tmp_path, PIXELS[::-1], LABELS[::-1])
    files = TorchvisionDataset(name="mnist").source_files(str(tmp_path))
    assert files == [str(tmp_path / f"train-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1")]


def write_cifar(folder, files, label_key, meta, meta_key):
    """Pickles as they are published; returns {file: md5}."""
    folder.mkdir(parents=True)
    pixels = RNG.integers(0, 256, (len(files), 20, 3072), dtype=np.uint8)
    classes = 10 if label_key == "labels" else 20
    for file, rows in zip(files, pixels, strict=True):
        labels = np.resize(np.arange(classes), 20).tolist()
        (folder / file).write_bytes(pickle.dumps({"data": rows, label_key: labels}))
    (folder / meta).write_bytes(pickle.dumps({meta_key: [f"class {i}" for i in range(classes)]}))
    return pixels, {file.name: hashlib.md5(file.read_bytes()).hexdigest() for file in folder.iterdir()}


BATCHES = [f"data_batch_{i}" for i in range(1, 6)]
CIFAR = {
    "cifar10": ("cifar-10-batches-py", BATCHES, ["test_batch"], "labels", "batches.meta", "label_names"),
    "cifar100": ("cifar-100-python", ["train"], ["test"], "fine_labels", "meta", "fine_label_names"),
}


@pytest.fixture(params=CIFAR)
def tiny_cifar(request, tmp_path, monkeypatch):
    """(name, data_dir, pixels of all batches in order) with torchvision's checksums replaced."""
    from torchvision import datasets

    folder, train, test, label_key, meta, meta_key = CIFAR[request.param]
    pixels, md5 = write_cifar(tmp_path / folder, [*train, *test], label_key, meta, meta_key)
    cls = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[request.param]
    monkeypatch.setattr(cls, "train_list", [[file, md5[file]] for file in train])
    monkeypatch.setattr(cls, "test_list", [[file, md5[file]] for file in test])
    monkeypatch.setattr(cls, "meta", {"filename": meta, "key": meta_key, "md5": md5[meta]})
    return request.param, tmp_path, pixels.reshape(-1, 3, 32, 32)


def test_cifar(tiny_cifar):
    name, data_dir, pixels = tiny_cifar
    raw = load(TorchvisionDataset(name=name, split="all"), data_dir)
    np.testing.assert_array_equal(raw.images, pixels)
    assert raw.class_names[1] == "class 1" and raw.labels[:3].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(load(TorchvisionDataset(name=name, split="test"), data_dir).images, pixels[-20:])


def test_cifar_file_with_another_checksum_is_named_and_not_unpickled(tiny_cifar):
    name, data_dir, _ = tiny_cifar
    path = TorchvisionDataset(name=name).source_files(str(data_dir))[0]
    with open(path, "wb") as file:
        file.write(b"cos\nsystem\n(S'touch pwned'\ntR.")
    with pytest.raises(ValueError, match=f"{path}: missing or not the published file"):
        load(TorchvisionDataset(name=name), data_dir)


def test_source_files_of_cifar_are_all_that_the_loader_opens(tiny_cifar):
    name, data_dir, _ = tiny_cifar
    files = TorchvisionDataset(name=name).source_files(str(data_dir))
    assert sorted(files) == sorted(str(file) for file in data_dir.rglob("*") if file.is_file())


def test_svhn(tmp_path, monkeypatch):
    from torchvision.datasets import SVHN

    pixels = RNG.integers(0, 256, (32, 32, 3, 20), dtype=np.uint8)
    lists = {}
    for split in ("train", "test"):
        path = tmp_path / f"{split}_32x32.mat"
        savemat(path, {"X": pixels, "y": np.resize(np.arange(1, 11), 20)[:, None]})
        lists[split] = ["", path.name, hashlib.md5(path.read_bytes()).hexdigest()]
    monkeypatch.setattr(SVHN, "split_list", lists)
    raw = load(TorchvisionDataset(name="svhn", split="all"), tmp_path)
    assert raw.images.shape == (40, 3, 32, 32)
    assert raw.labels[:10].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]  # published as 1..10, 10 for the digit 0
    np.testing.assert_array_equal(raw.images[3], pixels[..., 3].transpose(2, 0, 1))
    (tmp_path / "test_32x32.mat").write_bytes(b"")
    assert len(load(TorchvisionDataset(name="svhn"), tmp_path)) == 20
    with pytest.raises(ValueError, match="test_32x32.mat: missing or not the published"):
        load(TorchvisionDataset(name="svhn", split="test"), tmp_path)


def test_cinic10_splits_follow_each_other(tmp_path):
    for split in ("train", "valid", "test"):
        write_images(tmp_path / "cinic10" / split, n=2, size=(32, 32))
    everything = load(Cinic10Dataset(split="all"), tmp_path)
    assert len(everything) == 12 and everything.images.shape[1:] == (3, 32, 32)
    np.testing.assert_array_equal(everything.images[4:8], load(Cinic10Dataset(split="valid"), tmp_path).images)


@pytest.mark.parametrize(
    "stored, shape",
    [(IMAGES, None), (IMAGES.transpose(0, 2, 3, 1), None), (IMAGES.reshape(12, -1), [3, 5, 4])],
    ids=["channels first", "channels last", "flat"],
)
def test_npz_images(tmp_path, stored, shape):
    path = str(tmp_path / "data.npz")
    np.savez_compressed(path, x=stored, y=CLASSES.astype(np.uint8))
    dataset = ArraysDataset(path=path, images="x", labels="y", shape=shape)
    raw = load(dataset)
    np.testing.assert_array_equal(raw.images, IMAGES)
    assert raw.labels.dtype == np.int64 and raw.class_names == ("0", "1", "2")
    assert problem(dataset.model_dump(), [path], 12) is None
    assert "12 at most" in problem(dataset.model_dump(), [path], 13).replace("in all ", "")


def test_npz_grey_images_and_names_as_labels(tmp_path):
    path = str(tmp_path / "data.npz")
    np.savez(path, x=IMAGES[:, 0], y=np.array(["b", "c", "a"])[CLASSES])
    raw = load(ArraysDataset(path=path, images="x", labels="y"))
    np.testing.assert_array_equal(raw.images, IMAGES[:, :1])
    assert raw.class_names == ("a", "b", "c") and raw.labels[:3].tolist() == [1, 2, 0]


@pytest.mark.parametrize("dtype", [np.float64, np.int16, bool])
def test_npz_table(tmp_path, dtype):
    path = str(tmp_path / "data.npz")
    table = RNG.integers(0, 2, (12, 7)).astype(dtype)
    np.savez(path, x=table, y=CLASSES)
    raw = load(ArraysDataset(path=path, features="x", labels="y"))
    np.testing.assert_array_equal(raw.images, table)


@pytest.mark.parametrize(
    "kind",
    [pa.binary(), pa.binary(60), pa.list_(pa.uint8()), pa.list_(pa.uint8(), 60), pa.large_list(pa.uint8())],
    ids=str,
)
def test_parquet_images(tmp_path, kind):
    path = str(tmp_path / "data.parquet")
    flat = IMAGES.reshape(12, -1)
    binary = kind in (pa.binary(), pa.binary(60))
    column = pa.array([row.tobytes() if binary else row.tolist() for row in flat], kind)
    pq.write_table(pa.table({"image": column, "label": CLASSES}), path, row_group_size=5)
    dataset = ArraysDataset(path=path, images="image", labels="label", shape=[3, 5, 4])
    np.testing.assert_array_equal(load(dataset).images, IMAGES)
    assert problem(dataset.model_dump(), [path], 12) is None and "12 in all" in problem(
        dataset.model_dump(), [path], 13
    )


@pytest.mark.parametrize("features, columns", [("*", ["a", "b", "c"]), (["c", "a"], ["c", "a"]), ("b", ["b"])])
@pytest.mark.parametrize("labels", [CLASSES, pa.array(["x", "y", "z"] * 4).dictionary_encode()], ids=["int", "text"])
def test_parquet_table(tmp_path, features, columns, labels):
    path = str(tmp_path / "data.parquet")
    table = {name: RNG.normal(size=12) for name in "ab"} | {"c": np.arange(12)}
    pq.write_table(pa.table(table | {"label": labels}), path)
    raw = load(ArraysDataset(path=path, features=features, labels="label"))
    np.testing.assert_array_equal(raw.images, np.stack([table[c] for c in columns], axis=1))
    assert raw.labels.tolist() == CLASSES.tolist()


CUSTOM = """
import numpy as np

def load(files, n, classes=2):
    assert files == ["a file"]
    return {"images": np.zeros((n, 1, 4, 4), np.uint8), "labels": np.arange(n) % classes, "ids": 7 * np.arange(n)}
"""


def test_custom(tmp_path):
    (tmp_path / "mine.py").write_text(CUSTOM)
    raw = load(CustomDataset(target=f"{tmp_path}/mine.py:load", files=["a file"], options={"n": 6, "classes": 3}))
    assert raw.labels.tolist() == [0, 1, 2, 0, 1, 2] and raw.ids[-1] == 35


OWN_FRAME = """
import numpy as np, pandas as pd

def load(files):
    frame = pd.DataFrame({"a": np.arange(6) / 4, "b": [True, False] * 3, "kind": ["tea", "milk", "tea"] * 2})
    frame = frame.sample(frac=1, random_state=0)  # an index in disorder
    return {"images": frame[["a", "b"]], "labels": frame["kind"].astype(KIND), "class_names": NAMES}
"""


@pytest.mark.parametrize("kind", ["object", "string", "category"])
@pytest.mark.parametrize("names, expected", [(None, ("milk", "tea")), (["tea", "milk"], ("tea", "milk"))])
def test_custom_data_frame(tmp_path, kind, names, expected):
    code = OWN_FRAME.replace("KIND", repr(kind)).replace("NAMES", repr(names))
    (tmp_path / "mine.py").write_text(code)
    raw = load(CustomDataset(target=f"{tmp_path}/mine.py:load"))
    place = (raw.images[:, 0] * 4).astype(int)
    assert sorted(place) == list(range(6)) and raw.columns == ("column 'a'", "column 'b'")
    np.testing.assert_array_equal(raw.images[:, 1], place % 2 == 0)
    assert raw.class_names == expected
    assert [raw.class_names[label] for label in raw.labels] == [["tea", "milk", "tea"][i % 3] for i in place]
