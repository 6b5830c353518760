"""What can be in a pool: the data sets by name, and how a data set is split into parts.

Every data set class says, without loading anything, which files it stands on (`source_files`: their content
is part of the pool's identity, and they are what its loader in `memdyn.data` gets), how many samples it has
and what they look like where that is known in advance (`samples`, `published_shape`).
"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from memdyn.config.base import Neutral, Strict
from memdyn.config.paths import SourcePath, SourcePaths, Target

RESOURCES = Path(__file__).resolve().parents[4] / "resources"
# (shape of a sample, number of classes)
Shape = tuple[tuple[int, ...], int]


class Dataset(Strict):
    """What all data sets have in common."""

    name: str = Field(description="The key of its loader in `memdyn.data.REGISTRY`.")

    @property
    def samples(self) -> int | None:
        """Number of samples before duplicates are dropped, where it is known without looking at a file."""
        return None

    @property
    def published_shape(self) -> Shape | None:
        """Shape of a sample and number of classes, where they are known without looking at a file."""
        return None

    @property
    def sample_shape(self) -> tuple[int, ...] | None:
        """(C, H, W), where it is known without looking at a file."""
        return self.published_shape[0] if self.published_shape else None

    @property
    def is_table(self) -> bool | None:
        """Whether samples are rows of a table, not images; None where only code of the user's knows."""
        return False

    @property
    def downloadable(self) -> bool:
        """Whether `memdyn.data.download` can fetch it."""
        return False

    def source_files(self, data_dir: str) -> list[str]:
        """Files and folders that the samples are read from, in the order that the loader expects."""
        return []


class EmbeddedDataset(Dataset):
    """10,000 class-balanced training images of Fashion-MNIST (28 x 28, grey, 10 classes), shipped with memdyn."""

    name: Literal["fashion_mnist_10k"] = Field("fashion_mnist_10k", description="The embedded subset of Fashion-MNIST.")

    @property
    def samples(self) -> int:
        return 10_000

    @property
    def published_shape(self) -> Shape:
        return (1, 28, 28), 10

    def source_files(self, data_dir: str) -> list[str]:
        return [str(RESOURCES / "fashion_mnist_10k.parquet")]


class DigitsDataset(Dataset):
    """scikit-learn's digits: 1,797 grey images of 8 x 8 pixels, 10 classes; they come with the library."""

    name: Literal["digits"] = Field("digits", description="scikit-learn's handwritten digits.")

    @property
    def samples(self) -> int:
        return 1_797

    @property
    def published_shape(self) -> Shape:
        return (1, 8, 8), 10


class TorchvisionDataset(Dataset):
    """A data set that torchvision can download, read from `data_dir`.

    MNIST, Fashion-MNIST and KMNIST are four idx files, gzipped or not, in torchvision's layout (for example
    `FashionMNIST/raw/`) or directly in `data_dir` (Debian's package dataset-fashion-mnist is such a folder).
    """

    name: Literal["mnist", "fashion_mnist", "kmnist", "cifar10", "cifar100", "svhn"] = Field(
        description="Which data set, by torchvision's name in small letters."
    )
    split: Literal["train", "test", "all"] = Field(
        "train", description="Which published split the pool is drawn from; `all` is train, then test."
    )

    IDX_FOLDERS: ClassVar[dict[str, str]] = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}
    FILES: ClassVar[dict[str, tuple[str, ...]]] = {
        "cifar10": tuple(
            f"cifar-10-batches-py/{file}"
            for file in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")
        ),
        "cifar100": ("cifar-100-python/train", "cifar-100-python/test", "cifar-100-python/meta"),
    }
    SIZES: ClassVar[dict[str, tuple[int, int]]] = {  # train, test
        "mnist": (60_000, 10_000),
        "fashion_mnist": (60_000, 10_000),
        "kmnist": (60_000, 10_000),
        "cifar10": (50_000, 10_000),
        "cifar100": (50_000, 10_000),
        "svhn": (73_257, 26_032),
    }

    @property
    def samples(self) -> int:
        train, test = self.SIZES[self.name]
        return {"train": train, "test": test, "all": train + test}[self.split]

    @property
    def published_shape(self) -> Shape:
        shape = (1, 28, 28) if self.name in self.IDX_FOLDERS else (3, 32, 32)
        return shape, 100 if self.name == "cifar100" else 10

    @property
    def downloadable(self) -> bool:
        return True

    @property
    def _splits(self) -> list[str]:
        return ["train", "test"] if self.split == "all" else [self.split]

    def source_files(self, data_dir: str) -> list[str]:
        if self.name in self.IDX_FOLDERS:
            return self._idx_files(Path(data_dir))
        if self.name == "svhn":
            return [str(Path(data_dir) / f"{split}_32x32.mat") for split in self._splits]
        return [str(Path(data_dir) / file) for file in self.FILES[self.name]]

    def _idx_files(self, data_dir: Path) -> list[str]:
        """Images, labels of each split from the first folder that has them all, else where torchvision puts them."""
        published = data_dir / self.IDX_FOLDERS[self.name] / "raw"
        stems = [
            f"{'t10k' if split == 'test' else 'train'}-{kind}-ubyte"
            for split in self._splits
            for kind in ("images-idx3", "labels-idx1")
        ]
        for folder in (published, data_dir):
            found = [next(filter(Path.is_file, (folder / stem, folder / f"{stem}.gz")), None) for stem in stems]
            if all(found):
                return [str(file) for file in found]
        return [str(published / stem) for stem in stems]


class Cinic10Dataset(Dataset):
    """CINIC-10 (270,000 images of 32 x 32, 10 classes), unpacked as `data_dir/cinic10/{train,valid,test}/<class>/`."""

    name: Literal["cinic10"] = Field("cinic10", description="CINIC-10, unpacked into folders.")
    split: Literal["train", "valid", "test", "all"] = Field(
        "train", description="Which published split the pool is drawn from; `all` is train, valid, test in this order."
    )

    @property
    def samples(self) -> int:
        return 270_000 if self.split == "all" else 90_000

    @property
    def published_shape(self) -> Shape:
        return (3, 32, 32), 10

    def source_files(self, data_dir: str) -> list[str]:
        splits = ["train", "valid", "test"] if self.split == "all" else [self.split]
        return [str(Path(data_dir) / "cinic10" / split) for split in splits]


class ImageFolderDataset(Dataset):
    """Your own images: one folder a class, `path/<class>/**/*.png` (or jpg, bmp, gif, tif, webp, ppm, pgm).

    An image is taken as a viewer shows it: turned by its orientation tag, transparency laid on `background`. Files of
    several frames and of more than 8 bits a channel are refused; colour profiles are not applied. Hidden files and
    what operating systems leave in folders (Thumbs.db, desktop.ini, __MACOSX, @eaDir, ...) are passed over; any other
    file in a class folder is refused.
    """

    name: Literal["image_folder"] = Field("image_folder", description="A folder of class folders of image files.")
    path: SourcePath = Field(description="The folder that holds the class folders.", min_length=1)
    size: int = Field(
        description="Images become size x size pixels: the shorter side is resized to it, then the centre is cropped.",
        ge=4,
        le=1024,
    )
    channels: Literal[1, 3] = Field(3, description="1: grey, 3: RGB.")
    background: Annotated[int, Field(ge=0, le=255), Neutral(255)] = Field(
        255, description="Grey level behind transparent pixels: 0 is black, 255 white."
    )

    @property
    def sample_shape(self) -> tuple[int, ...]:
        return self.channels, self.size, self.size

    def source_files(self, data_dir: str) -> list[str]:
        return [self.path]


class ArraysDataset(Dataset):
    """Your own arrays in one .npz or .parquet file: images (uint8) or a numeric table, and labels.

    Labels are one a sample, [n] or [n, 1]: texts (also bytes in UTF-8), whose sorted order is that of the classes, or
    whole numbers 0..K-1 with samples of every class, as integers, floats or truth values. None may be missing.

    In an .npz `images` is [n, H, W], neither side so short that it may be channels, or [n, C, H, W] or [n, H, W, C]
    with 1 or 3 channels on one of the two axes and not on the other. What fits none of these, or several, needs
    `shape`, which also reads [n, C, H * W], [n, H * W, C] and flat images, channels first. In a parquet file images are
    a column of raw bytes or of lists of uint8, flat.

    Features are a table [n, columns] of finite numbers, standardised by column in float64 before they are stored in
    float32. Rows that are equal count once, and of images likewise.
    """

    name: Literal["arrays"] = Field("arrays", description="An .npz or .parquet file.")
    path: SourcePath = Field(
        description="The file, NAME.npz or NAME.parquet; of a CSV make one by pandas.read_csv(...).to_parquet(...)",
        pattern=r"\.(npz|parquet)$",
    )
    images: str | None = Field(None, description="Key or column of the images (uint8); or give `features`.")
    features: str | list[str] | None = Field(
        None,
        description="Key (.npz) or columns (.parquet) of a numeric table; in a parquet file `*` is every column but "
        "the labels and pandas' index.",
    )
    labels: str = Field("labels", description="Key or column of the labels.")
    shape: list[int] | None = Field(
        None,
        description="[channels, height, width] of images that are stored flat, or whose axes could be taken otherwise.",
        min_length=3,
        max_length=3,
    )

    @model_validator(mode="after")
    def _one_kind_of_values(self) -> Self:
        if (self.images is None) == (self.features is None):
            raise ValueError("give exactly one of `images` and `features`")
        if self.features is not None and self.shape is not None:
            raise ValueError("`shape` belongs to `images`, not to `features`")
        if self.features is not None and not self.features:
            raise ValueError("`features` is empty: give a key, a list of columns, or '*'")
        used = self.features if isinstance(self.features, list) else [self.images or self.features]
        twice = [column for column, n in Counter(used).items() if n > 1]
        if twice:
            raise ValueError(f"features: {', '.join(map(repr, twice))} named twice")
        if self.labels in used:
            raise ValueError(f"labels: {self.labels!r} is among the {'images' if self.images else 'features'} too")
        if self.shape is not None and min(self.shape) < 1:
            raise ValueError(f"shape: {self.shape}: channels, height and width must be at least 1")
        if self.path.endswith(".npz") and isinstance(self.features, list):
            raise ValueError("features: an .npz file has one key for the whole table, not a list of columns")
        return self

    @property
    def sample_shape(self) -> tuple[int, ...] | None:
        return tuple(self.shape) if self.shape else None

    @property
    def is_table(self) -> bool:
        return self.features is not None

    def source_files(self, data_dir: str) -> list[str]:
        return [self.path]


class CustomDataset(Dataset):
    """Your own function: `def load(files: list[str], **options) -> dict` with images, labels and optional names.

    The dict has `images` (uint8 [n, C, H, W]; or a table [n, F], an array or a data frame), `labels` (as of `arrays`,
    also a column of a data frame) and, as you like, `ids` (int [n], unique) and `class_names` (K strings; with labels
    that are texts, the order of the classes).
    """

    name: Literal["custom"] = Field("custom", description="A function of your own.")
    target: Target = Field(description="path/to/file.py:function", pattern=r"^.+\.py:[A-Za-z_]\w*$")
    files: SourcePaths = Field(
        default_factory=list,
        description="Files and folders that it reads: their content becomes part of the pool's identity.",
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of the function.")

    @property
    def is_table(self) -> None:
        return None

    def source_files(self, data_dir: str) -> list[str]:
        return list(self.files)


DatasetConfig = Annotated[
    EmbeddedDataset
    | DigitsDataset
    | TorchvisionDataset
    | Cinic10Dataset
    | ImageFolderDataset
    | ArraysDataset
    | CustomDataset,
    Field(discriminator="name"),
]
