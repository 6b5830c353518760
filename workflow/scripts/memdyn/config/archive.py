"""What an archive of a study says of it, and whether samples of one's own go in: none of it is in a hash."""

from pydantic import Field

from memdyn.config.base import Bool, Strict


class AuthorConfig(Strict):
    """Somebody who made the study."""

    name: str = Field(min_length=1, description="As it is to be printed.")
    orcid: str | None = Field(
        default=None, pattern=r"^\d{4}-\d{4}-\d{4}-\d{3}[\dX]$", description="`0000-0000-0000-0000`; null: none."
    )
    affiliation: str | None = Field(default=None, min_length=1, description="Where they work; null: not said.")


class ArchiveConfig(Strict):
    """What `memdyn archive` says of the study (docs/archive.md)."""

    images: Bool = Field(
        default=False,
        description="true: samples of your own data go into the archive; false: they are blank there, and attacks, "
        "tables and figures are rebuilt without them. Published data sets go in either way.",
    )
    title: str | None = Field(default=None, min_length=1, description="By default `report.title`, or the study's name.")
    description: str | None = Field(default=None, min_length=1, description="By default a sentence made of the runs.")
    authors: list[AuthorConfig] = Field(default=[], description="By default those of CITATION.cff.")
    licence: str | None = Field(
        default=None,
        pattern=r"^(https?://\S+|[A-Za-z0-9.+-]+)$",
        description="SPDX name (`CC-BY-4.0`) or address; by default that of CITATION.cff.",
    )
    citation: str | None = Field(
        default=None, pattern=r"^https?://\S+$", description="Address (DOI) of the paper that the results stand in."
    )
    date: str | None = Field(
        default=None,
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="Of publication, in quotes; by default the day of the code's commit, the same on any machine.",
    )
