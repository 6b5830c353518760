"""Score files as attacks see them: wide signals in chunks that change no bit, histories without a future."""

import tracemalloc
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from memdyn.attacks import shadow_scores
from memdyn.attacks.base import Prepared
from memdyn.attacks.evaluate import Settings, evaluate
from memdyn.attacks.lira import LiRA
from memdyn.attacks.reads import Reads
from memdyn.attacks.shadow_scores import ShadowScores
from signal_attacks import (
    ATTACKS,
    EPOCHS,
    Mixing,
    OnHistory,
    OnLogits,
    OnViews,
    of_the_first,
    slow_scores,
    without,
    write_files,
)


def name_of(attack):
    return type(attack).__name__


@pytest.fixture
def files(tmp_path):
    return write_files(tmp_path)


@pytest.mark.parametrize("attack", ATTACKS, ids=name_of)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_scores_from_files_are_those_of_loops(attack, folds, files):
    for part in ("scored", "sham"):
        given = files.scores.prepared(attack, part, 5)
        slow = slow_scores(attack, files.whole(attack, part, 5), folds)
        np.testing.assert_allclose(attack.score_prepared(given.signals, folds), slow, rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(given.margins.margins, files.whole(attack, part, 5).margins)


@pytest.mark.parametrize("attack", ATTACKS, ids=name_of)
@pytest.mark.parametrize("failed", [(), (3, 9)], ids=["all models", "some failed"])
@pytest.mark.parametrize("logits", [np.float16, np.float32])
def test_chunks_change_no_bit(attack, failed, logits, tmp_path, monkeypatch):
    files = write_files(tmp_path, failed=failed, logits=logits)
    whole = Prepared.of(attack, files.whole(attack, "sham", 5)).signals
    for size in (1, 3000, 10**9):  # one sample, some, all
        monkeypatch.setattr(shadow_scores, "CHUNK_BYTES", size)
        found = files.scores.prepared(attack, "sham", 5).signals
        for mine, expected in ((found.arrays, whole.arrays), (found.population, whole.population)):
            assert mine["value"].tobytes() == expected["value"].tobytes()
            np.testing.assert_array_equal(mine.labels, expected.labels)
        assert found.mask.tobytes() == whole.mask.tobytes()
        assert found.pairs.numbers.tolist() == whole.pairs.numbers.tolist()


@pytest.mark.parametrize("attack", ATTACKS, ids=name_of)
def test_a_pool_without_a_population_has_an_empty_one(attack, tmp_path):
    files = write_files(tmp_path, n_population=0)
    found = files.scores.prepared(attack, "scored", 5).signals
    assert found.population["value"].shape == (16, 0) and found.arrays["value"].shape == (16, 40)
    slow = slow_scores(attack, files.whole(attack, "scored", 5), "pairs")
    np.testing.assert_allclose(attack.score_prepared(found, "pairs"), slow, rtol=1e-9, atol=1e-9)


def test_a_block_of_which_nothing_is_left_is_passed_over(tmp_path):
    lost = write_files(tmp_path, n_models=24, failed=(8, 10, 12, 15))
    found = lost.scores.prepared(OnLogits(), "scored", 5).signals
    assert found.pairs.numbers.tolist() == [0, 1, 2, 3, 8, 9, 10, 11]
    whole = Prepared.of(OnLogits(), lost.whole(OnLogits(), "scored", 5)).signals
    assert found.arrays["value"].tobytes() == whole.arrays["value"].tobytes()


def test_wide_signals_are_never_held_whole(tmp_path, monkeypatch):
    """Peak beside what is handed back: a chunk and its temporaries, whatever the number of samples."""
    files = write_files(tmp_path, n_samples=20_000, epochs=[0])
    monkeypatch.setattr(shadow_scores, "CHUNK_BYTES", 1 << 18)
    margins = files.scores.loader("scored")(0)
    whole = 16 * 20_000 * 4 * 8
    tracemalloc.start()
    kept = files.scores.signals_for(OnLogits(), margins, "scored", 0)
    size = kept.arrays["value"].nbytes + kept.population["value"].nbytes
    peak = tracemalloc.get_traced_memory()[1] - size
    tracemalloc.stop()
    assert peak < whole / 4, (peak, whole)


def test_who_reads_the_margin_alone_gets_it_without_a_copy(files):
    given = files.scores.prepared(LiRA("online", "shrunken"), "scored", 5)
    assert given.signals is given.margins
    part = given.take(np.array([1, 2]))
    assert part.signals is part.margins


@pytest.mark.parametrize("axis", [0, 1], ids=["over models", "over samples"])
def test_a_prepare_that_mixes_is_refused(axis, files):
    with pytest.raises(ValueError, match=r"function per \(model, sample\), but 'value'.*`score_prepared`"):
        files.scores.prepared(Mixing(axis), "scored", 5)


def test_a_history_has_no_future(tmp_path):
    first, longer = (write_files(tmp_path / str(len(epochs)), epochs=epochs) for epochs in (EPOCHS[:2], EPOCHS))
    scores = [files.scores.prepared(OnHistory(), "scored", 2).signals for files in (first, longer)]
    assert scores[0].arrays["value"].tobytes() == scores[1].arrays["value"].tobytes()
    assert scores[1].arrays.checkpoints == (0, 2)
    start = longer.scores.prepared(OnHistory(), "scored", 0).signals
    np.testing.assert_array_equal(start.arrays["value"], longer.whole(OnHistory(), "scored", 0).margins)


def test_an_attack_has_the_checkpoints_at_which_all_it_reads_is_there(tmp_path):
    files, few = write_files(tmp_path / "all"), write_files(tmp_path / "few", epochs=[2])
    held = files.scores.sources | {"margin_views": few.scores.sources["margin_views"]}
    scores = replace(files.scores, sources=held)
    assert scores.for_attack(OnLogits()).epochs == EPOCHS
    assert scores.for_attack(OnViews()).epochs == [2]
    never = write_files(tmp_path / "never", epochs=[7]).scores.sources["margin_views"]
    with pytest.raises(ValueError, match="no checkpoint has all of margin, margin_views"):
        replace(scores, sources=held | {"margin_views": never}).for_attack(OnViews())


@dataclass(frozen=True)
class OnOthers(OnLogits):
    """The margin over the mean of two other runs'."""

    reads = (Reads("margin"), Reads("margin", of="twins"))

    def prepare(self, values):
        return {"value": values["margin"] - values["margin_twins"].mean(axis=2)}


def with_others(tmp_path, numbers, **more):
    """A run, and others of other margins and the same masks as the outputs of twins, in files of their own."""
    files = write_files(tmp_path / "own")
    others = {number: write_files(tmp_path / str(number), seed=number, **more) for number in numbers}
    held = {f"twins.{number}.margin": other.scores.sources["margin"] for number, other in others.items()}
    return replace(files.scores, sources=files.scores.sources | held), files, others


def test_other_runs_are_read_in_the_order_of_their_numbers(tmp_path, monkeypatch):
    """At the checkpoints that all have; model by model, whichever chunk it is in."""
    scores, files, others = with_others(tmp_path, (10, 2, 1), epochs=[2, 5])
    assert scores.for_attack(OnOthers()).epochs == [2, 5]
    monkeypatch.setattr(shadow_scores, "CHUNK_BYTES", 8 * 8 * 4 * 9)
    seen = []
    monkeypatch.setattr(OnOthers, "prepare", lambda _, values: seen.append(values["margin_twins"]) or dict(values))
    kept = scores.prepared(OnOthers(), "scored", 5).signals
    expected = np.stack([others[number].stored[5]["margin"] for number in (1, 2, 10)], axis=2)[:, :40]
    np.testing.assert_array_equal(kept.arrays["margin_twins"], expected)
    np.testing.assert_array_equal(kept.margins, files.stored[5]["margin"][:, :40])
    assert max(each.shape[1] for each in seen) < 40
    with pytest.raises(KeyError, match="no other run of the kind 'twins' is read here"):
        files.scores.prepared(OnOthers(), "scored", 5)


def test_a_model_that_failed_in_another_run_is_left_out_with_its_pair(tmp_path, monkeypatch):
    scores, files, _ = with_others(tmp_path, (1,), failed=[5])
    pool = SimpleNamespace(parts=files.scores.parts, labels=files.scores.labels, images=None)
    monkeypatch.setattr(shadow_scores, "read_pool", lambda path: pool)
    monkeypatch.setattr(shadow_scores, "read_masks", lambda paths, models: np.zeros((16, 50), bool))
    sources = {"outputs": scores.sources["margin"], "twins.1": scores.sources["twins.1.margin"]}
    found = ShadowScores.of_sources(sources, "pool", [], 16, EPOCHS)
    assert found.pairs.numbers.tolist() == [0, 1, 3, 4, 5, 6, 7]
    assert list(found.sources) == ["margin", "twins.1.margin"]


def test_an_attack_has_the_samples_of_which_all_it_reads_is_there(files, tmp_path):
    """Those of the scored part alone: the others of the pool lie behind it."""
    few = of_the_first(files, tmp_path, "margin_views", 15)
    own = few.for_attack(OnViews())
    found, whole = own.prepared(OnViews(), "scored", 5), files.whole(OnViews(), "scored", 5)
    assert found.mask.shape == found.signals.arrays["value"].shape == (16, 15)
    np.testing.assert_array_equal(found.mask, whole.mask[:, :15])
    np.testing.assert_array_equal(found.signals.arrays["value"], whole.map(OnViews().prepare).arrays["value"][:, :15])
    np.testing.assert_array_equal(found.margins.margins, whole.margins[:, :15])
    assert found.signals.population["value"].shape == (16, 0)
    assert own.prepared(OnViews(), "sham", 5).signals.arrays["value"].shape == (16, 0)
    assert few.for_attack(OnLogits()).parts == files.scores.parts == files.scores.for_attack(OnViews()).parts


def test_tables_of_an_attack_on_some_samples_are_those_of_a_pool_of_these(files, tmp_path):
    settings = Settings(0.95, 4, 2, 1, (0.25,), (0.1,), 3)
    own = of_the_first(files, tmp_path, "margin_views", 20).for_attack(OnViews())
    load, load_sham = (partial(own.prepared, OnViews(), part) for part in ("scored", "sham"))
    found = evaluate(OnViews(), [5], load, load_sham, settings)
    assert set(found["metrics"]["n_samples"]) == {20} and set(found["rates"]["sample"]) == set(range(20))
    whole = Prepared.of(OnViews(), files.whole(OnViews(), "scored", 5))
    cut = [replace(each, arrays=each.arrays.part(slice(None), slice(0, 20)), mask=each.mask[:, :20])
           for each in (whole.margins, whole.signals)]  # fmt: skip
    expected = evaluate(OnViews(), [5], lambda epoch: Prepared(*cut), load_sham, settings)
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table)


def test_a_signal_that_no_probe_has_is_named(files):
    with pytest.raises(KeyError, match="no probe of this run has the signal 'logits'; there are: margin, margin_views"):
        without(files, "logits").prepared(OnLogits(), "scored", 5)


def test_sources_are_told_by_what_is_in_them(files, monkeypatch):
    pool = type("Pool", (), {"parts": files.scores.parts, "labels": files.scores.labels, "images": None})
    masks = np.zeros((16, 50), bool)
    monkeypatch.setattr(shadow_scores, "read_pool", lambda path: pool)
    monkeypatch.setattr(shadow_scores, "read_masks", lambda paths, models: masks)
    lists = list(files.scores.sources.values())
    found = ShadowScores.of_sources(dict(zip("abc", lists, strict=True)), "pool", [], 16, EPOCHS)
    assert found.sources == files.scores.sources and found.epochs == EPOCHS
    assert ShadowScores.of_files(lists[0], "pool", [], 16, EPOCHS).sources == {"margin": lists[0]}
    with pytest.raises(ValueError, match="two probes have a signal 'logits'"):
        ShadowScores.of_sources(dict(zip("abcd", [*lists, lists[2]], strict=True)), "pool", [], 16, EPOCHS)
