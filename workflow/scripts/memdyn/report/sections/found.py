"""What was found: leakage against accuracy, every attack on every run, the most vulnerable samples by themselves."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.special import stdtrit

from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import bars
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, pages, panels, spread
from memdyn.report.page.findings import findings
from memdyn.report.page.tables import Table, failed_cell, interval, run_cell, text_cells
from memdyn.report.rows import at_last, by_run, failed_runs, failures, preferred_aggregation
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import (
    METRIC_CHANCE,
    METRIC_DIGITS,
    METRIC_LABELS,
    METRICS,
    TPRS,
    interval_words,
    level_words,
)
from memdyn.stats.jackknife import SAMPLE_GROUPS
from memdyn.terms import AUC

_UTILITY = """
    TPR at two small FPRs over the test accuracy that a run has reached, a point a checkpoint, joined in the order
    of training; numbers are epochs. Scores {aggregation}; bars: {level} intervals, where there are few runs.
    Upwards: more is leaked for the same accuracy. Where a line rises steeply, further training leaks without making
    the model better. Checkpoints with an accuracy below {low} are left out, but for each run's last. Dotted: an attack
    that guesses."""

_COLUMNS = 4  # attacks side by side
_FEW_RUNS = 4  # of which intervals and epochs are shown
_MARKED = 4  # epochs a line
_SHOWN = 0.9  # of the way from the lowest to the highest accuracy is left out before the end: there nobody stops
_LEAST_LOSS = 0.005  # of AUC by pooling, by its lower limit: less changes no digit that is read


def accuracy_and_leaks(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows of attack_metrics with the column accuracy: on the test part, without one on non-members."""
    accuracy = tables["accuracy"]
    tested = accuracy["accuracy_test"].fillna(accuracy["accuracy_out"])
    metrics = tables["attack_metrics"]
    metrics = metrics[metrics["aggregation"] == preferred_aggregation(metrics)]
    return metrics.merge(accuracy[["run", "epoch"]].assign(accuracy=tested), on=["run", "epoch"])


def draw_utility(study: Study) -> Iterator[Drawing]:
    """TPR over test accuracy, a row an FPR, a column an attack; checkpoints in order are joined by a line."""
    table, styles = accuracy_and_leaks(study.tables), study.styles
    if table["accuracy"].isna().all():
        return
    low = table["accuracy"].min() + _SHOWN * (table["accuracy"].max() - table["accuracy"].min())
    shown = table[(table["accuracy"] >= low) | (table["epoch"] == table.groupby("run")["epoch"].transform("max"))]
    metrics = [metric for metric in TPRS if shown[metric].notna().any()]  # few non-members have no small FPR
    if not metrics:
        return
    for page, attacks in pages(table["attack"].unique(), _COLUMNS):
        figure, grid = panels(len(metrics), len(attacks), 2.1 * len(metrics) + 0.3, alone=5.2, sharey="row")
        for column, attack in zip(grid.T, attacks, strict=True):
            for axes, metric in zip(column, metrics, strict=True):
                _draw_leaks(axes, shown[shown["attack"] == attack], metric, styles)
            column[0].set_title(attack)
            column[-1].set_xlabel("test accuracy")
        for row, metric in zip(grid, metrics, strict=True):
            row[0].set_ylabel(METRIC_LABELS[metric])
            row[0].set_ylim(bottom=0)
        legend_above(figure, [*style.run_handles(styles), style.chance_handle()])
        alt = f"True positive rates over test accuracy during training, {len(styles)} runs, {', '.join(attacks)}."
        values = interval_words(table, table["aggregation"].iloc[0]) | {"low": f"{low:.2f}"}
        yield drawn(figure, "utility", "What is leaked for the accuracy that is reached", alt, page=page, **values)


def _draw_leaks(axes: Axes, table: pd.DataFrame, metric: str, styles: dict[str, style.RunStyle]) -> None:
    few = len(styles) <= _FEW_RUNS
    for run, run_style in styles.items():
        part = table[table["run"] == run].sort_values("epoch")
        if not len(part):
            continue
        errors = bars(part[metric], part[f"{metric}_low"], part[f"{metric}_high"]) if few else None
        axes.errorbar(part["accuracy"], part[metric], yerr=errors, elinewidth=0.6, **run_style.line)
        leaks = part[metric].max() > 2 * METRIC_CHANCE[metric]  # else marks lie on one line
        for row in spread(part.to_dict("records"), _MARKED) if few and leaks else ():
            place = {"xytext": (4, 2), "textcoords": "offset points", "fontsize": 6, "color": run_style.colour}
            axes.annotate(f"{row['epoch']:g}", (row["accuracy"], row[metric]), **place)
    axes.axhline(METRIC_CHANCE[metric], color=style.MUTED, linestyle=":", linewidth=1)


def tell_failures(study: Study) -> list[str]:
    """A sentence on each run that failed, and one where there is no other."""
    lost = failures(study.tables)
    sentences = [
        f"{study.styles[run].name} failed, because {reason}. It is compared with no other run."
        for run, reason in lost.items()
    ]
    nothing = ["No run is left: there are no numbers to show."] if len(lost) == len(study.styles) else []
    return nothing + sentences


def tabulate_results(study: Study) -> Table:
    """Every attack on every run at the last checkpoint, pooled and per model.

    Runs that failed their null control are marked.
    """
    table, failed = at_last(study.tables["attack_metrics"]), failed_runs(study.tables)
    own = table[table["aggregation"] == "per_model"].set_index(["run", "attack"])
    rows = []
    for row in by_run(table[table["aggregation"] == "pooled"], study.styles):
        per_model = own.loc[(row["run"], row["attack"])]
        pooled = [_with_samples(row, metric) for metric in METRICS]
        single = [formatting.number(per_model[metric], METRIC_DIGITS[metric]) for metric in METRICS]
        run = run_cell(study.styles[row["run"]], row["run"] in failed)
        rows.append([run, *text_cells(str(row["attack"]), *pooled, *single)])
    for run, reason in failures(study.tables).items():
        rows.append([failed_cell(study.styles[run], reason), *text_cells(*[formatting.MISSING] * (len(rows[0]) - 1))])
    labels = [METRIC_LABELS[metric] for metric in METRICS]
    caption = (
        f"Leakage at the last checkpoint, pooled over all target models under one threshold, with {level_words(table)} "
        "intervals over the choice of models, and ± what the choice of samples adds. Per model: the mean of each one's "
        f"own figure; on noise, by the draws of the null control, these are {_on_noise(own)}. "
    )
    caption += _pooling_note(table, study.styles)
    columns = ["run", "attack", *labels, *(f"per model: {label}" for label in labels)]
    return Table(caption.strip(), columns, rows, head=2)


def _on_noise(own: pd.DataFrame) -> str:
    """`AUC 0.499 to 0.501, ...`, means of runs; with few non-members the TPR is above the FPR on noise too."""
    means = {metric: own.groupby("run")[f"null_{metric}"].mean() for metric in METRICS}
    return ", ".join(f"{METRIC_LABELS[name]} {_range(mean, METRIC_DIGITS[name])}" for name, mean in means.items())


def _range(values: pd.Series, digits: int) -> str:
    ends = dict.fromkeys(formatting.number(value, digits) for value in (values.min(), values.max()))
    return " to ".join(ends)


def _with_samples(row: pd.Series, metric: str) -> str:
    """Value and limits over models, and the half-width that the choice of samples alone would give."""
    text = interval(row, metric, digits=METRIC_DIGITS[metric], limits=(f"{metric}_low", f"{metric}_high"))
    half = stdtrit(SAMPLE_GROUPS - 1, (1 + row["level"]) / 2) * row[f"{metric}_se_samples"]
    return f"{text} ± {formatting.number(half, METRIC_DIGITS[metric])}" if np.isfinite(half) else text


def _pooling_note(metrics: pd.DataFrame, styles: dict[str, style.RunStyle]) -> str:
    """A sentence on attacks that are stronger on each target model than their pooled AUC says, or nothing."""
    understated = (metrics["aggregation"] == "pooled") & (metrics["pooling_loss_at_least"] > _LEAST_LOSS)
    found = [
        f"{row['attack']} on {styles[row['run']].name} by {formatting.number(row['pooling_loss'])} "
        f"(targets differ by {formatting.number(row['target_spread'], 2)} SD)"
        for row in metrics[understated].to_dict("records")
    ]
    if not found:
        return ""
    return (
        f"The pooled AUC understates {'; '.join(found)}: scores of different target models are not comparable there, "
        "one threshold has another FPR on each; read these attacks per model."
    )


def tabulate_most_vulnerable(study: Study) -> Table:
    """TPR of the top shares at the pooled threshold, and their own FPR; a row a run and attack, last checkpoint.

    Of the metrics the first that is known is shown. Runs that failed their null control are marked.
    """
    table, failed = at_last(study.tables["most_vulnerable"]), failed_runs(study.tables)
    known = set(table.loc[table["value"].notna(), "metric"])
    metric = next((name for name in TPRS[::-1] if name in known), AUC)
    table = table[table["metric"] == metric]
    shares = sorted(table["share"].unique(), reverse=True)
    rows = []
    for (run, attack), part in table.groupby(["run", "attack"], sort=False):
        top = [row for _, row in part.set_index("share").loc[shares].iterrows()]
        texts = [formatting.number(part["all_samples"].iloc[0]), *(interval(row, "value") for row in top)]
        texts += [_own_fpr(row) for row in top if metric != AUC]
        rows.append([run_cell(study.styles[run], run in failed), *text_cells(str(attack), *texts)])
    tops = [f"top {100 * share:g} %" for share in shares]
    columns = ["run", "attack", "all samples", *tops, *(f"FPR of the {top}" for top in tops if metric != AUC)]
    return Table(_most_vulnerable_caption(table, metric), columns, rows, head=2)


def _most_vulnerable_caption(table: pd.DataFrame, metric: str) -> str:
    counts = sorted(table.loc[table["share"] == table["share"].min(), "n_samples"].unique())
    few = f"{counts[0]:g}" if len(counts) == 1 else f"{counts[0]:g} to {counts[-1]:g}"
    words = (
        f"{METRIC_LABELS[metric]} of the most vulnerable samples by themselves: the top shares by d′ in one half "
        "of the models, attacked in the other half, both ways, so that luck is not taken for vulnerability. "
    )
    if metric != AUC:
        words += (
            "All samples share one threshold, which keeps the FPR over all of them; false alarms are not spread "
            "evenly, so the FPR of the few is beside it. "
        )
    return words + (
        f"The smallest share is {few} sample{'s' if few != '1' else ''}. Each model is trained on a random part, so "
        "the risk of a sample is an average over data sets that hold it."
    )


def _own_fpr(row: pd.Series) -> str:
    """The FPR with its limits, in percent."""
    values = [100 * row[name] for name in ("fpr", "fpr_low", "fpr_high")]
    return formatting.interval(*values, 1) + (" %" if np.isfinite(values[0]) else "")


SECTION = Section(
    "found",
    title="What was found",
    figures=(Part(draw_utility, needs=("accuracy", "attack_metrics")),),
    captions={"utility": _UTILITY},
    tables=(
        Part(tabulate_results, needs=("attack_metrics",)),
        Part(tabulate_most_vulnerable, needs=("most_vulnerable",)),
    ),
    sentences=(Part(tell_failures, needs=("runs",)), Part(findings, needs=("attack_metrics",))),
)
