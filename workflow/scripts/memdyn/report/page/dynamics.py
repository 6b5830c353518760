"""The tables of the page that rest on the full analysis: difficulty, planted samples, early risk, factors, tails."""

from collections.abc import Callable, Mapping

import pandas as pd

from memdyn.report.draw import formatting, style
from memdyn.report.draw.style import RunStyle
from memdyn.report.page.matched import CLOCKS, epochs, is_known, place_words
from memdyn.report.page.tables import Cell, Table, run_cell
from memdyn.report.sections.comparison import shown_pairs
from memdyn.report.sections.factors import METRICS, factor_rows
from memdyn.report.sections.plane import select_threshold
from memdyn.terms import AUC, FEWEST_HITS, FPRS, fpr_of, tpr_at

_PREDICTORS = {
    "d_prime": "d′",
    "loss": "loss",
    "margin": "margin",
    "el2n": "EL2N",
    "forgetting": "forgetting events",
    "lt_iqr": "LT-IQR",
}
_TOTAL = ("low_total", "high_total")  # of models and samples
_MODELS = {"half": "half of the models", "one": "one model a sample", "mean": "mean over half"}
_EARLY = ("recall", "recall_share", "latent_share", "auroc", "jaccard")
_MATCHED = {"epoch": "last common epoch"} | {clock: f"equal {words}" for clock, words in CLOCKS.items()}
LEAKS = (AUC, *map(tpr_at, FPRS[::-1]))


def _interval(
    row: pd.Series | None,
    name: str = "estimate",
    show: Callable = formatting.interval,
    digits: int = 3,
    limits: tuple[str, str] = ("low", "high"),
) -> str:
    return formatting.MISSING if row is None else show(row[name], *row[list(limits)], digits)


def _of_runs(table: pd.DataFrame, styles: dict[str, RunStyle]) -> list[tuple[str, str, pd.DataFrame]]:
    """(run, attack, rows) in the order of the study's runs."""
    groups = dict(list(table.groupby(["attack", "run"], sort=False)))
    attacks = list(dict.fromkeys(attack for attack, _ in groups))
    return [(run, attack, groups[attack, run]) for attack in attacks for run in styles if (attack, run) in groups]


def correlations(table: pd.DataFrame, reliabilities: pd.DataFrame | None, styles: dict[str, RunStyle]) -> Table:
    """Rank correlation of each difficulty with d', with severity and onset beside it, and what noise allows."""
    rows = []
    shown = table[table["models"].isin(["out", "in-out"])]
    for run, attack, part in _of_runs(shown, styles):
        found = {key: group.iloc[0] for key, group in part.groupby(["difficulty", "target", "method"])}
        reliable = {} if reliabilities is None else _reliabilities(reliabilities, run, attack)
        for name in part["difficulty"].unique():
            spearman = found.get((name, "d_prime", "spearman"))
            models = part.loc[part["difficulty"] == name, "models"].iloc[0]
            keys = [("d_prime", method) for method in ("spearman", "partial_spearman")]
            keys += [("severity", "spearman"), ("onset", "spearman")]
            texts = [_interval(found.get((name, *key)), digits=2, limits=_TOTAL) for key in keys]
            texts.insert(1, formatting.MISSING if spearman is None else formatting.p_value(spearman["p_holm"]))
            texts.append(formatting.number(reliable.get((name, models)), 2))
            decided = spearman is not None and (spearman["low_total"] > 0 or spearman["high_total"] < 0)
            cells = [Cell(text, kind="strong" if decided and not k else "") for k, text in enumerate(texts)]
            rows.append([run_cell(styles[run]), Cell(attack), Cell(style.DIFFICULTY_LABELS.get(name, name)), *cells])
    level = f"{100 * table['level'].iloc[0]:g} %"
    caption = (
        "Difficulty, on models that did not train on the sample (memorisation: on both), against vulnerability, from "
        f"disjoint halves of the models; correlations with {level} intervals over models and samples, bold where the "
        "first excludes 0; Holm's p over all correlations of the run and attack by that method, shown or not. "
        "d′ and onset are of the margin, severity is the attack's. Where a measure falls with difficulty (area "
        "under the margin, "
        "confidence, C-score), a negative sign says that harder samples are more vulnerable; so does one with onset "
        "for the others. Reliability of the difficulty: one half of the models against the other. No interval: too few "
        "models."
    )
    columns = ["run", "attack", "difficulty", "d′: Spearman", "p (Holm)", "within classes"]
    return Table(caption, [*columns, "severity: Spearman", "onset: Spearman", "reliability"], rows, head=3)


def _reliabilities(table: pd.DataFrame, run: str, attack: str) -> dict[tuple[str, str], float]:
    mine = table[(table["run"] == run) & (table["attack"] == attack)]
    return {(row.quantity, row.models): row.estimate for row in mine.itertuples()}


def planted(table: pd.DataFrame, styles: dict[str, RunStyle]) -> Table:
    """AUROC of d' and of the difficulties for planted wrong labels, a row a quantity, a column a run."""
    shown = table[table["models"].isin(["out", "in-out"])]
    runs = [run for run in styles if run in set(shown["run"])]
    found = {(row["run"], row["quantity"]): row for _, row in shown.iterrows()}
    rows = []
    for name in dict.fromkeys(shown["quantity"]):
        cells = [Cell(_interval(found.get((run, name)), "auroc")) for run in runs]
        rows.append([Cell("d′" if name == "d_prime" else style.DIFFICULTY_LABELS.get(name, name)), *cells])
    counts = dict.fromkeys(zip(shown["n_planted"], shown["n_planted"] + shown["n_others"], strict=True))
    words = ", ".join(f"{formatting.count(some)} of {formatting.count(every)} samples" for some, every in counts)
    caption = (
        f"Planted samples ({words}), whose label was replaced by a wrong one: how well d′ at the last checkpoint, and "
        f"each difficulty, tell them from the others (AUROC, {100 * table['level'].iloc[0]:g} % intervals over models "
        "and samples; 0.5: not at all)."
    )
    return Table(caption, ["by", *(styles[run].name for run in runs)], rows)


def early(table: pd.DataFrame, findings: pd.DataFrame, styles: dict[str, RunStyle]) -> Table:
    """What each predictor finds of the final top share at the early checkpoint of the findings."""
    rows = []
    for run, attack, part in _of_runs(table[table["target"] == "top"], styles):
        found = findings[(findings["run"] == run) & (findings["attack"] == attack) & (findings["target"] == "top")]
        if not len(found):
            continue
        at = part[part["epoch"] == found["epoch"].iloc[0]]
        for (name, models), group in at.groupby(["predictor", "models"], sort=False):
            metrics = {row["metric"]: row for _, row in _in_range(group).iterrows()}
            texts = [_interval(metrics.get(metric)) for metric in _EARLY]
            first = [run_cell(styles[run]), Cell(attack), Cell(f"{found['epoch'].iloc[0]:g}")]
            names = [Cell(_PREDICTORS.get(name, name)), Cell(_MODELS.get(models, models))]
            rows.append([*first, *names, *(Cell(text) for text in texts)])
    caption = (
        "What is known early of the samples finally at risk (the top share by d′ of the other half of the models): "
        "recall; recall above chance as a share of what d′ of the last checkpoint finds; the same without noise, the "
        "share of those truly at risk at the end that truly were so then, which does not depend on the number of "
        "models (with the choice of samples); AUROC; Jaccard. The "
        "baselines need no shadow models: they are read off models that trained on the sample, one of a random pair of "
        "the half, or the mean over the half's pairs."
    )
    columns = [
        "run",
        "attack",
        "epoch",
        "predictor",
        "from",
        "recall",
        "of the ceiling",
        "without noise",
        "AUROC",
        "Jaccard",
    ]
    return Table(caption, columns, rows, head=5)


def _in_range(table: pd.DataFrame) -> pd.DataFrame:
    """Estimates of latent shares within 0 and 1, as their limits are: replicates alone need what lies beyond."""
    share = table["metric"] == "latent_share"
    return table.assign(estimate=table["estimate"].mask(share, table["estimate"].clip(0, 1)))


def factors(table: pd.DataFrame, styles: dict[str, RunStyle], threshold: str, early: Mapping[str, float]) -> Table:
    """The numbers of the forest plot: a row a pair of runs and figure, a column a way of matching."""
    chosen, omitted = shown_pairs(table)
    shown = factor_rows(chosen, threshold, early)
    matchings = [matched for matched in _MATCHED if matched in set(shown["matched_by"])]
    rows = []
    for (first, second, attack), pair in shown.groupby(["run_a", "run_b", "attack"], sort=False):
        for metric, title in METRICS.items():
            found = {row["matched_by"]: row for _, row in pair[pair["metric"] == metric].iterrows()}
            if found:
                cells = [_difference(found.get(matched)) for matched in matchings]
                runs = [run_cell(styles[first]), run_cell(styles[second])]
                rows.append([*runs, Cell(attack), Cell(title.replace("\n", " "), kind="wrap"), *cells])
    caption = (
        "Differences of the analysed attack, first run minus second, at the last epoch that both have and at the "
        "largest test accuracy and generalisation gap at which the figure is known of both, with "
        f"{100 * table['level'].iloc[0]:g} % intervals; bold where the interval excludes 0. Recall above chance is "
        "that without noise, at the last early checkpoint of both. Squared speed "
        "(the mean over samples with counting noise removed, in (points per epoch)²) and inflow are of a step between "
        "checkpoints: by epoch, of the last step that both have; else only where the steps of both are equally long. "
        f"{omitted}"
    )
    columns = ["first run", "second run", "attack", "figure", *(_MATCHED[matched] for matched in matchings)]
    return Table(caption, columns, rows, head=4)


def _difference(row: pd.Series | None, digits: int = 3) -> Cell:
    """A difference; where runs are matched by a clock, its value and the epochs of both below it."""
    if row is None:
        return Cell(formatting.MISSING)
    text = _interval(row, "difference", formatting.signed_interval, digits)
    place = f"\n{place_words(row)}" if row["matched_by"] in CLOCKS else ""
    return Cell(f"{text}{place}", kind="lines strong" if row["low"] > 0 or row["high"] < 0 else "lines")


def equal_accuracy(table: pd.DataFrame, styles: dict[str, RunStyle]) -> Table:
    """Differences of attacks at several test accuracies that both runs reached, with the epochs of both."""
    chosen, omitted = shown_pairs(table[(table["matched_by"] == "accuracy_test") & table["metric"].isin(LEAKS)])
    chosen = chosen[chosen["at"].notna()]
    known = is_known(chosen)
    rows = []
    keys = ["attack", "run_a", "run_b", "at"]
    for (attack, first, second, at), point in chosen.groupby(keys, sort=False):
        place = [f"{at:.3f}", epochs(point.iloc[0])]
        found = {row["metric"]: (row, known[index]) for index, row in point.iterrows()}
        rows.append([run_cell(styles[first]), run_cell(styles[second]), Cell(attack), *map(Cell, place)])
        rows[-1] += [_known_difference(*found.get(metric, (None, False))) for metric in LEAKS]
    caption = (
        "Differences where both runs first had the same test accuracy, first run minus second, with "
        f"{100 * table['level'].iloc[0]:g} % intervals that hold the matching; bold where the interval excludes 0. The "
        "accuracies are near the best that both reached: the highest is the last one that both surely passed at a "
        "known epoch, since on a plateau a value is reached early or late by chance. Epochs: of the first run, then of "
        "the second. "
        f"{omitted}"
    )
    columns = ["first run", "second run", "attack", "test accuracy", "epochs"]
    return Table(caption, [*columns, *(style.METRIC_LABELS[metric] for metric in LEAKS)], rows, head=3)


def _known_difference(row: pd.Series | None, known: bool) -> Cell:
    if row is None or not known:
        return Cell("not determined" if row is not None else formatting.MISSING)
    decided = row["low"] > 0 or row["high"] < 0
    return Cell(_interval(row, "difference", formatting.signed_interval), kind="strong" if decided else "")


def onsets(summary: pd.DataFrame, styles: dict[str, RunStyle], threshold: str) -> Table:
    """How many samples have an onset, and when."""
    rows = []
    for run, attack, part in _of_runs(select_threshold(summary, threshold), styles):
        known = part["onset"].dropna()
        quartiles = [
            formatting.number(known.quantile(q), 1) if len(known) else formatting.MISSING for q in (0.25, 0.5, 0.75)
        ]
        above = part["d_prime_above"].notna().mean()
        texts = [formatting.percent(1 - part["censored"].mean()), *quartiles, formatting.percent(above)]
        texts.append(formatting.number(part["stabilised"].median(), 1))
        rows.append([run_cell(styles[run]), Cell(attack), *(Cell(text) for text in texts)])
    caption = (
        "Share of the samples with an onset, quartiles of its epoch among them, share that reached the d′ of the "
        "config, and the median epoch from which a sample stays near its final place in the plane."
    )
    columns = ["run", "attack", "with onset", "first quartile", "median", "third quartile", "d′ reached", "stable from"]
    return Table(caption, columns, rows, head=2)


def tails(verdicts: pd.DataFrame, points: pd.DataFrame, styles: dict[str, RunStyle]) -> Table:
    """Verdicts of the tail check at the last checkpoint, beside the parametric operating points that rest on it."""
    last = verdicts[verdicts["epoch"] == verdicts.groupby("run")["epoch"].transform("max")]
    marks = {"holds": "passed", "fails": "failed"}
    quantities = list(dict.fromkeys(points["quantity"]))
    rows = []
    for run in styles:
        for row in last[last["run"] == run].itertuples():
            mine = points[(points["run"] == run) & (points["part"] == row.part)].set_index("quantity")
            found = [mine.loc[name] if name in mine.index else None for name in quantities]
            ratio = formatting.interval(row.ratio, row.ratio_low, row.ratio_high, 2)
            members = formatting.interval(row.tpr_ratio, row.tpr_ratio_low, row.tpr_ratio_high, 2)
            cells = [Cell(ratio), Cell(members), Cell(row.verdict, kind=marks.get(row.verdict, ""))]
            cells += [Cell(_interval(point, "value", digits=4)) for point in found]
            rows.append([run_cell(styles[run]), Cell(row.part), Cell(f"{row.epoch:g}"), *cells])
    probability = f"{100 * verdicts['probability'].iloc[0]:g} %"
    caption = (
        "The tail check at the last checkpoint, each pair of models predicted from the others: how often an OUT margin "
        f"lies in the predicted upper tail of {probability}, over how often it should (is the FPR what it is called?), "
        "and how many members lie there, over how many the laws of d′ and of s_in / s_out say (is the TPR?). Holds: "
        "the first interval is within a factor of 2 of 1, the second within one of 1.25 or no farther than the FPR. "
        f"Fails: one lies outside. Else undecided, and always where fewer than {FEWEST_HITS} margins are expected "
        "there. Then the parametric operating points: means over samples of AUC and of TPR at small FPRs, which cannot "
        "be counted for one sample, with jackknife intervals over pairs; sham: no leakage."
    )
    columns = ["run", "part", "epoch", "OUT tail over expected", "members over predicted", "parametric law"]
    return Table(caption, [*columns, *map(_point_title, quantities)], rows, head=3)


def _point_title(quantity: str) -> str:
    if quantity == "auc":
        return "mean AUC"
    return f"mean TPR at {100 * fpr_of(quantity):g} % FPR"


def power_law(fits: pd.DataFrame) -> Table:
    """Slopes of the power law."""
    rows = [
        [
            Cell(str(row.attack)),
            Cell(f"{100 * row.fpr:g} %"),
            Cell(formatting.interval(row.slope, row.low, row.high)),
            Cell(formatting.p_value(row.p_fit)),
            Cell(formatting.count(row.pools)),
            Cell(formatting.count(row.dropped)),
            Cell(str(row.status)),
        ]
        for row in fits.itertuples()
    ]
    caption = (
        "Slope of log10(TPR − FPR) over log10 of the training samples per class, with "
        f"{100 * fits['level'].iloc[0]:g} % intervals; p: of so bad a fit, were the law true."
    )
    return Table(caption, ["attack", "FPR", "slope", "p of the fit", "sizes", "left out", "status"], rows, head=2)
