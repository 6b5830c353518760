"""The tables of the page: rows of formatted text from the study's tables.

Each function returns a `Table`; the template only prints it.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from memdyn.report.draw import formatting, style
from memdyn.report.draw.style import RunStyle
from memdyn.report.page.pooling import pooling_note
from memdyn.report.sections.comparison import last_differences, shown_pairs
from memdyn.report.sections.leakage import METRICS
from memdyn.report.sections.plane import ZONE_STACK, select_threshold
from memdyn.stats.jackknife import SAMPLE_GROUPS

_DIGITS = {"auc": 3, "tpr_at_fpr_0.01": 3, "tpr_at_fpr_0.001": 4}
# title -> (column, how it is printed)
_RUN_COLUMNS = {
    "data": ("dataset", str),
    "network": ("architecture", str),
    "optimizer": ("optimizer", str),
    "augment": ("augment", str),
    "lr": ("learning_rate", "{:g}".format),
    "batch": ("batch_size", formatting.count),
    "epochs": ("epochs", formatting.count),
    "models": ("n_models", formatting.count),
    "diverged": ("n_failed", formatting.count),
    "accuracy in": ("accuracy_in", formatting.number),
    "out": ("accuracy_out", formatting.number),
    "test": ("accuracy_test", formatting.number),
    "time/model": ("seconds_per_model", formatting.duration),
}


_NO_LIMITS = (np.nan, np.nan)
_WORST = "highly_vulnerable"
_LONG_NAME = 24  # letters


@dataclass(frozen=True)
class Cell:
    """One cell: text, a run's colour as a swatch before it, a CSS class (passed, strong, wrap, a verdict, ...)."""

    text: str
    colour: str | None = None
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A caption, column titles, and rows of cells; the first `head` columns name the row, the others hold numbers."""

    caption: str
    columns: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    head: int = 1


def without_one_attack(table: Table) -> Table:
    """A table of one attack without the column that says so in every row."""
    if "attack" not in table.columns or not table.rows:
        return table
    place = table.columns.index("attack")
    attacks = {row[place].text for row in table.rows}
    if len(attacks) > 1:
        return table
    rows = [row[:place] + row[place + 1 :] for row in table.rows]
    columns = table.columns[:place] + table.columns[place + 1 :]
    head = table.head - (place < table.head)
    return Table(f"{table.caption} Attack: {attacks.pop()}.", columns, rows, head)


def run_cell(style_: RunStyle, failed: bool = False) -> Cell:
    """A run's name with its colour, and whether its null control failed; a long one may be broken."""
    kind = "long" if style.width(style_.name) > _LONG_NAME else ""
    if failed:
        return Cell(f"{style_.name} (null failed)", style_.colour, f"{kind} failed".strip())
    return Cell(style_.name, style_.colour, kind)


def _text(*values: str) -> list[Cell]:
    return [Cell(value) for value in values]


def results(metrics: pd.DataFrame, styles: dict[str, RunStyle], failed: set[str]) -> Table:
    """Every attack on every run at the last checkpoint, pooled and per model.

    Runs that failed their null control are marked.
    """
    table = metrics[metrics["epoch"] == metrics.groupby("run")["epoch"].transform("max")]
    level = table["level"].iloc[0]
    own = table[table["aggregation"] == "per_model"].set_index(["run", "attack"])
    rows = []
    for row in _by_run(table[table["aggregation"] == "pooled"], styles):
        per_model = own.loc[(row["run"], row["attack"])]
        pooled = [_with_samples(row, metric, level) for metric in METRICS]
        single = [formatting.number(per_model[metric], _DIGITS[metric]) for metric in METRICS]
        run = run_cell(styles[row["run"]], row["run"] in failed)
        rows.append([run, *_text(str(row["attack"]), *pooled, *single)])
    labels = [style.METRIC_LABELS[m] for m in METRICS]
    caption = (
        f"Leakage at the last checkpoint, pooled over all target models under one threshold, with {100 * level:g} % "
        "intervals over the choice of models, and ± what the choice of samples adds. Per model: the mean of each one's "
        f"own figure; on noise, by the draws of the null control, these are {_on_noise(own)}. "
    )
    caption += pooling_note(table, {run: known.name for run, known in styles.items()})
    columns = ["run", "attack", *labels, *(f"per model: {label}" for label in labels)]
    return Table(caption.strip(), columns, rows, head=2)


def _on_noise(own: pd.DataFrame) -> str:
    """`AUC 0.499 to 0.501, ...`, means of runs; with few non-members the TPR is above the FPR on noise too."""
    means = {metric: own.groupby("run")[f"null_{metric}"].mean() for metric in METRICS}
    return ", ".join(f"{style.METRIC_LABELS[name]} {_range(mean, _DIGITS[name])}" for name, mean in means.items())


def _range(values: pd.Series, digits: int) -> str:
    ends = dict.fromkeys(formatting.number(value, digits) for value in (values.min(), values.max()))
    return " to ".join(ends)


def _with_samples(row: pd.Series, metric: str, level: float) -> str:
    """Value and limits over models, and the half-width that the choice of samples alone would give."""
    text = formatting.interval(row[metric], row[f"{metric}_low"], row[f"{metric}_high"], _DIGITS[metric])
    half = stdtrit(SAMPLE_GROUPS - 1, (1 + level) / 2) * row[f"{metric}_se_samples"]
    return f"{text} ± {formatting.number(half, _DIGITS[metric])}" if np.isfinite(half) else text


def runs(table: pd.DataFrame, styles: dict[str, RunStyle]) -> Table:
    """What was trained, with accuracies and cost, without columns that the table lacks or data that all runs share."""
    shown = set(table.columns) - ({"dataset"} if table["dataset"].nunique() == 1 else set())
    failures = _failures(table, styles)
    if not failures:
        shown -= {"n_failed"}
    columns = {title: (name, show) for title, (name, show) in _RUN_COLUMNS.items() if name in shown}
    rows = [
        [
            run_cell(styles[row["run"]]),
            *_text(*(show(row[name]) for name, show in columns.values())),
            Cell(formatting.duration(row["seconds_per_model"] * row["n_models"])),
        ]
        for row in _by_run(table, styles)
    ]
    caption = (
        "Recipes and models. Accuracies at the last checkpoint, means over models: on the scored samples as members "
        "(in) and as non-members (out), and on the test part; training time."
    )
    caption = " ".join([caption, *failures, *_few_checkpoints(table, styles)])
    words = sum(show is str for _, show in columns.values())
    return Table(caption, ["run", *columns, "all models"], rows, head=1 + words)


def _few_checkpoints(table: pd.DataFrame, styles: dict[str, RunStyle]) -> list[str]:
    """What is left out of runs that have too few checkpoints for it."""
    sentences = []
    for column, value, words in (
        ("n_checkpoints", 1, "one checkpoint: what needs two (transitions, speed, early determination) is left out"),
        ("last_checkpoint", 0, "no checkpoint of trained models: difficulty is left out"),
    ):
        names = [styles[row["run"]].name for row in _by_run(table, styles) if row.get(column) == value]
        if names:
            sentences.append(f"{', '.join(names)}: {words}.")
    return sentences


def _failures(table: pd.DataFrame, styles: dict[str, RunStyle]) -> list[str]:
    """A sentence on each run that lost models."""
    sentences = []
    for row in _by_run(table[table["n_failed"] > 0], styles) if "n_failed" in table else []:
        fate = "is left out with its pair" if row["n_failed"] == 1 else "are left out with their pairs"
        name = styles[row["run"]].name
        sentences.append(f"{name}: {row['n_failed']} of {row['n_planned']} models diverged and {fate}.")
    return sentences


DUPLICATES = ("duplicates_dropped", "samples_in_source")


def pools(table: pd.DataFrame) -> Table:
    """The data and how they were split."""
    parts = ("scored", "sham", "population", "test", "spare")
    parts = tuple(part for part in parts if part in table)
    rows = [
        [
            *_text(row["dataset"], formatting.count(row["n_classes"]), str(row["shape"])),
            *_text(*(formatting.count(row[part]) for part in parts)),
            *_text(" of ".join(formatting.count(row[name]) for name in DUPLICATES), str(row["sha256"])[:12]),
        ]
        for _, row in table.iterrows()
    ]
    columns = ["data", "classes", "shape", *parts, "duplicates dropped", "sha256"]
    caption = (
        "Samples in each part of the pool. Scored: members of half of the models; sham: treated alike but never "
        "trained on; population: reference data of attacks; test: utility; spare: kept for defences. Duplicates: "
        "samples of the data set that equal an earlier one, whatever their label."
    )
    return Table(caption, columns, rows)


def null_control(table: pd.DataFrame, styles: dict[str, RunStyle]) -> Table:
    """The simultaneous null test of each run."""
    rows = []
    for row in _by_run(table, styles):
        verdict = Cell("passed", kind="passed") if row["passed"] else Cell("FAILED", kind="failed")
        rows.append(
            [
                run_cell(styles[row["run"]]),
                *_text(formatting.number(row["statistic"], 2), formatting.p_value(row["p_value"])),
                *_text(formatting.number(row["mean_null_auc"], 4), f"± {formatting.number(row['resolution'], 4)}"),
                Cell(formatting.count(row["n_draws"])),
                verdict,
            ]
        )
    caption = (
        "The simultaneous null test of each run, over all checkpoints and attacks; it fails where p is at most 0.001. "
        "Mean null AUC: the one furthest from 0.5. Could have seen: a deviation from 0.5 that fails the test with a "
        "chance of about 95 %; smaller ones may be there."
    )
    return Table(caption, ["run", "statistic", "p", "mean null AUC", "could have seen", "draws", "verdict"], rows)


def centres(centre: pd.DataFrame, curves: pd.DataFrame | None, styles: dict[str, RunStyle], threshold: str) -> Table:
    """Net displacement and path length of the centre of mass, in percentage points, beside those of sham members.

    With intervals where there are curves of the population (the full analysis).
    """
    rows = []
    for (attack, run), part in _in_order(select_threshold(centre, threshold), styles):
        cells = [run_cell(styles[run]), Cell(attack)]
        for kind in ("scored", "sham"):
            path = part[part["part"] == kind].sort_values("epoch")[["fpr", "tpr"]].to_numpy()
            if len(path) < 2:
                cells += _text(formatting.MISSING, formatting.MISSING)
                continue
            net = 100 * float(np.linalg.norm(path[-1] - path[0]))
            length = 100 * float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
            limits = _path_limits(curves, run, attack, part["threshold"].iloc[0], kind)
            numbers = {"displacement": net, "path_length": length}
            cells += _text(*(_distance(v, *limits.get(name, _NO_LIMITS)) for name, v in numbers.items()))
        rows.append(cells)
    columns = ["run", "attack", "displacement", "path length", "displacement (sham)", "path length (sham)"]
    caption = (
        "How far the centre of mass moved, in percentage points, with jackknife intervals over pairs (if analysed): "
        "from the first to the last checkpoint, and summed over checkpoints. Sham members show what noise alone gives; "
        "path length grows with noise and with the number of checkpoints."
    )
    return Table(caption, columns, rows, head=2)


def _distance(value: float, low: float, high: float) -> str:
    """With its interval from 0 on, which is where distances begin."""
    return formatting.interval(value, max(low, 0.0) if low == low else low, high, 1)


def _path_limits(
    curves: pd.DataFrame | None, run: str, attack: str, threshold: str, part: str
) -> dict[str, tuple[float, float]]:
    """figure -> limits at the last checkpoint."""
    if curves is None:
        return {}
    mine = curves[(curves["run"] == run) & (curves["attack"] == attack) & (curves["threshold"] == threshold)]
    last = mine[(mine["group"] == "all") & (mine["epoch"] == mine["epoch"].max())].set_index("figure")
    low, high = ("low", "high") if part == "scored" else ("null_low", "null_high")
    return dict(zip(last.index, zip(last[low], last[high], strict=True), strict=True))


def zones(table: pd.DataFrame, styles: dict[str, RunStyle], threshold: str) -> Table:
    """Zone shares at the last checkpoint; of the highly vulnerable also the sham members' and the parametric one."""
    rows = []
    for (attack, run), part in _in_order(select_threshold(table, threshold), styles):
        last = part[part["epoch"] == part["epoch"].max()].set_index("zone")
        worst = last.loc[_WORST]
        counted, parametric = (
            formatting.percent_interval(*(float(worst[name]) for name in names))
            for names in (("share", "low", "high"), ("smooth", "smooth_low", "smooth_high"))
        )
        others = [formatting.percent(float(last.loc[zone, "share"])) for zone in ZONE_STACK if zone != _WORST]
        rows.append([run_cell(styles[run]), *_text(attack, counted, formatting.percent(worst["null"]), parametric)])
        rows[-1] += _text(*others)
    labels = [style.ZONE_LABELS[zone] for zone in ZONE_STACK if zone != _WORST]
    columns = ["run", "attack", style.ZONE_LABELS[_WORST], "the same (sham)", "the same, parametric", *labels]
    return Table(
        "Share of the scored samples in each zone at the last checkpoint, of states as they are, with intervals over "
        "pairs of models. The share of the highly vulnerable depends on the number of models, since noise carries "
        "samples across the bounds and 90 % of few models is all of them: compare it at equal numbers. Sham members "
        "show what noise alone gives; the parametric share is what many models would show at each sample's best "
        "threshold, the expected share with a d′ that allows the zone.",
        columns,
        rows,
        head=2,
    )


def differences(table: pd.DataFrame, styles: dict[str, RunStyle]) -> Table:
    """Differences between runs with their intervals, at the last checkpoint that both have."""
    last, omitted = shown_pairs(last_differences(table))
    metrics = [metric for metric in METRICS if metric in set(last["metric"])]
    rows = []
    for (first, second, attack), part in last.groupby(["run_a", "run_b", "attack"], sort=False):
        by_metric = part.set_index("metric")
        cells = [run_cell(styles[first]), run_cell(styles[second]), Cell(attack)]
        for metric in metrics:
            row = by_metric.loc[metric]
            excludes_zero = row["low"] > 0 or row["high"] < 0
            text = formatting.signed_interval(row["difference"], row["low"], row["high"], _DIGITS[metric])
            cells.append(Cell(text, kind="strong" if excludes_zero else ""))
        rows.append(cells)
    caption = (
        "Differences at the last checkpoint that both runs have, first minus second, with "
        f"{100 * last['level'].iloc[0]:g} % intervals; bold where the interval excludes 0. {omitted}"
    )
    columns = ["first run", "second run", "attack", *(style.METRIC_LABELS[metric] for metric in metrics)]
    return Table(caption, columns, rows, head=3)


def _by_run(table: pd.DataFrame, styles: dict[str, RunStyle]) -> list[pd.Series]:
    """Rows in the order of the study's runs."""
    place = {run: i for i, run in enumerate(styles)}
    ordered = table.assign(_place=table["run"].map(place)).sort_values("_place", kind="stable")
    return [row for _, row in ordered.iterrows()]


def _in_order(table: pd.DataFrame, styles: dict[str, RunStyle]) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """((attack, run), rows) in the order of the study's runs, attack by attack."""
    groups = dict(list(table.groupby(["attack", "run"], sort=False)))
    attacks = dict.fromkeys(attack for attack, _ in groups)
    return [((attack, run), groups[attack, run]) for attack in attacks for run in styles if (attack, run) in groups]
