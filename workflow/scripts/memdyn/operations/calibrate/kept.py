"""What calibrations have measured, kept beside the results: a small file a machine, device and number of threads.

An entry's name holds the options and the code that it was measured with, so that none is used for what is another's.
"""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memdyn.identity.names import options_hash
from memdyn.jobs.atomic import atomic_path
from memdyn.plan.stage import ATTACK, Stage
from memdyn.plan.study import StudyPlan

_FOLDER = "calibration"
# what the size of a job says already, and what differs from run to run without a matter for its time
_OF_THE_SIZE = ("models", "epochs", "needs", "run_key")


@dataclass(frozen=True)
class Law:
    """CPU seconds of a job after scoring, without its start.

    Attributes:
        fixed: of any job.
        checkpoint: of each.
        once: of a million (model, sample) and attack, for what is done at one checkpoint alone.
        rate: of a million (model, sample, checkpoint) and attack, see `memdyn.operations.after_scoring`.
    """

    fixed: float
    checkpoint: float
    once: float
    rate: float

    def seconds(self, checkpoints: int, size: float) -> float:
        """Of a job of so many checkpoints and millions (model, sample, checkpoint)."""
        parts = terms(checkpoints, size)
        return sum(
            part * cost for part, cost in zip(parts, (self.fixed, self.checkpoint, self.once, self.rate), strict=True)
        )


def terms(checkpoints: int, size: float) -> tuple[float, float, float, float]:
    """What each part of a law is multiplied with."""
    return 1.0, float(checkpoints), size / checkpoints, size


@dataclass(frozen=True)
class Calibration:
    """Of one machine.

    Attributes:
        host, device, threads: where, on what.
        at: UTC.
        start, light_start: CPU seconds until a job has imported what it needs, with torch and without.
        training: path of a training -> seconds a model, of the cores of a job together a job's threads.
        probes: path of a probe -> seconds a model, likewise.
        after: `name_of` a job after scoring -> its law.
    """

    host: str
    device: str
    threads: int
    at: str = ""
    start: float = 0.0
    light_start: float = 0.0
    training: Mapping[str, float] = field(default_factory=dict)
    probes: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, Law] = field(default_factory=dict)


def name_of(stage: Stage) -> str:
    """What stands for the time of a stage's job but for its size: the kind, its options and its code."""
    name = stage.options["attack"]["name"] if stage.kind == ATTACK else stage.kind.name
    options = {key: value for key, value in stage.options.items() if key not in _OF_THE_SIZE}
    return f"{name} {options_hash(options)} {stage.digest[:10]}"


def calibration_of(plan: StudyPlan) -> Calibration | None:
    """This machine's, else the newest of another one that has the results too, as a cluster's nodes do; else none."""
    config = plan.study.config
    return newest(Path(plan.results), config.device, config.threads)


def newest(results: Path, device: str, threads: int) -> Calibration | None:
    """See `calibration_of`.

    Raises:
        ValueError: naming a file that is no calibration.
    """
    found = [_read(path) for path in sorted((results / _FOLDER).glob(f"*-{device}-{threads}.json"))]
    return max(found, key=lambda each: (each.host == platform.node(), each.at), default=None)


def keep(results: Path, measured: Calibration) -> Path:
    """Writes it, with what was measured on the machine before; returns the file."""
    path = results / _FOLDER / f"{measured.host}-{measured.device}-{measured.threads}.json"
    before = _read(path) if path.exists() else measured
    merged = asdict(measured)
    for name in ("training", "probes", "after"):
        merged[name] = asdict(before)[name] | merged[name]
    merged["at"] = datetime.now(UTC).isoformat(timespec="seconds")
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(merged, indent=1) + "\n", encoding="utf-8")
    return path


def _read(path: Path) -> Calibration:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = {each.name: content[each.name] for each in fields(Calibration)}
        laws = {name: Law(**law) for name, law in known.pop("after").items()}
        return Calibration(**known, after=laws)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        told = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} is no calibration ({told}); delete it and calibrate again") from None
