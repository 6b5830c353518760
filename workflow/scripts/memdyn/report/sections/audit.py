"""Lower bounds of epsilon beside the accountant's; of audits alone."""

import numpy as np

from memdyn.report.draw import formatting
from memdyn.report.page.tables import Cell, Table, run_cell, text_cells
from memdyn.report.rows import by_run
from memdyn.report.section import Part, Section, Study

_CAPTION = (
    "Lower bounds of ε at the last checkpoint, at δ = {delta:g}, each of which is right in {confidence:g} % of audits "
    "or more. "
    "Guesses: memberships in the target models that are told by the reference models (Steinke, Nasr & Jagielski 2023), "
    "of all targets together. Largest of a model: the same of single targets, the largest of them, which is right "
    "as often for one model that was chosen beforehand only. Rates: of one decision a target on one sample, chosen on "
    "the reference models (Clopper & Pearson). Accountant: what training guarantees, an upper bound; ∞: nothing. A "
    "lower bound above it is a fault of the training or of the accountant, or luck that each bound has with a chance "
    "of at most {luck:.3g} %; one far below it says that this attack does not find all that is allowed."
)


def tabulate_audit(study: Study) -> Table:
    """A row a run: its bounds and the accountant's."""
    audit = study.tables["audit"]
    rows = []
    for row in by_run(audit[_together(audit, "guesses")], study.styles):
        mine = audit[audit["run"] == row["run"]]
        rates = mine[_together(mine, "rates")].iloc[0]
        single = mine[(mine["method"] == "guesses") & (mine["target"] != "all")]["epsilon_lower"].max()
        violated = bool(mine.loc[mine["target"] == "all", "violated"].any())
        right = f"{formatting.count(row['correct'])} of {formatting.count(row['guesses'])}"
        decided = f"{rates['correct']} of {rates['guesses']}"
        rows.append(
            [
                run_cell(study.styles[row["run"]]),
                *text_cells(right, _number(row["epsilon_lower"]), _number(single)),
                *text_cells(decided, _number(rates["epsilon_lower"]), _number(row["epsilon"])),
                Cell("bound above ε", kind="failed") if violated else Cell("none"),
            ]
        )
    first = audit.iloc[0]
    caption = _CAPTION.format(
        delta=first["delta"], confidence=100 * first["confidence"], luck=100 - 100 * first["confidence"]
    )
    titles = ["run", "right guesses", "ε at least", "largest of a model", "right decisions", "ε at least, by rates"]
    return Table(caption, [*titles, "accountant", "contradiction"], rows)


def _together(table, method: str):
    return (table["method"] == method) & (table["target"] == "all")


def _number(value: float) -> str:
    return "∞" if np.isinf(value) else f"{value:.2f}"


SECTION = Section(
    "audit",
    title="Lower bounds of ε",
    tables=(Part(tabulate_audit, needs=("audit",)),),
)
