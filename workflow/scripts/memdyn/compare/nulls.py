"""The null control of each run: one simultaneous test over all its checkpoints and attacks."""

from dataclasses import asdict

import pandas as pd

from memdyn.stats.simultaneous import null_test

_ALPHA, _FLIPS, _SEED = 0.001, 100_000, 0


def null_tests(draws: pd.DataFrame) -> pd.DataFrame:
    """The table `null`: run, and the fields of `memdyn.stats.simultaneous.NullTest`.

    Args:
        draws: run, attack, epoch, aggregation, draw, auc: AUC under swapped memberships, a draw having the same swaps
            at all checkpoints and for all attacks of a run. Those per model are tested (see `memdyn.attacks.evaluate`).
            Attacks on fewer samples have swaps of their own, and perhaps more draws, of which as many are taken as all
            have: the test holds however cells depend on each other.
    """
    rows = []
    for run, table in draws.query("aggregation == 'per_model'").groupby("run", sort=False):
        cells = table.pivot(index="draw", columns=["attack", "epoch"], values="auc")
        cells = cells[: int(table.groupby(["attack", "epoch"])["draw"].nunique().min())]
        rows.append({"run": run} | asdict(null_test(cells.to_numpy(), _ALPHA, _FLIPS, _SEED)))
    return pd.DataFrame(rows)
