"""Folders of images: what is read, what is passed over, and what is refused, all of it at once."""

import os
import re

import numpy as np
import pytest
from PIL import Image

from memdyn.config.datasets import Cinic10Dataset, ImageFolderDataset
from memdyn.data import image_folder
from memdyn.data.check import problem
from memdyn.data.pool import build_pool, read_pool, write_pool
from memdyn.data.reading import LISTED
from memdyn.terms import PARTS
from tiny_data import load, refuse, write_images


def dataset(folder, **options):
    return ImageFolderDataset(path=str(folder), **({"size": 8} | options))


@pytest.mark.parametrize("channels, mode", [(1, "RGB"), (3, "L"), (3, "RGBA"), (3, "P")])
def test_image_folder(tmp_path, channels, mode):
    write_images(tmp_path, mode=mode)
    (tmp_path / "cat" / ".DS_Store").write_text("")
    (tmp_path / "README").write_text("")
    (tmp_path / "dog" / "old").mkdir()
    (tmp_path / "dog" / "0.png").rename(tmp_path / "dog" / "old" / "0.png")
    raw = load(dataset(tmp_path, size=6, channels=channels))
    assert raw.images.shape == (6, channels, 6, 6)
    assert raw.labels.tolist() == [0, 0, 0, 1, 1, 1] and raw.class_names == ("cat", "dog")
    assert "passed over: '.DS_Store', 'README'" in raw.notes


def test_samples_keep_their_files(tmp_path, monkeypatch):
    """Paths below the folder, however it is written; they go with the samples through the pool and its file."""
    write_images(tmp_path / "photos")
    (tmp_path / "photos" / "dog" / "old").mkdir()
    (tmp_path / "photos" / "dog" / "1.png").rename(tmp_path / "photos" / "dog" / "old" / "1.png")
    os.rename(tmp_path / "photos" / "cat" / "2.png", os.fsencode(tmp_path / "photos" / "cat") + b"/\xff.png")
    files = ("cat/0.png", "cat/1.png", "cat/\\xff.png", "dog/0.png", "dog/2.png", "dog/old/1.png")
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "photos", "photos", "./photos/", "../" + tmp_path.name + "/photos"):
        assert load(dataset(folder)).files == files
    raw = load(dataset("photos"))
    pool = build_pool(raw, dict.fromkeys(PARTS, 1), 3, 0.0)
    assert pool.files == tuple(files[row] for row in pool.sample_ids) and len(set(pool.files)) == len(PARTS)
    write_pool(pool, "pool.arrow")
    assert read_pool("pool.arrow").files == pool.files


def test_files_of_several_folders_are_told_apart(tmp_path):
    splits = ("train", "valid", "test")
    for split in splits:
        write_images(tmp_path / "CINIC-10" / split, n=1)
    folders = [str(tmp_path / "CINIC-10" / split) for split in splits]
    raw = image_folder.load({"size": 8, "channels": 3, "background": 255}, folders)
    assert raw.files == tuple(f"{split}/{name}/0.png" for split in splits for name in ("cat", "dog"))


def test_background_of_the_config(tmp_path):
    write_images(tmp_path, mode="RGBA")
    Image.new("RGBA", (8, 8)).save(tmp_path / "cat" / "0.png")
    for level in (0, 255, 77):
        raw = load(dataset(tmp_path, background=level))
        assert (raw.images[0] == level).all()
        assert f"6 images have transparency, laid on the background, first {tmp_path}/cat/0.png" in raw.notes


SCRIPTS = ["日本", "Ελλάδα", "عربي", "हिन्दी", "ไทย", "cafe\u0301", "👩\u200d🚀", "$x^{$", "a b", "<b>", "한국어"]


def test_class_folders_of_any_script(tmp_path):
    write_images(tmp_path, SCRIPTS, n=1)
    raw = load(dataset(tmp_path))
    assert set(raw.class_names) == set(SCRIPTS) and len(raw) == len(SCRIPTS)


def test_links_to_files_and_folders_are_followed(tmp_path):
    write_images(tmp_path / "photos")
    write_images(tmp_path / "more", ("extra",))
    (tmp_path / "photos" / "cat" / "linked").symlink_to(tmp_path / "more" / "extra")
    (tmp_path / "photos" / "dog" / "one.png").symlink_to(tmp_path / "more" / "extra" / "0.png")
    assert np.bincount(load(dataset(tmp_path / "photos")).labels).tolist() == [6, 4]


def test_folders_of_splits_are_no_classes(tmp_path):
    for split in ("train", "Val"):
        write_images(tmp_path / "photos" / split)
    said = refuse(dataset(tmp_path / "photos"), tmp_path)
    assert "Val, train look like splits" in said and f"one of these ({tmp_path}/photos/Val)" in said
    assert load(dataset(tmp_path / "photos" / "train")).class_names == ("cat", "dog")
    write_images(tmp_path / "called", ("train", "test"))  # whatever they are, images lie in them
    write_images(tmp_path / "other", ("train", "bus"))
    assert len(load(dataset(tmp_path / "called"))) == len(load(dataset(tmp_path / "other"))) == 6


STRAYS = ["Thumbs.db", "ehthumbs.db", "desktop.ini", "Desktop.ini", "._0.png", ".DS_Store", ".picasa.ini", "Icon\r"]
STRAY_FOLDERS = ["__MACOSX", "@eaDir", ".thumbnails", "#recycle", "$RECYCLE.BIN", "lost+found", ".ipynb_checkpoints"]


@pytest.mark.parametrize("stray", [*STRAYS, *STRAY_FOLDERS])
@pytest.mark.parametrize("place", ["cat", "dog/inside", "."])
def test_what_operating_systems_leave_is_passed_over_with_a_note(tmp_path, stray, place):
    write_images(tmp_path)
    clean = load(dataset(tmp_path))
    (tmp_path / place).mkdir(exist_ok=True)
    if stray in STRAYS:
        (tmp_path / place / stray).write_bytes(b"x")
    else:
        write_images(tmp_path / place / stray, ("cat",))
    raw = load(dataset(tmp_path))
    np.testing.assert_array_equal(raw.images, clean.images)
    assert raw.class_names == ("cat", "dog") and raw.notes == (f"passed over: {stray!r}",)
    assert problem(dataset(tmp_path).model_dump(), [str(tmp_path)], 6) is None


def test_all_that_cannot_be_used_is_named_at_once(tmp_path):
    folder = tmp_path / "photos"
    write_images(folder)
    (folder / "cat" / "notes.txt").write_text("")
    (folder / "dog" / "film.mp4").write_bytes(b"x")
    (folder / "dog" / "hello.png").write_text("hello")
    (folder / "cat" / "zero.png").write_bytes(b"")
    (folder / "cat" / "gone.png").symlink_to("nowhere.png")
    (folder / "cat" / "loop.png").symlink_to("loop.png")
    (folder / "eel").mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(folder / "dog" / "deep.png")
    os.mkfifo(folder / "dog" / "pipe.png")
    said = refuse(dataset(folder), tmp_path)
    for fault in (
        "cat/notes.txt: not an image file",
        "dog/film.mp4: not an image file",
        "dog/hello.png: cannot be read as an image (UnidentifiedImageError",
        "cat/zero.png: an empty file",
        "cat/gone.png: a broken link",
        "cat/loop.png: a broken link",
        "dog/pipe.png: a broken link, or no regular file",
        "photos/eel: this class has no images",
        "dog/deep.png: pixels of mode I;16",
        "allowed: .bmp, .gif",
    ):
        assert fault in said, said
    assert said.startswith("check: ")


def test_of_very_many_faults_the_first_are_named(tmp_path):
    write_images(tmp_path)
    for i in range(LISTED + 7):
        (tmp_path / "cat" / f"{i:03d}.txt").write_text("")
    said = refuse(dataset(tmp_path), tmp_path)
    assert said.count(".txt: not an image") == LISTED and "and 7 more" in said


CIRCLES = {
    "a class": ("cat/self", "cat/self", "cat", "."),
    "the top": ("cat/up", "cat/up", "", ".."),
    "from the top": ("self", "self", "", "."),
    "deep": ("cat/a/b/back", "cat/a/b/back", "cat/a", "../../a"),
}


@pytest.mark.parametrize("link, seen, back, target", CIRCLES.values(), ids=CIRCLES.keys())
def test_link_that_leads_back_is_refused(tmp_path, link, seen, back, target):
    write_images(tmp_path)
    (tmp_path / link).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / link).symlink_to(target)
    back = f"{tmp_path}/{back}".rstrip("/")
    assert f"{tmp_path}/{seen}: a link that leads back to {back}, a folder" in refuse(dataset(tmp_path), tmp_path)


def test_two_links_that_lead_to_each_other_are_refused(tmp_path):
    write_images(tmp_path)
    (tmp_path / "cat" / "x").symlink_to("../dog")
    (tmp_path / "dog" / "y").symlink_to("../cat")
    said = refuse(dataset(tmp_path), tmp_path)
    assert "cat/x/y: a link that leads back to" in said and "dog/y/x: a link that leads back to" in said


def rewrite(name, change):
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


REFUSED = {
    "no folder": (lambda f: f.rename(f.with_name("gone")), r"check: .*no such file or folder: .*photos"),
    "empty class": (lambda f: (f / "eel").mkdir(), r"check: .*photos/eel: this class has no images"),
    "class of strays": (
        lambda f: [(f / "eel").mkdir(), (f / "eel" / "Thumbs.db").write_text("x")],
        r"check: .*photos/eel: this class has no images",
    ),
    "one class": (lambda f: (f / "cat").rename(f.parent / "cat"), r"check: .*photos: 1 class folders"),
    "one class and archiver's": (lambda f: (f / "cat").rename(f / "__MACOSX"), r"check: .*photos: 1 class folders"),
    "truncated": (rewrite("dog/0.png", lambda c: c[: len(c) // 2]), r"check: .*dog/0\.png: cannot be read as an image"),
    "damaged": (
        rewrite("dog/0.png", lambda c: c[:60] + b"XX" + c[62:]),
        r"check: .*dog/0\.png: cannot be read as an image",
    ),
    "class that is not Unicode": (
        lambda f: os.rename(os.fsencode(f / "cat"), os.fsencode(f) + b"/caf\xe9"),
        r"check: .*class name 'caf\\udce9' is empty, not Unicode",
    ),
    "classes that look alike": (
        lambda f: [(f / "cat").rename(f / "caf\u00e9"), (f / "dog").rename(f / "cafe\u0301")],
        r"check: .*class names 'cafe\\u0301' and 'caf\\xe9' look the same",
    ),
}


@pytest.mark.parametrize("damage, message", REFUSED.values(), ids=REFUSED.keys())
def test_refused_before_any_job(tmp_path, damage, message):
    write_images(tmp_path / "photos", size=(20, 20))
    damage(tmp_path / "photos")
    assert re.match(message, refuse(dataset(tmp_path / "photos"), tmp_path))


def test_a_large_folder_is_judged_by_its_listing_and_read_in_the_job(tmp_path, monkeypatch):
    monkeypatch.setattr(image_folder, "SMALL", 0)
    write_images(tmp_path)
    (tmp_path / "cat" / "9.png").write_text("hello")
    assert re.match(r"load: .*cat/9\.png: cannot be read", refuse(dataset(tmp_path), tmp_path))
    (tmp_path / "cat" / "notes.txt").write_text("")
    assert re.match(r"check: .*cat/notes\.txt: not an image", refuse(dataset(tmp_path), tmp_path))


def test_image_folder_smaller_than_the_pool(tmp_path):
    write_images(tmp_path / "photos")
    photos = dataset(tmp_path / "photos")
    assert "pool.parts: 7 samples" in problem(photos.model_dump(), photos.source_files(""), 7)
    assert problem(photos.model_dump(), photos.source_files(""), 6) is None


def test_path_that_is_a_file(tmp_path):
    (tmp_path / "photos").write_text("")
    assert "photos: not a folder" in refuse(dataset(tmp_path / "photos"), tmp_path)


def test_cinic10_splits_of_other_classes(tmp_path):
    for split, classes in {"train": ("cat", "dog"), "valid": ("cat", "eel"), "test": ("cat", "dog")}.items():
        write_images(tmp_path / "cinic10" / split, classes)
    assert "cinic10/valid: other class folders" in refuse(Cinic10Dataset(split="all"), tmp_path)


def test_missing_cinic10_says_where_to_get_it(tmp_path):
    assert "datashare.ed.ac.uk" in refuse(Cinic10Dataset(), tmp_path)
