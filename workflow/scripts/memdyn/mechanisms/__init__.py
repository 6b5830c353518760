"""Mechanisms: regularizers and defences as hooks of the training loop, see `memdyn.mechanisms.base`.

An entry is called as f(**options) and returns a `Mechanism`. The options are the fields of the config class of the same
name in `memdyn.config.mechanisms`; `custom` stands for all of a user's own, whatever their names.
"""

# a user's own function with these parameters is a loss, in the place of the cross-entropy
LOSS = ("logits", "labels", "epoch")

REGISTRY: dict[str, str] = {
    "cutout": "memdyn.mechanisms.cutout:Cutout",
    "distillation": "memdyn.mechanisms.distillation:distillation",
    "disturb_label": "memdyn.mechanisms.disturb_label:DisturbLabel",
    "dp_sgd": "memdyn.mechanisms.dp_sgd:DpSgd",
    "early_stopping": "memdyn.mechanisms.early_stopping:EarlyStopping",
    "gaussian_noise": "memdyn.mechanisms.gaussian_noise:GaussianNoise",
    "label_smoothing": "memdyn.mechanisms.label_smoothing:LabelSmoothing",
    "mixup": "memdyn.mechanisms.mixup:Mixup",
    "rand_augment": "memdyn.mechanisms.rand_augment:RandAugment",
    "spatial_dropout": "memdyn.mechanisms.spatial_dropout:SpatialDropout",
    "custom": "memdyn.mechanisms.custom:custom",
}
