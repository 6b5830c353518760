"""What attackers without shadow models find at one threshold that known samples set: AVG and POW; and Tail-TNR."""

from math import isnan

from memdyn.report.draw import formatting
from memdyn.report.page.tables import Table, run_cell, text_cells
from memdyn.report.rows import at_last, runs_in
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import level_words

# (attack, metric) -> heading
_SHOWN = {
    ("avg", "advantage"): "advantage of AVG",
    ("pow", "advantage"): "advantage of POW",
    ("", "loss_tnr_at_tpr_0.99"): "Tail-TNR at 99 %",
    ("", "loss_tnr_at_tpr_0.999"): "Tail-TNR at 99.9 %",
}


def tabulate_uncalibrated(study: Study) -> Table:
    """Advantages and tails at each run's last checkpoint, each beside its mean where memberships are swapped."""
    table = study.tables["uncalibrated"]
    runs, last = runs_in(table, study.styles), at_last(table).set_index(["run", "attack", "metric"])
    # few members have no small share
    told = [key for key in _SHOWN if any(not isnan(last.loc[(run, *key), "value"]) for run in runs)]
    rows = []
    for run in runs:
        texts = []
        for key in told:
            row = last.loc[(run, *key)]
            texts += [formatting.interval(*row[["value", "low", "high"]]), formatting.number(row["null_value"])]
        rows.append([run_cell(study.styles[run]), *text_cells(*texts)])
    caption = (
        "Attacks on the loss that need no shadow models, means over models at each run's last checkpoint, with "
        f"{level_words(table)} intervals. AVG, POW: the advantage (TPR minus FPR), on other samples, of the threshold "
        "that some members of the model, and for POW non-members too, have set. Tail-TNR: the share of non-members "
        "whose loss is above that of 99 % of the members, or of 99.9 %. Null: the mean where memberships are swapped "
        "at random."
    )
    return Table(caption, ["run", *(text for key in told for text in (_SHOWN[key], "null"))], rows)


SECTION = Section(
    "uncalibrated",
    title="Without shadow models",
    tables=(Part(tabulate_uncalibrated, needs=("uncalibrated",)),),
)
