"""Mechanisms: regularizers and defences as hooks of the training loop, see `memdyn.mechanisms.base`.

An entry is called as f(**options) and returns a `Mechanism`. The options are the fields of the config class of the same
name in `memdyn.config.mechanisms`; `custom` stands for all of a user's own, whatever their names.
"""

# a user's own function with these parameters is a loss, in the place of the cross-entropy
LOSS = ("logits", "labels", "epoch")

REGISTRY: dict[str, str] = {
    "adv_reg": "memdyn.mechanisms.adv_reg:AdvReg",
    "ccl": "memdyn.mechanisms.ccl:ConvexConcave",
    "confidence_penalty": "memdyn.mechanisms.confidence_penalty:ConfidencePenalty",
    "cutout": "memdyn.mechanisms.cutout:Cutout",
    "distillation": "memdyn.mechanisms.distillation:distillation",
    "disturb_label": "memdyn.mechanisms.disturb_label:DisturbLabel",
    "dmp": "memdyn.mechanisms.dmp:dmp",
    "dp_sgd": "memdyn.mechanisms.dp_sgd:DpSgd",
    "early_stopping": "memdyn.mechanisms.early_stopping:EarlyStopping",
    "gaussian_noise": "memdyn.mechanisms.gaussian_noise:GaussianNoise",
    "hamp": "memdyn.mechanisms.hamp:Hamp",
    "hamp_output": "memdyn.mechanisms.hamp_output:RandomImagesValues",
    "label_dp": "memdyn.mechanisms.label_dp:LabelDp",
    "label_smoothing": "memdyn.mechanisms.label_smoothing:LabelSmoothing",
    "mixup": "memdyn.mechanisms.mixup:Mixup",
    "mmd": "memdyn.mechanisms.mmd:Mmd",
    "output_noise": "memdyn.mechanisms.output_noise:OutputNoise",
    "past": "memdyn.mechanisms.past:Past",
    "rand_augment": "memdyn.mechanisms.rand_augment:RandAugment",
    "relax_loss": "memdyn.mechanisms.relax_loss:RelaxLoss",
    "rounding": "memdyn.mechanisms.rounding:Rounding",
    "selena": "memdyn.mechanisms.selena:Selena",
    "spatial_dropout": "memdyn.mechanisms.spatial_dropout:SpatialDropout",
    "student": "memdyn.mechanisms.student:student",
    "temperature": "memdyn.mechanisms.temperature:Temperature",
    "top_k": "memdyn.mechanisms.top_k:TopK",
    "custom": "memdyn.mechanisms.custom:custom",
}
