"""The null control of each run: one simultaneous test over all its checkpoints and attacks."""

import pandas as pd

from memdyn.stats.simultaneous import null_test

_ALPHA, _TOLERANCE, _FLIPS, _SEED = 0.01, 0.01, 100_000, 0


def null_tests(draws: pd.DataFrame) -> pd.DataFrame:
    """The table `null`: run, statistic, p_value, mean_null_auc, n_draws, passed.

    Args:
        draws: run, attack, epoch, draw, auc: pooled AUC under swapped memberships, a draw having the same swaps at all
            checkpoints and for all attacks of a run.
    """
    rows = []
    for run, table in draws.groupby("run", sort=False):
        cells = table.pivot(index="draw", columns=["attack", "epoch"], values="auc")
        test = null_test(cells.to_numpy(), _ALPHA, _TOLERANCE, _FLIPS, _SEED)
        rows.append(
            {
                "run": run,
                "statistic": test.statistic,
                "p_value": test.p_value,
                "mean_null_auc": test.mean_null_auc,
                "n_draws": test.n_draws,
                "passed": test.passed,
            }
        )
    return pd.DataFrame(rows)
