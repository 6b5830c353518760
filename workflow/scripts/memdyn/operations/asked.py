"""The study that a command is asked about: the same words for each of them."""

from argparse import ArgumentParser, Namespace
from typing import Any

from memdyn.config.load import load_study
from memdyn.config.yaml_file import read_yaml
from memdyn.plan.study import StudyPlan, build_plan


def study_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--configfile", default="config/config.yaml", metavar="FILE", help="the study (default: %(default)s)"
    )
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
