"""Tables of how right an attack's probabilities are; of studies with an attack that gives some."""

from memdyn.tables.table import Column
from memdyn.tables.words import table, words

TABLES = dict(
    [
        table(
            "reliability",
            "reliability",
            "Reliability diagram: how many of the samples that an attack gives a probability are members.",
            "attack epoch bin",
            (
                Column("bin", "int", "tenth of the probabilities: 1 from 0, 10 up to 1; empty ones have no row"),
                Column("probability", "float", "mean of those in the bin"),
                Column("member_rate", "float", "share of members among them: the same where they are right"),
                *words("low high"),
                Column("share", "float", "of all (model, sample) that lie in the bin"),
                *words("level"),
            ),
            study="reliability",
        ),
        table(
            "reliability",
            "calibration",
            "How right an attack's probabilities of membership are as a whole.",
            "attack epoch metric",
            (
                Column(
                    "metric",
                    "text",
                    "brier (mean square of probability minus truth; 0.25: guessing), or calibration_error (mean "
                    "distance of probability and member rate over the bins)",
                ),
                Column("value", "float", "the metric"),
                *words("low high level"),
            ),
            study="calibration",
        ),
    ]
)
