"""Mechanisms: regularizers and defences as hooks of the training loop, see `memdyn.mechanisms.base`.

An entry is called as f(**options) and returns a `Mechanism`. The options are the fields of the config class of the same
name in `memdyn.config.mechanisms`; `custom` stands for all of a user's own, whatever their names.
"""

# a user's own function with these parameters is a loss, in the place of the cross-entropy
LOSS = ("logits", "labels", "epoch")

REGISTRY: dict[str, str] = {
    "dp_sgd": "memdyn.mechanisms.dp_sgd:DpSgd",
    "custom": "memdyn.mechanisms.custom:custom",
}
