"""What is read off a network about its samples.

The registry holds the optional measures of difficulty. An entry is called as
f(network, inputs, members, batch, **options): a network in any mode, the samples, which of them it trained on (bool
[samples]), how many pass at once, and the measure's own options; it returns float32 [samples].
"""

REGISTRY: dict[str, str] = {
    "grand": "memdyn.probes.grand:grand",
    "prediction_depth": "memdyn.probes.depth:prediction_depth",
}
