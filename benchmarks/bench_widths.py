"""How near foretold widths of intervals come to those that are printed, in worlds that the method was not chosen on.

Claim: from a few models `memdyn plan` foretells the widths that more models find about as well as one interval tells
another. Prints, of AUC and TPRs, the shares that are within 30 % of the mean printed width (the true one), within 30 %
of a single one (of the next replicate's models), and the share of single ones in the foretold range. Writes nothing.

    python benchmarks/bench_widths.py [WORLD ...] [--attack loss lira rmia --samples 800 --models 64 --replicates 4]
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from bench_attacks import sections

from memdyn.attacks.base import Attack, Prepared, build
from memdyn.attacks.refits import Deletions, refits
from memdyn.attacks.signals import Signals
from memdyn.operations.pilot import Pilot, rise, slope_at
from memdyn.operations.widths import half_width, spread
from memdyn.stats.rates import limits_of_roc
from memdyn.stats.roc import fpr_grid, roc
from memdyn.stats.threshold_luck import tprs_by_chance
from memdyn.terms import FPRS, METRICS

LEVEL, GROUPS, POPULATION, CHECKPOINTS, CLASSES, FEWEST = 0.95, 16, 150, 5, 10, 8
NEAR = 0.3

Floats = np.ndarray


@dataclass(frozen=True)
class World:
    """Margins over checkpoints; spreads are in standard deviations of a sample's margin.

    Attributes:
        effects: of the members, by a generator and the number of samples.
        kept: correlation of a margin's noise from checkpoint to checkpoint.
        in_deviation: of members in the end, over that of non-members.
        model, klass: of what all margins of a model, or of a class in it, share.
        leak, scale: of the logarithms of each model's effect and of its scale.
        falls: the leak falls after the second checkpoint.
    """

    effects: Callable[[np.random.Generator, int], Floats]
    kept: float = 0.5
    in_deviation: float = 1.0
    model: float = 0.0
    klass: float = 0.0
    leak: float = 0.0
    scale: float = 0.0
    falls: bool = False


def _few(rng: np.random.Generator, n: int) -> Floats:
    return np.where(rng.random(n) < 0.04, 4.0, 0.2)


def _lognormal(mean: float) -> Callable[[np.random.Generator, int], Floats]:
    return lambda rng, n: mean * np.exp(0.8 * rng.normal(size=n) - 0.32)


WORLDS = {
    "rare": World(_few, in_deviation=0.7),
    "rare, models leak unequally": World(_few, kept=0.6, leak=0.4, in_deviation=0.5),
    "models move": World(_lognormal(0.7), kept=0.8, model=0.3, leak=0.2),
    "classes move": World(lambda rng, n: np.full(n, 1.2), kept=0.9, klass=0.4, leak=0.1),
    "falls": World(_lognormal(1.0), kept=0.3, klass=0.2, falls=True),
    "strong": World(_lognormal(2.5), kept=0.7, scale=0.3, model=0.2, in_deviation=0.6),
    "all of it": World(lambda rng, n: 0.5 * rng.gamma(0.5, 2.0, n), kept=0.95, model=0.3, klass=0.3, leak=0.5),
}


def margins(world: World, seed: int, n_models: int, n_samples: int) -> tuple[Floats, Floats, Floats]:
    """Margins [C, M, n] of samples that stay and [C, M, POPULATION] of others, and membership [M, n]."""
    samples, models = np.random.default_rng([41, n_samples]), np.random.default_rng([42, seed])
    n = n_samples + POPULATION
    mean, deviation = samples.normal(1, 2, n), np.exp(0.5 * samples.normal(size=n))
    effects, classes = world.effects(samples, n), samples.integers(CLASSES, size=n)
    member = np.zeros((n_models, n), dtype=bool)
    member[0::2, :n_samples] = models.random((n_models // 2, n_samples)) < 0.5
    member[1::2, :n_samples] = ~member[0::2, :n_samples]
    steps = np.arange(1, CHECKPOINTS + 1) / CHECKPOINTS
    growth = np.array([0.5, 1.2, 1.0, 0.7, 0.4]) if world.falls else steps**0.7
    shapes = [(n_models, n), (n_models, 1), (n_models, CLASSES), (n_models, 1), (n_models, 1)]
    state = [models.normal(size=shape) for shape in shapes]
    found = []
    for grown in growth:
        new = [models.normal(size=shape) for shape in shapes]
        state = [world.kept * a + np.sqrt(1 - world.kept**2) * b for a, b in zip(state, new, strict=True)]
        noise, of_model, of_class, leak, scale = state
        own = np.where(member, world.in_deviation**grown, 1) * noise
        shared = world.model * of_model + world.klass * of_class[:, classes]
        gain = grown * effects * np.exp(world.leak * leak) * member
        values = mean * (0.3 + 0.7 * grown) + deviation * (own + shared + gain)
        found.append(values * np.exp(world.scale * scale))
    values = np.array(found)
    return values[..., :n_samples], values[..., n_samples:], member[:, :n_samples]


@dataclass(frozen=True)
class Measured:
    """An attack on some models: what is printed of its last checkpoint, and what it tells of other numbers of models.

    Attributes:
        half: [METRICS], of the printed intervals.
        pilots: one a metric.
    """

    half: Floats
    pilots: list[Pilot]

    @classmethod
    def of(cls, attack: Attack, values: Floats, population: Floats, mask: Floats) -> "Measured":
        """Of margins [C, M, n] and of others, and membership [M, n]."""
        rates, curves, half, count = [], [], np.empty(0), len(METRICS)
        trials = mask.size // 2
        for at, others in zip(values, population, strict=True):
            given = Prepared.of(attack, Signals.of_margins(at, mask, others))
            deletions = Deletions.of(attack, given.signals.pairs, given.signals.half, GROUPS)
            fprs = np.concatenate([FPRS, fpr_grid(deletions.fewest_pairs * mask.shape[1], 10)])
            both = [refit.given.signals.split(refit.scores) for refit in refits(attack, given, deletions)]
            found = [roc(*scores, fprs) for scores in both]
            rates.append(np.array([[each.auc, *each.tpr[: len(FPRS)]] for each in found]))
            curves.append((fprs[len(FPRS) :], found[0].tpr[len(FPRS) :]))
            luck = tprs_by_chance(*both[0], np.array(FPRS), LEVEL)
            low, high = limits_of_roc(rates[-1], deletions.sizes, trials, LEVEL, luck)
            half = (high - low) / 2
        course, sizes = np.array(rates), deletions.sizes  # [C, 1 + G, METRICS]
        whole, deleted = course[:, 0].T, course[:, 1:].transpose(2, 1, 0)
        of_auc, of_most = (rise(whole[k], deleted[k], sizes) for k in (0, count - 1))
        pilots = [Pilot(len(mask), whole[0], deleted[0], sizes, of_auc)]
        for k, fpr in enumerate(FPRS, 1):
            slopes = np.array([slope_at(fpr, *curve) for curve in curves])
            pilots.append(Pilot(len(mask), whole[k], deleted[k], sizes, of_most, fpr, slopes, trials, curves))
        return cls(half, pilots)


def compared(
    attack: Attack, world: World, steps: Sequence[tuple[int, int]], most: int, n: int, replicates: int
) -> dict:
    """(models, models that are foretold) -> [K, 3, METRICS]: near the true width, near a single one, in the range."""
    of: dict[int, list[list[Measured]]] = {}
    for seed in range(replicates):
        values, population, mask = margins(world, seed, most, n)
        for size in sorted({size for step in steps for size in step}):
            parts = [slice(first, first + size) for first in range(0, most, size)]
            measured = [Measured.of(attack, values[:, part], population[:, part], mask[part]) for part in parts]
            of.setdefault(size, []).append(measured)
    found = {}
    for few, many in steps:
        true = np.mean([each.half for row in of[many] for each in row], axis=0)
        groups, rows = min(many // 2, GROUPS), []
        for replicate, row in enumerate(of[few]):
            others = of[many][(replicate + 1) % replicates]
            for k, each in enumerate(row):
                rows.append(_judged(each.pilots, many, groups, true, others[k % len(others)].half))
        found[few, many] = np.array(rows)
    return found


def _judged(pilots: list[Pilot], models: int, groups: int, true: Floats, single: Floats) -> Floats:
    judged = np.full((3, len(METRICS)), np.nan)
    for k, pilot in enumerate(pilots):
        if pilot.tells:
            told = float(pilot.half(models, half_width(groups, LEVEL), LEVEL))
            low, high = (told * ratio for ratio in spread(groups, pilot.freedom))
            near = [abs(told / each[k] - 1) <= NEAR for each in (true, single)]
            judged[:, k] = *near, low <= single[k] <= high
    return judged


def main() -> None:
    """Reads what and how much; prints a line a number of models and attack."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("worlds", nargs="*", help="all, if none is named")
    parser.add_argument("--attack", nargs="+", default=["loss", "lira", "rmia"])
    parser.add_argument("--models", type=int, default=64, help="at most; 8, 16 ... tell of two and four times as many")
    parser.add_argument("--samples", type=int, default=800)
    parser.add_argument("--replicates", type=int, default=4)
    given = parser.parse_args()
    for names, allowed, what in ((given.worlds, WORLDS, "world"), (given.attack, sections(), "attack")):
        if unknown := [name for name in names if name not in allowed]:
            parser.error(f"{unknown[0]!r} is no {what} here; allowed: {', '.join(allowed)}")
    sizes = [FEWEST * 2**k for k in range(10) if FEWEST * 2**k <= given.models]
    steps = [(few, many) for few in sizes for many in sizes if few < many <= 4 * few]
    if not steps:
        parser.error(f"--models {given.models} tell of no more models; allowed: {2 * FEWEST} and more")
    print(f"shares of {', '.join(METRICS)}: near the true width; near a single one; in the range")
    for name in given.attack:
        attack, rows = build(sections()[name].model_dump()), {step: [] for step in steps}
        for world in given.worlds or WORLDS:
            found = compared(attack, WORLDS[world], steps, sizes[-1], given.samples, given.replicates)
            for step, judged in found.items():
                rows[step].append(judged)
        for (few, many), judged in rows.items():
            told, every = f"{name:6s} from {few:3d} for {many:3d} models", np.concatenate(judged)
            known = np.maximum(np.isfinite(every).sum(axis=0), 1)
            shares = np.where(np.isfinite(every).any(axis=0), np.nansum(every, axis=0) / known, np.nan)
            words = "; ".join(" ".join(f"{share:.2f}" for share in row) for row in shares)
            print(f"{told}, {len(every):4d} times: {words}", flush=True)


if __name__ == "__main__":
    main()
