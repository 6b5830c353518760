"""docs/tables.md: its lists of tables, generated from their declarations."""

from collections.abc import Iterator

from memdyn.config.document import BEGIN, END
from memdyn.tables import STAGES, study
from memdyn.tables.table import Column, Table

_FOLDERS = {
    "study": "`results/studies/<study>/tables/NAME.parquet`, with a CSV beside each",
    "dynamics": "`results/<pool>/<run>/<outputs>/dynamics-.../NAME.parquet`",
    "analysis": "`results/<pool>/<run>/<outputs>/analysis-.../NAME.parquet`",
    "distance": "`results/<pool>/<run>/<outputs>/distance-.../NAME.parquet`",
    "reliability": "`results/<pool>/<run>/<outputs>/reliability-.../NAME.parquet`",
    "audit": "`results/<pool>/<run>/<outputs>/audit-.../NAME.parquet`",
    "realised": "`results/<pool>/<run>/<outputs>/realised-.../NAME.parquet`",
    "attack": "`results/<pool>/<run>/<outputs>/<attack>/NAME.parquet`",
    "agreement": "`results/<pool>/<run>/<outputs>/agreement-.../NAME.parquet`",
    "uncalibrated": "`results/<pool>/<run>/<outputs>/uncalibrated-.../NAME.parquet`",
    "train": "`results/<pool>/<run>/block-.../NAME.parquet`",
}
_TITLES = {
    "study": "The study's tables",
    "dynamics": "A run's states",
    "analysis": "A run's full analysis",
    "distance": "A run's level distance",
    "reliability": "A run's attacks that give probabilities",
    "audit": "A run's audit",
    "realised": "A run's attacks on held-out targets",
    "attack": "An attack on a run",
    "agreement": "Whom a run's attacks find",
    "uncalibrated": "A run without shadow models",
    "train": "A run's training",
}


def tables_page(text: str) -> str:
    """The page with its lists made anew; what stands around them stays.

    Raises:
        ValueError: where it has no place for them.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"docs/tables.md: no place for the lists, between {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{table_lists()}\n{END}{after}"


def table_lists() -> str:
    """Markdown: every table with its key and columns, a stage a section; what a study takes over is listed once."""
    lines: list[str] = []
    for stage, folder in _FOLDERS.items():
        tables = [one for one in STAGES[stage].values() if stage != "study" or one.name in study.OWN]
        lines += ["", f"## {_TITLES[stage]}", "", f"{folder}.", *_overview(tables)]
        for one in tables:
            lines += _section(one)
    return "\n".join(lines[1:])


def _overview(tables: list[Table]) -> Iterator[str]:
    taken = [one for one in tables if one.study]
    if taken:
        added = "`run` and `attack`" if taken[0].stage == "attack" else "`run`"
        names = ", ".join(f"`{one.study}`" + f" (of `{one.name}`)" * (one.study != one.name) for one in taken)
        yield ""
        yield f"The study takes over {names}: all runs one below the other, {added} first among columns and in the key."


def _section(one: Table) -> Iterator[str]:
    yield from ("", f"### `{one.stage}: {one.name}`" if one.stage != "study" else f"### `{one.name}`", "")
    yield f"{one.about} Key: {', '.join(f'`{name}`' for name in one.key)}."
    yield from ("", "| column | type | unit | what it is |", "|---|---|---|---|")
    yield from (_row(column) for column in one.columns)


def _row(column: Column) -> str:
    about = column.about.replace("|", r"\|")
    return f"| `{column.name}` | {column.kind} | {column.unit or '–'} | {about} |"
