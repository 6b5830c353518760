"""What attackers realise on targets that they did not choose by: precision, calibrated ROC, lists of members."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import bars, draw_band, log_log_roc
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import label_outer, legend_above, panels, shape_for
from memdyn.report.page.tables import Table, run_cell, text_cells
from memdyn.report.rows import at_last, of_runs, runs_in
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import level_words

_PRECISION = """
    How far an attacker can be trusted: precision, the share of true members among those that he calls members, over the
    prior, the share of members among those that he asks about; at each run's last checkpoint. He sets one threshold on
    the attack's scores so that its FPR is {nominal} on models of his own, and attacks a target that had no part in it.
    On the dotted line his answer says no more than he knew before; an attack that calls nobody a member has no marks.
    Bars are {level} intervals (jackknife over pairs of models, everything chosen anew)."""
_CALIBRATED = """
    ROC curves of each run at its last checkpoint, pooled, both axes logarithmic: with marks, by the attack's score, one
    threshold for all samples; thin, by each sample's own OUT p-value, how seldom OUT models score so high on this
    sample, so that samples have about as many false alarms as each other. Where the thin curve lies higher, the attack
    loses by treating samples alike; where it lies lower, the attack gains by knowing which samples differ most. Bands,
    of the curves with marks, are {level} intervals. Dotted: chance. The grey strip lies below one non-member: no rate
    can be counted there."""
PRIOR = "precision_at_prior_"


def _last(study: Study, name: str) -> pd.DataFrame:
    return at_last(study.tables[name], ["run", "attack"])


def _precisions(study: Study) -> pd.DataFrame:
    """Of all samples, with a column prior, at the smallest nominal FPR of which half as much is known as of any."""
    table = _last(study, "realised")
    table = table[(table["way"] == "plain") & (table["samples"] == "all") & table["metric"].str.startswith(PRIOR)]
    known = table[["value", "low"]].notna().sum(axis=1).groupby(table["nominal_fpr"]).sum()
    # half: or one attack whose scores are tied, and that calls nobody, would move all others to a larger FPR
    chosen = table[table["nominal_fpr"] == known.index[known >= known.max() / 2].min()]
    return chosen.assign(prior=chosen["metric"].str.removeprefix(PRIOR).astype(float)).sort_values("prior")


def draw_precision(study: Study) -> Iterator[Drawing]:
    """Precision over the prior, a panel an attack."""
    table = _precisions(study)
    attacks = list(_last(study, "realised")["attack"].unique())
    rows, columns = shape_for(len(attacks), most=4)
    figure, grid = panels(rows, columns, 2.6 * rows + 0.5 if columns > 1 else 4.2, alone=4.6)
    for axes, attack in zip(grid.flat, attacks, strict=False):
        _draw_precision(axes, table[table["attack"] == attack], study.styles)
        axes.set(title=attack, ylim=(-0.03, 1.03))
    label_outer(grid, len(attacks), "prior", "precision")
    legend_above(figure, [*style.run_handles(study.styles), style.chance_handle()])
    alt = f"Precision on held-out targets over the prior, for the attacks {', '.join(attacks)}."
    values = {"level": level_words(table), "nominal": f"{100 * table['nominal_fpr'].iloc[0]:g} %"}
    yield drawn(figure, "precision", "How far attackers can be trusted", alt, **values)


def _draw_precision(axes: Axes, table: pd.DataFrame, styles: dict[str, style.RunStyle]) -> None:
    axes.set(xscale="log")
    priors = np.geomspace(table["prior"].min(), table["prior"].max(), 50)
    axes.plot(priors, priors, color=style.MUTED, linestyle=":", linewidth=1)
    runs = runs_in(table, styles)
    for k, run in enumerate(runs):
        part = table[table["run"] == run]
        beside = part["prior"] * 1.06 ** (k - (len(runs) - 1) / 2)  # or bars of equal runs hide each other
        axes.errorbar(beside, part["value"], bars(part["value"], part["low"], part["high"]), fmt="none",
                      ecolor=styles[run].colour, alpha=0.6, linewidth=1)  # fmt: skip
        axes.plot(beside, part["value"], **styles[run].line)
    axes.set_xticks(sorted(table["prior"].unique()))
    axes.xaxis.set_major_formatter(style.PERCENT)
    axes.minorticks_off()


def draw_calibrated(study: Study) -> Iterator[Drawing]:
    """Plain and calibrated pooled ROC, log-log, a panel an attack."""
    table = _last(study, "calibrated_roc")
    attacks = list(table["attack"].unique())
    rows, columns = shape_for(len(attacks), most=3)
    figure, grid = panels(rows, columns, 3.0 * rows + 0.4 if columns > 1 else 4.4, alone=4.6)
    floor = table["fpr"].min()
    bottom = min(table.loc[table["tpr"] > 0, "tpr"].min(), floor) / 1.5
    for axes, attack in zip(grid.flat, attacks, strict=False):
        _draw_rocs(axes, table[table["attack"] == attack], study.styles, floor)
        axes.set(title=attack, xlim=(floor / 3, 1), ylim=(bottom, 1.3))
    label_outer(grid, len(attacks), "false positive rate", "true positive rate")
    calibrated = style.handle("thin: by its own OUT p-value", color=style.MUTED, linewidth=0.9)
    legend_above(figure, [*style.run_handles(study.styles), calibrated, style.chance_handle()])
    alt = f"Log-log ROC curves by score and by OUT p-value, for the attacks {', '.join(attacks)}."
    yield drawn(figure, "calibrated_roc", "One threshold, or one FPR for every sample", alt, level=level_words(table))


def _draw_rocs(axes: Axes, table: pd.DataFrame, styles: dict[str, style.RunStyle], floor: float) -> None:
    log_log_roc(axes, floor)
    for (run, way), part in table.groupby(["run", "way"], sort=False):
        part = part[part["tpr"] > 0].sort_values("fpr")
        if way == "plain":
            draw_band(axes, part["fpr"], part["low"].clip(lower=1e-9), part["high"], styles[run])
            axes.plot(part["fpr"], part["tpr"], markevery=max(1, len(part) // 6), **styles[run].line)
        else:
            axes.plot(part["fpr"], part["tpr"], **styles[run].line | {"marker": "", "linewidth": 0.9})


def tabulate_realised(study: Study) -> Table:
    """Rates and precision on all samples, a row a run, attack and nominal FPR."""
    table = _last(study, "realised")
    table = table[(table["way"] == "plain") & (table["samples"] == "all")]
    metrics, rows = list(table["metric"].unique()), []
    for run, attack, part in of_runs(table, study.styles):
        for nominal, mine in part.groupby("nominal_fpr"):
            found = mine.set_index("metric")
            texts = [
                formatting.percent_interval(*found.loc[metric, ["value", "low", "high"]], 2 if metric == "fpr" else 1)
                for metric in metrics
            ]
            rows.append([run_cell(study.styles[run]), *text_cells(attack, f"{100 * nominal:g} %", *texts)])
    titles = [_title(metric) for metric in metrics]
    caption = (
        "What an attacker realises at the last checkpoint: thresholds are set at the nominal FPR on other models, "
        f"rates and precision counted on targets that were held out, with {level_words(table)} intervals. A dash: less "
        "than one non-member of those models, or nobody is called a member."
    )
    return Table(caption, ["run", "attack", "nominal FPR", *titles], rows, head=3)


def _title(metric: str) -> str:
    if metric.startswith(PRIOR):
        return f"precision at prior {100 * float(metric.removeprefix(PRIOR)):g} %"
    return metric.upper()


def tabulate_lists(study: Study) -> Table:
    """Lists of members, a row a run and attack."""
    table, rows = _last(study, "member_lists"), []
    for run, attack, part in of_runs(table, study.styles):
        found = part.set_index("metric")[["value", "low", "high"]]
        shares = [formatting.percent_interval(*found.loc[name]) for name in ("with_list", "fdr", "recall")]
        listed = formatting.interval(*found.loc["listed"], 1)
        rows.append([run_cell(study.styles[run]), *text_cells(attack, listed, *shares)])
    caption = (
        f"Lists of members at a false discovery rate of {100 * table['nominal_fdr'].iloc[0]:g} %, by Benjamini and "
        "Hochberg on each sample's own OUT p-value, at the last checkpoint: how many samples a target's list has, how "
        "many targets have one, the false discovery rate, and which share of the members are listed; means over "
        f"targets with {level_words(table)} intervals. The false discovery rate counts an empty list as 0: divided by "
        "the share of targets with a list it is the false share of the lists that there are."
    )
    return Table(
        caption,
        ["run", "attack", "listed", "targets with a list", "false discovery rate", "members listed"],
        rows,
        head=2,
    )


def tabulate_few(study: Study) -> Table:
    """TPR and FPR on the most vulnerable and on planted samples, at the two smallest nominal FPRs."""
    table = _last(study, "realised")
    table = table[(table["way"] == "plain") & (table["samples"] != "all") & table["metric"].isin(["tpr", "fpr"])]
    nominal = sorted(table["nominal_fpr"].unique())[:2]
    rows = []
    for run, attack, part in of_runs(table, study.styles):
        for samples, mine in part.groupby("samples", sort=False):
            found = mine.set_index(["nominal_fpr", "metric"])[["value", "low", "high"]]
            texts = [formatting.percent_interval(*found.loc[(fpr, of)]) for fpr in nominal for of in ("tpr", "fpr")]
            rows.append([run_cell(study.styles[run]), *text_cells(attack, _few(str(samples)), *texts)])
    titles = [f"{of} at {100 * fpr:g} %" for fpr in nominal for of in ("TPR", "FPR")]
    caption = (
        "The same thresholds on the few samples that are most vulnerable, chosen by the half of the models that is not "
        f"attacked, and on planted ones if there are any, with {level_words(table)} intervals."
    )
    return Table(caption, ["run", "attack", "samples", *titles], rows, head=3, folded="the most vulnerable samples")


def _few(samples: str) -> str:
    return f"top {100 * float(samples.removeprefix('top')):g} %" if samples.startswith("top") else samples


SECTION = Section(
    "realised",
    title="On held-out targets",
    figures=(Part(draw_precision, needs=("realised",)), Part(draw_calibrated, needs=("calibrated_roc",))),
    captions={"precision": _PRECISION, "calibrated_roc": _CALIBRATED},
    tables=(
        Part(tabulate_realised, needs=("realised",)),
        Part(tabulate_lists, needs=("member_lists",)),
        Part(tabulate_few, needs=("realised",)),
    ),
)
