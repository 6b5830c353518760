"""The study that a command is asked about: the same words for each of them."""

from argparse import SUPPRESS, ArgumentParser, Namespace
from typing import Any

from memdyn.config.load import load_study
from memdyn.config.yaml_file import read_yaml
from memdyn.plan.study import StudyPlan, build_plan

_DEFAULT = "config/config.yaml"


def study_arguments(parser: ArgumentParser) -> None:
    """The config file, by itself or as Snakemake has it; not both."""
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "configfile", nargs="?", default=SUPPRESS, metavar="FILE", help=f"the study (default: {_DEFAULT})"
    )
    asked.add_argument("--configfile", default=_DEFAULT, metavar="FILE", help="the same, as Snakemake has it")
    parser.add_argument("--results", metavar="FOLDER", help="of the results, where it is not the config's")


def plan_of(given: Namespace) -> StudyPlan:
    """The plan of the study that was asked for.

    Raises:
        ConfigError: for a bad study.
    """
    return build_plan(load_study(config_of(given)))


def config_of(given: Namespace) -> dict[str, Any]:
    """The config that was asked for, as its file has it."""
    config = read_yaml(given.configfile)
    return config | {"results": given.results} if given.results else config
