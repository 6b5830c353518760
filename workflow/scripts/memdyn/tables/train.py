"""Tables of a run's training, one a block of models."""

from memdyn.tables.table import Column
from memdyn.tables.words import table

TABLES = dict(
    [
        table(
            "train",
            "log",
            "The training of a block's models. A model failed in the epoch whose loss is not finite, its last.",
            "model epoch",
            (
                Column("model", "int", "number of the shadow model"),
                Column("loss", "float", "mean training loss of the epoch", "nats"),
                Column("accuracy", "float", "accuracy on the members, in training mode", "share"),
                Column("learning_rate", "float", "of the epoch's last step"),
                Column("seconds", "float", "wall time of the epoch", "s", measured=True),
                Column("<mechanism>.<figure>", "float", "what a mechanism of the recipe tells of the epoch"),
            ),
        )
    ]
)
