"""Attacks with one threshold for all samples, or one a class."""

from typing import Literal

from pydantic import Field

from memdyn.config.attacks.base import AttackSection


class LossAttack(AttackSection):
    """One threshold on the loss, the same for all samples (Yeom et al. 2018); needs no shadow models."""

    name: Literal["loss"] = Field("loss", description="loss threshold without calibration")
