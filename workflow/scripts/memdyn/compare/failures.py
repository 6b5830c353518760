"""Runs that have no numbers, or not all of them, since models failed: which, and why."""

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd

from memdyn.stats.jackknife import Pairs
from memdyn.store.logs import failed_models

OK, FAILED = "ok", "failed"


def run_status(run: str, log: pd.DataFrame, missing: Mapping[str, str], attacked: Collection[str]) -> dict[str, str]:
    """The columns status and reason of a row of the table `runs`.

    A run failed where no attack has numbers of it; one that lacks but some of its numbers is ok, with a reason.

    Args:
        log: of the training of all its blocks.
        missing: what could not be computed of it (an attack's label, dynamics, analysis) -> why.
        attacked: runs that an attack has numbers of.
    """
    models = failed_words(log)
    if not len(Pairs.of(log["model"].nunique(), failed_models(log))):
        return {"status": FAILED, "reason": f"{models}; no pair of models is left"}
    return status_of(run, models, missing, attacked)


def status_of(run: str, models: str, missing: Mapping[str, str], attacked: Collection[str]) -> dict[str, str]:
    """The same of a run that has models left.

    Args:
        models: which failed, in words.
    """
    by_cause: dict[str, list[str]] = {}
    for what, why in missing.items():
        by_cause.setdefault(why, []).append(what)
    lacks = [f"no {', '.join(whats)}: {why}" for why, whats in by_cause.items()]
    if run in attacked:
        return {"status": OK, "reason": "; ".join(lacks)}
    return {"status": FAILED, "reason": "; ".join([models, *lacks])}


def failed_words(log: pd.DataFrame) -> str:
    """`8 of 8 models failed: the loss became infinite or NaN in epochs 1 (6), 2 (2)`; "" where none did.

    A model whose teacher failed was never trained: its only row has no learning rate. Those of imported scores have
    no seconds either.
    """
    failed = failed_models(log)
    if not failed:
        return ""
    rows = log[~np.isfinite(log["loss"])]
    untaught = rows["learning_rate"].isna() & rows["seconds"].notna()
    causes = []
    if rows["seconds"].isna().any():
        causes.append(f"there is NaN among their margins, first in {_epochs(rows['epoch'])}")
    elif not untaught.all():
        causes.append(f"the loss became infinite or NaN in {_epochs(rows.loc[~untaught, 'epoch'])}")
    if untaught.any():
        causes.append(f"the teachers of {untaught.sum()} failed, so that they could not be trained")
    return f"{len(failed)} of {log['model'].nunique()} models failed: {'; '.join(causes)}"


def _epochs(epochs: Iterable[int]) -> str:
    """`epoch 3`, or `epochs 1 (6), 2 (2)`, how many in each; beyond three, the first and the last."""
    counts = pd.Series(list(epochs)).value_counts().sort_index()
    if len(counts) == 1:
        return f"epoch {counts.index[0]}"
    if len(counts) > 3:
        return f"epochs {counts.index[0]} to {counts.index[-1]}"
    return "epochs " + ", ".join(f"{epoch} ({count})" for epoch, count in counts.items())
