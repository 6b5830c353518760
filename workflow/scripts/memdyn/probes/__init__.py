"""What is read off a network about its samples.

An entry is called as f(network, samples, members, batch, **options): a network in any mode, on its device; the samples;
which of them it trained on (bool [n]); how many pass at once; and the probe's own options. It returns its signals by
name, tensors [n, ...] each.
"""

REGISTRY: dict[str, str] = {
    "outputs": "memdyn.probes.outputs:outputs",
    "logits": "memdyn.probes.logits:logits",
    "views": "memdyn.probes.views:views",
    "embedding": "memdyn.probes.embedding:embedding",
    "gradient_norm": "memdyn.probes.gradient_norm:gradient_norm",
    "adversarial_distance": "memdyn.probes.adversarial_distance:adversarial_distance",
    "boundary_distance": "memdyn.probes.boundary_distance:boundary_distance",
    "grand": "memdyn.probes.grand:grand",
    "prediction_depth": "memdyn.probes.depth:prediction_depth",
    "level_distance": "memdyn.probes.level_distance:level_distance",
    "margin_gradient": "memdyn.probes.input_gradient:margin_gradient",
    "input_curvature": "memdyn.probes.input_gradient:input_curvature",
    "custom": "memdyn.probes.custom:custom",
}
