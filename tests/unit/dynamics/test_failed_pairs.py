"""A model that failed takes its pair with it: readers leave out both, the other pairs keep their groups and halves."""

from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dynamic_worlds import TAILS, World, dynamic_world
from memdyn.attacks.base import Prepared
from memdyn.attacks.convergence import convergence_table
from memdyn.attacks.evaluate import evaluate, evaluate_checkpoint, rates
from memdyn.attacks.loss import Loss
from memdyn.attacks.rmia import RMIA
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.attacks.signals import Signals
from memdyn.dynamics.accuracy import accuracy_by_checkpoint, accuracy_without_pairs
from memdyn.dynamics.centre import centre_table
from memdyn.dynamics.clocks import clock_tables
from memdyn.dynamics.difficulty import difficulty
from memdyn.dynamics.dprime import effect_sizes
from memdyn.dynamics.early import WITHOUT_NOISE, EarlyOptions, early_tables
from memdyn.dynamics.planted import planted_table
from memdyn.dynamics.splits import Splits
from memdyn.dynamics.stage import dynamics_tables, observe_states
from memdyn.dynamics.tails import tail_tables
from memdyn.probes.outputs import SIGNALS
from memdyn.stats import jackknife
from memdyn.stats.jackknife import Pairs, TooFewModels
from memdyn.store.scores import write_scores
from observed_worlds import BOUNDS, LIRA, one_class, options, settings
from worlds import prepared_by

EPOCHS = [0, 1, 2]
ATTACKS = [Loss(), LIRA, RMIA("offline", 0.3, 1.0)]
N_PAIRS, FAILED = 16, [5]  # model 5 belongs to pair 2
LEFT = [k for k in range(N_PAIRS) if k != 2]


@dataclass(frozen=True)
class Left(World):
    """A run that has some pairs left; its arrays are of these only."""

    left: Pairs

    @property
    def pairs(self) -> Pairs:
        return self.left


def whole(seed: int = 3) -> World:
    d_prime = np.linspace(0, 3, 60) * np.array(EPOCHS)[:, None] / 2
    return dynamic_world(seed, 2 * N_PAIRS, d_prime, np.zeros((3, 60)), n_sham=40)


def by_hand(world: World, *lost: int) -> Left:
    """The world without some pairs, cut out of its arrays."""
    models = [m for m in range(len(world.masks)) if m // 2 not in lost]
    left = Pairs(np.array(sorted({m // 2 for m in models})), len(world.masks) // 2)
    return Left(world.epochs, world.margins[:, models], world.masks[models], world.parts, left)


@pytest.fixture(scope="module")
def lossy(tmp_path_factory) -> ShadowScores:
    """The world in score files of 8 models, model 5 without scores."""
    folder, world, files = tmp_path_factory.mktemp("scores"), whole(), []
    for first in range(0, 2 * N_PAIRS, 8):
        models = range(first, first + 8)
        failed = [model for model in models if model in FAILED]

        def checkpoints(models=models, failed=failed):
            for epoch in EPOCHS:
                found = {
                    name: world.signal(epoch, name)[models.start : models.stop].astype(np.float32) for name in SIGNALS
                }
                for values in found.values():
                    values[[model - models.start for model in failed]] = np.nan
                yield epoch, found

        files.append(folder / f"{first}.parquet")
        write_scores(files[-1], checkpoints(), models, np.arange(world.margins.shape[2]), failed)
    pairs = Pairs.of(2 * N_PAIRS, FAILED)
    held = dict.fromkeys(SIGNALS, tuple(files))
    return ShadowScores(held, world.masks[pairs.models], world.parts, pairs, world.labels, EPOCHS, tuple(EPOCHS))


def test_pairs_keep_their_groups_and_halves():
    every, left = Pairs.of(68), Pairs.of(68, [6, 7, 50])
    assert len(every) == 34 and len(left) == 32 and left.planned == 34
    assert left.numbers.tolist() == [k for k in range(34) if k not in (3, 25)]
    assert left.models.tolist() == [m for m in range(68) if m // 2 not in (3, 25)]
    np.testing.assert_array_equal(every.groups(16), jackknife.groups(34, 16))
    np.testing.assert_array_equal(left.groups(16), jackknife.groups(34, 16)[left.numbers])
    assert left.sizes(16).tolist() == [3, 3, 2, 1, 2, 2, 2, 2, 2, 1, *[2] * 6]
    np.testing.assert_array_equal(left.half, left.numbers % 2)
    assert left.take(np.array([2, 3])).numbers.tolist() == [2, 4]
    assert Pairs.of(32, [5]).sizes(16).tolist() == [1, 1, 0, *[1] * 13]


def test_the_model_and_its_pair_are_left_out_of_every_checkpoint(lossy):
    world = whole()
    models = [m for m in range(2 * N_PAIRS) if m not in (4, 5)]
    for epoch in EPOCHS:
        np.testing.assert_array_equal(lossy.signal(epoch, "margin"), world.signal(epoch, "margin")[models])
        inputs = lossy.loader("scored")(epoch)
        assert inputs.pairs.numbers.tolist() == LEFT and inputs.half.tolist() == [k % 2 for k in LEFT]
        np.testing.assert_array_equal(inputs.mask, world.masks[models, :60])


def test_no_pair_left(tmp_path, monkeypatch):
    monkeypatch.setattr("memdyn.attacks.shadow_scores.read_failed", lambda files: [0, 3])
    with pytest.raises(ValueError, match="no pair of models is left: 2 of 4 models failed"):
        ShadowScores.of_files(["a"], "pool", ["models-00000-00127.npz"], 4, [1])


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: type(attack).__name__)
def test_an_attack_is_that_of_the_other_pairs(lossy, attack):
    """Estimates are those of a run that never had the pair, replicates those without one more."""
    load, load_sham = (partial(lossy.prepared, attack, part) for part in ("scored", "sham"))
    tables = evaluate(attack, EPOCHS, load, load_sham, settings((0.1,)))
    metrics, replicates = tables["metrics"], tables["replicates"]
    assert set(metrics["n_models"]) == {30} and set(metrics["groups"]) == {15}
    assert replicates["group"].unique().tolist() == LEFT

    def auc_without(*lost):
        """As a run of 30 or fewer models by itself, whose pairs are numbered anew."""
        cut = by_hand(whole(), *lost)
        margins, scored = cut.signal(2, "margin"), cut.parts["scored"]
        inputs = Signals.of_margins(margins[:, scored], cut.masks[:, scored], margins[:, cut.parts["population"]])
        alone = replace(settings((0.1,)), groups=2)
        load = prepared_by(attack, lambda _: inputs)
        found = evaluate(attack, [2], load, load, alone)["metrics"]
        return found.set_index("aggregation")["auc"]

    last = metrics[metrics["epoch"] == 2].set_index("aggregation")
    pd.testing.assert_series_equal(last["auc"], auc_without(2))
    for group in (0, 3, 15):
        found = replicates.query("epoch == 2 and metric == 'auc' and group == @group").set_index("aggregation")["value"]
        pd.testing.assert_series_equal(found, auc_without(2, group), check_names=False)
    deleted = replicates.query("epoch == 2 and metric == 'auc' and aggregation == 'pooled'")["value"].to_numpy()
    low, high = jackknife.interval(last.loc["pooled", "auc"], deleted, np.ones(15), 0.95)
    assert last.loc["pooled", ["auc_low", "auc_high"]].tolist() == pytest.approx([low, high])


def test_halves_stay_what_they_were(lossy):
    world, cut = whole(), by_hand(whole(), 2)
    signals = lossy.loader("scored")(2)
    found = rates(LIRA, signals, (0.1,), "scored", 0)
    margins = cut.signal(2, "margin")
    inputs = Signals.of_margins(margins[:, :60], cut.masks[:, :60], margins[:, cut.parts["population"]])
    again = replace(inputs, half=np.array([0, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]))
    pd.testing.assert_frame_equal(found, rates(LIRA, again, (0.1,), "scored", 0))
    assert set(found["n_in"]) == {15}
    splits, every = (Splits.of_pairs(pairs, 3, 16, 0) for pairs in (lossy.pairs, world.pairs))
    np.testing.assert_array_equal(splits.halves, every.halves[:, LEFT])
    np.testing.assert_array_equal(splits.inner, every.inner[:, LEFT])
    assert list(splits.deleted) == LEFT and list(every.deleted) == list(range(N_PAIRS))
    assert splits.sizes.tolist() == [1] * 15 and splits.n_replicates == 16


def test_too_few_pairs_for_halves():
    with pytest.raises(ValueError, match="halves need at least 4 models each, got 2: too few are left"):
        Splits.of_pairs(Pairs.of(8, [3]), 2, 16, 0)
    few = Splits.of_pairs(Pairs.of(20, [0, 19]), 1, 16, 0)
    assert few.counts(0).min() >= 2


EARLY = EarlyOptions(0.1, 0.1, ("loss",), BOUNDS, 1, 0.95)


def replicates_of(run) -> dict[str, pd.DataFrame]:
    """Every table of replicates, with the estimates as group -1."""
    labels = one_class(run)
    dynamics = dynamics_tables(run, LIRA, settings((0.1,)), labels, options(2, 2, spatial=False))
    early = early_tables(run, LIRA, Splits.of_pairs(run.pairs, 2, 16, 0), EARLY)
    clocks = clock_tables(run, run.pairs.groups(16))
    shown = early["early"].rename(columns={"estimate": "value"}).query("metric not in @WITHOUT_NOISE")
    return {
        "curves": dynamics["curve_replicates"].drop(columns="se_samples"),  # the estimate's only
        "early": pd.concat([shown.assign(group=-1)[early["replicates"].columns], early["replicates"]]),
        "clocks": pd.concat([clocks["estimates"].assign(group=-1), clocks["replicates"]]),
    }


def at_group(table: pd.DataFrame, group: int) -> pd.DataFrame:
    table = table[(table["group"] == group) & ~table.get("metric", table["group"]).isin(WITHOUT_NOISE)].drop(
        columns="group"
    )
    keys = [name for name in table.columns if name != "value"]
    return table.sort_values(keys).reset_index(drop=True)


@pytest.fixture(scope="module")
def tables(lossy):
    return {"whole": replicates_of(whole()), "lossy": replicates_of(lossy)}


@pytest.mark.parametrize("name", ["curves", "early", "clocks"])
def test_a_failed_pair_is_what_the_jackknife_leaves_out(tables, name):
    """So the estimate without a pair is the replicate of its group, and that of another group lacks both."""
    lossy, complete = tables["lossy"][name], tables["whole"][name]
    assert set(lossy["group"]) == {-1, *LEFT} and set(complete["group"]) == {-1, *range(N_PAIRS)}
    pd.testing.assert_frame_equal(at_group(lossy, -1), at_group(complete, 2), rtol=1e-4, check_dtype=False)
    twice = replicates_of(by_hand(whole(), 2, 9))[name]
    pd.testing.assert_frame_equal(at_group(lossy, 9), at_group(twice, -1), rtol=1e-4, check_dtype=False)
    assert not at_group(lossy, 9).equals(at_group(complete, 9))


def test_all_other_readers_see_the_other_pairs_only(lossy):
    cut = by_hand(whole(), 2)
    pd.testing.assert_frame_equal(accuracy_by_checkpoint(lossy), accuracy_by_checkpoint(cut))
    found, again = difficulty(lossy, 0.25), difficulty(cut, 0.25)
    pd.testing.assert_frame_equal(found.table(), again.table())
    assert {len(values) for values in found.values.values()} == {15}
    planted = np.arange(60) >= 50
    table = planted_table(planted, lossy, found, 16, 0.95)
    pd.testing.assert_frame_equal(table, planted_table(planted, cut, again, 16, 0.95))
    assert set(table["groups"]) == {15} and table["low"].notna().all()
    centre, expected = (centre_table(observe_states(run, LIRA, settings((0.1,))), 0.95) for run in (lossy, cut))
    pd.testing.assert_frame_equal(centre, expected)
    assert centre.notna().all(axis=None)


def test_the_tail_check_leaves_out_whole_groups(lossy):
    inputs = lossy.loader("scored")(2)
    table, found = tail_tables(inputs, effect_sizes(*inputs.split(inputs.margins)), TAILS)
    assert table[["low", "high"]].notna().all(axis=None)
    assert found["tpr_ratio_low"] < found["tpr_ratio"] < found["tpr_ratio_high"]


def test_a_group_that_loses_one_of_its_pairs_is_smaller():
    """20 pairs, groups of 2: the interval is that of nine groups of two and one of one."""
    world = dynamic_world(5, 40, np.full((1, 60), 1.0), np.zeros((1, 60)))
    cut = by_hand(world, 13)
    load, load_sham = (partial(cut.prepared, Loss(), part) for part in ("scored", "sham"))
    tables = evaluate(Loss(), [0], load, load_sham, settings((0.1,)))
    row = tables["metrics"].iloc[0]
    replicates = tables["replicates"].query("aggregation == 'pooled' and metric == 'auc'")
    assert replicates["group"].tolist() == list(range(10))
    sizes = np.array([2, 2, 2, 1, 2, 2, 2, 2, 2, 2])
    low, high = jackknife.interval(row["auc"], replicates["value"].to_numpy(), sizes, 0.95)
    assert (row["auc_low"], row["auc_high"]) == (pytest.approx(low), pytest.approx(high))


def test_too_few_pairs_left_for_an_interval_or_for_an_attack():
    world = dynamic_world(6, 8, np.full((1, 60), 1.0), np.zeros((1, 60)))
    cut = by_hand(world, 1)
    table = evaluate_checkpoint(LIRA, Prepared.of(LIRA, cut.loader("scored")(0)), settings())["metrics"]
    assert set(table["groups"]) == {0} and table["auc_low"].isna().all()
    with pytest.raises(ValueError, match=r"needs at least 8 models, got 6 \(models that diverged took 1 pairs away"):
        rates(LIRA, cut.loader("scored")(0), (), "scored", 0)


FEW_LEFT = {  # which of four pairs are lost -> what can be had of an attack that needs no other, one, two pairs
    (0,): (Loss(), ATTACKS[2]),
    (3,): (Loss(), ATTACKS[2]),
    (0, 1): (Loss(), ATTACKS[2]),
    (0, 2): (Loss(),),  # no pair is left of one half
    (1, 2, 3): (Loss(),),
    (0, 1, 2, 3): (),
}


@pytest.mark.parametrize(("lost", "can"), FEW_LEFT.items(), ids=str)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: type(attack).__name__)
def test_what_is_left_is_enough_or_too_little_and_says_so(monkeypatch, lost, can, attack):
    """Of 8 models that lost 1 to 4 pairs each stage has finite numbers, or is refused as one of too few models."""
    world = dynamic_world(6, 8, np.full((1, 60), 1.0), np.zeros((1, 60)))
    monkeypatch.setattr("memdyn.attacks.shadow_scores.read_failed", lambda files: [2 * pair for pair in lost])
    monkeypatch.setattr("memdyn.attacks.shadow_scores.read_shapes", lambda file: {})
    monkeypatch.setattr("memdyn.attacks.shadow_scores.read_masks", lambda files, models: world.masks)
    pool = SimpleNamespace(parts=world.parts, labels=world.labels, images=None)
    monkeypatch.setattr("memdyn.attacks.shadow_scores.read_pool", lambda file: pool)
    monkeypatch.setattr(ShadowScores, "epochs_of", lambda scores, name: world.epochs)
    whole = max(rows.stop for rows in world.parts.values())
    monkeypatch.setattr(ShadowScores, "samples_of", lambda scores, name: whole)
    monkeypatch.setattr(
        ShadowScores,
        "signal",
        lambda scores, epoch, name, samples=slice(None): world.signal(epoch, name)[scores.pairs.models][:, samples],
    )

    def scores():
        return ShadowScores.of_files(["a"], "pool", [], 8, world.epochs).for_attack(attack)

    if attack not in can:
        with pytest.raises(TooFewModels):
            scores()
        return
    load, load_sham = (partial(scores().prepared, attack, part) for part in ("scored", "sham"))
    tables = evaluate(attack, world.epochs, load, load_sham, settings((0.1,)))
    convergence_table(attack, load(world.epochs[-1]), settings())
    assert tables["metrics"]["auc"].notna().all() and set(tables["metrics"]["n_models"]) == {8 - 2 * len(lost)}
    if len(lost) == 3:
        with pytest.raises(TooFewModels):
            observe_states(scores(), attack, settings((0.1,)))
    else:
        centre = centre_table(observe_states(scores(), attack, settings((0.1,))), 0.95)
        assert centre["tpr"].notna().all()
    with pytest.raises(TooFewModels):
        dynamics_tables(scores(), attack, settings((0.1,)), world.labels, options(2, 1, spatial=False))


def test_accuracy_of_all_that_did_not_fail_where_no_pair_is_whole(tmp_path):
    """Of an audit, whose models are no pairs: half of them failed, one of each two."""
    rng, lost = np.random.default_rng(0), [0, 3]
    margins, gaps, mask = rng.normal(size=(4, 6)), rng.normal(size=(4, 6)), rng.random((4, 4)) < 0.5
    margins[lost] = gaps[lost] = np.nan
    parts = {"scored": slice(0, 4), "test": slice(4, 6)}
    file = tmp_path / "signals.parquet"
    write_scores(file, iter([(7, {"margin": margins, "gap": gaps})]), range(4), np.arange(6), lost)
    (row,) = accuracy_without_pairs([file], parts, mask, 7).to_dict("records")
    inside = [(k, i) for k in (1, 2) for i in range(4) if mask[k, i]]
    assert row["epoch"] == 7 and row["accuracy_in"] == np.mean([gaps[at] > 0 for at in inside])
    assert row["loss_in"] == pytest.approx(np.mean([np.log1p(np.exp(-margins[at])) for at in inside]))
    assert row["accuracy_test"] == (gaps[[1, 2], 4:] > 0).mean() and np.isfinite(row["loss_out"])
