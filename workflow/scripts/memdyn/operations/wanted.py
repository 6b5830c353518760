"""What a study needs of the results, noted when its work starts: `results/studies/NAME/wanted.yaml`.

The note stands for a study that has not ended yet, whose config file may lie anywhere. A start that is refused,
or a dry run, notes nothing: what is finished goes on being wanted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from memdyn.jobs.atomic import atomic_path
from memdyn.operations.places import shown
from memdyn.plan.study import StudyPlan

WANTED = "wanted.yaml"


@dataclass(frozen=True)
class Wanted:
    """Of one study.

    Attributes:
        folders: of artifacts, below the results.
        versions: folders of its tables, figures and report, below the study's `versions`.
    """

    folders: list[str]
    versions: list[str]


def note_wanted(plan: StudyPlan) -> None:
    """Writes the note, where it is not the one that is there: what an earlier config wanted is wanted no more."""
    content = {"folders": list(plan.stages), "versions": [stage.folder for stage in shown(plan)]}
    path = Path(plan.folder, WANTED)
    if read_wanted(Path(plan.folder)) != Wanted(**content):
        with atomic_path(path) as temporary:
            temporary.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def read_wanted(study: Path) -> Wanted | None:
    """The note in a study's folder; None where there is none.

    Raises:
        ValueError: naming a file that is no such note.
    """
    path = study / WANTED
    if not path.exists():
        return None
    try:
        found = Wanted(**yaml.safe_load(path.read_text(encoding="utf-8")))
        for paths in (found.folders, found.versions):
            if not (isinstance(paths, list) and all(isinstance(each, str) for each in paths)):
                raise TypeError(f"{paths!r} is no list of folders")  # of a text, each letter would be one
        return found
    except (TypeError, UnicodeDecodeError, yaml.YAMLError) as error:
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
