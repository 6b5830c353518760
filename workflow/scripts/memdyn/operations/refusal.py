"""What somebody has to change before anything can run: told in its own words, not with the code that says so."""

import logging
import re

from snakemake.exceptions import WorkflowError

_PLACE = re.compile(r"(\n  File \".*\", line \d+, in .*)+\s*$")


class Refusal(WorkflowError):
    """The workflow will not start, or not so."""


def plainly(record: logging.LogRecord) -> bool:
    """A filter for Snakemake's logger, which puts file and line of the Snakefile before and after each error."""
    if getattr(record, "exception", "") == Refusal.__name__:
        record.msg = _PLACE.sub("", str(record.msg).partition(":\n")[2])
    return True
