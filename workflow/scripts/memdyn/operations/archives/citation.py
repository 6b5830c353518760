"""Who made a study, under which licence: the config's `archive` says it, else the checkout's CITATION.cff."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from memdyn.config.archive import AuthorConfig
from memdyn.config.load import Study

CITATION = "CITATION.cff"


@dataclass(frozen=True)
class Citation:
    """Of an archive.

    Attributes:
        licence: SPDX name or address.
        paper: its address; "" where there is none.
        day: of publication, YYYY-MM-DD.
        code_authors: of the code.
        references: addresses of what the code asks to be cited with it.
    """

    title: str
    description: str
    authors: tuple[AuthorConfig, ...]
    licence: str
    paper: str
    day: str
    code_authors: tuple[AuthorConfig, ...]
    code_title: str
    code_licence: str
    references: tuple[str, ...]

    @classmethod
    def of(cls, study: Study, checkout: Path, day: str) -> "Citation":
        """Of a study.

        Args:
            day: of the code's commit.

        Raises:
            FileNotFoundError: where the checkout has no CITATION.cff.
            ValueError: naming what neither it nor the config says.
        """
        given, of_code = study.config.archive, _read(checkout / CITATION)
        code_authors = tuple(map(_author, of_code["authors"]))
        title = given.title or study.config.report.title or f"Membership dynamics: {study.config.study}"
        return cls(
            title=title,
            description=given.description or _described(study),
            authors=tuple(given.authors) or code_authors,
            licence=given.licence or of_code["license"],
            paper=given.citation or "",
            day=given.date or day,
            code_authors=code_authors,
            code_title=of_code["title"],
            code_licence=of_code["license"],
            references=tuple(each["url"] for each in of_code.get("references", []) if "url" in each),
        )


def _read(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    missing = [key for key in ("title", "authors", "license") if not (isinstance(found, dict) and found.get(key))]
    if missing:
        raise ValueError(f"{path} has no {missing[0]}, which an archive says of the code")
    if not isinstance(found["license"], str):
        raise ValueError(f"{path}: license is {found['license']!r}; allowed: one SPDX name")
    return found


def _author(entry: dict[str, Any]) -> AuthorConfig:
    parts = (entry.get(key, "") for key in ("given-names", "name-particle", "family-names", "name-suffix"))
    orcid = str(entry.get("orcid", "")).removeprefix("https://orcid.org/") or None
    name = entry.get("name") or " ".join(filter(None, parts))
    return AuthorConfig(name=name, orcid=orcid, affiliation=entry.get("affiliation"))


def _described(study: Study) -> str:
    config = study.config
    if config.scores:
        return (
            "Membership inference attacks on exported scores of models, and how membership leaks over their training."
        )
    runs = ", ".join(run.name for run in study.runs[:12]) + (", ..." if len(study.runs) > 12 else "")
    data = ", ".join(dict.fromkeys(run.pool.dataset.name for run in study.runs))
    number = f"{len(study.runs)} run{'s' * (len(study.runs) > 1)}"
    models = f"{config.shadow_models} models each"
    return f"How membership of training samples leaks in {number} ({runs}) of {models} on {data}."
