"""`memdyn COMMAND`: what there is to do with a study besides running it, which is Snakemake's.

Exit codes: 0, 1 where a command failed, 2 where it was called wrongly.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from memdyn.operations import REGISTRY, Command

FAILED, MISUSED = 1, 2
_HELP = ("-h", "--help", "help")
_PAGE = """\
memdyn shows when, and how much, the membership of single training samples leaks while a deep network trains.

Where to begin, in a checkout of the project (`snakemake` is in .venv/bin):
  make demo                           the default study, to a report in results/studies/demo/report.html
  snakemake -n --cores all            what would be done, and what it costs
  snakemake --cores all               the study of config/config.yaml; after an edit, only what it changes
  snakemake --profile slurm           the same on a cluster
  config/README.md                    every key of a study

Commands, for what is no part of a run:

{commands}

  memdyn COMMAND --help               its options
"""


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with a call."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"{self.prog}: {message} (see `{self.prog} --help`)\n")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options' values; an option that there is not is told with the one that may be meant."""
        given, unknown = self.parse_known_args(arguments)
        if unknown:
            self.error(f"unknown {unknown[0]!r}; {_meant(unknown[0].partition('=')[0], self._option_string_actions)}")
        return given


def page() -> str:
    """What `memdyn --help` says."""
    lines = [f"  {name:<8}{command.summary}\n          {command.example}" for name, command in REGISTRY.items()]
    return _PAGE.format(commands="\n".join(lines))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Returns:
        the exit code.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    _prefer_the_checkout(given)
    try:
        return _main(given)
    except ModuleNotFoundError as error:
        where = "`make env` makes an environment that has it, and .venv/bin/memdyn"
        print(f"memdyn: {sys.executable} has no module {error.name!r}; {where}", file=sys.stderr)
        return FAILED


def _main(given: list[str]) -> int:
    name, rest = (given[0], given[1:]) if given else ("", [])
    if name in _HELP and rest:  # memdyn help adopt
        name, rest = rest[0], ["--help"]
    if name in _HELP:
        print(page(), end="")
        return 0
    if not name:
        print(page(), end="", file=sys.stderr)
        return MISUSED
    if name not in REGISTRY:
        print(f"memdyn: no command {name!r}; {_meant(name, REGISTRY)} (see `memdyn --help`)", file=sys.stderr)
        return MISUSED
    return _run(name, REGISTRY[name], rest)


def _run(name: str, command: Command, arguments: Sequence[str]) -> int:
    module = import_module(command.module)
    prog = f"memdyn {name}"
    parser = _Parser(
        prog=prog,
        description=module.__doc__,
        epilog=f"example: {command.example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.arguments(parser)
    given = parser.parse(arguments)
    try:
        module.run(given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:  # who reads, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, RuntimeError, SyntaxError, ValueError) as error:  # told for people; others are faults of ours
        print(f"{prog}: {_told(error)}", file=sys.stderr)
        return FAILED
    return 0


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _meant(word: str, allowed: Any) -> str:
    from memdyn.config.errors import did_you_mean

    return did_you_mean(word, allowed)


def _prefer_the_checkout(arguments: Sequence[str]) -> None:
    """Of several checkouts with one environment, the one that is stood in runs its own code, as its jobs do."""
    here, ours = Path("workflow", "scripts").resolve(), Path(__file__).resolve().parents[1]
    searched = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if here != ours and (here / "memdyn" / "__main__.py").is_file() and searched[0] != str(here):
        path = os.pathsep.join([str(here), *filter(None, searched)])
        os.execve(sys.executable, [sys.executable, "-m", "memdyn", *arguments], os.environ | {"PYTHONPATH": path})


if __name__ == "__main__":
    sys.exit(main())
