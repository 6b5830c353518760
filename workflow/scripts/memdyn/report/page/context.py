"""What the page is told beside the tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from memdyn.report.record import ReportOptions


@dataclass(frozen=True)
class PageContext:
    """What the page says beside the tables.

    Attributes:
        study: the study's name.
        title: headline.
        config_yaml: the resolved configuration as text.
        versions: what made the results (program -> version), as printed.
        folders: where the artifacts lie (what -> path relative to the checkout).
        interim: how far the study was of whose finished part the page is (`memdyn.config.interim`); None for a page of
            all.
        models: of each run; None where each has its own number.
    """

    study: str
    title: str
    config_yaml: str
    versions: Mapping[str, str]
    folders: Mapping[str, str]
    options: ReportOptions
    interim: Mapping[str, Any] | None = None
    models: int | None = None


_OF_THE_DATA = ("path", "files", "options")  # of a data set's config: where the data lie, and what may name them


def config_text(config: Mapping[str, Any]) -> str:
    """The config as the page prints it; without `report.show_images` nothing in it tells where the data lie."""
    shown = config if config["report"]["show_images"] else _without_data(config)
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)


def _without_data(value: Any, place: str = "") -> Any:
    of_data = "dataset" in place and place.rpartition(".")[2] in _OF_THE_DATA
    if of_data or ".scores.path" in place:
        return "(not shown)" if value else value
    if isinstance(value, Mapping):
        return {key: _without_data(inner, f"{place}.{key}") for key, inner in value.items()}
    return [_without_data(inner, place) for inner in value] if isinstance(value, list) else value
