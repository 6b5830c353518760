"""The attacks of a study: a section of the config each, told apart by its name."""

from typing import Annotated

from pydantic import Field

from memdyn.config.attacks.calibrated import (
    DifficultyCalibrationAttack,
    ProxyAttack,
    QuantileRegressionAttack,
    RmiaAttack,
    Tan2023Attack,
    YeAttack,
    YeDistilledAttack,
)
from memdyn.config.attacks.custom import CustomAttack
from memdyn.config.attacks.distance import AdversarialDistanceAttack, BoundaryDistanceAttack
from memdyn.config.attacks.history import LogRatioSumAttack, SequenceAttack, TrajectoryAttack
from memdyn.config.attacks.lira import LiraAttack, LiraViewsAttack
from memdyn.config.attacks.thresholds import LossAttack, PrivacyRiskScoreAttack, Song2021Attack
from memdyn.config.attacks.trained import LabelOnlyAttack, Shokri2017Attack
from memdyn.config.attacks.white_box import EmbeddingNormAttack, GradientNormAttack

AttackConfig = Annotated[
    LossAttack
    | LiraAttack
    | LiraViewsAttack
    | RmiaAttack
    | Tan2023Attack
    | Song2021Attack
    | PrivacyRiskScoreAttack
    | Shokri2017Attack
    | LabelOnlyAttack
    | DifficultyCalibrationAttack
    | YeAttack
    | YeDistilledAttack
    | QuantileRegressionAttack
    | ProxyAttack
    | EmbeddingNormAttack
    | GradientNormAttack
    | AdversarialDistanceAttack
    | BoundaryDistanceAttack
    | SequenceAttack
    | LogRatioSumAttack
    | TrajectoryAttack
    | CustomAttack,
    Field(discriminator="name"),
]
