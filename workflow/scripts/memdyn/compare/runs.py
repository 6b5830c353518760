"""What was run, and on what: the tables `runs`, `pools` and `samples_index` of a study."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from memdyn.compare.width import width_of, without_width
from memdyn.config.mechanisms.sections import what_trains
from memdyn.data.pool import Pool
from memdyn.stats.jackknife import Pairs
from memdyn.store.logs import failed_models


def run_row(
    run: dict[str, Any], log: pd.DataFrame, accuracy: pd.DataFrame, status: Mapping[str, str]
) -> dict[str, Any]:
    """One row of the table `runs`; n_models are those of which its numbers are, n_failed of n_planned failed.

    Args:
        run: name, folder, pool, recipe (resolved options; of imported scores `epochs` alone), dataset, architecture,
            device.
        log: of the training of all its blocks.
        accuracy: the run's table `accuracy`; empty where too few models are left.
        status: from `memdyn.compare.failures.run_status`.
    """
    failed, planned = failed_models(log), log["model"].nunique()
    last, recipe = accuracy.iloc[-1] if len(accuracy) else pd.Series(np.nan, accuracy.columns), run["recipe"]
    log = log[log["epoch"] <= recipe["epochs"]]  # a run may be a checkpoint of a longer one
    return {
        "run": run["name"],
        **status,
        "run_folder": run["folder"],
        "dataset": run["dataset"],
        "architecture": run["architecture"],
        "optimizer": _optimizer(recipe.get("optimizer")),
        "epochs": recipe["epochs"],
        "n_checkpoints": len(accuracy),
        "last_checkpoint": int(last["epoch"]) if len(accuracy) else np.nan,
        "accuracy_in": last["accuracy_in"],
        "accuracy_out": last["accuracy_out"],
        "accuracy_test": last["accuracy_test"],
        "seconds_per_model": log[~log["model"].isin(failed)].groupby("model")["seconds"].sum(min_count=1).mean(),
        "n_models": 2 * len(Pairs.of(planned, failed)),
        "n_failed": len(failed),
        "n_planned": planned,
        "learning_rate": _learning_rate(recipe.get("optimizer", {})),
        "batch_size": recipe.get("batch_size", np.nan),
        "augment": _augmentation(recipe["augment"]) if "augment" in recipe else "",
        "device": run["device"],
        "pool": run["pool"],
    }


def _optimizer(optimizer: dict[str, Any] | None) -> str:
    """In a word; "" where the run was not trained here."""
    return optimizer.get("target", optimizer["name"]).rpartition(":")[2] if optimizer else ""


def _learning_rate(optimizer: dict[str, Any]) -> float:
    """NaN where it is known only to code of the user's."""
    rate = optimizer.get("lr", optimizer.get("options", {}).get("lr"))
    return float(rate) if isinstance(rate, int | float) else np.nan


def factor_row(run: dict[str, Any]) -> dict[str, Any]:
    """What a run is made of, each factor in full, so that two runs can be asked what they differ in.

    Args:
        run: name, pool, recipe (resolved options) and population (the pool but for its size).

    Returns:
        run; dataset (its samples: another size is another one), architecture and optimizer (with its schedule), all
        options included; rest: what else the recipe says, but for the checkpoints; series: all but the pool's size;
        width (NaN where the model has none) and width_series: all but that.
    """
    recipe = {key: value for key, value in run["recipe"].items() if key != "checkpoints"}
    if "mechanisms" in recipe:
        recipe["mechanisms"] = [what_trains(each) for each in recipe["mechanisms"]]
    model = recipe.get("model", {})
    rest = {key: value for key, value in recipe.items() if key not in ("model", "optimizer", "schedule")}
    return {
        "run": run["name"],
        "dataset": run["pool"],
        "architecture": _text(model),
        "optimizer": _text([recipe.get("optimizer"), recipe.get("schedule")]),
        "rest": _text(rest),
        "series": _text([run["population"], recipe]),
        "width": width_of(model),
        "width_series": _text([run["pool"], recipe | {"model": without_width(model)}]),
    }


def _text(options: Any) -> str:
    return json.dumps(options, sort_keys=True)


def _augmentation(augment: dict[str, Any]) -> str:
    words = [f"crop {augment['crop']}"] * bool(augment["crop"]) + ["flip"] * bool(augment["flip"])
    return ", ".join(words) or "none"


def pool_row(folder: str, dataset: str, pool: Pool, sha256: str) -> dict[str, Any]:
    """One row of the table `pools`."""
    sizes = {part: rows.stop - rows.start for part, rows in pool.parts.items()}
    return {
        "pool": folder,
        "dataset": dataset,
        "n_classes": len(pool.class_names),
        "shape": "" if dataset == "scores" else " x ".join(map(str, pool.images.shape[1:])),
        **sizes,
        "samples_in_source": pool.n_source,
        "duplicates_dropped": pool.n_duplicates,
        "duplicates_of_another_label": pool.n_contradictory,
        "sha256": sha256,
    }


def samples_of(folder: str, pool: Pool) -> pd.DataFrame:
    """The rows of the table `samples_index` of one pool, in its order."""
    parts = [np.repeat(part, rows.stop - rows.start) for part, rows in pool.parts.items()]
    return pd.DataFrame(
        {
            "pool": folder,
            "sample_id": pool.sample_ids,
            "part": np.concatenate(parts),
            "label": pool.labels,
            "class_name": np.array(pool.class_names, dtype=object)[pool.labels],
            "file": np.array(pool.files, dtype=object) if pool.files else "",
            "flipped": pool.flipped,
        }
    )
