"""What is said where an attack is surely above a limit of the config's `fail_above`, or cannot be held to it."""

from collections.abc import Iterator, Mapping

import pandas as pd

from memdyn.report.words import METRIC_DIGITS, METRIC_LABELS
from memdyn.stats.limits import ABOVE, NO_FIGURES, NO_INTERVAL, NO_VALUE, NOT_JUDGED, why_not

RISKIEST = 10
# why a limit is not judged -> in words, with what can be done
_WHY = {
    NO_FIGURES: "there are no figures: the run failed, or too few of its models are left for the attack (see reason in "
    "the table runs); train it so that models do not diverge",
    NO_VALUE: "there is no value: its FPR is smaller than one of the study's non-members; set a limit at a larger FPR, "
    "or give more models or samples",
    NO_INTERVAL: "there is no interval: the models are too few; give more (shadow_models)",
}


def of_verdict(judged: pd.DataFrame, verdict: str) -> list[str]:
    """The rows of `memdyn.stats.limits.judged` with a verdict, in words."""
    return [_words(row) for row in judged[judged["verdict"] == verdict].to_dict("records")]


def _words(row: Mapping) -> str:
    metric, digits = row["metric"], METRIC_DIGITS[row["metric"]]
    where = f"{row['attack']} on {row['run']}: {METRIC_LABELS[metric]} (limit {row['limit']:g})"
    if row["verdict"] == NOT_JUDGED:
        return f"{where}: {_WHY[why_not(row)]}"
    value, low, high = (f"{row[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{where} is {value} [{low}, {high}] at epoch {row['epoch']:.0f}"


def message(judged: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> str:
    """All that is above its limit, with each run's records at most risk, and all that is not judged; else empty.

    The records are those that the attack which is furthest above its limit finds best.

    Args:
        judged: by `memdyn.stats.limits.judged`.
        tables: the study's `runs`, `samples_index`, and `vulnerability_matrix` and `agreement` where it has them.
    """
    return "\n".join(_lines(judged, tables))


def _lines(judged: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    above = judged[judged["verdict"] == ABOVE]
    if len(above):
        yield "fail_above: the leak is above its limit, by the lower end of its interval; report and tables are done:"
        yield from (f"  {line}" for line in of_verdict(judged, ABOVE))
    for run, rows in above.groupby("run", sort=False) if "vulnerability_matrix" in tables else ():
        worst = rows.loc[(rows["low"] - rows["limit"]).idxmax()]
        attack, at = worst["attack"], _epoch_of_records(str(run), worst["epoch"], tables["agreement"])
        yield f"records of {run} that {attack} finds best{at} (d' of vulnerability_matrix; see samples_index):"
        yield from (f"  {line}" for line in _riskiest(str(run), attack, tables))
    if unjudged := of_verdict(judged, NOT_JUDGED):
        yield "fail_above: the study fails, since what cannot be judged is not known to be within its limit:"
        yield from (f"  {line}" for line in unjudged)


def _epoch_of_records(run: str, judged: float, agreement: pd.DataFrame) -> str:
    """` at epoch 10`, where it is not the judged one: d' are of the last checkpoint that most attacks share."""
    epochs = agreement.loc[agreement["run"] == run, "epoch"].unique()
    return "".join(f" at epoch {epoch:.0f}" for epoch in epochs if epoch != judged)


def _riskiest(run: str, attack: str, tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """By id and label: logs are kept and sent around, and files or names of classes may be those of people."""
    matrix, index, runs = (tables[name] for name in ("vulnerability_matrix", "samples_index", "runs"))
    if attack not in matrix:
        return
    labels = index[index["pool"] == runs.set_index("run").loc[run, "pool"]].set_index("sample_id")["label"]
    found = matrix[matrix["run"] == run].dropna(subset=[attack]).nlargest(RISKIEST, attack)
    for row in found.to_dict("records"):
        yield f"sample_id {row['sample_id']}, label {labels[row['sample_id']]}: {row[attack]:.2f}"
