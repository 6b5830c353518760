"""Membership inference attacks: signals in, one score a (model, sample) out; higher = member."""

REGISTRY: dict[str, str] = {
    "loss": "memdyn.attacks.loss:Loss",
    "lira": "memdyn.attacks.lira:LiRA",
    "lira_views": "memdyn.attacks.lira_views:LiraViews",
    "rmia": "memdyn.attacks.rmia:RMIA",
    "tan2023": "memdyn.attacks.tan2023:Tan2023",
    "song2021": "memdyn.attacks.song2021:Song2021",
    "privacy_risk_score": "memdyn.attacks.privacy_risk_score:PrivacyRiskScore",
    "shokri2017": "memdyn.attacks.shokri2017:Shokri2017",
    "label_only": "memdyn.attacks.label_only:LabelOnly",
    "difficulty_calibration": "memdyn.attacks.difficulty_calibration:DifficultyCalibration",
    "ye": "memdyn.attacks.ye:Ye",
    "proxy": "memdyn.attacks.proxy:Proxy",
    "sequence": "memdyn.attacks.sequence:Sequence",
    "log_ratio_sum": "memdyn.attacks.log_ratio_sum:LogRatioSum",
    "trajectory": "memdyn.attacks.trajectory:Trajectory",
    "embedding_norm": "memdyn.attacks.embedding_norm:EmbeddingNorm",
    "gradient_norm": "memdyn.attacks.gradient_norm:GradientNorm",
    "adversarial_distance": "memdyn.attacks.adversarial_distance:AdversarialDistance",
    "boundary_distance": "memdyn.attacks.boundary_distance:BoundaryDistance",
    "custom": "memdyn.attacks.custom:custom",
}
