"""Which weights are still to be read, and which are to be trained again because somebody new reads them.

Weights go once all have read them (see `memdyn.plan.study.StudyPlan.readers`). One more reader trains its block anew,
to the same bits, and nothing else: what is finished is not made again of weights that it has read already.
"""

from pathlib import Path

from memdyn.operations.wanted import Wanted
from memdyn.plan.stage import PROBE, TRAIN, Stage
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


def is_unread_by(note: Wanted, plan: StudyPlan, train: Stage, block: str) -> bool:
    """Whether another study has still to read a block's weights, as far as its note tells.

    That is a probe of theirs that is not finished; or a training on the same pool, which may be a student's. Where the
    other study has fewer models than this one, weights stay that nobody will read: too many rather than too few.
    """
    if train.path not in note.folders:
        return False
    for folder in set(note.folders) - plan.stages.keys():
        pool, _, below = folder.partition("/")
        is_probe = below.count("/") == 1 and folder.startswith(f"{train.path}/")
        is_training = bool(below) and "/" not in below and train.path.startswith(f"{pool}/")
        product = PROBE.product if is_probe else TRAIN.product
        if (is_probe or is_training) and not Path(plan.results, folder, block, product).exists():
            return True
    return False
