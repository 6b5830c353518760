"""What the study found, in a few sentences that are computed from its tables."""

from collections.abc import Iterator, Mapping

import pandas as pd

from memdyn.report import formatting
from memdyn.report.curves import preferred_aggregation
from memdyn.report.matched import difference_words, is_known, matched_words
from memdyn.report.style import METRIC_CHANCE, METRIC_LABELS, RunStyle

METRIC = "tpr_at_fpr_0.01"  # of the smallest FPRs the one that is known best
_LOW = "tpr_at_fpr_0.001"
_MOST = 3  # runs that the one which leaks most is compared with, in words
_PLATEAU = 0.01  # accuracy below the best one
_TURNED = {"run_a": "run_b", "run_b": "run_a", "epoch_a": "epoch_b", "epoch_b": "epoch_a", "low": "high", "high": "low"}


def findings(tables: Mapping[str, pd.DataFrame], styles: dict[str, RunStyle]) -> list[str]:
    """Sentences on which run leaks most to which attack, on differences between runs, and on who is hit.

    Runs that failed their null control are left out: their numbers mean nothing.
    """
    if "attack_metrics" not in tables:
        return []
    metrics = tables["attack_metrics"]
    last = metrics[metrics["aggregation"] == preferred_aggregation(metrics)]
    last = last[
        (last["epoch"] == last.groupby("run")["epoch"].transform("max")) & ~last["run"].isin(_untrusted(tables))
    ]
    if not len(last):
        return ["No run passed its null control: nothing is said of their leakage."]
    top = last.loc[last[METRIC].idxmax()]
    return [
        _most(top, tables, styles),
        *_spared(top, tables, styles),
        *_growth(top, tables, styles),
        *_differences(top, tables, styles),
        *_verdicts(tables),
    ]


def _untrusted(tables: Mapping[str, pd.DataFrame]) -> set[str]:
    null = tables.get("null")
    return set() if null is None else set(null.loc[~null["passed"].astype(bool), "run"])


def _most(top: pd.Series, tables: Mapping[str, pd.DataFrame], styles: dict[str, RunStyle]) -> str:
    shown = [metric for metric in (METRIC, _LOW, "auc") if metric in top]
    numbers = ", ".join(f"{METRIC_LABELS[metric]} {_interval(top, metric)}" for metric in shown)
    name = styles[top["run"]].name
    if not any(top[f"{metric}_low"] > METRIC_CHANCE[metric] for metric in shown):
        return f"No leak is seen. The highest figures are of {name} under {top['attack']}: {numbers}."
    accuracy = tables["runs"].set_index("run").loc[top["run"], "accuracy_test"]
    tested = "" if pd.isna(accuracy) else f", where its test accuracy is {formatting.number(accuracy)}"
    comma = "," if len(styles) > 1 else ""
    return f"{name} leaks most{comma} to {top['attack']}: {numbers} at epoch {top['epoch']:g}{tested}."


def _spared(top: pd.Series, tables: Mapping[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[str]:
    """How much of the leak sits in the most vulnerable samples, which are chosen in other models than attacked."""
    table = tables.get("most_vulnerable")
    if table is None:
        return
    rows = table[(table["run"] == top["run"]) & (table["attack"] == top["attack"]) & (table["metric"] == _LOW)]
    rows = rows[(rows["epoch"] == top["epoch"])].sort_values("share")
    if len(rows):
        row = rows.iloc[0]
        value = _interval(row, "value", ("low", "high"))
        yield (
            f"Its most vulnerable {100 * row['share']:g} % of the samples, chosen in other models, have a "
            f"{METRIC_LABELS[_LOW]} of {value}; all samples have {row['all_samples']:.3f}."
        )


def _growth(top: pd.Series, tables: Mapping[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[str]:
    """Whether the leak grows while accuracy does not."""
    accuracy = tables.get("accuracy")
    if accuracy is None:
        return
    mine = accuracy[accuracy["run"] == top["run"]].dropna(subset="accuracy_test").set_index("epoch")["accuracy_test"]
    flat = mine[mine >= mine.max() - _PLATEAU]
    if not len(flat) or flat.index.min() >= top["epoch"]:
        return
    metrics = tables["attack_metrics"]
    same = (metrics["run"] == top["run"]) & (metrics["attack"] == top["attack"])
    rows = metrics[same & (metrics["aggregation"] == top["aggregation"]) & (metrics["epoch"] == flat.index.min())]
    if not len(rows):
        return
    first, start = rows.iloc[0], flat.index.min()
    change = f"{mine.iloc[-1] - mine[start]:+.3f}".replace("-", formatting.MINUS)
    grows = top[f"{METRIC}_low"] > first[f"{METRIC}_high"]
    words = "grows" if grows else "is not seen to grow"
    yield (
        f"From epoch {start:g} on its test accuracy changes by {change}, while {METRIC_LABELS[METRIC]} {words}: "
        f"{_interval(first, METRIC)}, then {_interval(top, METRIC)}."
    )


def _differences(top: pd.Series, tables: Mapping[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[str]:
    """Against the other runs on its pool: at the last epoch that both have, and at equal test accuracy."""
    table = tables.get("differences")
    if table is None or not len(table):
        return
    table = table[(table["attack"] == top["attack"]) & (table["metric"] == METRIC)]
    table = table[table["aggregation"] == top["aggregation"]]
    table = _against(table[table["epoch"] == table.groupby(["run_a", "run_b"])["epoch"].transform("max")], top["run"])
    matched = _matched(top, tables)
    shown = table.sort_values("difference", ascending=False).head(_MOST)
    name = styles[top["run"]].name
    for row in shown.to_dict("records"):
        parts = [f"at the last common epoch {row['epoch']:g}, {difference_words(row, name)}"]
        parts += [matched_words(other, name) for other in matched[matched["run_b"] == row["run_b"]].to_dict("records")]
        measure = f"{METRIC_LABELS[METRIC]}, {row['attack']}"
        yield f"Against {styles[row['run_b']].name} ({measure}): {'; '.join(parts)}."
    if len(table) > len(shown):
        yield f"The other {len(table) - len(shown)} runs are compared below."


def _matched(top: pd.Series, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The highest test accuracy at which the run is compared with each other one."""
    table = tables.get("factor_differences")
    if table is None or not len(table):
        return pd.DataFrame(columns=["run_b"])
    table = table[(table["matched_by"] == "accuracy_test") & (table["metric"] == METRIC) & is_known(table)]
    table = _against(table[(table["attack"] == top["attack"]) & table["low"].notna()], top["run"])
    return table.loc[table.groupby("run_b")["at"].idxmax()]


def _against(table: pd.DataFrame, run: str) -> pd.DataFrame:
    """The rows of a run, turned so that it comes first."""
    turned = table[table["run_b"] == run].rename(columns=_TURNED)
    turned = turned.assign(**{name: -turned[name] for name in ("difference", "low", "high")})
    return pd.concat([table[table["run_a"] == run], turned], ignore_index=True)


def _verdicts(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    if "claims" in tables:
        verdicts = tables["claims"].drop_duplicates("claim").sort_values("claim")
        yield f"Claims: {', '.join(f'{row.claim} {row.verdict}' for row in verdicts.itertuples())} (below)."


def _interval(row: pd.Series, name: str, limits: tuple[str, str] | None = None) -> str:
    """A column of a row with its limits, by default the columns `<name>_low` and `<name>_high`."""
    low, high = (row[limit] for limit in limits or (f"{name}_low", f"{name}_high"))
    return formatting.interval(row[name], low, high)
