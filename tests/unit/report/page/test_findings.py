"""The top of the page: what was found, in computed sentences."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memdyn.compare import series as factors
from memdyn.report import compared
from memdyn.report.page.findings import METRICS, findings
from memdyn.report.words import METRIC_CHANCE
from report_study import shown
from synthetic_dynamics import analysis_tables
from synthetic_tables import RUNS, fake_pool, study_tables

METRIC = METRICS[0]
A, B, C = RUNS  # mlp-sgd, cnn-sgd (leaks most), cnn-sam


@pytest.fixture(scope="module")
def tables():
    plain = study_tables(fake_pool(2000), n_scored=1500, models=16)
    tables = plain | analysis_tables(plain["samples"])
    runs = tables["runs"].assign(n_failed=0, n_planned=16)
    verdicts = tables["tail_verdicts"].assign(verdict="holds")
    return tables | {"runs": runs, "tail_verdicts": verdicts}


def changed(table, run, **values):
    """A table with other values in the rows of one run."""
    return table.assign(**{name: table[name].where(table["run"] != run, value) for name, value in values.items()})


def told(tables):
    return findings(shown(tables))


def test_the_sentences_are_those_of_the_tables(tables):
    last = tables["attack_metrics"].query("epoch == 20 and aggregation == 'pooled'")
    top = last.loc[last[METRIC].idxmax()]
    assert (top["run"], top["attack"]) == (B, "lira")
    first, growth, *against, claims = told(tables)
    numbers = f"{top[METRIC]:.3f} [{top[f'{METRIC}_low']:.3f}, {top[f'{METRIC}_high']:.3f}]"
    assert first.startswith(f"cnn-sgd leaks most, to lira: TPR at 1 % FPR {numbers}, TPR at 0.1 % FPR ")
    accuracy = tables["runs"].set_index("run").loc[B, "accuracy_test"]
    assert first.endswith(f"at epoch 20, where its test accuracy is {accuracy:.3f}.")
    # accuracy is 0.1 + 0.74 (1 - exp(-t / 4)): within .01 of the end from epoch 16 on (of the checkpoints)
    assert growth.startswith("From epoch 16 on its test accuracy changes by +0.009, while TPR at 1 % FPR grows from ")
    assert len(against) == 2 and claims == "Claims: C1 supported, C2 undecided, C3 not tested (below)."


def test_an_interval_that_holds_zero_is_no_difference(tables):
    rows = (tables["differences"]["attack"] == "lira") & (tables["differences"]["metric"] == METRIC)
    pairs = tables["differences"]["run_a"].isin([A, B]) & tables["differences"]["run_b"].isin([A, B])

    def sentence(difference, low, high):
        """Of the first run against the second, where the second leaks more."""
        numbers = {"difference": difference, "low": low, "high": high}
        mine = tables["differences"].where(~(rows & pairs), tables["differences"].assign(**numbers))
        few = {"runs": tables["runs"], "attack_metrics": tables["attack_metrics"], "differences": mine}
        (found,) = [text for text in told(few) if text.startswith("Against mlp-sgd")]
        return found

    beginning = "Against mlp-sgd (TPR at 1 % FPR, lira): at the last common epoch 20, "
    assert sentence(-0.03, -0.05, -0.01) == f"{beginning}cnn-sgd leaks 0.030 [0.010, 0.050] more."
    assert sentence(0.03, 0.01, 0.05) == f"{beginning}cnn-sgd leaks 0.030 [0.010, 0.050] less."
    assert sentence(-0.03, -0.07, 0.01) == f"{beginning}no difference is seen (+0.030 [−0.010, +0.070])."


def test_at_equal_accuracy_both_epochs_are_told(tables):
    table = tables["factor_differences"]
    numbers = {"difference": -0.03, "low": -0.05, "high": -0.01}
    table = table.assign(**numbers)
    (found,) = [text for text in told(tables | {"factor_differences": table}) if text.startswith("Against mlp-sgd")]
    assert found.endswith(
        "at equal test accuracy 0.500 (epoch 8.0 against 10.0), cnn-sgd leaks 0.030 [0.010, 0.050] more."
    )
    best = table["at"] == table["at"].max()
    unsure = table.assign(status=table["status"].where(~best, "not determined: a run is about at this value for long"))
    (found,) = [text for text in told(tables | {"factor_differences": unsure}) if text.startswith("Against mlp-sgd")]
    assert "at equal test accuracy 0.100 (epoch 1.6 against 2.0)" in found, "the next one that is known"
    impossible = table.assign(low=-1.2)
    assert "equal test accuracy" not in " ".join(told(tables | {"factor_differences": impossible}))


def test_what_is_called_compared_is_what_is_shown():
    assert compared.COMPARED == factors.COMPARED


def test_runs_that_failed_their_null_control_are_not_told_of(tables):
    null = changed(tables["null"], B, passed=False)
    assert "cnn-sgd" not in told(tables | {"null": null})[0]
    (only,) = told(tables | {"null": tables["null"].assign(passed=False)})
    assert only == "No run passed its null control: nothing is said of their leakage."


def test_no_run_is_compared_with_one_that_failed_its_null_control(tables):
    null = changed(tables["null"], C, passed=False)
    told_of = " ".join(told(tables | {"null": null}))
    assert "Against mlp-sgd" in told_of and "cnn-sam" not in told_of


def test_without_intervals_nothing_is_said_to_be_absent(tables):
    """No limits are no evidence against a leak, or against a difference."""

    def without(table):
        return table.assign(**{name: np.nan for name in table if name.endswith(("low", "high"))})

    study = {name: without(tables[name]) for name in ("attack_metrics", "differences")} | {"runs": tables["runs"]}
    first, *others = told(study)
    assert first.startswith("Whether anything leaks is not known: too few models for intervals. The highest figures ")
    against = [text for text in others if text.startswith("Against")]
    assert against and all("the difference is +0." in text and "without an interval" in text for text in against)
    assert not any("no difference is seen" in text for text in against)


def test_no_leak_is_no_leak(tables):
    numbers = {}
    for metric, chance in METRIC_CHANCE.items():
        numbers |= {metric: 1.1 * chance, f"{metric}_low": 0.9 * chance, f"{metric}_high": 1.3 * chance}
    study = {"runs": tables["runs"], "attack_metrics": tables["attack_metrics"].assign(**numbers)}
    assert told(study)[0].startswith("No leak is seen. The highest figures are of mlp-sgd under lira: TPR at 1 % FPR ")
    study["attack_metrics"] = study["attack_metrics"].assign(auc_low=0.54, auc_high=0.56)
    assert "leaks most" in told(study)[0]


def test_a_leak_is_proven_by_the_lower_limit(tables):
    """At one false positive nothing tells how far above all non-members the threshold might be: from 0 on."""
    numbers = {}
    for metric, chance in METRIC_CHANCE.items():
        numbers |= {metric: 1.2 * chance, f"{metric}_low": 0.0, f"{metric}_high": 1.21 * chance}
        numbers |= {f"{metric}_se_samples": 0.0}
    metrics = tables["attack_metrics"].assign(**numbers)
    assert told({"runs": tables["runs"], "attack_metrics": metrics})[0].startswith("No leak is seen")
    lows = {f"{metric}_low": 1.19 * chance for metric, chance in METRIC_CHANCE.items()}
    assert "leaks most" in told({"runs": tables["runs"], "attack_metrics": metrics.assign(**lows)})[0]


def test_models_that_are_all_alike_prove_no_leak(tables):
    """They have an interval of no width, over models; what the samples happen to be is not in it."""
    numbers = {}
    for metric, chance in METRIC_CHANCE.items():
        numbers |= {metric: 1.5 * chance, f"{metric}_low": 1.5 * chance, f"{metric}_high": 1.5 * chance}
    metrics = tables["attack_metrics"].assign(**numbers)
    for share, words in ((0.3, "No leak is seen"), (np.nan, "No leak is seen"), (0.01, "leaks most")):
        errors = {f"{metric}_se_samples": share * chance for metric, chance in METRIC_CHANCE.items()}
        assert words in told({"runs": tables["runs"], "attack_metrics": metrics.assign(**errors)})[0]


def test_the_largest_of_many_figures_is_no_leak(tables):
    """At most 2.5 % of the studies without a leak are said to leak, of however many figures the largest is taken."""
    rng, groups, said = np.random.default_rng(5), 16, 0
    last = tables["attack_metrics"].query("epoch == 20 and aggregation == 'pooled'")
    copies = [last.assign(attack=last["attack"] + f"-{k}") for k in range(4)]
    metrics = pd.concat(copies, ignore_index=True).assign(groups=groups)
    studies, quantile = 200, stats.t(groups - 1).ppf(0.975)
    for _ in range(studies):
        for metric, chance in METRIC_CHANCE.items():
            noise = 0.1 * chance * rng.standard_normal((len(metrics), groups))
            error = noise.std(axis=1, ddof=1) / np.sqrt(groups)
            metrics[metric] = chance + noise.mean(axis=1)
            metrics[f"{metric}_low"] = metrics[metric] - quantile * error
            metrics[f"{metric}_high"] = metrics[metric] + quantile * error
        said += "leaks most" in told({"runs": tables["runs"], "attack_metrics": metrics})[0]
    assert said <= 0.05 * studies


def test_the_most_vulnerable_are_told_of_where_they_were_attacked(tables):
    keys = {"run": B, "attack": "lira", "epoch": 20, "metric": "tpr_at_fpr_0.001", "all_samples": 0.03}
    keys |= {"fpr": 0.013, "fpr_low": 0.0, "fpr_high": 0.0204}
    rows = [keys | {"share": share, "value": 0.8, "low": 0.7, "high": 0.9} for share in (0.1, 0.01)]
    sentence = told(tables | {"most_vulnerable": pd.DataFrame(rows)})[1]
    assert sentence == (
        "Its most vulnerable 1 % of the samples, chosen in other models, have a TPR at 0.1 % FPR of "
        "0.800 [0.700, 0.900] (the FPR is over all samples; their own is 1.3 % [0.0, 2.0]); all samples have 0.030."
    )


def test_what_is_not_known_of_the_most_vulnerable_is_not_told(tables):
    keys = {"run": B, "attack": "lira", "epoch": 20, "metric": "tpr_at_fpr_0.001", "low": 0.7, "high": 0.9}
    keys |= {"fpr": 0.002, "fpr_low": 0.001, "fpr_high": 0.003}
    few = [keys | {"share": 0.01, "value": np.nan, "all_samples": np.nan}]
    assert not any("most vulnerable" in line for line in told(tables | {"most_vulnerable": pd.DataFrame(few)}))
    more = [*few, keys | {"share": 0.1, "value": 0.8, "all_samples": 0.03}]
    assert told(tables | {"most_vulnerable": pd.DataFrame(more)})[1].startswith("Its most vulnerable 10 % of")


def test_a_study_of_one_run_and_one_checkpoint(tables):
    one = {name: tables[name][tables[name]["run"] == B] for name in ("runs", "attack_metrics", "accuracy", "null")}
    one["attack_metrics"] = one["attack_metrics"].query("epoch == 20")
    one["accuracy"] = one["accuracy"].query("epoch == 20").assign(accuracy_test=np.nan)
    one["runs"] = one["runs"].assign(accuracy_test=np.nan)
    (only,) = told(one)
    assert only.startswith("cnn-sgd leaks most to lira: ") and only.endswith("at epoch 20.")


def test_where_no_small_fpr_can_be_counted_the_auc_is_told(tables):
    metrics = tables["attack_metrics"]
    small = [name for name in metrics if name.startswith("tpr_at_fpr")]
    first, *others = told(tables | {"attack_metrics": metrics.assign(**dict.fromkeys(small, np.nan))})
    assert re.fullmatch(r"cnn-sgd leaks most, to lira: AUC 0\.\d+ \[.*\] at epoch 20, where .*", first)
    assert any("(AUC, lira)" in sentence for sentence in others)
