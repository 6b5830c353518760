"""Whatever is changed in an archive is found and named; equal results have equal manifests."""

import subprocess
import zipfile

import pytest

from made_archive import ABOUT, write
from memdyn.operations.archives import MANIFEST, SUMS
from memdyn.operations.archives.manifest import Damaged, problems, read_manifest
from memdyn.operations.archives.pack import files_size, opened


@pytest.fixture
def archive(tmp_path):
    return write(tmp_path / "archive")


def files(folder):
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def test_nothing_is_wrong_with_what_was_written(archive):
    assert list(problems(archive)) == []
    with opened(archive.with_suffix(".zip")) as unpacked:
        assert list(problems(unpacked)) == []


def test_sha256sum_reads_the_sums(archive):
    done = subprocess.run(["sha256sum", "--check", SUMS], cwd=archive, capture_output=True, text=True, check=True)
    assert done.stdout.count(": OK") == len(files(archive)) - 1, "of all but the sums themselves"


def test_every_byte_of_every_file_counts(archive):
    """One byte changed: found, and its file named. Of the two files that hash the others too."""
    for name, path in files(archive).items():
        content = path.read_bytes()
        for place in range(0, len(content), 1 if len(content) < 300 else 37):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            found = list(problems(archive))
            assert any(name in line for line in found), (name, place, found)
        path.write_bytes(content)
    assert list(problems(archive)) == []


@pytest.mark.parametrize("byte", [b" ", b"\n", b"0", b"f"])
def test_no_byte_is_too_many(archive, byte):
    for name, path in files(archive).items():
        content = path.read_bytes()
        for longer in (content + byte, byte + content):
            path.write_bytes(longer)
            assert any(name in line for line in problems(archive)), name
        path.write_bytes(content)


def test_of_a_file_and_its_hash_it_is_known_which_was_changed(archive):
    path = archive / "config.yaml"
    path.write_text("study: t\n")
    assert list(problems(archive)) == [line for line in problems(archive) if line.startswith("config.yaml: changed (")]
    path.write_text("study: s\n")
    sums = archive / SUMS
    lines = sums.read_text()
    at = lines.index("  config.yaml") - 1
    sums.write_text(lines[:at] + ("0" if lines[at] != "0" else "1") + lines[at + 1 :])
    assert list(problems(archive)) == [f"{SUMS}: changed; its line of config.yaml is another, or gone"]


def test_what_is_missing_and_what_was_added_is_named(archive):
    for name, path in files(archive).items():
        content = path.read_bytes()
        path.unlink()
        assert any(name in line and ("missing" in line or "no archive" in line) for line in problems(archive)), name
        path.write_bytes(content)
    (archive / "study" / "more.csv").write_text("")
    (found,) = problems(archive)
    assert found.startswith("study/more.csv: added")


def test_a_size_in_the_manifest_counts(archive):
    path = archive / MANIFEST
    path.write_text(path.read_text().replace('"size": 9', '"size": 8', 1))
    assert any(line.startswith(MANIFEST) for line in problems(archive))


def test_equal_results_have_equal_manifests(tmp_path):
    one, other = write(tmp_path / "one"), write(tmp_path / "other", seconds=7.25)
    assert (one / MANIFEST).read_bytes() == (other / MANIFEST).read_bytes()
    measured = set(read_manifest(one)["measured"])
    assert measured == {"results/p/r/block-0000-0007/log.parquet", "study/report.html"}
    differing = {name for name, path in files(one).items() if path.read_bytes() != (other / name).read_bytes()}
    assert {name for name in differing if not name.startswith("environment/")} == measured
    better = write(tmp_path / "better", accuracy=0.7500001)
    assert (one / MANIFEST).read_bytes() != (better / MANIFEST).read_bytes(), "of a file with a measured column"


def test_the_same_files_are_the_same_zip(tmp_path):
    for place in ("one", "other"):
        (tmp_path / place).mkdir()
        write(tmp_path / place / "archive")
    one, other = (tmp_path / place / "archive.zip" for place in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()
    with zipfile.ZipFile(one) as packed:
        assert packed.namelist() == sorted(packed.namelist())
        assert {info.date_time for info in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_size_is_known_beforehand(archive):
    sizes = {f"archive/{name}": path.stat().st_size for name, path in files(archive).items()}
    written = sum(sizes.values()) + archive.with_suffix(".zip").stat().st_size
    assert files_size(list(sizes.values()), list(sizes)) == written


@pytest.mark.parametrize("damage", ["cut", "byte", "outside", "two", "text"])
def test_a_zip_that_is_no_archive_is_refused(archive, tmp_path, damage):
    path = archive.with_suffix(".zip")
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "byte":
        place = content.index(b"study: s")
        path.write_bytes(content[:place] + b"S" + content[place + 1 :])
    elif damage == "text":
        path.write_text("no zip")
    else:
        with zipfile.ZipFile(path, "a") as packed:
            packed.writestr("archive/../../x" if damage == "outside" else "other/x", "")
    with pytest.raises(Damaged, match=r"config\.yaml: changed" if damage == "byte" else "archive.zip"), opened(path):
        pass
    assert not (tmp_path.parent / "x").exists()


def test_another_folder_is_no_archive(tmp_path):
    with pytest.raises(Damaged, match=r"is no archive of memdyn: it has no manifest\.json"):
        read_manifest(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such archive"), opened(tmp_path / "none"):
        pass
    (tmp_path / MANIFEST).write_text('{"format": 2}')
    with pytest.raises(Damaged, match="not of format 1"):
        read_manifest(tmp_path)
    assert ABOUT.keys() >= {"study", "page"}
