"""What misleads in the evaluation of membership inference, each with the number that it gives and the right one.

docs/pitfalls.md explains them and shows what this prints. The worlds are small and their truth is known: half a minute.

    python benchmarks/pitfalls.py
"""

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import expit
from scipy.stats import norm
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.stats.jackknife import interval
from memdyn.stats.roc import auc, roc

MODELS, SAMPLES, WORLDS = 8, 10_000, 4


class Finding(NamedTuple):
    """A pitfall: what is measured, what the wrong way gives, and what the right one gives."""

    measured: str
    wrong: float
    right: float


def masks(rng: np.random.Generator, models: int, samples: int) -> np.ndarray:
    """bool [M, n] of complementary pairs: models 2k and 2k + 1."""
    first = rng.random((models // 2, samples)) < 0.5
    return np.stack([first, ~first], axis=1).reshape(models, samples)


def gaussian_lira(margins: np.ndarray, mask: np.ndarray, left_out: Callable[[int], list[int]]) -> np.ndarray:
    """LiRA's log ratios [M, n] with normal densities, calibrated on all models but those that are left out of each."""
    scores = np.empty_like(margins)
    for model, own in enumerate(margins):
        kept = np.setdiff1d(np.arange(len(margins)), left_out(model))
        densities = []
        for side in (mask[kept], ~mask[kept]):
            values = np.where(side, margins[kept], np.nan)
            densities.append(norm.logpdf(own, np.nanmean(values, axis=0), np.nanstd(values, axis=0, ddof=1)))
        scores[model] = densities[0] - densities[1]
    return scores


def of_calibration(left_out: Callable[[int], list[int]]) -> float:
    """AUC of LiRA on nets that remember nothing, mean over worlds: it is .5."""
    found = []
    for world in range(WORLDS):
        rng = np.random.default_rng(world)
        mask = masks(rng, MODELS, SAMPLES)
        scores = gaussian_lira(rng.normal(size=mask.shape), mask, left_out)
        found.append(auc(scores[mask], scores[~mask]))
    return float(np.mean(found))


def pair_of(model: int) -> list[int]:
    """The model and the one that trained on the other half."""
    return [model, model ^ 1]


def in_sample() -> Finding:
    """The scored model is among those that calibrate its attack."""
    return Finding("AUC of LiRA where nothing leaks", of_calibration(lambda model: []), of_calibration(pair_of))


def leave_one_model_out() -> Finding:
    """The scored model is left out, its complement is not: the side that the model is on has one reference less."""
    wrong = of_calibration(lambda model: [model])
    return Finding("AUC of LiRA where nothing leaks", wrong, of_calibration(pair_of))


def pooled_bootstrap(worlds: int = 120, samples: int = 300, draws: int = 80) -> Finding:
    """(model, sample) drawn as if each were independent, though all samples of a model move with it."""
    fixed = np.random.default_rng(0)
    means, deviations = fixed.normal(1, 2, samples), np.exp(0.5 * fixed.normal(size=samples))
    models, rows = 2 * MODELS, []
    for world in range(worlds):
        rng = np.random.default_rng([1, world])
        mask = masks(rng, models, samples)
        shift = 0.5 * rng.normal(size=(models, 1)) * mask  # how much a model remembers differs from model to model
        margins = means + deviations * (rng.normal(size=mask.shape) + mask + shift)
        members, others = margins[mask], margins[~mask]
        drawn = [auc(rng.choice(members, len(members)), rng.choice(others, len(others))) for _ in range(draws)]
        kept = [np.arange(models) // 2 != pair for pair in range(MODELS)]
        deleted = np.array([auc(margins[k][mask[k]], margins[k][~mask[k]]) for k in kept])
        estimate = auc(members, others)
        low, high = interval(np.array([estimate]), deleted[:, None], np.ones(MODELS), 0.95)
        rows.append((estimate, *np.quantile(drawn, [0.025, 0.975]), low[0], high[0]))
    table = np.array(rows)
    truth = table[:, 0].mean()
    covered = [np.mean((table[:, k] <= truth) & (truth <= table[:, k + 1])) for k in (1, 3)]
    return Finding("how often intervals of 95 % hold the truth (bootstrap; jackknife over pairs)", *covered)


def confident_nets(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Margins [n] of members and non-members of a net that is sure of most samples."""
    rng = np.random.default_rng(seed)
    return rng.normal(17, 4, 20_000), rng.normal(14, 4, 20_000)


def ties() -> Finding:
    """A threshold that many scores share, and "at least" where "above" was meant: its FPR is not the stated one."""
    confidence = [expit(side).astype(np.float32) for side in confident_nets()]
    cut = np.quantile(confidence[1], 0.99)  # of float32 confidences: 1.0
    return Finding("FPR of a threshold that is stated as 1 %", float((confidence[1] >= cut).mean()), 0.01)


def float32_softmax() -> Finding:
    """A loss in float32 is exactly 0 for every confident sample, and no threshold can part what is tied."""
    members, others = (torch.tensor(side, dtype=torch.float32) for side in confident_nets())

    def minus_loss(margins: Tensor) -> np.ndarray:
        logits = torch.stack([margins, torch.zeros_like(margins)], dim=1)
        return F.log_softmax(logits, dim=1)[:, 0].numpy()

    wrong = roc(minus_loss(members), minus_loss(others), [0.01]).tpr[0]
    return Finding("TPR at 1 % FPR", float(wrong), float(roc(*confident_nets(), [0.01]).tpr[0]))


def batch_norm(models: int = 4, epochs: int = 40) -> Finding:
    """Nets scored in training mode, class after class as a folder of images has them: each batch is its own measure."""
    images, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    order = np.argsort(labels, kind="stable")
    noisy = np.where(rng.random(len(labels)) < 0.15, rng.integers(0, 10, len(labels)), labels)  # learned by heart
    inputs, targets = torch.tensor(images[order] / 16, dtype=torch.float32), torch.tensor(noisy[order])
    found = []
    for model in range(models):
        members = torch.tensor(np.random.default_rng(model).permutation(len(labels)) < len(labels) // 2)
        net = _trained(inputs[members], targets[members], epochs, model)
        found.append([_auc_of(copy.deepcopy(net).train(mode), inputs, targets, members) for mode in (True, False)])
    return Finding("AUC of the loss (training mode; evaluation mode)", *np.mean(found, axis=0))


def _trained(inputs: Tensor, targets: Tensor, epochs: int, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(epochs):
        for rows in torch.randperm(len(targets)).split(32):
            optimizer.zero_grad()
            F.cross_entropy(net(inputs[rows]), targets[rows]).backward()
            optimizer.step()
    return net


@torch.no_grad()
def _auc_of(net: nn.Module, inputs: Tensor, targets: Tensor, members: Tensor) -> float:
    """Of the margin, members and non-members in batches of their own."""
    sides = []
    for side in (members, ~members):
        logits = torch.cat([net(batch) for batch in inputs[side].split(8)]).double()
        true = logits.gather(1, targets[side, None])
        others = logits.scatter(1, targets[side, None], -torch.inf).logsumexp(1, keepdim=True)
        sides.append((true - others).numpy())
    return auc(*sides)


PITFALLS = (in_sample, leave_one_model_out, pooled_bootstrap, ties, float32_softmax, batch_norm)

if __name__ == "__main__":
    torch.set_num_threads(1)
    print("| pitfall | measured | wrong | right |\n|---|---|---|---|")
    for pitfall in PITFALLS:
        measured, wrong, right = pitfall()
        print(f"| {pitfall.__name__.replace('_', ' ')} | {measured} | {wrong:.3f} | {right:.3f} |", flush=True)
