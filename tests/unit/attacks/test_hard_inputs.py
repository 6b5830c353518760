"""Every attack's tables on inputs that break estimators: the right answer where there is one, else a clear error."""

from dataclasses import replace

import numpy as np
import pytest

from every_attack import ATTACKS, label
from memdyn.attacks import REGISTRY, evaluate
from memdyn.attacks.base import Prepared, build
from memdyn.attacks.signals import Signals
from memdyn.terms import AGGREGATIONS
from worlds import CLASSES, gaussian_world, of_samples, with_outputs

MODELS, SAMPLES = 12, 40
SETTINGS = evaluate.Settings(level=0.95, groups=4, draws=1, seed=1, fprs=(0.25,), rate_fprs=(0.1,), points_per_decade=3)
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
every_attack = pytest.mark.parametrize("options", ATTACKS, ids=label)


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    """Of the null, of which a study this small would take hundreds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "null_draws", lambda n_models, n_samples, least: least)
        yield


def world(margins=lambda m: m, population=None, d_prime=1.0) -> Signals:
    """A small leaking world whose margins are made hard before all other signals are made of them."""
    easy = gaussian_world(3, MODELS, SAMPLES, d_prime)
    return with_outputs(
        Signals.of_margins(margins(easy.margins), easy.mask, (population or margins)(easy.population["margin"]))
    )


def tables(options, given: Signals):
    attack = build(options)
    return evaluate.evaluate(
        attack, [7], lambda _: Prepared.of(attack, given), lambda _: no_sham(attack, given), SETTINGS
    )


def no_sham(attack, given: Signals) -> Prepared:
    nobody = replace(given, arrays=given.arrays.part(slice(None), slice(0, 0)), mask=given.mask[:, :0])
    return Prepared.of(attack, nobody)


def auc_of(found) -> dict[str, float]:
    return found["metrics"].set_index("aggregation")["auc"].to_dict()


def assert_whole(found, n_samples=SAMPLES):
    """Shares and their limits are shares in order, nothing is NaN, and each sample has its decisions."""
    metrics = found["metrics"]
    for name in ("auc", "tpr_at_fpr_0.25"):
        assert metrics[[name, f"{name}_low", f"{name}_high"]].stack().between(0, 1).all()
        assert (metrics[f"{name}_low"] <= metrics[f"{name}_high"]).all()
    assert found["null"].notna().all(axis=None) and found["roc"].notna().all(axis=None)
    rates = found["rates"]
    assert (rates.groupby("threshold")["sample"].nunique() == n_samples).all()
    assert (rates["d_both"] <= rates[["d_in", "d_out"]].min(axis=1)).all()
    assert (rates[["d_in", "d_out"]].max(axis=1) <= rates["n_in"]).all()


def test_none_is_forgotten():
    assert {options["name"] for options in ATTACKS} == {*REGISTRY} - {"custom"}


@every_attack
def test_ties(options):
    """Margins of a few values: samples with one score move together, whichever comes first."""
    given = world(np.round)
    found = tables(options, given)
    assert_whole(found)
    again = tables(options, of_samples(given, np.arange(SAMPLES)[::-1]))
    for name in AGGREGATIONS:  # what is pooled over samples is rounded in another order
        assert auc_of(again)[name] == pytest.approx(auc_of(found)[name], abs=1e-3)


@every_attack
def test_models_that_answer_alike(options):
    """All margins of the scored samples are one number, and on the population no model differs from another: nothing
    is leaked, and nothing is found.
    """
    found = tables(options, world(lambda m: np.full(m.shape, 2.5), lambda m: np.broadcast_to(m[:1], m.shape)))
    assert_whole(found)
    assert auc_of(found)["per_model"] == pytest.approx(0.5, abs=1e-12)
    assert auc_of(found)["pooled"] == pytest.approx(0.5, abs=0.1)
    null = found["null"].groupby("aggregation")["auc"].mean()
    assert null["per_model"] == pytest.approx(0.5, abs=1e-12)


@every_attack
def test_a_class_is_missing(options):
    """Of the scored samples, though the population has it; and one class has a single sample."""
    whole = world()
    labels = whole.arrays.labels
    kept = np.flatnonzero((labels < CLASSES - 2) | (np.arange(SAMPLES) == CLASSES - 2))
    found = tables(options, of_samples(whole, kept))
    assert_whole(found, len(kept))


@every_attack
def test_a_pair_failed(options):
    """The tables are those of a study in which the pair never was, with every other pair's half and group kept."""
    given = world()
    left = given.take(np.array([0, 2, 3, 4, 5]))
    assert left.pairs.planned == MODELS // 2
    found = tables(options, left)
    assert_whole(found)
    assert set(found["metrics"]["n_models"]) == {10} and set(found["rates"]["n_in"]) == {5}


@every_attack
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_model_that_diverged_is_refused(options, wrong):
    """By the name of the signal; the run leaves out its pair, or there are no numbers."""
    easy = gaussian_world(3, MODELS, SAMPLES, 1.0)
    good = with_outputs(easy)
    for name in {read.name for read in build(options).reads if not read.of_samples}:
        for part in ("arrays", "population"):
            values = getattr(good, part)
            bad = values[name].copy()
            bad[2, 1] = wrong
            given = {"arrays": good.arrays, "population": good.population} | {
                part: replace(values, arrays={**values.arrays, name: bad})
            }
            with pytest.raises(ValueError, match=f"{name} must be finite: a model that diverged"):
                Signals.of(given["arrays"], given["population"], good.mask)
