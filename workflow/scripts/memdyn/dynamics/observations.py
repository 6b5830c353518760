"""What the dynamics are computed from: decisions counted per sample, for many subsets of the models, in one pass.

A WORLD is a set of pairs of models that is calibrated and counted by itself, as if there were no other models:

    world 0             all pairs
    worlds 1 to G       all but one group of pairs: the jackknife's refits
    further worlds      random halves A and B of the pairs, and these halves without a group

The first halves also say how much the counted rates scatter (`memdyn.dynamics.design_effect`).

Halves share nothing: masks, thresholds, variance priors and cross-fitting are computed inside. Otherwise noise of the
common references stays in the products of A and B that are meant to be free of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from memdyn.attacks.base import Attack, Prepared
from memdyn.attacks.evaluate import Settings, pooled_cuts, tally
from memdyn.attacks.shadow_scores import ShadowScores, masked_parts
from memdyn.attacks.signals import Signals
from memdyn.dynamics.design_effect import QUANTITIES, SPLITS, Called, design_effects
from memdyn.dynamics.dprime import effect_sizes
from memdyn.dynamics.onset import critical_t, t_statistic
from memdyn.dynamics.spatial import SpatialSamples, smooth_points, spatial_figures
from memdyn.dynamics.splits import Splits
from memdyn.dynamics.zones import States
from memdyn.stats.jackknife import Pairs
from memdyn.terms import LIKELIHOOD_RATIO_1, threshold_label

_EFFECTS = ("d_prime", "d_prime_sd", "d_prime_low", "d_prime_high")


@dataclass(frozen=True)
class World:
    """Some pairs, and the half of each in the world's own two-fold cross-fitting: [P'] each."""

    pairs: np.ndarray
    half: np.ndarray

    def of(self, signals: Signals) -> Signals:
        """The world's share of all pairs' signals."""
        return replace(signals.take(self.pairs), half=self.half)

    @property
    def key(self) -> tuple[bytes, bytes]:
        """Equal for equal worlds: a group that a half has no pair of leaves it as it is."""
        return self.pairs.tobytes(), self.half.tobytes()

    def without(self, gone: np.ndarray) -> "World":
        """The world without some pairs; the others keep their half."""
        kept = ~np.isin(self.pairs, gone)
        return World(self.pairs[kept], self.half[kept])


@dataclass(frozen=True)
class Design:
    """All worlds of an analysis.

    Attributes:
        worlds: see the module.
        groups: [G] numbers of the jackknife's groups; empty where there are too few pairs to leave any out.
        sizes: [G] pairs in each.
        splits: int [K, 2], the worlds that are halves A and B of each random split; K = 0 where there are too few.
        split_deleted: int [J, G, 2], the same for the first J splits without each group.
        repeats: int [R, 2], the splits' halves that tell the design effects; R = 0 where there are too few pairs.
    """

    worlds: tuple[World, ...]
    groups: np.ndarray
    sizes: np.ndarray
    splits: np.ndarray
    split_deleted: np.ndarray
    repeats: np.ndarray

    @property
    def n_jackknife(self) -> int:
        """1 + G: all pairs, and the jackknife's worlds."""
        return 1 + len(self.sizes)

    @property
    def pairs(self) -> np.ndarray:
        """int [W], the number of pairs in each world."""
        return np.array([len(world.pairs) for world in self.worlds])


def plan_design(
    attack: Attack,
    pairs: Pairs,
    most_groups: int,
    splits: Splits | None,
    most_splits: int = 0,
    jackknife_splits: int = 0,
) -> Design:
    """The worlds of P pairs.

    Args:
        attack: says how few pairs it can be calibrated with.
        pairs: with the half of each in the cross-fitting of all pairs.
        most_groups: of the jackknife.
        splits: halves of the pairs; None where there are too few. The first tell the design effects.
        most_splits: K, how many of the splits are used for noise-corrected figures.
        jackknife_splits: J <= K, of these are computed without each group as well. The interval of a mean over K splits
            is as wide as that of a mean over J, so more make it narrower, at G J halves more to calibrate.
    """
    whole, group = World(np.arange(len(pairs)), pairs.half), pairs.groups(most_groups)
    groups, sizes = np.unique(group, return_counts=True)
    deleted = [whole.without(np.flatnonzero(group == g)) for g in groups]
    worlds = {world.key: world for world in [whole, *deleted]} if _can_score(attack, deleted) else {whole.key: whole}
    groups, sizes = groups[: len(worlds) - 1], sizes[: len(worlds) - 1]
    ours, repeats = (splits.for_attack(attack, most) if splits else None for most in (most_splits, SPLITS))

    def numbers(source: Splits, split: int, replicate: int) -> list[int]:
        found = []
        for row in (2 * split, 2 * split + 1):
            kept = np.flatnonzero(source.halves[row] * source.kept(replicate))
            world = World(kept, source.inner[row, kept])
            worlds.setdefault(world.key, world)
            found.append(list(worlds).index(world.key))
        return found

    n_splits, n_repeats = (len(source.halves) // 2 if source else 0 for source in (ours, repeats))
    n_jackknifed = min(jackknife_splits, n_splits) if ours and len(ours.deleted) == len(sizes) else 0
    halves = [numbers(ours, k, 0) for k in range(n_splits)]
    smaller = [[numbers(ours, k, g) for g in range(1, 1 + len(sizes))] for k in range(n_jackknifed)]
    repeated = [numbers(repeats, k, 0) for k in range(n_repeats)]
    return Design(
        tuple(worlds.values()),
        groups,
        sizes,
        np.array(halves, int).reshape(n_splits, 2),
        np.array(smaller, int).reshape(n_jackknifed, len(sizes), 2),
        np.array(repeated, int).reshape(n_repeats, 2),
    )


def _can_score(attack: Attack, worlds: Iterable[World]) -> bool:
    return all(len(world.pairs) > 1 and attack.can_score(world.half, "halves") for world in worlds)


@dataclass(frozen=True)
class Counts:
    """Decisions of one part of the pool at one threshold.

    Attributes:
        d_in, d_out: [W, T, n], pairs whose IN (OUT) model is called a member, of `pairs`.
        d_both: [1 + G, T, n], pairs in which both are.
        pairs: [W].
    """

    d_in: np.ndarray
    d_out: np.ndarray
    d_both: np.ndarray
    pairs: np.ndarray

    def rates(self, world: int) -> tuple[np.ndarray, np.ndarray]:
        """(FPR, TPR) of a world, float32 [T, n] each."""
        n_pairs = np.float32(self.pairs[world])
        return self.d_out[world] / n_pairs, self.d_in[world] / n_pairs


@dataclass(frozen=True)
class Observations:
    """All that the population's and the samples' dynamics need from the scores.

    Attributes:
        epochs: [T].
        design: the worlds.
        counts: by (part, threshold).
        t: by part, float32 [1 + G, T, n]: t statistics of the margin's pair differences (IN - OUT).
        d_prime, d_prime_sd, d_prime_low, d_prime_high: by part, float64 [T, n]: posterior mean, sd and limits of d' of
            all pairs.
        design_effect: by (part, threshold), float32 [3, T, n]: of TPR, FPR and advantage, all pairs; NaN where there
            are too few to tell.
        spatial: by (part, threshold), [1 + G, T, K, F]: figures of `memdyn.dynamics.spatial`, K groups of samples.
    """

    epochs: np.ndarray
    design: Design
    counts: dict[tuple[str, str], Counts]
    t: dict[str, np.ndarray]
    d_prime: dict[str, np.ndarray]
    d_prime_sd: dict[str, np.ndarray]
    d_prime_low: dict[str, np.ndarray]
    d_prime_high: dict[str, np.ndarray]
    design_effect: dict[tuple[str, str], np.ndarray]
    spatial: dict[tuple[str, str], np.ndarray]

    @property
    def parts(self) -> list[str]:
        """Of the pool, with a membership: scored, and sham where there is one."""
        return list(self.t)

    @property
    def thresholds(self) -> list[str]:
        return list(dict.fromkeys(threshold for _, threshold in self.counts))

    def states(self, part: str, threshold: str, world: int, test_level: float) -> States:
        """The states of a world of the jackknife, or of all pairs (0); the design effects are those of all pairs."""
        counts, t = self.counts[part, threshold], self.t[part][world]
        n_pairs = int(counts.pairs[world])
        critical = np.array([critical_t(row, test_level, n_pairs - 1) for row in t])
        decisions = counts.d_in[world], counts.d_out[world], counts.d_both[world]
        return States.of_counts(*decisions, n_pairs, t, critical, self.design_effect[part, threshold])


def cuts(attack: Attack, scores_out: np.ndarray, half: np.ndarray, fprs: Iterable[float]) -> dict[str, np.ndarray]:
    """The cut [P, 1] of each threshold: "member" iff the score is above it.

    Args:
        scores_out: [P, n], cross-fitted over halves.
        half: [P]; within each, the cut at an FPR is the lowest that keeps the half's pooled FPR at or below it.
        fprs: pooled FPRs.
    """
    result = {}
    if attack.threshold is not None:  # "from the threshold on" is "above the number before it"
        result[LIKELIHOOD_RATIO_1] = np.full((len(half), 1), np.nextafter(attack.threshold, -np.inf))
    return result | pooled_cuts(scores_out, half, fprs)


def observe(
    scores: ShadowScores, attack: Attack, settings: Settings, design: Design, spatial: dict[str, SpatialSamples]
) -> Observations:
    """One pass over the checkpoints, one of them in memory at a time.

    Args:
        scores: of a run.
        attack: from `memdyn.attacks.base.build`.
        settings: of the attack's evaluation (thresholds, and the level of limits).
        design: from `plan_design`.
        spatial: by part, which samples the spatial figures are of, from `memdyn.dynamics.spatial.spatial_samples`.

    Memory: W T n bytes for each of d_in and d_out and each threshold, W the number of worlds (up to 255 pairs).
    """
    epochs = scores.epochs
    labels = [LIKELIHOOD_RATIO_1] * (attack.threshold is not None) + [*map(threshold_label, settings.rate_fprs)]
    recorders = {
        part: _Recorder(len(epochs), scores.parts[part], design, labels, spatial[part])
        for part in masked_parts(scores.parts)
    }
    for step, epoch in enumerate(epochs):
        for part, recorder in recorders.items():
            recorder.record(step, attack, scores.prepared(attack, part, epoch), settings)
    return Observations(
        np.array(epochs),
        design,
        {(part, label): recorders[part].counts[label] for part in recorders for label in labels},
        *({part: getattr(recorders[part], name) for part in recorders} for name in ("t", *_EFFECTS)),
        *(
            {(part, label): getattr(recorders[part], name)[label] for part in recorders for label in labels}
            for name in ("design_effect", "spatial")
        ),
    )


class _Recorder:
    """The arrays of one part of the pool, filled checkpoint by checkpoint."""

    def __init__(self, n_epochs: int, rows: slice, design: Design, labels: list[str], spatial: SpatialSamples) -> None:
        shape, few = (n_epochs, rows.stop - rows.start), design.n_jackknife
        pairs = design.pairs
        count = np.uint8 if pairs.max() < 256 else np.uint16
        n_worlds = len(pairs)
        self.design, self.of = design, spatial
        self.counts = {
            label: Counts(*(np.zeros((w, *shape), count) for w in (n_worlds, n_worlds, few)), pairs) for label in labels
        }
        self.spatial = {label: np.full((few, n_epochs, *spatial.shape), np.nan) for label in labels}
        self.design_effect = {label: np.empty((len(QUANTITIES), *shape), np.float32) for label in labels}
        self.t = np.empty((few, *shape), np.float32)
        self.d_prime, self.d_prime_sd, self.d_prime_low, self.d_prime_high = (np.empty(shape) for _ in _EFFECTS)

    def record(self, step: int, attack: Attack, given: Prepared, settings: Settings) -> None:
        margins_in, margins_out = given.margins.split(given.margins.margins)
        effects = effect_sizes(margins_in, margins_out)
        self.d_prime[step], self.d_prime_sd[step] = effects.mean, effects.sd
        self.d_prime_low[step], self.d_prime_high[step] = effects.limits(settings.level)
        differences, signals = margins_in - margins_out, given.signals
        del margins_in, margins_out, given
        repeats = {label: {} for label in self.counts}
        for w, world in enumerate(self.design.worlds):
            jackknifed = w < self.design.n_jackknife
            if jackknifed:
                self.t[w, step] = t_statistic(differences[world.pairs])
            part = world.of(signals)
            scores_in, scores_out = attack.score_pairs(part, "halves")
            for label, cut in cuts(attack, scores_out, part.half, settings.rate_fprs).items():
                called_in, called_out = scores_in > cut, scores_out > cut
                counts = self.counts[label]
                counts.d_in[w, step], counts.d_out[w, step] = tally(called_in), tally(called_out)
                both = tally(called_in & called_out)
                if jackknifed:
                    counts.d_both[w, step] = both
                if w in self.design.repeats:
                    repeats[label][w] = Called(counts.d_in[w, step], counts.d_out[w, step], both, len(world.pairs))
                if jackknifed and any(self.of.blocks):
                    points = smooth_points(scores_in - cut, scores_out - cut)
                    self.spatial[label][w, step] = spatial_figures(points, self.of)
        for label, found in repeats.items():
            halves = [(found[a], found[b]) for a, b in self.design.repeats]
            effects = design_effects(halves, int(self.design.pairs[0]), self.d_prime[step].astype(np.float32))
            self.design_effect[label][:, step] = effects
