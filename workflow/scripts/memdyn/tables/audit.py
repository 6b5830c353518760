"""Tables of audits: lower bounds of epsilon; of no other studies."""

from dataclasses import replace

from memdyn.tables import dynamics
from memdyn.tables.table import Column
from memdyn.tables.words import table, words

_BOUND = (
    Column(
        "method",
        "text",
        "guesses (right guesses of memberships, Steinke et al. 2023), or rates (of one decision a model, Clopper & "
        "Pearson)",
    ),
    Column("target", "text", "number of the target model; all: of all together"),
    Column("correct", "int", "guesses, or decisions, that are right"),
    Column("guesses", "int", "guesses that were made; of rates the decisions, one a model", "guesses"),
    Column("canaries", "int", "memberships that could have been guessed"),
    Column("delta", "float", "at which epsilon is bounded"),
    Column("confidence", "float", "that the bound does not exceed a true epsilon"),
    Column("epsilon_lower", "float", "the bound; 0: none"),
)
_ABOUT = "Lower bounds of epsilon"

TABLES = dict([table("audit", "bounds", f"{_ABOUT} of one run.", "method target", _BOUND)]) | {
    "accuracy": replace(dynamics.TABLES["accuracy"], stage="audit", study="")
}

OF_STUDY = dict(
    [
        table(
            "study",
            "audit",
            f"{_ABOUT} of each run of an audit, beside the accountant's.",
            "run method target",
            (
                *words("run"),
                *_BOUND,
                Column(
                    "epsilon",
                    "float",
                    "what the accountant of DP-SGD says at that delta, an upper bound; infinite without noise",
                ),
                Column(
                    "violated",
                    "bool",
                    "the lower bound is above it: a fault of the training or of the accountant, or luck that each "
                    "bound has with a chance of at most 1 - confidence (rows of single targets are many bounds)",
                ),
            ),
        )
    ]
)
