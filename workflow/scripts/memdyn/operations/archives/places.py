"""Paths of this machine, as an archive has them: equal studies of two machines name their files alike.

What lies in the checkout is told from there. A user's own code outside of it goes to `own/NUMBER/`; own data, which do
not go in, are named `own_data/NUMBER/NAME`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memdyn.identity.digest import own_code
from memdyn.own.source import Code
from memdyn.plan.study import StudyPlan

_PATHS = {"path", "files", "target", "roots"}  # keys of configs and recipes, which no hash holds


@dataclass(frozen=True)
class Places:
    """Of a study.

    Attributes:
        own: the user's own code, by its file.
        data: files and folders of the user's own data; none of published data sets.
        names: path of this machine -> the archive's, longer ones first.
    """

    checkout: Path
    own: dict[Path, Code]
    data: list[str]
    names: dict[str, str]

    @classmethod
    def of(cls, plan: StudyPlan, checkout: Path) -> "Places":
        found = [own_code(root) for stage in plan.stages.values() for root in stage.roots]
        own = {code.file: code for code in found if code}
        data, config = own_data(plan), plan.study.config
        outside = sorted({code.root for code in own.values() if not code.root.is_relative_to(checkout)})
        names = {str(root): f"own/{number}" for number, root in enumerate(outside, 1)}
        away = sorted({path for path in data if Path(path).is_absolute()})
        names |= {path: f"own_data/{number}/{Path(path).name}" for number, path in enumerate(away, 1)}
        names |= {config.results: "results", config.data_dir: "data", str(checkout): ""}
        return cls(checkout, own, data, dict(sorted(names.items(), key=lambda pair: -len(pair[0]))))

    def renamed(self, value: Any, is_path: bool = False) -> Any:
        """A config or a recipe with the archive's paths in the place of this machine's.

        Only keys that are in no hash: the options of a user's own code stay, whatever they say.
        """
        if isinstance(value, Mapping):
            own = {"options"} if "target" in value else set()
            return {key: inner if key in own else self.renamed(inner, key in _PATHS) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.renamed(inner, is_path) for inner in value]
        return self.name(value) if is_path and isinstance(value, str) else value

    def name(self, text: str) -> str:
        """A path, or `path:name`, as the archive has it; other texts stay as they are."""
        for path, new in self.names.items():
            if text == path and Path(path).is_absolute():  # a relative one may be any word
                return new or "."
            if text.startswith((f"{path}/", f"{path}:")):
                rest = text[len(path) :]
                return new + rest if new else rest[1:]
        return text


def own_data(plan: StudyPlan) -> list[str]:
    """Files and folders that the samples of a user's own data sets are read from."""
    if plan.imported:
        return [plan.study.config.scores.path]
    own = {run.run.pool.dataset.model_dump_json(): run.run.pool.dataset for run in plan.runs}
    sources: Iterable[str] = (
        path for data in own.values() if is_own(data) for path in data.source_files(plan.study.config.data_dir)
    )
    return list(dict.fromkeys(sources))


def is_own(dataset: Any) -> bool:
    """Whether a data set's config says where the data lie: a published one is known by its name."""
    return bool({"path", "target"} & set(type(dataset).model_fields))
