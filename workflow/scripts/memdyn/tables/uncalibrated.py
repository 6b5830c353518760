"""Tables of what a run says without shadow models."""

from memdyn.tables.table import Column
from memdyn.tables.words import table, words

_ATTACK = Column("attack", "text", "avg or pow; empty for what is no attack's")

TABLES = dict(
    [
        table(
            "uncalibrated",
            "uncalibrated",
            "What needs no shadow models, means over models: accuracy, losses, their tail, advantages of AVG, POW.",
            "epoch attack metric",
            (
                _ATTACK,
                Column(
                    "metric",
                    "text",
                    "accuracy_test, accuracy_in, loss_in, loss_out (nats), loss_tnr_at_tpr_<p> (TNR of the threshold "
                    "on the loss that calls this share of the members so; none where 1 - p is less than a member), or "
                    "advantage",
                ),
                Column("value", "float", "the metric"),
                *words("low high level"),
            ),
            study="uncalibrated",
        ),
        table(
            "uncalibrated",
            "uncalibrated_replicates",
            "`uncalibrated` without each group of pairs.",
            "epoch attack metric group",
            (_ATTACK, Column("value", "float", "the metric")),
        ),
    ]
)
