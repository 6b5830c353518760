"""The made-up study as the report sees it: all its tables, what sections read, its figures one by one."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from memdyn.attacks.base import Prepared, build
from memdyn.attacks.convergence import convergence_table
from memdyn.attacks.evaluate import Settings, evaluate_checkpoint
from memdyn.report.draw import style
from memdyn.report.draw.pools import drawn_pools
from memdyn.report.figures import drawn_runs
from memdyn.report.page.context import PageContext
from memdyn.report.section import Study, made
from memdyn.report.sections import sections
from synthetic_dynamics import analysis_tables
from synthetic_tables import OPTIONS, fake_pool, study_tables
from worlds import gaussian_world

CONTEXT = PageContext(study="s", title="t", config_yaml="a: 1", versions={}, folders={}, options=OPTIONS)


@cache
def analysed(n_scored=150, models=16):
    """All tables of three runs. They are shared: make new ones of them."""
    plain = study_tables(fake_pool(), n_scored=n_scored, models=models)
    return plain | analysis_tables(plain["samples"])


@cache
def attacked():
    """Of two runs and two attacks also what attacks tell of the most vulnerable and of fewer models."""
    settings = Settings(level=0.95, groups=8, draws=2, seed=0, fprs=(0.001, 0.01), rate_fprs=(), points_per_decade=2)
    attacks = {"lira": {"name": "lira", "mode": "online", "variance": "shrunken"}, "loss": {"name": "loss"}}
    study, runs = study_tables(fake_pool(), n_scored=60, models=8), ["mlp-sgd", "cnn-sgd"]
    found = {"most_vulnerable": [], "convergence": []}
    for seed, run in enumerate(runs):
        world = gaussian_world(seed, 24, 200, np.random.default_rng(0).gamma(0.5, 1 + seed, 200))
        for attack, options in attacks.items():
            keys, built = {"run": run, "attack": attack}, build(options)
            given = Prepared.of(built, world)
            table = evaluate_checkpoint(built, given, settings)["most_vulnerable"]
            found["most_vulnerable"] += [table.assign(**keys, epoch=epoch) for epoch in (0, 20)]
            found["convergence"].append(convergence_table(built, given, settings).assign(**keys))
    study |= {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}
    return {name: study[name][study[name]["run"].isin(runs)] for name in ("runs", "attack_metrics", *found)}


def shown(tables, **changed):
    """What the page's part of a section reads; `changed`: other tables in place of those."""
    return Study.of(tables | changed, style.run_styles(tables["runs"]), OPTIONS)


def draw(tables, wanted, images=None):
    """The drawings whose names start with `wanted`, of the sections that have this kind of figure; all are closed."""
    pools = drawn_pools(images or {}, OPTIONS.show_images)
    study = Study.of(tables, drawn_runs(tables), OPTIONS, pools)
    own = [one for one in sections() if any(wanted.startswith(kind.replace("_", "-")) for kind in one.captions)]
    with style.report_style():
        found = [drawing for one in own for several in made(one.figures, study) for drawing in several]
    plt.close("all")
    return [drawing for drawing in found if drawing.record.name.startswith(wanted)]


def draw_one(tables, wanted, images=None):
    """The only one of this name."""
    (drawing,) = (drawing for drawing in draw(tables, wanted, images) if drawing.record.name == wanted)
    return drawing


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]
