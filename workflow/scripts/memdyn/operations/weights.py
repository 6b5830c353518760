"""Which weights are still to be read, and which are to be trained again because somebody new reads them.

Weights go once all have read them (see `memdyn.plan.study.StudyPlan.readers`). One more reader trains its block anew,
to the same bits, and nothing else: what is finished is not made again of weights that it has read already.
"""

from pathlib import Path

from memdyn.plan.stage import TRAIN, Stage
from memdyn.plan.study import StudyPlan

CHECKPOINTS = "checkpoints"


def unread(plan: StudyPlan, train: Stage, block: str) -> list[Stage]:
    """What has still to read a block's weights: probes that are missing, students that are to be trained."""
    return [reader for reader in plan.readers(train, block) if _is_to_read(plan, reader, block)]


def _is_to_read(plan: StudyPlan, reader: Stage, block: str) -> bool:
    if reader.kind == TRAIN:
        return is_to_be_trained(plan, reader, block)
    return not Path(plan.results, reader.product(block)).exists()


def is_to_be_trained(plan: StudyPlan, train: Stage, block: str) -> bool:
    """Whether a block was never trained to its end, or has lost weights that somebody has still to read."""
    trained = Path(plan.results, train.path, block)
    if not (trained / TRAIN.product).exists():
        return True
    return not (trained / CHECKPOINTS).exists() and bool(unread(plan, train, block))
