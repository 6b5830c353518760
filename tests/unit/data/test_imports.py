"""What an import writes: the same numbers as the library gives of the arrays themselves."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exported_scores import ORDER, arrays, of_models, write
from memdyn.attacks.base import build
from memdyn.attacks.evaluate import Settings, evaluate
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.attacks.signals import Signals
from memdyn.compare.failures import failed_words
from memdyn.data.exported import examine
from memdyn.data.imports import Import, import_scores
from memdyn.data.pool import read_pool
from memdyn.design.blocks import block_names, mask_names
from memdyn.design.membership import membership
from memdyn.dynamics.accuracy import accuracy_by_checkpoint
from memdyn.dynamics.clocks import clock_tables
from memdyn.dynamics.difficulty import difficulty
from memdyn.stats.jackknife import Pairs
from memdyn.store.logs import failed_models
from memdyn.store.scores import read_failed, read_signal
from worlds import prepared_by

SETTINGS = Settings(0.95, 16, 4, 7, (0.001, 0.01), (0.1,), 4)


def imported(folder: Path, given) -> tuple[Import, dict[str, list[Path]]]:
    """An import of arrays, and its files."""
    path = write(folder / "mine.npz", given)
    made = Import(path, examine(path, 16), seed=3, pool_key="key")
    n_models = len(made.exported.order)
    files = {
        "masks": [folder / f"{name}.npz" for name in mask_names(range(n_models))],
        "logs": [folder / name / "log.parquet" for name in block_names(n_models)],
        "signals": [folder / name / "signals.parquet" for name in block_names(n_models)],
    }
    for log in files["logs"]:
        log.parent.mkdir()
    import_scores(made, folder / "pool.arrow", **files)
    return made, files


def scores_of(folder: Path, made: Import, files) -> ShadowScores:
    checkpoints, n_models = made.exported.checkpoints, len(made.exported.order)
    return ShadowScores.of_files(files["signals"], folder / "pool.arrow", files["masks"], n_models, checkpoints)


def test_attacks_of_an_import_are_those_of_its_arrays(tmp_path):
    """To the bit, whatever order the models come in; the second block is shorter."""
    given = arrays(n_models=12, n_samples=200, n_checkpoints=1, sham=40, population=50)
    order = np.array([0, 2, 4, 1, 3, 6, 8, 5, 10, 7, 9, 11])
    made, files = imported(tmp_path, of_models(given, order))
    assert [order[k] for k in made.exported.order] == list(range(12)), "in the pairs' order again"
    scores, sham_mask = scores_of(tmp_path, made, files), membership(40, range(12), 3, "key", "sham")
    scored, sham = (
        Signals.of_margins(given[name][0], mask, given["population"][0])
        for name, mask in (("margin", given["mask"]), ("sham", sham_mask))
    )
    for options in ({"name": "loss"}, {"name": "lira", "mode": "online", "variance": "shrunken"}):
        attack = build(options)
        load, load_sham = (partial(scores.prepared, attack, part) for part in ("scored", "sham"))
        mine = evaluate(attack, [1], load, load_sham, SETTINGS)
        direct = (prepared_by(attack, lambda _, signals=each: signals) for each in (scored, sham))
        for name, table in evaluate(attack, [1], *direct, SETTINGS).items():
            pd.testing.assert_frame_equal(mine[name], table, check_exact=True)
    attack = build({"name": "rmia", "mode": "online", "a": 0.3, "gamma": 1.0, "dialect": "memdyn"})
    mine = attack.score_pairs(scores.prepared(attack, "scored", 1).signals, "pairs")
    assert np.array_equal(mine, attack.score_pairs(prepared_by(attack, lambda _: scored)(1).signals, "pairs"))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f8"])
def test_margins_keep_all_their_digits(tmp_path, dtype):
    given = arrays(sham=40)
    given |= {name: given[name].astype(dtype) for name in ("margin", "sham")}
    _, files = imported(tmp_path, given)
    for number in range(2):
        read = read_signal(files["signals"], number + 1, "margin")
        assert read.dtype == np.dtype(dtype).newbyteorder("=")
        assert (read == np.concatenate([given["margin"][number], given["sham"][number]], axis=1)).all()


def test_the_pool_of_an_import(tmp_path):
    ids = np.arange(120)[::-1] * 2
    given = arrays(sham=40, population=30) | {"sample_ids": ids, "population_labels": np.repeat([7, 1], 15)}
    given["labels"] = given["labels"] - 1
    made, _ = imported(tmp_path, given)
    pool = read_pool(str(tmp_path / "pool.arrow"))
    assert pool.class_names == ["-1", "0", "1", "7", "unknown"] and pool.images.shape == (190, 1)
    names = np.array(pool.class_names)[pool.labels]
    assert (names[pool.parts["scored"]] == given["labels"].astype(str)).all()
    assert set(names[pool.parts["sham"]]) == {"unknown"} and set(names[pool.parts["population"]]) == {"7", "1"}
    assert pool.sample_ids[:120].tolist() == ids.tolist() and len(set(pool.sample_ids)) == 190
    assert not pool.flipped.any() and pool.n_source == 190 and pool.parts["test"] == slice(190, 190)
    rest = Import(made.path, made.exported, 3, "key")
    assert (rest.masks(range(4))[:, :120] == given["mask"][:4]).all()


def test_a_model_with_nan_failed_then(tmp_path):
    """It is left out with its pair, at every checkpoint; the file says so, and the log says when."""
    given = arrays(n_checkpoints=3, sham=40)
    whole = given["margin"].copy()
    given["margin"][1:, 5, 3] = np.nan
    given["margin"][2, 5] = np.inf  # whatever stands after it
    given["sham"][0, 2, 0] = np.nan
    made, files = imported(tmp_path, given)
    assert made.failed == {2: 0, 5: 1} and read_failed(files["signals"]) == [2, 5]
    log = pd.read_parquet(files["logs"][0])
    assert failed_models(log) == {2: 1, 5: 2} and len(log) == 6 * 3 + 1 + 2
    assert failed_words(log) == "2 of 8 models failed: there is NaN among their margins, first in epochs 1 (1), 2 (1)"
    margins = read_signal(files["signals"], 2, "margin")
    assert np.isnan(margins[[2, 5]]).all() and np.isfinite(margins[[0, 1, 3, 4, 6, 7]]).all()
    assert (read_signal(files["signals"], 1, "margin")[5, :120] == whole[0, 5]).all()
    assert scores_of(tmp_path, made, files).pairs.numbers.tolist() == [0, 3]


BAD = {
    "an infinite margin": (
        "margin",
        np.inf,
        r"margin at checkpoint 1 .* 1 values .* inf, of model 5, sample 3; allowed",
    ),
    "an infinite margin below": ("margin", -np.inf, "-inf, of model 5, sample 3"),
    "a margin whose square is infinite": ("margin", -1e200, r"up to 1e\+38, the first is -1e\+200, of model 5"),
    "a gap that is missing": ("gap", np.nan, "gap at checkpoint 1 .* nan, of model 5, sample 3"),
}


@pytest.mark.parametrize("case", BAD)
def test_values_that_are_no_numbers_are_refused(case, tmp_path):
    name, value, words = BAD[case]
    given = arrays()
    given["gap"] = given["margin"].copy()
    given[name][1, 5, 3] = value
    with pytest.raises(ValueError, match=words):
        imported(tmp_path, given)
    assert not list(tmp_path.rglob("*.parquet")) and not (tmp_path / "pool.arrow").exists()


def test_a_sample_without_scores_is_no_failure_of_all_models(tmp_path):
    given = arrays()
    given["margin"][:, :, 3] = np.nan
    with pytest.raises(ValueError, match=r"mine\.npz: every model has NaN .* leave out samples that have no score"):
        imported(tmp_path, given)
    assert not list(tmp_path.rglob("*.parquet"))


def test_labels_of_signed_and_unsigned_numbers_stay_whole(tmp_path):
    labels, large = arrays()["labels"], 2**53 + 1
    given = arrays(population=30) | {"labels": (labels + large).astype(np.uint64)}
    imported(tmp_path, given | {"population_labels": np.repeat([large, -1], 15)})
    pool = read_pool(str(tmp_path / "pool.arrow"))
    assert pool.class_names == ["-1", *(str(large + label) for label in range(3))]
    assert (pool.labels[:120] == labels + 1).all() and set(pool.labels[pool.parts["population"]]) == {0, 1}


def test_accuracy_is_of_the_gap_and_of_nothing_else(tmp_path):
    given = arrays()
    (tmp_path / "without").mkdir()
    made, files = imported(tmp_path / "without", given)
    scores = scores_of(tmp_path / "without", made, files)
    table = accuracy_by_checkpoint(scores)
    assert table[["accuracy_in", "accuracy_out", "accuracy_test"]].isna().all(axis=None)
    loss = np.logaddexp(0, -given["margin"])
    assert np.allclose(table["loss_in"], [one[given["mask"]].mean() for one in loss])
    assert clock_tables(scores, Pairs.of(8).groups(16))["estimates"].empty
    assert {name for name, _ in difficulty(scores, 0.2).values} == {"confidence", "variability", "loss"}
    assert pd.read_parquet(files["logs"][0])["accuracy"].isna().all()

    (tmp_path / "with").mkdir()
    gap = given["margin"] - 1
    made, files = imported(tmp_path / "with", of_models(given | {"gap": gap}, ORDER))
    table = accuracy_by_checkpoint(scores_of(tmp_path / "with", made, files))
    assert np.allclose(table["accuracy_in"], [(one > 0)[given["mask"]].mean() for one in gap])
    assert np.allclose(table["accuracy_out"], [(one > 0)[~given["mask"]].mean() for one in gap])
    log = pd.read_parquet(files["logs"][0]).set_index(["epoch", "model"])
    assert np.isclose(log.loc[(2, 3), "accuracy"], (gap[1, 3] > 0)[given["mask"][3]].mean())
    found = {name for name, _ in difficulty(scores_of(tmp_path / "with", made, files), 0.2).values}
    assert found == {
        "learning_epoch",
        "forgetting",
        "aum",
        "confidence",
        "variability",
        "loss",
        "c_score",
        "memorisation",
    }


def test_signals_of_more_numbers(tmp_path):
    """Classes and views; NaN in the parts that they are not given of."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 8, 120, 3)).astype(np.float32)
    given = arrays(sham=20) | {"logits": logits, "sham_logits": logits[:, :, :20]} | {"el2n": logits[..., 0]}
    given["sham_labels"] = given["labels"][:20]
    made, files = imported(tmp_path, given)
    assert made.exported.signals["logits"] == ["scored", "sham"]
    read = read_signal(files["signals"], 2, "logits")
    assert (
        read.dtype == np.float32 and (read[:, :120] == logits[1]).all() and (read[:, 120:] == logits[1, :, :20]).all()
    )
    assert np.isnan(read_signal(files["signals"], 1, "el2n")[:, 120:]).all()


def test_beside_logits_a_label_is_the_place_of_its_own(tmp_path):
    """Also where no sample is of some class, so that labels are not their ranks."""
    labels = np.where(arrays()["labels"] == 1, 3, arrays()["labels"])
    logits = np.zeros((2, 8, 120, 4))
    made, _ = imported(tmp_path, arrays() | {"labels": labels, "logits": logits})
    assert set(labels.tolist()) == {0, 2, 3}
    assert (made.pool().labels == labels).all() and [*made.pool().class_names] == ["0", "1", "2", "3"]
