"""Differences between runs that lost different pairs of models: replicates of a group against those of the same group.

The slow way here has the pairs' own values, leaves out a group's pairs of both runs, and subtracts.
"""

import numpy as np
import pandas as pd
import pytest

from memdyn.compare.claims import power_law
from memdyn.compare.differences import run_differences
from memdyn.compare.matched import at_matched
from memdyn.compare.runs import run_row
from memdyn.compare.series import Comparison, at_equal_epochs
from memdyn.report.sections.run import tabulate_runs
from memdyn.stats import jackknife
from memdyn.stats.jackknife import Pairs
from report_study import shown

MOST, EPOCHS = 8, [0, 1, 4]
# pairs, and those that each run lost: of groups of one, whole groups of two, one of a group of two, the same in both
CASES = {
    "nothing lost": (8, [], []),
    "one pair": (8, [3], []),
    "different pairs": (8, [3], [5, 6]),
    "the same pair": (8, [2], [2]),
    "a whole group": (16, [1, 9], []),
    "a part of a group": (16, [1], [9, 4]),
    "unequal groups": (17, [0, 8], [3]),
}


class Runs:
    """Two runs whose pairs have values [P, T] that go together; a run's metric is the mean over the pairs it has."""

    def __init__(self, n_pairs, *lost, pools=("pool", "pool"), epochs=EPOCHS, correlation=0.9):
        rng = np.random.default_rng(0)
        common = rng.normal(size=(n_pairs, len(epochs)))
        self.epochs = epochs
        self.group = jackknife.groups(n_pairs, MOST)
        self.values, self.pairs, self.pool_of = {}, {}, dict(zip("ab", pools, strict=True))
        for run, gone in zip("ab", lost, strict=True):
            own = rng.normal(size=common.shape)
            self.values[run] = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
            self.pairs[run] = Pairs.of(2 * n_pairs, [2 * pair for pair in gone])
        self.sizes = {run: pairs.sizes(MOST) for run, pairs in self.pairs.items()}

    def without(self, run, group=None):
        """[T]: the run's metric without a group, which it may not have anyway."""
        kept = [pair for pair in self.pairs[run].numbers if self.group[pair] != group]
        return self.values[run][kept].mean(axis=0)

    def tables(self, metric="auc", **keys):
        estimates, replicates = [], []
        for run, pairs in self.pairs.items():
            row = {"run": run, **keys, "metric": metric, "epoch": self.epochs}
            estimates.append(pd.DataFrame(row | {"value": self.without(run)}))
            groups = np.unique(self.group[pairs.numbers])
            replicates += [pd.DataFrame(row | {"group": g, "value": self.without(run, g)}) for g in groups]
        return pd.concat(estimates, ignore_index=True), pd.concat(replicates, ignore_index=True)

    def slowly(self):
        """difference, standard error [T] and groups of the paired jackknife."""
        groups = [g for g in np.unique(self.group) if any(g in self.group[p.numbers] for p in self.pairs.values())]
        sizes = np.array([max((self.group[p.numbers] == g).sum() for p in self.pairs.values()) for g in groups])
        deleted = np.array([self.without("a", g) - self.without("b", g) for g in groups])
        difference = self.without("a") - self.without("b")
        return difference, jackknife.standard_error(difference, deleted, sizes), len(groups)


@pytest.fixture(params=CASES)
def two(request):
    return Runs(*CASES[request.param])


def test_at_equal_epochs(two):
    found = at_equal_epochs(*two.tables(), [], Comparison(two.pool_of, two.sizes, 0.95))
    difference, se, groups = two.slowly()
    np.testing.assert_allclose(found["difference"], difference)
    np.testing.assert_allclose(found["se"], se)
    assert set(found["df"]) == {groups - 1} and found["paired"].all()


def test_of_attack_metrics(two):
    estimates, replicates = two.tables(attack="lira", aggregation="pooled")
    metrics = estimates.drop(columns="metric").rename(columns={"value": "auc"}).assign(auc_low=0.0)
    found = run_differences(metrics, replicates, two.pool_of, two.sizes, 0.95)
    difference, se, groups = two.slowly()
    value, low, high = found["difference"], found["low"], found["high"]
    np.testing.assert_allclose(value, difference)
    np.testing.assert_allclose((high - low) / 2, jackknife.stdtrit(groups - 1, 0.975) * se)
    assert found["epoch"].tolist() == EPOCHS


def test_runs_without_a_common_checkpoint_have_no_differences():
    metrics = pd.DataFrame({"run": ["a", "b"], "attack": "lira", "epoch": [0, 2], "aggregation": "pooled"})
    metrics = metrics.assign(auc=0.5, auc_low=0.4)
    replicates = pd.concat([metrics.assign(metric="auc", group=group, value=0.5) for group in range(4)])
    found = run_differences(
        metrics, replicates, dict.fromkeys("ab", "pool"), dict.fromkeys("ab", np.ones(4, int)), 0.95
    )
    assert not len(found) and {"run_a", "epoch", "difference", "low"} <= set(found.columns)


def test_matched_by_a_clock(two):
    """The clock is the epoch itself, the same in all replicates: matched differences are those between checkpoints."""
    _, replicates = two.tables("clock")
    replicates = replicates.assign(value=replicates["epoch"].astype(float))
    estimates = two.tables("clock")[0]
    clock = estimates.assign(value=estimates["epoch"].astype(float)), replicates
    comparison = Comparison(two.pool_of, two.sizes, 0.95)
    found = at_matched(*two.tables(), "clock", *clock, [], comparison, (0.25, 0.5, 0.75, 1.0))
    difference, se, _ = two.slowly()
    last = found[np.isclose(found["at"], 4)].iloc[0]
    assert (last["difference"], last["se"]) == (pytest.approx(difference[2]), pytest.approx(se[2]))
    assert found[["low", "high"]].notna().all(axis=None)


def test_runs_on_different_pools_add_their_own_variances():
    two = Runs(8, [3], [5, 6], pools=("one", "other"))
    found = at_equal_epochs(*two.tables(), [], Comparison(two.pool_of, two.sizes, 0.95))
    own = [two.values[run][pairs.numbers].var(axis=0, ddof=1) / len(pairs) for run, pairs in two.pairs.items()]
    np.testing.assert_allclose(found["se"], np.sqrt(sum(own)))


def test_replicates_of_other_groups_are_refused():
    two = Runs(8, [3], [])
    wrong = {run: np.ones(8, int) for run in "ab"}
    with pytest.raises(ValueError, match="7 replicates of a run that has 8 groups"):
        at_equal_epochs(*two.tables(), [], Comparison(two.pool_of, wrong, 0.95))


@pytest.mark.parametrize("without", ["a", "ab"])
def test_a_run_with_too_few_models_has_no_interval(without):
    two = Runs(8, [3], [])
    estimates, replicates = two.tables(attack="lira", aggregation="pooled")
    replicates = replicates[~replicates["run"].isin(list(without))]
    metrics = estimates.drop(columns="metric").rename(columns={"value": "auc"}).assign(auc_low=0.0)
    found = run_differences(metrics, replicates, two.pool_of, two.sizes, 0.95)
    np.testing.assert_allclose(found["difference"], two.slowly()[0])
    assert found[["low", "high"]].isna().all(axis=None)
    keyed = at_equal_epochs(estimates, replicates, ["attack"], Comparison(two.pool_of, two.sizes, 0.95))
    assert keyed["low"].isna().all() and keyed["difference"].notna().all()


@pytest.mark.parametrize("lost", [([3], []), ([3], [5]), ([3, 4], [])], ids=str)
def test_intervals_cover_for_runs_that_are_strongly_paired(lost):
    """Common groups alone would cover .87 to .91 here: what only one run has does not cancel."""
    count = 2000  # checkpoints that know nothing of each other
    two = Runs(16, *lost, epochs=range(count), correlation=0.9)
    found = at_equal_epochs(*two.tables(), [], Comparison(two.pool_of, two.sizes, 0.95))
    covered = (found["low"] <= 0) & (found["high"] >= 0)
    assert len(covered) == count and covered.mean() >= 0.95 - 2.5 * np.sqrt(0.95 * 0.05 / count)


def test_power_law_has_the_groups_of_each_pool():
    """Two pools, one run each, of which one lost a group."""
    rng, rows, replicates, runs, sizes = np.random.default_rng(0), [], [], [], {}
    for size, gone in ((20, [3]), (80, [])):
        run, pairs = f"run{size}", Pairs.of(32, [2 * pair for pair in gone])
        values = 0.01 + 2 / np.sqrt(size) * (1 + 0.1 * rng.normal(size=16))
        sizes[run] = pairs.sizes(16)
        runs.append({"run": run, "pool": f"pool{size}"})
        keys = {"run": run, "attack": "loss", "epoch": 3, "aggregation": "pooled"}
        names = ("tpr_at_fpr_0.001", "tpr_at_fpr_0.01")
        rows.append(keys | dict.fromkeys(names, values[pairs.numbers].mean()))
        rows[-1] |= {f"{name}_se_samples": 0.0 for name in names}
        for metric in names:
            for g in pairs.numbers:
                kept = [k for k in pairs.numbers if k != g]
                replicates.append(keys | {"metric": metric, "group": g, "value": values[kept].mean()})
    tables = {"runs": runs, "attack_metrics": rows, "replicates": replicates}
    pools = pd.DataFrame({"pool": ["pool20", "pool80"], "scored": [40, 160], "n_classes": [1, 1]})
    factors = pd.DataFrame([run | {"series": "one"} for run in runs])
    found = power_law({name: pd.DataFrame(table) for name, table in tables.items()}, factors, pools, sizes, 0.95)
    points = found["power_law_points"].set_index(["fpr", "pool"])
    assert points.loc[0.01, "df"].to_dict() == {"pool20": pytest.approx(14), "pool80": pytest.approx(15)}
    assert points["used"].all()


def log(n_models, failed):
    """Three epochs of a second; failed models end in the first."""
    rows = [
        {"model": model, "epoch": epoch, "loss": np.nan if model in failed else 1.0, "seconds": 1.0}
        for model in range(n_models)
        for epoch in range(1, 2 if model in failed else 4)
    ]
    return pd.DataFrame(rows)


RECIPE = {"optimizer": {"name": "sgd", "lr": 0.1}, "epochs": 3, "batch_size": 8, "augment": {"crop": 0, "flip": False}}
RUN = {
    "name": "cnn",
    "folder": "f",
    "dataset": "d",
    "architecture": "cnn2",
    "recipe": RECIPE,
    "device": "cpu",
    "pool": "p",
}
ACCURACY = pd.DataFrame(
    {"epoch": [0, 20], "accuracy_in": [0.1, 0.9], "accuracy_out": [0.1, 0.8], "accuracy_test": [0.1, 0.8]}
)
SENTENCES = {
    (): "",
    (5,): " cnn: 1 of 32 models diverged and is left out with its pair.",
    (4, 5, 9): " cnn: 3 of 32 models diverged and are left out with their pairs.",
}


@pytest.mark.parametrize(("failed", "sentence"), SENTENCES.items(), ids=str)
def test_the_run_table_tells_of_failed_models(failed, sentence):
    row = run_row(RUN, log(32, failed), ACCURACY, {"status": "ok", "reason": ""})
    assert (row["n_planned"], row["n_failed"]) == (32, len(failed))
    assert row["n_models"] == 32 - 2 * len({model // 2 for model in failed})
    assert row["seconds_per_model"] == 3.0, "of models that came to their end"
    table = tabulate_runs(shown({"runs": pd.DataFrame([row])}))
    assert table.caption.endswith("training time." + sentence)
    assert ("diverged" in table.columns) == bool(failed)
    if failed:
        assert table.rows[0][table.columns.index("diverged")].text == str(len(failed))
