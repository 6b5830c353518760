"""Distances to levels of confidence in, tables out: do they tell members apart, and more than the margin does?"""

from pathlib import Path

from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.dynamics.distance import Settings, distance_tables
from memdyn.identity.job import start
from memdyn.store.tables import empty_if_too_few, write_table

if __name__ == "__main__":
    tell = start(snakemake, Path(snakemake.output.level_distance).parent)
    options, given = snakemake.params.stage["options"], snakemake.input
    sources = {name: given[name] for name in ("outputs", "margin_gradient")}
    with empty_if_too_few(snakemake.output, "distance", given.outputs, tell):
        scores = ShadowScores.of_sources(sources, given.pool, given.masks, options["models"], options["epochs"])
        curved = given.input_curvature if "input_curvature" in options["needs"] else None
        tables = distance_tables(scores, given.level_distance, curved, Settings.of_options(options))
        for name, table in tables.items():
            write_table(table, snakemake.output[name], "distance")
        for _, row in tables["level_distance"].query("control == 'matched'").iterrows():
            limits = f"[{row['low']:.3f}, {row['high']:.3f}]"
            tell(f"level {row['level']}, {row['norm']}: matched AUC {row['auc']:.3f} {limits}")
