"""A file a section of the page: its figures, its tables and their captions. Here is their order on the page."""

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memdyn.report.section import Section

SECTIONS = (
    "found",
    "claims",
    "audit",
    "mechanisms",
    "protection",
    "alike",
    "run",
    "leakage",
    "uncalibrated",
    "history",
    "roc",
    "plane",
    "private",
    "realised",
    "reliability",
    "centre",
    "samples",
    "zones",
    "transitions",
    "speed",
    "classes",
    "onset",
    "difficulty",
    "early",
    "comparison",
    "level_distance",
    "power_law",
    "width",
    "models",
    "agreement",
    "null",
    "tails",
)

# fields of a section that each job reads
DRAWN, WRITTEN = ("figures",), ("title", "captions", "tables", "sentences")


def entries(fields: Iterable[str]) -> tuple[str, ...]:
    """What of the sections' code a job depends on; see `memdyn.identity.digest.code_digest`."""
    return tuple(f"memdyn.report.sections.{name}:SECTION.{field}" for name in SECTIONS for field in fields)


def sections() -> list["Section"]:
    """In the order of the page."""
    return [import_module(f"memdyn.report.sections.{name}").SECTION for name in SECTIONS]
