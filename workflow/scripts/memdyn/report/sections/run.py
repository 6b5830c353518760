"""What was run: the data and how they were split, recipes and models, and how well they fit."""

from collections.abc import Iterator

import pandas as pd

from memdyn.report.draw import formatting, style
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, panels
from memdyn.report.page.tables import Table, failed_cell, run_cell, text_cells
from memdyn.report.rows import by_run, failures
from memdyn.report.section import Part, Section, Study
from memdyn.terms import PARTS

_ACCURACY = """
    Accuracy and loss of the scored samples over checkpoints, means over the shadow models: as members (solid,
    filled) and as non-members (dashed, hollow). The gap between the two is what membership inference feeds on."""

# title -> (column, how it is printed)
_COLUMNS = {
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
_OF_RECIPES = {"architecture", "optimizer", "augment", "learning_rate", "batch_size", "seconds_per_model"}
_DUPLICATES = ("duplicates_dropped", "samples_in_source")


def draw_accuracy(study: Study) -> Iterator[Drawing]:
    """Accuracy and loss on members and on non-members over checkpoints; nothing where no accuracy is known."""
    if study.tables["accuracy"]["accuracy_out"].isna().all():
        return
    figure, ((accuracy, loss),) = panels(1, 2, 3.1, sharex=False, sharey=False)
    for run, part in study.tables["accuracy"].groupby("run", sort=False):
        part, run_style = part.sort_values("epoch"), study.styles[run]
        line = {"color": run_style.colour, "marker": run_style.marker, "markeredgecolor": run_style.colour}
        for axes, quantity in ((accuracy, "accuracy"), (loss, "loss")):
            axes.plot(part["epoch"], part[f"{quantity}_in"], linestyle="-", **line)
            axes.plot(part["epoch"], part[f"{quantity}_out"], linestyle="--", markerfacecolor="white", **line)
    accuracy.set_title("accuracy")
    loss.set_title("cross-entropy loss")
    style.plain_log_axis(loss)
    for axes in (accuracy, loss):
        style.epoch_axis(axes)
    grey = {"color": style.MUTED, "marker": "o", "markeredgecolor": style.MUTED}
    handles = [style.handle(s.name, color=s.colour, marker=s.marker) for s in study.styles.values()]
    handles.append(style.handle("members", linestyle="-", **grey))
    handles.append(style.handle("non-members", linestyle="--", markerfacecolor="white", **grey))
    legend_above(figure, handles)
    alt = "Accuracy and loss of members and non-members over epochs for each run."
    yield drawn(figure, "accuracy", "Accuracy of members and non-members", alt)


def tabulate_pools(study: Study) -> Table:
    """The data and how they were split."""
    table = study.tables["pools"]
    parts = [part for part in PARTS if part in table]
    rows = []
    for _, row in table.iterrows():
        cells = text_cells(row["dataset"], formatting.count(row["n_classes"]), str(row["shape"]))
        cells += text_cells(*(formatting.count(row[part]) for part in parts))
        cells += text_cells(" of ".join(formatting.count(row[name]) for name in _DUPLICATES), str(row["sha256"])[:12])
        rows.append(cells)
    columns = ["data", "classes", "shape", *parts, "duplicates dropped", "sha256"]
    halves = "some" if study.in_folds else "half"
    caption = (
        f"Samples in each part of the pool. Scored: members of {halves} of the models; sham: treated alike but never "
        "trained on; population: reference data of attacks; test: utility; spare: kept for defences. Duplicates: "
        "samples of the data set that equal an earlier one, whatever their label."
    )
    return Table(caption, columns, rows)


def tabulate_runs(study: Study) -> Table:
    """What was trained, with accuracies and cost, without columns that the table lacks or data that all runs share."""
    table, styles = study.tables["runs"], study.styles
    shown = set(table.columns) - ({"dataset"} if table["dataset"].nunique() == 1 else set())
    lost, diverged = failures(study.tables), _diverged(table, styles, study.is_audit, study.in_folds)
    if not diverged:
        shown -= {"n_failed"}
    trained = "architecture" not in table or bool(table["architecture"].ne("").any())  # not by another tool
    if not trained:
        shown -= _OF_RECIPES
    columns = {title: (name, show) for title, (name, show) in _COLUMNS.items() if name in shown}
    rows = []
    for row in by_run(table, styles):
        texts = [show(row[name]) for name, show in columns.values()]
        texts += [formatting.duration(row["seconds_per_model"] * row["n_models"])] * trained
        name = row["run"]
        run = failed_cell(styles[name], lost[name]) if name in lost else run_cell(styles[name])
        rows.append([run, *text_cells(*texts)])
    caption = (
        f"{'Recipes and models' if trained else 'Models, trained by another tool'}. Accuracies at the last checkpoint, "
        "means over models: on the scored samples as members (in) and as non-members (out), and on the test part"
        f"{'; training time' * trained}."
    )
    few = [] if study.is_audit else _few_checkpoints(table, styles)  # which is of one checkpoint
    caption = " ".join([caption, *diverged, *few])
    words = sum(show is str for _, show in columns.values())
    return Table(caption, ["run", *columns, *["all models"] * trained], rows, head=1 + words)


def _few_checkpoints(table: pd.DataFrame, styles: dict[str, style.RunStyle]) -> list[str]:
    """What is left out of runs that have too few checkpoints for it."""
    sentences = []
    for column, value, words in (
        ("n_checkpoints", 1, "one checkpoint: what needs two (transitions, speed, early determination) is left out"),
        ("last_checkpoint", 0, "no checkpoint of trained models: difficulty is left out"),
    ):
        names = [styles[row["run"]].name for row in by_run(table, styles) if row.get(column) == value]
        if names:
            sentences.append(f"{', '.join(names)}: {words}.")
    return sentences


def _diverged(table: pd.DataFrame, styles: dict[str, style.RunStyle], is_audit: bool, alone: bool) -> list[str]:
    """A sentence on each run that lost models, alone or with their pairs, and on what it lacks for that."""
    sentences = []
    for row in by_run(table[table["n_failed"] > 0], styles) if "n_failed" in table else []:
        fate = "is left out with its pair" if row["n_failed"] == 1 else "are left out with their pairs"
        name = styles[row["run"]].name
        if alone:
            fate = "is left out" if row["n_failed"] == 1 else "are left out"
        if is_audit:  # which has no pairs
            fate = "counted as wrong where a target, left out where a reference"
            fate = f"{'is' if row['n_failed'] == 1 else 'are'} {fate}"
        sentences.append(f"{name}: {row['n_failed']} of {row['n_planned']} models diverged and {fate}.")
        if row.get("status") == "ok" and row["reason"]:
            sentences.append(f"{name}: {row['reason']}.")
    return sentences


SECTION = Section(
    "run",
    title="What was run",
    figures=(Part(draw_accuracy, needs=("accuracy",)),),
    captions={"accuracy": _ACCURACY},
    tables=(Part(tabulate_pools, needs=("pools",)), Part(tabulate_runs, needs=("runs",))),
)
