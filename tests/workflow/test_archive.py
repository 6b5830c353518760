"""A study is archived, checked and rebuilt elsewhere; another machine's archive of the same study has the same results.

The models are of a user's own net from outside of the checkout, on data of the user's own that no archive holds.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

import warm
from crates import issues
from memdyn.__main__ import main
from memdyn.data.pool import read_pool
from memdyn.operations import verify
from memdyn.operations.archives import MANIFEST, SUMS
from memdyn.operations.archives.item import plain_json, sha256
from memdyn.operations.archives.manifest import sums
from project import PROJECT, Project, write_data

pytestmark = pytest.mark.slow

METRICS = "study/tables/attack_metrics.parquet"
NET = """\
from torch import nn
from sizes import HIDDEN


def net(input_shape, n_classes):
    flat = input_shape[0] * input_shape[1] * input_shape[2]
    return nn.Sequential(nn.Flatten(), nn.Linear(flat, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, n_classes))
"""
STUDY = {
    "study": "mine",
    "pool": {
        "dataset": {"name": "arrays", "path": "DATA/faces.npz", "images": "images"},
        "parts": {"scored": 200, "sham": 40, "population": 60, "test": 60, "spare": 0},
    },
    "base": {"model": {"name": "custom", "target": "DATA/net.py:net"}, "epochs": 2, "checkpoints": [0, 2]},
    "shadow_models": 8,
    "attacks": [{"name": "lira"}],
    "statistics": {"null_draws": 12},
    "realised": None,
    "analysis": {"enabled": False},
    "report": {"png_dpi": 50, "plane_epochs": 2, "top_samples": 2},
}


def studied(folder: Path, project: Project) -> Project:
    """A machine of its own: a checkout, the user's data and code beside it, the study to its tables."""
    made = project.duplicate(folder / "checkout")
    for name in ("CITATION.cff", "requirements.lock", ".gitignore"):
        shutil.copy2(PROJECT / name, made.folder / name)
    (made.folder / "data.npz").unlink()
    (made.folder / "study.yaml").unlink()
    same = {f"GIT_{kind}_{what}": "a@b" for kind in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    same |= {"GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z"}
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", *arguments], cwd=made.folder, env=os.environ | same, check=True)
    mine = folder / "mine"
    mine.mkdir()
    write_data(mine / "faces.npz")
    (mine / "net.py").write_text(NET)
    (mine / "sizes.py").write_text("HIDDEN = 16\n")
    write_study(made, STUDY)
    made.run("--until", "compare_runs")
    return made


def write_study(made: Project, study: dict) -> None:
    made.write_study(study)
    path = made.folder / "study.yaml"
    path.write_text(path.read_text().replace("DATA", str(made.folder.parent / "mine")))


def hide_images(made: Project) -> None:
    write_study(made, STUDY | {"report": STUDY["report"] | {"show_images": False}})


def finish(made: Project) -> None:
    """Figures and page by a Snakemake that draws them for real, as a rebuild does."""
    options = ("--cores", "2", "--configfile", "study.yaml")
    done = made.python("-m", "snakemake", *options, **{warm.DRAWS: "1"})
    assert done.returncode == 0, done.stdout


def archive(made: Project, output: Path, *options: str) -> str:
    done = made.memdyn("archive", "results/studies/mine", "--output", str(output), *options)
    assert done.returncode == 0, done.stdout
    return done.stdout


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def rebuilds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Each rebuild that was asked for; only the first is done, the others get a copy of it."""
    kept, done, real = tmp_path / "rebuilt", [], verify.rebuild

    def rebuild(folder: Path, manifest: dict, checkout: Path, cores: int) -> None:
        if not done:
            with monkeypatch.context() as patch:
                patch.setattr(sys, "executable", str(warm.python()))
                patch.setenv(warm.DRAWS, "1")
                real(folder, manifest, kept, cores)
        shutil.copytree(kept, checkout)
        done.append(folder)

    monkeypatch.setattr(verify, "rebuild", rebuild)
    return done


def test_a_study_is_archived_and_rebuilt_elsewhere(
    project: Project, rebuilds: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    made = studied(tmp_path / "one", project)
    made.run()
    refused = made.memdyn("archive", "results/studies/mine", "--output", "a")
    assert refused.returncode == 1 and "show samples of your own data" in refused.stdout, refused.stdout

    hide_images(made)
    finish(made)
    stated = archive(made, tmp_path / "a")
    assert " MB  in all, the folder and its zip together" in stated
    one = files(tmp_path / "a")

    # nobody's face anywhere, and nothing of this machine but in environment/ and on the page
    faces = read_pool(str(next(made.results.glob("arrays-*/pool.arrow")))).images
    for name, content in one.items():
        assert faces[0].tobytes() not in content, name
        if not name.startswith("environment/") and name != "study/report.html":
            assert str(tmp_path).encode() not in content, name
    assert b"HIDDEN = 16" in one["code/own/1/sizes.py"]

    # what its maps name is in it
    assert issues(tmp_path / "a", tmp_path / "cache.sqlite") == []
    lineage = json.loads(one["lineage.json"])
    assert lineage["figures"] and all(f"{figure}.png" in one for figure in lineage["figures"])
    sources = [entry["from"] for entry in lineage["tables"].values() if "from" in entry]
    assert sources and all(one.keys() >= set(paths) for paths in (lineage["tables"], *sources))
    made_of = [figure["tables"] for figure in lineage["figures"].values()]
    assert all(paths and set(paths) <= lineage["tables"].keys() for paths in made_of)
    assert all(f"{folder}/recipe.yaml" in one and entry["by"] in one for folder, entry in lineage["artifacts"].items())

    # another machine: its results are equal, and so are all files but those that are said to differ
    other = studied(tmp_path / "two", project)
    hide_images(other)
    finish(other)
    archive(other, tmp_path / "two" / "a")
    two, manifest = files(tmp_path / "two" / "a"), json.loads(one[MANIFEST])
    differing = {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)}
    assert {name for name in differing if not name.startswith("environment/")} == set(manifest["measured"])

    # again: the same bytes; refused: what is there
    again = made.memdyn("archive", "results/studies/mine", "--output", str(tmp_path / "a"))
    assert again.returncode == 1 and "archives are never overwritten" in again.stdout
    (tmp_path / "again").mkdir()
    archive(made, tmp_path / "again" / "a")
    assert (tmp_path / "again" / "a.zip").read_bytes() == (tmp_path / "a.zip").read_bytes()

    # elsewhere, where the zip is all that there is
    for machine in ("one", "two", "again", "a"):
        shutil.rmtree(tmp_path / machine)
    assert main(["verify", str(tmp_path / "a.zip"), "--rebuild", "--cores", "2"]) == 0, capsys.readouterr()
    said = capsys.readouterr().out
    tables = [name for name in one if name.endswith(".parquet") and (name.startswith("study/") or "-m008-" in name)]
    figures = [name for name in one if name.endswith((".png", ".pdf", ".gif"))]
    assert f"{len(tables)} of {len(tables)} tables are equal" in said and len(tables) > 20
    assert f"{len(figures)} of {len(figures)} figures are equal" in said and len(figures) > 10
    assert "study/tables/pools.parquet: sha256; study/tables/runs.parquet: seconds_per_model" in said

    # a number in a table and a pixel of a figure, with all hashes made to fit: only a rebuild can tell
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        packed.extractall(tmp_path / "unpacked")
    folder, figure = tmp_path / "unpacked" / "a", "study/figures/leakage.png"
    table = pd.read_parquet(folder / METRICS)
    table.loc[0, "auc"] += 0.125
    table.to_parquet(folder / METRICS, index=False)
    with Image.open(folder / figure) as image:
        image.putpixel((0, 0), (0, 0, 0, 255))
        image.save(folder / figure)
    assert main(["verify", str(folder)]) == 1
    assert f"{METRICS}: changed" in (told := capsys.readouterr().err) and f"{figure}: changed" in told
    for name in (METRICS, figure):
        manifest["files"][name] |= {"size": (folder / name).stat().st_size, "sha256": sha256(folder / name)}
    (folder / MANIFEST).write_bytes(plain_json(manifest))
    hashes = {name: sha256(folder / name) for name in one if name != SUMS}
    (folder / SUMS).write_bytes(sums(hashes))
    assert main(["verify", str(folder)]) == 0
    assert main(["verify", str(folder), "--rebuild", "--tolerance", "1e-3"]) == 1
    told = capsys.readouterr()
    assert f"{len(tables) - 1} of {len(tables)} tables are equal" in told.out
    assert f"{METRICS}, column auc: 1 of {len(table)} values, by 0.125 at most" in told.out
    assert f"{figure}: " in told.out and "versions that differ from the archive's: none" in told.out
    assert "2 differences beyond 0.001" in told.err
    assert len(rebuilds) == 2
