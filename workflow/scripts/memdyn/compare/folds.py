"""Runs whose models lie in folds, side by side: what of their study's tables is made otherwise than of pairs."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from memdyn.attacks.folds import FoldedScores
from memdyn.compare.failures import failed_words, status_of
from memdyn.compare.runs import run_row
from memdyn.dynamics.accuracy import accuracy_by_checkpoint
from memdyn.stats.jackknife import TooFewModels
from memdyn.store.logs import failed_models
from memdyn.store.tables import read_reason
from memdyn.tables import STAGES


def sizes_of(fold: np.ndarray, log: pd.DataFrame) -> np.ndarray:
    """Models of a run in each fold of the design [K]; 0 where all of a fold failed.

    Args:
        fold: int [planned models], of each.
        log: of all its blocks.
    """
    left = np.setdiff1d(np.arange(len(fold)), list(failed_models(log)))
    return np.bincount(fold[left], minlength=fold.max() + 1)


def missing_attacks(by_attack: Sequence[Mapping[str, str]], paths: Sequence[str]) -> dict[str, dict[str, str]]:
    """Run -> attacks without numbers, each with why.

    Args:
        by_attack: run and attack of each path.
        paths: a table of each attack.
    """
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for key, path in zip(by_attack, paths, strict=True):
        if why := read_reason(path):
            found[key["run"]][key["attack"]] = why
    return found


def accuracy_of(
    runs: Sequence[Mapping[str, Any]],
    n_models: int,
    outputs: Sequence[str],
    pools: Sequence[str],
    masks: Sequence[str],
) -> pd.DataFrame:
    """The table `accuracy`, over all models that are left.

    Args:
        runs: name and epochs.
        outputs, pools, masks: files of all runs, as many of each, in their order.
    """
    tables = [STAGES["study"]["accuracy"].empty()]
    signals, members = (_of_each(files, len(runs)) for files in (outputs, masks))
    for run, pool, mine, mask in zip(runs, pools, signals, members, strict=True):
        try:
            scores = FoldedScores.of_files(mine, pool, mask, n_models, run["epochs"])
        except TooFewModels:
            continue
        tables.append(accuracy_by_checkpoint(scores))
        tables[-1].insert(0, "run", run["name"])
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _of_each(files: Sequence[str], count: int) -> list[Sequence[str]]:
    size = len(files) // count
    return [files[place * size : (place + 1) * size] for place in range(count)]


def folded_row(
    run: Mapping[str, Any],
    log: pd.DataFrame,
    accuracy: pd.DataFrame,
    missing: Mapping[str, str],
    attacked: Collection[str],
) -> dict[str, Any]:
    """A row of the table `runs`; a model that failed takes no other one with it.

    Args:
        log: of all its blocks.
        accuracy: the study's table.
        missing, attacked: see `memdyn.compare.failures.run_status`.
    """
    status = status_of(run["name"], failed_words(log), missing, attacked)
    mine = accuracy[accuracy["run"] == run["name"]]
    return run_row(run, log, mine, status) | {"n_models": log["model"].nunique() - len(failed_models(log))}
