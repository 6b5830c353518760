"""Paths of the config, written out once, here: one file has one spelling from here on.

`~` and `~name` are home folders. Variables are refused: a job on another machine may have another value, and the shell
can put it in (`--config results=$SCRATCH/study`). What lies below the working directory is relative to it.
"""

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from memdyn.config.base import Hashed
from memdyn.config.errors import ConfigError, shown


def written_out(path: str) -> str:
    """A path without `~`, `./`, `..`, doubled and trailing slashes.

    Raises:
        ValueError: for what cannot be meant as a path of this machine.
    """
    problem = _problem(path)
    if problem:
        raise ValueError(f'"{path}" {problem}')
    place = _without_parents(os.path.expanduser(path))
    here = os.getcwd()
    absolute = re.sub("^/+", "/", os.path.normpath(os.path.join(here, place)))
    relative = absolute.removeprefix(here.rstrip("/") + "/")
    return absolute if relative.startswith("~") else relative  # libraries that are given the path expand it, too


def _problem(path: str) -> str | None:
    if not path or path != path.strip():
        return "is empty, or begins or ends with a blank"
    if any(unicodedata.category(letter) == "Cc" for letter in path):
        return "has a line break or another control character"
    if re.match(r"[A-Za-z][\w+.-]*://", path):
        return "is an address, not a path: download the file first"
    if re.search(r"\$[A-Za-z_{]", path):
        return "has a variable, which may differ on another machine: write the path out, or give it by --config"
    if path.startswith("~") and os.path.expanduser(path) == path:
        return f"has no home folder to begin with; write the path out, or ./{path} for a file of that name"
    return None


def _without_parents(path: str) -> str:
    """`link/../x` is beside the link's target, as for every other program."""
    parts = Path(path).parts
    if ".." not in parts:
        return path
    last = len(parts) - parts[::-1].index("..")
    return os.path.join(os.path.realpath(os.path.join(*parts[:last])), *parts[last:])


def _made(path: str) -> str:
    place = written_out(path)
    if re.search("[{}]", place) or place == "/":
        raise ValueError(f'"{path}" cannot hold files that Snakemake makes; allowed: a folder without {{ and }}, not /')
    return place


def refuse_files(folders: Mapping[str, str]) -> None:
    """Asked before any job, and not of a config by itself, since it is the disk that answers.

    Args:
        folders: key of the config -> the folder that Snakemake writes into.

    Raises:
        ConfigError: where there is a file in the place of a folder, or of one above it.
    """
    found = []
    for key, folder in folders.items():
        there = next(path for path in (Path(folder), *Path(folder).parents) if path.exists())
        if not there.is_dir():
            found.append(f"{key} = {shown(folder)}: {there} is a file; allowed: a folder, there or to be made")
    if found:
        raise ConfigError(found)


def _target(target: str) -> str:
    path, _, name = target.rpartition(":")
    return f"{written_out(path)}:{name}"


def name_of_target(target: str) -> str:
    """`Net` of `path/to/file.py:Net`."""
    return target.rpartition(":")[2]


# a file or folder that is read; where it lies is in no hash, what is in it is
SourcePath = Annotated[str, AfterValidator(written_out), Hashed(None)]
SourcePaths = Annotated[list[Annotated[str, AfterValidator(written_out)]], Hashed(None)]
# a folder that Snakemake writes into
OutputFolder = Annotated[str, AfterValidator(_made)]
# `path/to/file.py:name`, of which the code is hashed as code
Target = Annotated[str, AfterValidator(_target), Hashed(name_of_target)]
