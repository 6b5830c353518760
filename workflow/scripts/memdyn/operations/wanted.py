"""What a study needs of the results, noted when its work starts: `results/studies/NAME/wanted-CHECKOUT.yaml`.

The note stands for a study that has not ended yet, whose config file may lie anywhere. A start that is refused,
or a dry run, notes nothing: what is finished goes on being wanted.

Each checkout on the results has a note of its own. Two that start one name with two configs need the folders of both:
the second start takes nothing from the first, which may be running.
"""

import atexit
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from memdyn.jobs.atomic import atomic_path
from memdyn.operations.places import shown
from memdyn.operations.weights import Reader, Readers
from memdyn.plan.study import StudyPlan

WANTED = "wanted*.yaml"
INTERIM = "interim"  # in a study's folder: what `memdyn interim` makes of its finished part
_EARLIER = "wanted.yaml"  # of all checkouts together, until the next start


@dataclass(frozen=True)
class Wanted:
    """Of one study.

    Attributes:
        folders: of artifacts, below the results.
        versions: folders of its tables, figures and report, below the study's `versions`.
        checkout: where it was started; empty in notes of an older release.
        keeps: whether it keeps all weights.
        readers: of its weights, by training; None: not told, in notes of an older release.
        reading: trainings whose weights the jobs of its Snakemake are to read, which runs. They need them though what
            they make may be there by now, of another checkout: Snakemake deletes that before it starts a job.
    """

    folders: list[str]
    versions: list[str]
    checkout: str = ""
    keeps: bool = False
    readers: Mapping[str, list[Reader]] | None = None
    reading: Sequence[str] = ()

    @classmethod
    def of(cls, content: Any) -> "Wanted":
        """From what a note says.

        Raises:
            TypeError: where it says something else.
        """
        found = cls(**content)
        if found.readers is not None:
            read = {train: [Reader(**each) for each in of] for train, of in dict(found.readers).items()}
            found = replace(found, readers=read)
        for paths in (found.folders, found.versions, found.reading):
            if not (isinstance(paths, list | tuple) and all(isinstance(each, str) for each in paths)):
                raise TypeError(f"{paths!r} is no list of folders")  # of a text, each letter would be one
        return found

    def is_to_read(self, results: Path, train: str, block: str) -> bool:
        """Whether a block's weights are not to go yet, as far as the note tells.

        Args:
            train: folder of their training, below the results.
        """
        if train not in self.folders:
            return False
        if self.keeps or self.readers is None or train in self.reading:
            return True
        return bool(Readers(results, self.readers).unread(train, block))


def note_path(study: Path, checkout: Path) -> Path:
    """The note of a study in the checkout that it is started in."""
    return study / f"wanted-{hashlib.sha256(str(checkout).encode()).hexdigest()[:8]}.yaml"


def note_wanted(plan: StudyPlan, reading: Sequence[str] = ()) -> None:
    """Writes this checkout's note, if it is not there already: what its earlier config wanted is wanted no more.

    Args:
        reading: see `Wanted`; until the next call, or until this process ends. One that is killed leaves it.
    """
    path = note_path(Path(plan.folder), Path.cwd())
    _write(path, _content(plan, reading))
    for other in (path.with_name(_EARLIER), _announcement(plan)):
        other.unlink(missing_ok=True)
    if reading:
        atexit.register(_end_reading, path.absolute(), _content(plan))


def _write(path: Path, content: bytes) -> None:
    if not path.exists() or path.read_bytes() != content:
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)


def _end_reading(path: Path, content: bytes) -> None:
    """However the run ended; nothing where the study was given up meanwhile."""
    if path.exists():
        _write(path, content)


def announce(plan: StudyPlan) -> None:
    """Notes what a start asks for until it is noted, or refused: deciding on its jobs takes it a while.

    What is there then counts as finished for it. A start that is killed leaves this to the next one.
    """
    path = _announcement(plan)
    made = [folder for folder in path.parents if not folder.exists()]
    with atomic_path(path) as temporary:
        temporary.write_bytes(_content(plan, list(plan.all_readers)))
    atexit.register(_withdraw, path.absolute(), [folder.absolute() for folder in made])


def _withdraw(path: Path, made: list[Path]) -> None:
    """Without a trace, where nothing came of it."""
    path.unlink(missing_ok=True)
    with suppress(OSError):  # something did
        for folder in made:
            folder.rmdir()


def _announcement(plan: StudyPlan) -> Path:
    note = note_path(Path(plan.folder), Path.cwd())
    return note.with_name(f"{note.stem}-starting.yaml")


def _content(plan: StudyPlan, reading: Sequence[str] = ()) -> bytes:
    content = {
        "checkout": str(Path.cwd()),
        "folders": list(plan.stages),
        "versions": [stage.folder for stage in shown(plan)],
        "keeps": plan.study.config.keep_checkpoints == "all",
        "readers": Readers.of_plan(plan).plain(),
        "reading": list(reading),
    }
    return yaml.safe_dump(content, sort_keys=False).encode()


def read_wanted(study: Path) -> list[Wanted]:
    """The notes in a study's folder, one a checkout, and another where it is just starting; none where it never was.

    Raises:
        ValueError: naming a file that is no such note.
    """
    return [read_note(path) for path in notes(study)]


def others_wanted(plan: StudyPlan) -> list[Wanted]:
    """The notes on these results but for this study's in this checkout; raises as `studies` and `read_wanted` do."""
    own = {note_path(Path(plan.folder), Path.cwd()), _announcement(plan)}
    return [read_note(path) for study in studies(Path(plan.results)) for path in notes(study) if path not in own]


def notes(study: Path) -> list[Path]:
    """Their files."""
    return sorted(study.glob(WANTED))


def read_note(path: Path) -> Wanted:
    """One of them; raises ValueError likewise."""
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(1000)
def _read(path: Path, written: int) -> Wanted:
    """Once for each time that it was written: it is asked after every job that reads weights."""
    try:
        return Wanted.of(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(
            f"{path} does not say what a study needs ({error}); run the study again, or delete it"
        ) from None


def studies(results: Path) -> Iterator[Path]:
    """The folders of all studies.

    Raises:
        FileNotFoundError: naming a link that leads nowhere, such as to a disk that is not mounted.
    """
    for path in sorted((results / "studies").glob("*")):
        if path.is_symlink() and not path.exists():
            raise FileNotFoundError(f"{path}: this study is a link to {path.readlink()}, which is not there")
        if path.is_dir():
            yield path
