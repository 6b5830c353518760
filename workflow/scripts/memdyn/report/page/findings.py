"""What the study found, in a few sentences that are computed from its tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from memdyn.report.compared import difference_words, is_known, matched_words
from memdyn.report.draw import formatting
from memdyn.report.draw.style import RunStyle
from memdyn.report.rows import at_last, failed_runs, preferred_aggregation
from memdyn.report.section import Study
from memdyn.report.words import METRIC_CHANCE, METRIC_LABELS
from memdyn.stats.jackknife import SAMPLE_GROUPS
from memdyn.terms import AUC, tpr_at

METRICS = (tpr_at(0.01), AUC)  # runs are compared by the first that is known: the small FPR that is known best
_LOW = tpr_at(0.001)
_OWN_FPR = ("fpr", "fpr_low", "fpr_high")
_TOLD = (METRICS[0], _LOW, AUC)
_MOST = 3  # runs that the one which leaks most is compared with
_PLATEAU = 0.01  # accuracy below the best one
_TURNED = {"run_a": "run_b", "run_b": "run_a", "epoch_a": "epoch_b", "epoch_b": "epoch_a", "low": "high", "high": "low"}


def findings(study: Study) -> list[str]:
    """Sentences on which run leaks most to which attack, on who is hit, and on differences between runs.

    Runs that failed their null control are left out, compared ones too: their numbers mean nothing.
    """
    metrics = study.tables["attack_metrics"]
    metrics = metrics[metrics["aggregation"] == preferred_aggregation(metrics)]
    failed = failed_runs(study.tables)
    metrics = metrics[~metrics["run"].isin(failed)]
    if not len(metrics):
        return ["No run passed its null control: nothing is said of their leakage."]
    last = at_last(metrics)
    metric = next(name for name in METRICS if last[name].notna().any())
    top = last.loc[last[metric].idxmax()]
    mine = metrics[(metrics["run"] == top["run"]) & (metrics["attack"] == top["attack"])]
    found = Findings(study.tables, study.styles, metric, top, mine.set_index("epoch"), failed, looked_at=len(last))
    parts = (found.most, found.most_vulnerable, found.growth, found.differences, found.verdicts)
    return [sentence for part in parts for sentence in part()]


@dataclass(frozen=True)
class Findings:
    """What is told, around the run and attack with the largest leak at the last checkpoint.

    Attributes:
        tables, styles: of the study.
        metric: that says what is large.
        top: row of attack_metrics.
        mine: all checkpoints of its run and attack, by epoch.
        failed: runs that failed their null control, which nothing is compared with.
        looked_at: runs and attacks that the top is the largest of.
    """

    tables: Mapping[str, pd.DataFrame]
    styles: dict[str, RunStyle]
    metric: str
    top: pd.Series
    mine: pd.DataFrame
    failed: frozenset[str]
    looked_at: int

    @property
    def name(self) -> str:
        """Of the run."""
        return self.styles[self.top["run"]].name

    def most(self) -> Iterator[str]:
        """Which run leaks most, to which attack; or that no figure differs from a guess, or may do so by chance."""
        top = self.top
        shown = [metric for metric in _TOLD if metric in top and pd.notna(top[metric])]
        numbers = ", ".join(f"{METRIC_LABELS[metric]} {_interval(top, metric)}" for metric in shown)
        known = any(pd.notna(top[f"{metric}_low"]) for metric in shown)
        if not any(self._exceeds_chance(metric, len(shown)) for metric in shown):
            words = "No leak is seen" if known else "Whether anything leaks is not known: too few models for intervals"
            yield f"{words}. The highest figures are of {self.name} under {top['attack']}: {numbers}."
            return
        accuracy = self.tables["runs"].set_index("run").loc[top["run"], "accuracy_test"]
        tested = "" if pd.isna(accuracy) else f", where its test accuracy is {formatting.number(accuracy)}"
        comma = "," if len(self.styles) > 1 else ""
        yield f"{self.name} leaks most{comma} to {top['attack']}: {numbers} at epoch {top['epoch']:g}{tested}."

    def _exceeds_chance(self, metric: str, metrics: int) -> bool:
        """Whether a figure of the top is above chance, one-sided and jointly with all that it is the largest of.

        By the error of models and that of samples: without the latter, models that are all alike would be proof.
        A figure whose error is not known proves nothing. What counts is how far the truth may lie below: limits of TPRs
        need not be symmetric, and the upper one is near where nothing is known of the lower (`memdyn.stats.rates`).
        """
        value, half = self.top[metric], self.top[metric] - self.top[f"{metric}_low"]
        df, beyond = self.top["groups"] - 1, (1 - self.top["level"]) / 2
        joint = beyond / (metrics * self.looked_at)
        of_models = half * stdtrit(df, 1 - joint) / stdtrit(df, 1 - beyond)
        of_samples = self.top[f"{metric}_se_samples"] * stdtrit(SAMPLE_GROUPS - 1, 1 - joint)
        return bool(value - np.hypot(of_models, of_samples) > METRIC_CHANCE[metric])

    def most_vulnerable(self) -> Iterator[str]:
        """How much of the leak sits in few samples, which are chosen in other models than those that are attacked.

        Their own FPR is told too: without any leak LiRA's threshold lets more of them through, members or not.
        """
        table = self.tables.get("most_vulnerable")
        if table is None:
            return
        same = (table[["run", "attack", "epoch"]] == self.top[["run", "attack", "epoch"]]).all(axis=1)
        rows = table[same & (table["metric"] == _LOW)].sort_values("share").dropna(subset=["value", "all_samples"])
        for row in rows.head(1).to_dict("records"):
            yield (
                f"Its most vulnerable {100 * row['share']:g} % of the samples, chosen in other models, have a "
                f"{METRIC_LABELS[_LOW]} of {formatting.interval(row['value'], row['low'], row['high'])} (the FPR is "
                f"over all samples; their own is {formatting.percent_interval(*(row[name] for name in _OWN_FPR))}); "
                f"all samples have {row['all_samples']:.3f}."
            )

    def growth(self) -> Iterator[str]:
        """What is leaked since test accuracy hardly moves."""
        if "accuracy" not in self.tables:
            return
        table = self.tables["accuracy"]
        accuracy = table[table["run"] == self.top["run"]].set_index("epoch")["accuracy_test"].dropna()
        flat = accuracy[accuracy >= accuracy.max() - _PLATEAU].index.intersection(self.mine.index)
        if not len(flat) or flat.min() >= self.top["epoch"]:
            return
        start, last = flat.min(), accuracy.index.max()
        change = f"{accuracy[last] - accuracy[start]:+.3f}".replace("-", formatting.MINUS)
        before, after = self.mine.loc[start], self.top
        grows = after[f"{self.metric}_low"] > before[f"{self.metric}_high"]
        yield (
            f"From epoch {start:g} on its test accuracy changes by {change}, while {METRIC_LABELS[self.metric]} "
            f"{'grows' if grows else 'goes'} from {_interval(before, self.metric)} to {_interval(after, self.metric)}."
        )

    def differences(self) -> Iterator[str]:
        """Against other runs on its pool: at the last epoch that both have, and at equal test accuracy."""
        if "differences" not in self.tables:
            return
        table = self._against(self.tables["differences"])
        table = table[table["aggregation"] == self.top["aggregation"]]
        table = table[table["epoch"] == table.groupby("run_b")["epoch"].transform("max")]
        matched = self._equal_accuracy()
        for row in table.sort_values("difference", ascending=False).head(_MOST).to_dict("records"):
            equally_far = matched[matched["run_b"] == row["run_b"]].to_dict("records")
            parts = [f"at the last common epoch {row['epoch']:g}, {difference_words(row, self.name)}"]
            parts += [matched_words(other, self.name) for other in equally_far]
            measure = f"{METRIC_LABELS[self.metric]}, {row['attack']}"
            yield f"Against {self.styles[row['run_b']].name} ({measure}): {'; '.join(parts)}."
        if len(table) > _MOST:
            yield f"The other {len(table) - _MOST} runs are compared below."

    def verdicts(self) -> Iterator[str]:
        """On the claims."""
        if "claims" in self.tables:
            verdicts = self.tables["claims"].drop_duplicates("claim").sort_values("claim")
            yield f"Claims: {', '.join(f'{row.claim} {row.verdict}' for row in verdicts.itertuples())} (below)."

    def _equal_accuracy(self) -> pd.DataFrame:
        """The highest test accuracy at which the run is compared with each other one."""
        if "factor_differences" not in self.tables:
            return pd.DataFrame(columns=["run_b"])
        table = self._against(self.tables["factor_differences"])
        table = table[(table["matched_by"] == "accuracy_test") & is_known(table) & table["low"].notna()]
        return table.loc[table.groupby("run_b")["at"].idxmax()]

    def _against(self, table: pd.DataFrame) -> pd.DataFrame:
        """Differences of the metric and attack between the run and others, turned so that it comes first."""
        table = table[(table["attack"] == self.top["attack"]) & (table["metric"] == self.metric)]
        table = table[~table["run_a"].isin(self.failed) & ~table["run_b"].isin(self.failed)]
        table = table.dropna(subset="difference")
        turned = table[table["run_b"] == self.top["run"]].rename(columns=_TURNED)
        turned = turned.assign(**{name: -turned[name] for name in ("difference", "low", "high")})
        return pd.concat([table[table["run_a"] == self.top["run"]], turned], ignore_index=True)


def _interval(row: pd.Series, metric: str) -> str:
    return formatting.interval(row[metric], row[f"{metric}_low"], row[f"{metric}_high"])
