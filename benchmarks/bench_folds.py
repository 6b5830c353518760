"""Masks that are no complementary pairs: what is betrayed, what is lost, and what it costs; docs/scores.md shows it.

LiRA (per-sample variance) on margins that know nothing of membership, AUC per model, mean over worlds: it is .5. Then
how many IN and OUT models calibrate a score, and the CPU seconds of one calibration of 128 models x 50,000 samples.

    python benchmarks/bench_folds.py
"""

import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.stats import norm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.attacks.base import build
from memdyn.attacks.folds import Folded
from memdyn.attacks.signals import Signals, Values
from memdyn.data.designs import find_design
from memdyn.design.references import n_references, order_of_models
from memdyn.stats.roc import auc

WORLDS, SAMPLES, MANY = 20, 2_000, 50_000
LIRA = {"name": "lira", "mode": "online"}


def half_of_the_models(rng: np.random.Generator, models: int, samples: int) -> np.ndarray:
    """bool [M, n]: each sample in half of the models."""
    return rng.random((models, samples)).argsort(axis=0) < models // 2


def coins(rng: np.random.Generator, models: int, samples: int) -> np.ndarray:
    """bool [M, n]: a fair coin for each."""
    return rng.random((models, samples)) < 0.5


def rounds_of_four(rng: np.random.Generator, models: int, samples: int) -> np.ndarray:
    """bool [M, n]: cross-validations with four folds each."""
    fold = [rng.permutation(np.arange(samples) % 4) for _ in range(models // 4)]
    return np.array([own != number for own in fold for number in range(4)])


DESIGNS = (half_of_the_models, rounds_of_four, coins)


def by_all_others(margins: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """LiRA's log ratios [M, n], calibrated by all models but the scored one."""
    scores = np.empty_like(margins)
    for model, own in enumerate(margins):
        kept, densities = np.arange(len(margins)) != model, []
        for side in (mask[kept], ~mask[kept]):
            values = np.where(side, margins[kept], np.nan)
            densities.append(norm.logpdf(own, np.nanmean(values, axis=0), np.nanstd(values, axis=0, ddof=1)))
        scores[model] = densities[0] - densities[1]
    return scores


def in_folds(margins: np.ndarray, mask: np.ndarray, fold: np.ndarray) -> Folded:
    none = Values({"margin": np.zeros((len(mask), 0))})
    return Folded(Values({"margin": margins}), none, margins, mask, fold, order_of_models(*mask.shape, 0))


def per_model(scores: np.ndarray, mask: np.ndarray) -> float:
    known = np.isfinite(scores)
    rows = zip(scores, mask, known, strict=True)
    return float(np.mean([auc(row[own & there], row[~own & there]) for row, own, there in rows]))


def betrayed(design, models: int) -> str:
    attack, found = build(LIRA | {"variance": "per_sample"}), []
    for world in range(WORLDS):
        rng = np.random.default_rng([world, models])
        mask, margins = design(rng, models, SAMPLES), rng.normal(size=(models, SAMPLES))
        try:
            fold = find_design(mask, 16).fold
        except ValueError:
            return "refused, too few models"
        given = in_folds(margins, mask, fold)
        honest = per_model(given.score(attack, n_references(mask, fold)), mask)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of samples that nearly all models have seen
            found.append((per_model(by_all_others(margins, mask), mask), honest))
    naive, honest = np.mean(found, axis=0)
    return f"all others {naive:.4f}, folds {honest:.4f} +- {np.std(found, axis=0)[1] / np.sqrt(WORLDS):.4f}"


def cost() -> str:
    rng, attack = np.random.default_rng(0), build(LIRA | {"variance": "shrunken"})
    mask, margins = half_of_the_models(rng, 128, MANY), rng.normal(size=(128, MANY))
    given = in_folds(margins, mask, np.arange(128) % 16)
    count, start = n_references(mask, given.fold), time.process_time()
    given.score(attack, count)
    middle = time.process_time()
    pairs = np.repeat(mask[0::2], 2, axis=0) ^ (np.arange(128) % 2 == 1)[:, None]
    attack.score(Signals.of_margins(margins, pairs, np.zeros((128, 0))), "pairs")
    seconds = middle - start, time.process_time() - middle
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return f"{seconds[0]:.1f} CPU s in 16 folds, {seconds[1]:.1f} in pairs; peak {peak:.2f} GiB"


if __name__ == "__main__":
    print(f"one calibration of LiRA, 128 models x {MANY} samples: {cost()}", flush=True)
    for design in DESIGNS:
        name = design.__name__.replace("_", " ")
        for models in (8, 16, 32, 64):
            print(f"{name}, {models} models, no leak: {betrayed(design, models)}", flush=True)
        for models in (16, 32, 64, 128):
            mask = design(np.random.default_rng(0), models, MANY)
            count = n_references(mask, find_design(mask, 16).fold)
            print(f"{name}, {models} models x {MANY} samples: {count} IN and {count} OUT models", flush=True)
