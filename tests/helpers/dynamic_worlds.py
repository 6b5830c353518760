"""Synthetic runs with a known truth over checkpoints, in the shape of `memdyn.attacks.shadow_scores.ShadowScores`."""

from dataclasses import dataclass

import numpy as np

from memdyn.attacks.base import Attack
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.dynamics.tails import TailOptions
from memdyn.stats.jackknife import Pairs
from worlds import complementary_mask

TAILS = TailOptions((0.01, 0.1, 0.5), 0.001, 2.0, 1.25, 0.95, 16)


def _normal(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.normal(size=shape)


LAWS = {
    "normal": _normal,
    "skewed": lambda rng, shape: rng.exponential(size=shape) - 1,
    "heavy": lambda rng, shape: rng.standard_t(3, size=shape) / np.sqrt(3),
    "shared by models": lambda rng, shape: 0.7 * rng.normal(size=shape) + 0.51**0.5 * rng.normal(size=(shape[0], 1)),
    "shared by pairs": lambda rng, shape: (
        np.sqrt(0.5) * (rng.normal(size=shape) + np.repeat(rng.normal(size=(shape[0] // 2, shape[1])), 2, axis=0))
    ),
    "narrow when IN": _normal,
    "ties": _normal,
}
"""Noise [M, n] with variance 1; the last two are finished by `dynamic_world`."""


@dataclass(frozen=True)
class World:
    """margins float32 [T, M, N] over scored, sham and population samples; the rest as `ShadowScores`.

    The model has two classes, so that every signal is a function of the margin: gap = margin,
    el2n = sqrt(2) (1 - p_y).
    """

    epochs: list[int]
    margins: np.ndarray
    masks: np.ndarray
    parts: dict[str, slice]

    def signal(self, epoch: int, name: str) -> np.ndarray:  # of attacks that read the margin alone
        margin = self.margins[self.epochs.index(epoch)]
        return np.sqrt(2) / (1 + np.exp(margin)) if name == "el2n" else margin

    def has(self, name: str) -> bool:
        return name in ("margin", "gap", "el2n")

    @property
    def pairs(self) -> Pairs:
        return Pairs.of(len(self.masks))

    @property
    def labels(self) -> np.ndarray:
        return np.zeros(max(rows.stop for rows in self.parts.values()), int)

    def for_attack(self, attack: Attack) -> "World":
        return self

    loader = ShadowScores.loader
    prepared = ShadowScores.prepared
    signals_for = ShadowScores.signals_for


def dynamic_world(
    seed: int,
    n_models: int,
    d_prime: np.ndarray,
    mean: np.ndarray,
    *,
    epochs: list[int] | None = None,
    deviation: float | np.ndarray = 1.0,
    persistence: float = 0.0,
    n_sham: int = 20,
    n_population: int = 20,
    law: str = "normal",
) -> World:
    """Margins, normal ones unless told otherwise: OUT mean_i(t), IN mean_i(t) + d'_i(t) * deviation_i.

    Args:
        seed: of masks and noise.
        d_prime, mean: [T, n] of the scored samples; sham samples take means from them, and have d' = 0.
        epochs: 0, 1, ..., T - 1 if None.
        deviation: of the noise over models, a number or [n].
        persistence: correlation over checkpoints of one (model, sample)'s noise.
        law: of the noise, one of `LAWS`.
    """
    rng = np.random.default_rng([7, seed])
    count, n_scored = d_prime.shape
    never = n_sham + n_population
    total = n_scored + never
    rows = np.arange(never) % n_scored
    mean = np.concatenate([mean, mean[:, rows]], axis=1)
    effect = np.concatenate([d_prime, np.zeros((count, never))], axis=1)
    deviation = np.broadcast_to(deviation, n_scored)
    deviation = np.concatenate([deviation, deviation[rows]])
    masks = complementary_mask(rng, n_models, n_scored + n_sham)
    member = np.concatenate([masks, np.zeros((n_models, n_population), dtype=bool)], axis=1)
    shared = LAWS[law](rng, (n_models, total))
    margins = np.empty((count, n_models, total), dtype=np.float32)
    for t in range(count):
        noise = np.sqrt(persistence) * shared + np.sqrt(1 - persistence) * LAWS[law](rng, shared.shape)
        if law == "narrow when IN":
            noise = noise * np.where(member, 0.75, 1)
        margins[t] = mean[t] + deviation * (noise + effect[t] * member)
        if law == "ties":
            margins[t] = np.round(1.5 * margins[t]) / 1.5
    parts = {
        "scored": slice(0, n_scored),
        "sham": slice(n_scored, n_scored + n_sham),
        "population": slice(n_scored + n_sham, total),
        "test": slice(total, total),
    }
    return World(list(range(count)) if epochs is None else epochs, margins, masks, parts)
