"""Membership inference attacks: signals in, one score a (model, sample) out; higher = member."""

REGISTRY: dict[str, str] = {
    "loss": "memdyn.attacks.loss:Loss",
    "lira": "memdyn.attacks.lira:LiRA",
    "rmia": "memdyn.attacks.rmia:RMIA",
    "tan2023": "memdyn.attacks.tan2023:Tan2023",
    "custom": "memdyn.attacks.custom:custom",
}
