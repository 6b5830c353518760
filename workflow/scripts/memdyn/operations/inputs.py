"""What a job names of what it is made from: all of it; of a finished one, what is still there.

A folder's name holds what it is made of, so nothing is ever too old: all inputs are `ancient`, and only what is
missing is made. Yet Snakemake makes anew what has an input that is missing and is made for somebody else: one more
attack, which reads the pool, would with a lost pool train all models again. So what is finished does not name what is
lost.

Where jobs are forced, they and what comes after them name all, or they would not be reached.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from os.path import exists
from typing import Any

from snakemake.io import ancient

Files = str | list[str] | dict[str, list[str]]
InputFunction = Callable[[Any], Files]

# the order of the work; rules that are not here are of attacks and analyses, which stand side by side
_BEFORE = ("download", "build_pool", "import_scores", "draw_membership", "train_block", "probe_block")
_AFTER = ("compare_audits", "compare_folds", "compare_runs", "draw_figures", "write_report", "judge_limits", "all")


def _place(rule: str) -> int:
    """Of a rule in the order of the work."""
    found = next((place for place, name in enumerate(_BEFORE) if rule.startswith(name)), len(_BEFORE))
    return len(_BEFORE) + 1 + _AFTER.index(rule) if rule in _AFTER else found


@dataclass(frozen=True)
class Forced:
    """What a command line wants made again.

    Attributes:
        names: of rules and files: of --forcerun, and of targets with --force.
        everything: --forceall.
    """

    names: frozenset[str] = frozenset()
    everything: bool = False

    @classmethod
    def of(cls, settings: Any) -> "Forced":
        """Args: settings: Snakemake's of the graph."""
        names = {*settings.forcerun, *(settings.targets if settings.forcetargets else ())}
        return cls(frozenset(map(str, names)), settings.forceall)

    def reaches(self, rule: str) -> bool:
        """Whether the rule is to name all that it is made from, though it is finished."""
        is_file = any("/" in name or "." in name for name in self.names)
        again = self.names | ({"train_block"} if "probe_block" in self.names else set())  # of weights that may be gone
        return self.everything or is_file or rule in again or any(_place(rule) > _place(name) for name in again)


@dataclass
class Inputs:
    """Of all rules of a start; in a job, which has been told to do what it does, nothing is left out.

    Attributes:
        forced: -> what is to be made again, known once all rules are read; None: in a job.
        left_out: what a finished job does not name, one for each of its products.
    """

    forced: Callable[[], Forced] | None
    left_out: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._is_there = cache(exists)  # thousands of jobs name the same pool
        self._leaves_out = cache(lambda rule: self.forced is not None and not self.forced().reaches(rule))

    def of(
        self, rule: str, products: Iterable[str], again: Callable[[Any], bool] = lambda wildcards: False
    ) -> Callable[[Any], InputFunction]:
        """A function that makes files into inputs of a rule.

        Args:
            products: patterns of the files that are there when the job is done.
            again: of wildcards -> whether the job is to be done again, though they are there.

        Returns:
            a function of a pattern, of a list of files, or of an input function, which may give several by name.
        """
        products = list(products)
        finished: dict[str, bool] = {}  # by the first product: each of a job's inputs asks

        def is_finished(wildcards: Any) -> bool:
            first = _filled(products[0], wildcards)
            if first not in finished:
                are_there = all(exists(_filled(each, wildcards)) for each in products)
                finished[first] = are_there and not again(wildcards)
            return finished[first]

        def needed(files: str | list[str] | InputFunction) -> InputFunction:
            def inputs(wildcards: Any) -> Files:
                found = files(wildcards) if callable(files) else files
                if isinstance(files, str):
                    found = _filled(files, wildcards)
                if self._leaves_out(rule) and is_finished(wildcards):
                    return self._there(found, _filled(products[0], wildcards))
                return _old(found)

            # at hand, where Snakemake works it out anew two or three times for each of thousands of jobs
            inputs.__signature__ = inspect.signature(inputs)
            return inputs

        return needed

    def _there(self, files: Files, finished: str) -> Files:
        """Of the files, those that are there."""
        if isinstance(files, Mapping):
            return {name: self._there(each, finished) for name, each in files.items()}
        lost = {each for each in ([files] if isinstance(files, str) else files) if not self._is_there(each)}
        if lost:
            self.left_out.setdefault(finished, min(lost))
            files = [] if isinstance(files, str) else [each for each in files if each not in lost]
        return _old(files)

    def refuse_remaking(self, jobs: Iterable[Any]) -> None:
        """Refuses, before Snakemake deletes anything, to make again what is finished without all that it is made from.

        Args:
            jobs: that Snakemake will start.

        Raises:
            RuntimeError: naming it and what is lost.
        """
        for job in jobs:
            for product in filter(self.left_out.get, job.output):
                raise RuntimeError(
                    f"{product} is finished, and Snakemake would delete it and make it again without "
                    f"{self.left_out[product]}, which is gone: leave out --rerun-triggers, or force it with "
                    f"-R {job.rule.name}"
                )


def _old(files: Files) -> Files:
    return {name: ancient(each) for name, each in files.items()} if isinstance(files, Mapping) else ancient(files)


def _filled(pattern: str, wildcards: Any) -> str:
    return pattern.format(**dict(wildcards.items()))
