"""Learning-rate schedules as pure functions of the step: resuming a run needs no state of theirs. Torch-free.

An entry is called as f(span, **options) and returns step -> factor for the steps 0 ... span.n_steps - 1. The options
are the fields of the config class of the same name in `memdyn.config.optim`, `warmup_epochs` apart.
"""

REGISTRY: dict[str, str] = {
    "constant": "memdyn.optim.schedules.constant:constant",
    "step": "memdyn.optim.schedules.step:multi_step",
    "cosine": "memdyn.optim.schedules.cosine:cosine",
    "one_cycle": "memdyn.optim.schedules.one_cycle:one_cycle",
    "custom": "memdyn.optim.schedules.custom:custom",
}
