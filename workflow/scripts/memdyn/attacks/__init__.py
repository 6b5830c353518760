"""Membership inference attacks: signals in, one score a (model, sample) out; higher = member."""

REGISTRY: dict[str, str] = {
    "loss": "memdyn.attacks.loss:Loss",
    "lira": "memdyn.attacks.lira:LiRA",
    "rmia": "memdyn.attacks.rmia:RMIA",
    "tan2023": "memdyn.attacks.tan2023:Tan2023",
    "sequence": "memdyn.attacks.sequence:Sequence",
    "log_ratio_sum": "memdyn.attacks.log_ratio_sum:LogRatioSum",
    "trajectory": "memdyn.attacks.trajectory:Trajectory",
    "custom": "memdyn.attacks.custom:custom",
}
