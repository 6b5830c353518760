"""The table of states against what is derived anew, sample by sample, from the attack's own counts and the margins."""

import numpy as np
import pytest
from scipy import stats

from dynamic_worlds import dynamic_world
from memdyn.attacks.evaluate import rates
from memdyn.attacks.rmia import RMIA
from memdyn.dynamics.dprime import effect_sizes
from memdyn.dynamics.stage import observe_states
from memdyn.dynamics.states import samples_table
from memdyn.stats.intervals import clopper_pearson, paired_advantage
from observed_worlds import BOUNDS, LIRA, settings

EPOCHS, N, FIRST_ID = [0, 1, 3], 45, 1000


def zone(tpr: float, fpr: float, rejected: bool) -> str:
    """By the words of `memdyn.dynamics.zones`."""
    if tpr >= BOUNDS.hv_tpr and fpr <= BOUNDS.hv_fpr:
        return "highly_vulnerable"
    if not rejected:
        return "chance"
    if round(tpr - fpr, 12) < 0:
        return "inverted"
    return "leaning" if round(tpr - fpr, 12) < BOUNDS.vulnerable_advantage else "vulnerable"


@pytest.mark.parametrize("attack", [LIRA, RMIA("online", 0.3, 1.0)], ids=["lira", "rmia"])
@pytest.mark.parametrize("law", ["normal", "heavy", "ties"])
def test_every_state_derived_anew(law, attack):
    d_prime = np.linspace(0, 1, 3)[:, None] * np.tile([0.0, 1.5, 8.0], N // 3)
    world = dynamic_world(1, 32, d_prime, np.zeros((3, N)), epochs=EPOCHS, law=law)
    ids, labels = FIRST_ID + np.random.default_rng(0).permutation(N), np.arange(N) % 4
    table = samples_table(observe_states(world, attack, settings((0.1,))), labels, ids, BOUNDS, 0.95)
    rows = table.set_index(["threshold", "epoch", "sample_id"])
    assert rows.index.is_unique and len(set(table["zone_counted"])) >= 3
    load = world.loader("scored")
    for epoch in EPOCHS:
        inputs = load(epoch)
        inside, outside = inputs.split(inputs.margins)
        p_values = stats.ttest_rel(inside, outside).pvalue
        rejected = stats.false_discovery_control(p_values) <= BOUNDS.test_level
        effects = effect_sizes(inside, outside)
        low, high = effects.limits(0.95)
        for row in rates(attack, inputs.map(attack.prepare), (0.1,), "scored", 0).itertuples():
            found = rows.loc[row.threshold, epoch, ids[row.sample]]
            tpr, fpr = row.d_in / row.n_in, row.d_out / row.n_out
            assert (found["tpr"], found["fpr"], found["advantage"]) == (tpr, fpr, tpr - fpr)
            assert (found["label"], found["n_in"], found["n_out"]) == (row.sample % 4, 16, 16)
            assert found["zone_counted"] == zone(tpr, fpr, rejected[row.sample])
            by_hand = paired_advantage(row.d_in, row.d_out, row.d_both, 16, 0.95, found["design_effect_advantage"])
            assert (found["advantage_low"], found["advantage_high"]) == pytest.approx(by_hand)
            by_hand = clopper_pearson(np.array(row.d_in), 16, 0.95, np.array(found["design_effect_tpr"]))
            assert (found["tpr_low"], found["tpr_high"]) == pytest.approx(tuple(map(float, by_hand)))
            k = row.sample
            assert found["d_prime"] == effects.mean[k] and (found["d_prime_low"], found["d_prime_high"]) == (
                low[k],
                high[k],
            )


def test_the_way_to_the_next_checkpoint():
    world = dynamic_world(2, 16, np.linspace(0, 4, 3)[:, None] * np.ones((1, N)), np.zeros((3, N)), epochs=EPOCHS)
    table = samples_table(observe_states(world, LIRA, settings()), np.zeros(N, int), np.arange(N), BOUNDS, 0.95)
    for _, life in table.groupby("sample_id"):
        for (_, here), (_, then) in zip(life.iloc[:-1].iterrows(), life.iloc[1:].iterrows(), strict=True):
            epochs = then["epoch"] - here["epoch"]
            way = np.hypot(then["fpr"] - here["fpr"], then["tpr"] - here["tpr"]) / epochs
            assert here["speed"] == pytest.approx(way, abs=1e-6)
            slope = (then["advantage"] - here["advantage"]) / epochs
            assert here["advantage_slope"] == pytest.approx(slope, abs=1e-6)
            assert here["d_prime_slope"] == pytest.approx((then["d_prime"] - here["d_prime"]) / epochs, abs=1e-5)
        assert life.iloc[-1][["speed", "advantage_slope", "d_prime_slope"]].isna().all()
