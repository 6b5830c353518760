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
                *words("low high"),
                Column("null_value", "float", "its mean under random exchanges of membership; 0 of an advantage"),
                *words("level"),
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
        table(
            "uncalibrated",
            "uncalibrated_null",
            "Decisions of AVG and POW under the exchanges of membership of `null`; rows of the study's `null_draws`.",
            "epoch attack aggregation draw",
            (
                _ATTACK,
                Column("draw", "int", "number of the exchange, the same for all attacks of a run"),
                Column("auc", "float", "(1 + advantage) / 2, the AUC of a decision"),
            ),
        ),
    ]
)
