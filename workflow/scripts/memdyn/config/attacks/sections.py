"""The attacks of a study: a section of the config each, told apart by its name."""

from typing import Annotated

from pydantic import Field

from memdyn.config.attacks.calibrated import LiraAttack, RmiaAttack, Tan2023Attack
from memdyn.config.attacks.custom import CustomAttack
from memdyn.config.attacks.history import LogRatioSumAttack, SequenceAttack, TrajectoryAttack
from memdyn.config.attacks.thresholds import LossAttack

AttackConfig = Annotated[
    LossAttack
    | LiraAttack
    | RmiaAttack
    | Tan2023Attack
    | SequenceAttack
    | LogRatioSumAttack
    | TrajectoryAttack
    | CustomAttack,
    Field(discriminator="name"),
]
