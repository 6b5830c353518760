"""Optimizers. An entry is called as f(model, **options) and returns a torch optimizer for `step(closure)`.

The options are the fields of the config class of the same name in `memdyn.config.optim`.
"""

REGISTRY: dict[str, str] = {
    "sgd": "memdyn.optim.sgd:sgd",
    "sam": "memdyn.optim.sam:sam",
    "adam": "memdyn.optim.adam:adam",
    "adamw": "memdyn.optim.adam:adamw",
    "rmsprop": "memdyn.optim.rmsprop:rmsprop",
    "muon": "memdyn.optim.muon:muon",
    "custom": "memdyn.optim.custom:custom",
}
