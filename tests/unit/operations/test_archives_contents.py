"""What goes into an archive: code as it lies there, paths that are no machine's, no samples of one's own."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from crates import issues
from memdyn.config.load import load_study
from memdyn.data.pool import build_pool, read_pool, write_pool
from memdyn.data.raw import RawData
from memdyn.identity.digest import SCRIPTS
from memdyn.operations.archive import modules_of
from memdyn.operations.archives import CHANGES, CODE, CONFIG
from memdyn.operations.archives.citation import Citation
from memdyn.operations.archives.code import Commit, code_items, hidden_places
from memdyn.operations.archives.crate import crate
from memdyn.operations.archives.item import text_item
from memdyn.operations.archives.lineage import _IF_THERE
from memdyn.operations.archives.places import Places, own_data
from memdyn.operations.archives.results import Chosen, blank_pool, is_blank, refuse_blank_features
from memdyn.plan.study import build_plan
from memdyn.report.sections import sections
from studies import plan as planned
from studies import study

ROOT = Path(__file__).resolve().parents[3]
NO_CHANGES = Commit("c" * 40, "2026-01-02", b"", ())


def places(checkout, names=None, own=None, data=()):
    return Places(checkout, own or {}, list(data), names or {str(checkout): ""})


@pytest.fixture
def checkout(tmp_path):
    """A git checkout with one commit."""
    folder = tmp_path / "checkout"
    (folder / "workflow" / "scripts").mkdir(parents=True)
    (folder / "Snakefile").write_text("rule all:\n")
    (folder / "faces.npz").write_text("faces")
    (folder / "profiles").mkdir()
    (folder / "profiles" / "config.yaml").write_text("cores: 1\n")
    (folder / "link").symlink_to("profiles")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "one")
    return folder


def git(folder, *arguments):
    who = {f"GIT_{kind}_{what}": "a@b" for kind in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *arguments], cwd=folder, check=True, env=os.environ | who, capture_output=True)


def code_of(checkout, modules=(), images=False, data=()):
    found = places(checkout, data=data)
    commit = Commit.of(checkout, hidden_places(found, images))
    found = code_items(commit, found, set(modules), images)
    return {item.path: item for item in found}


def test_tracked_files_go_in_as_they_lie_there(checkout):
    assert set(code_of(checkout)) == {f"{CODE}/{name}" for name in ("Snakefile", "faces.npz", *PROFILES)}
    (checkout / "Snakefile").write_text("rule some:\n")
    (checkout / "notes.txt").write_text("not for the public")
    (checkout / "workflow" / "scripts" / "mine.py").write_text("x = 1\n")
    found = code_of(checkout, modules=["mine.py"])
    assert set(found) == {
        CHANGES,
        *(f"{CODE}/{name}" for name in ("Snakefile", "faces.npz", "workflow/scripts/mine.py", *PROFILES)),
    }
    assert found[f"{CODE}/Snakefile"].source.read_text() == "rule some:\n"
    assert b"-rule all:\n+rule some:\n" in found[CHANGES].source
    (checkout / "Snakefile").unlink()
    assert f"{CODE}/Snakefile" not in code_of(checkout)


PROFILES = ("profiles/config.yaml", "link/config.yaml")


def test_tracked_data_of_ones_own_stay_out(checkout):
    assert f"{CODE}/faces.npz" not in code_of(checkout, data=[str(checkout / "faces.npz")])
    assert f"{CODE}/faces.npz" in code_of(checkout, data=[str(checkout / "faces.npz")], images=True)


@pytest.mark.parametrize("change", ["edited", "deleted", "forgotten"])
def test_a_diff_does_not_show_data_of_ones_own(checkout, change):
    faces = checkout / "faces.npz"
    if change == "edited":
        faces.write_text("other faces")
    elif change == "deleted":
        faces.unlink()
    else:
        git(checkout, "rm", "--cached", "--quiet", "faces.npz")
    assert b"faces" in code_of(checkout)[CHANGES].source, "is what would be told"
    assert CHANGES not in code_of(checkout, data=[str(faces)])
    (checkout / "Snakefile").write_text("rule some:\n")
    shown = code_of(checkout, data=[str(faces)])[CHANGES].source
    assert b"rule some" in shown and b"faces" not in shown


def test_tracked_links_lead_to_no_data_and_not_outside(tmp_path, checkout):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "private.txt").write_text("not for the public")
    (checkout / "away").symlink_to(tmp_path / "store")
    (checkout / "inner").symlink_to("workflow")
    for name in ("faces.npz", "code.py"):
        (checkout / "workflow" / name).write_text(name)
    git(checkout, "add", "away", "inner")
    found = code_of(checkout, data=[str(checkout / "inner" / "faces.npz")])
    assert {name for name in found if "/away" in name or "/inner" in name} == {f"{CODE}/inner/code.py"}


def test_without_a_commit_there_is_no_archive(tmp_path):
    with pytest.raises(RuntimeError, match="is no git checkout with a commit"):
        Commit.of(tmp_path)


def test_paths_are_no_machines(tmp_path):
    found = places(tmp_path, {"/home/a/net": "own/1", "/home/a/faces.npz": "own_data/1/faces.npz", str(tmp_path): ""})
    options = {"target": "/home/a/net/model.py:Net", "options": {"path": "/home/a/faces.npz"}}
    config = {
        "study": "/home/a/faces.npz",
        "pool": {"dataset": {"name": "arrays", "path": "/home/a/faces.npz"}},
        "base": {"model": options},
        "roots": ["train_block.py", f"{tmp_path}/mine/model.py"],
    }
    assert found.renamed(config) == {
        "study": "/home/a/faces.npz",
        "pool": {"dataset": {"name": "arrays", "path": "own_data/1/faces.npz"}},
        "base": {"model": {"target": "own/1/model.py:Net", "options": {"path": "/home/a/faces.npz"}}},
        "roots": ["train_block.py", "mine/model.py"],
    }, "options of own code are in its hash"
    assert found.name("/home/a/networks") == "/home/a/networks", "which only begins alike"


def test_own_code_outside_of_the_checkout_goes_in(tmp_path, checkout):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "model.py").write_text("from layers import width\ndef net(input_shape, n_classes):\n    return width\n")
    (folder / "layers.py").write_text("width = 3\n")
    (folder / "faces.txt").write_text("not for the public")
    target = {"name": "custom", "target": f"{folder}/model.py:net"}
    plan = build_plan(load_study(study({"base.model": target, "runs": [{"name": "mine"}]})))
    found = Places.of(plan, checkout)
    assert found.name(target["target"]) == "own/1/model.py:net"
    items = {item.path for item in code_items(Commit.of(checkout), found, set(), False)}
    assert {name for name in items if "/own/" in name} == {f"{CODE}/own/1/model.py", f"{CODE}/own/1/layers.py"}


def test_whose_data_they_are(tmp_path):
    for published in ({"name": "digits"}, {"name": "fashion_mnist_10k"}):
        plan = planned({"pool.dataset": published})
        assert own_data(plan) == [] and not is_blank(plan.runs[0].pool, Chosen())
    draw = np.random.default_rng(0)
    images = draw.integers(0, 255, (1000, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "faces.npz", images=images, labels=np.arange(1000) % 10)
    plan = planned({"pool.dataset": {"name": "arrays", "path": str(tmp_path / "faces.npz"), "images": "images"}})
    assert own_data(plan) == [str(tmp_path / "faces.npz")]
    assert is_blank(plan.runs[0].pool, Chosen()) and not is_blank(plan.runs[0].pool, Chosen(images=True))
    assert not is_blank(plan.runs[0].train, Chosen())


def test_an_attack_that_learns_from_samples_needs_them(tmp_path):
    """Of the user's own data; published ones are in every archive."""
    images = np.random.default_rng(0).integers(0, 255, (1000, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "faces.npz", images=images, labels=np.arange(1000) % 10)
    own = {"pool.dataset": {"name": "arrays", "path": f"{tmp_path}/faces.npz", "images": "images"}}
    own |= {"dynamics.attacks": ["loss"]}
    learning = {"attacks": [{"name": "loss"}, {"name": "quantile_regression"}]}
    with pytest.raises(RuntimeError, match="quantile_regression learns from samples of your own .*: {images: true}"):
        refuse_blank_features(planned(own | learning))
    for harmless in (own | learning | {"archive": {"images": True}}, own | {"attacks": [{"name": "loss"}]}):
        refuse_blank_features(planned(harmless))
    refuse_blank_features(planned(learning | {"dynamics.attacks": ["loss"]}))


def test_the_modules_that_made_a_study_are_files():
    found = modules_of(planned())
    assert {"train_block.py", "draw_figures.py", "memdyn/report/sections/roc.py", "memdyn/attacks/lira.py"} <= found
    assert "memdyn/report/page/templates/report.html.j2" in found
    assert all((SCRIPTS / name).is_file() for name in found)


@pytest.mark.parametrize("shape", [(3, 6, 5), (7,)])
def test_a_blank_pool_has_all_but_its_samples(tmp_path, shape):
    draw = np.random.default_rng(0)
    values = draw.integers(1, 255, (400, *shape)).astype(np.uint8 if len(shape) == 3 else np.float32)
    raw = RawData(values, np.arange(400) % 4, np.arange(400), [f"class {k}" for k in range(4)], "made up")
    parts = {"scored": 200, "sham": 40, "population": 60, "test": 60, "spare": 0}
    path, blank = tmp_path / "pool.arrow", tmp_path / "blank.arrow"
    write_pool(build_pool(raw, parts, seed=0, label_noise=0.1), str(path))
    blank.write_bytes(blank_pool(path))
    old, new = read_pool(str(path)), read_pool(str(blank))
    assert not new.images.any() and new.images.shape == old.images.shape and new.images.dtype == old.images.dtype
    for name in ("labels", "sample_ids", "flipped", "mean", "std"):
        assert np.array_equal(getattr(old, name), getattr(new, name)), name
    assert (old.parts, old.class_names, old.n_source) == (new.parts, new.class_names, new.n_source)
    assert blank_pool(path) == blank_pool(path)
    with pa.memory_map(str(path)) as mapped:
        pixels = np.ascontiguousarray(old.images[0]).tobytes()
        assert pixels in mapped.read() and pixels not in blank.read_bytes()


def test_the_config_says_who_and_which_licence():
    of_code = Citation.of(load_study(study()), ROOT, "2026-01-02")
    known = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert [author.name for author in of_code.authors] == [author["name"] for author in known["authors"]]
    assert (of_code.licence, of_code.day, of_code.paper) == (known["license"], "2026-01-02", "")
    given = {
        "authors": [{"name": "Ada", "orcid": "0000-0002-1825-0097", "affiliation": "Home"}],
        "licence": "CC-BY-4.0",
        "citation": "https://doi.org/10.1000/1",
        "date": "2027-03-04",
        "title": "A title",
    }
    own = Citation.of(load_study(study({"archive": given})), ROOT, "2026-01-02")
    assert (own.title, own.authors[0].name, own.licence, own.paper, own.day) == (
        *("A title", "Ada", "CC-BY-4.0", "https://doi.org/10.1000/1", "2027-03-04"),
    )
    assert (own.code_authors, own.code_licence) == (of_code.authors, of_code.licence)


def test_names_of_people_in_a_citation_file(tmp_path):
    person = {"given-names": "Ada", "family-names": "King", "orcid": "https://orcid.org/0000-0002-1825-0097"}
    text = {"title": "t", "license": "MIT", "authors": [person]}
    (tmp_path / "CITATION.cff").write_text(yaml.safe_dump(text))
    (author,) = Citation.of(load_study(study()), tmp_path, "2026-01-02").authors
    assert (author.name, author.orcid) == ("Ada King", "0000-0002-1825-0097")
    (tmp_path / "CITATION.cff").write_text(yaml.safe_dump(text | {"authors": []}))
    with pytest.raises(ValueError, match="has no authors"):
        Citation.of(load_study(study()), tmp_path, "2026-01-02")


def test_an_archive_is_in_no_name():
    plain, other = planned(), planned({"archive": {"images": True, "licence": "CC0-1.0"}})
    assert list(plain.stages) == list(other.stages) and plain.version_names() == other.version_names()


@pytest.fixture
def crated(tmp_path):
    """A function that writes a crate of a few files."""

    def write(**archive):
        given = {"archive": archive} if archive else {}
        names = (CONFIG, "README.md", f"{CODE}/Snakefile", "study/report.html", "study/tables/runs.parquet")
        names += ("study/figures/roc.png", "results/p/recipe.yaml", "environment/versions.json")
        items = [text_item(name, "about", name) for name in names]
        citation = Citation.of(load_study(study(given)), ROOT, "2026-01-02")
        for item in [*items, *(text_item(name, "about", name) for name in ("manifest.json", "lineage.json"))]:
            item.write(tmp_path / "crate")
        text = crate(items, citation, NO_CHANGES, {"study/figures/roc": "ROC curves"})
        (tmp_path / "crate" / "ro-crate-metadata.json").write_bytes(text)
        return tmp_path / "crate"

    return write


def test_the_crate_keeps_its_profiles(crated, tmp_path):
    authors = [{"name": "Ada", "orcid": "0000-0002-1825-0097", "affiliation": "Home"}, {"name": "Bö B. & Sons"}]
    folder = crated(authors=authors, citation="https://doi.org/10.1000/1", licence="CC-BY-4.0")
    assert issues(folder, tmp_path / "cache.sqlite") == []


@pytest.mark.parametrize("lost", ['"instrument"', '"license"'])
def test_a_crate_without_what_its_profiles_ask_for_is_found(crated, tmp_path, lost):
    path = crated() / "ro-crate-metadata.json"
    path.write_text(path.read_text().replace(lost, '"about"'))
    assert issues(path.parent, tmp_path / "cache.sqlite") != []


def test_tables_that_sections_do_without_are_found_in_their_text():
    for section in sections():
        text = (SCRIPTS / "memdyn" / "report" / "sections" / f"{section.name}.py").read_text()
        assert text.count("tables.get(") == len(_IF_THERE.findall(text)), section.name
