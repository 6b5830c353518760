"""What holds for every attack: neither the order of samples nor that of pairs matters, and no input makes it NaN.

And of its tables: figures of a ROC know the order of its scores alone.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest

from every_attack import ATTACKS, label
from memdyn.attacks import evaluate
from memdyn.attacks.base import Attack, Prepared, build
from memdyn.attacks.signals import Signals
from worlds import gaussian_world, of_samples, with_outputs

CLOSE = {"rtol": 1e-8, "atol": 1e-8}
ONE_EACH = list({options["name"]: options for options in ATTACKS}.values())
KEYS = ("aggregation", "threshold", "sample", "share", "metric", "group", "fpr")
SETTINGS = evaluate.Settings(level=0.95, groups=3, draws=1, seed=1, fprs=(0.25,), rate_fprs=(0.1,), points_per_decade=3)


@pytest.fixture(scope="module")
def world():
    return with_outputs(gaussian_world(0, 12, 40, 1.0))


@pytest.mark.parametrize("options", ATTACKS, ids=label)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_the_order_of_samples_does_not_matter(options, folds, world):
    order = np.random.default_rng(1).permutation(40)
    attack = build(options)
    np.testing.assert_allclose(
        attack.score(of_samples(world, order), folds), attack.score(world, folds)[:, order], **CLOSE
    )


@pytest.mark.parametrize("options", ATTACKS, ids=label)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_the_order_of_pairs_does_not_matter(options, folds, world):
    """Each pair keeps its number, and so its half."""
    order = np.array([3, 0, 5, 1, 4, 2])
    models = (2 * order[:, None] + np.arange(2)).ravel()
    attack = build(options)
    np.testing.assert_allclose(attack.score(world.take(order), folds), attack.score(world, folds)[models], **CLOSE)


@pytest.mark.parametrize("options", ATTACKS, ids=label)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_equal_and_extreme_margins_have_finite_scores(options, folds, world):
    """All alike; of few values; and as large as a float32 network gives."""
    attack = build(options)
    for margins in (np.full(world.mask.shape, 2.5), np.round(world.margins), 80 * world.margins):
        population = margins[:, :20]
        given = with_outputs(
            Signals.of_margins(np.clip(margins, -600, 600), world.mask, np.clip(population, -600, 600))
        )
        assert np.isfinite(attack.score(given, folds)).all()


@dataclass(frozen=True)
class Recorded(Attack):
    """An attack whose scores are kept; asked again (`again`), they are given in the same order on another scale."""

    attack: Attack
    kept: list[np.ndarray] = field(default_factory=list)
    again: np.random.Generator | None = None

    @property
    def exchangeable(self) -> bool:
        return self.attack.exchangeable

    def can_score(self, half, folds):
        return self.attack.can_score(half, folds)

    def score_prepared(self, signals, folds):
        if self.again is None:
            self.kept.append(self.attack.score_prepared(signals, folds))
            return self.kept[-1]
        values, place = np.unique(self.kept.pop(0), return_inverse=True)
        steps = self.again.exponential(size=len(values)) + 1e-6
        return (np.cumsum(steps) - 5)[place].reshape(signals.mask.shape)


def tables_of(attack: Attack, given: Prepared) -> dict[str, pd.DataFrame]:
    """All that is made of one checkpoint."""
    return evaluate.evaluate_checkpoint(attack, given, SETTINGS) | {
        "rates": evaluate.rates(attack, given.signals, SETTINGS.rate_fprs, "scored", 0)
    }


@pytest.fixture
def one_draw(monkeypatch):
    """Of the null, of which a study this small would take hundreds."""
    monkeypatch.setattr(evaluate, "null_draws", lambda n_models, n_samples, least: least)


@pytest.mark.parametrize("options", ATTACKS, ids=label)
def test_figures_do_not_change_under_a_monotone_map_of_the_scores(options, world, one_draw):
    """Another one in each refit: AUCs, TPRs, limits, replicates, null, most vulnerable, decisions at an FPR."""
    attack = Recorded(build(options))
    given = Prepared.of(attack.attack, world)
    tables = tables_of(attack, given)
    mapped = tables_of(replace(attack, again=np.random.default_rng(0)), given)
    assert not attack.kept and tables.keys() == mapped.keys()
    for name, table in tables.items():
        pd.testing.assert_frame_equal(mapped[name], table, check_exact=True)


def without_chance(table: pd.DataFrame) -> pd.DataFrame:
    """But for what is drawn by place: the null's swaps, and the groups of samples."""
    return table.drop(columns=[name for name in table if name.startswith("null_") or name.endswith("_se_samples")])


@pytest.mark.parametrize("options", ONE_EACH, ids=label)
def test_tables_know_neither_the_order_of_samples_nor_that_of_pairs(options, world, one_draw):
    """A sample keeps its row by its id, a pair its number, and so its half and its group of the jackknife."""
    attack, order, pairs = build(options), np.random.default_rng(1).permutation(40), np.array([3, 0, 5, 1, 4, 2])
    tables = tables_of(attack, Prepared.of(attack, world))
    for ids, other in ((order, of_samples(world, order)), (np.arange(40), world.take(pairs))):
        found = tables_of(attack, Prepared.of(attack, other))
        found["rates"] = found["rates"].assign(sample=ids[found["rates"]["sample"]])
        for name in ("metrics", "roc", "replicates", "most_vulnerable", "rates"):
            keys = [key for key in KEYS if key in tables[name]]
            ours, theirs = (without_chance(t[name]).sort_values(keys).reset_index(drop=True) for t in (found, tables))
            pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9, atol=1e-9)
