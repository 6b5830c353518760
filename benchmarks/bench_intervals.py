"""How often 95 % intervals hold what they are of, and how wide they are, in worlds of margins.

Claim: limits of pooled TPRs cover .93 to 1.00, whatever the world, the number of models and of samples, where those of
the jackknife alone do not. What is covered is the mean over all replications: the expectation of these samples with so
many models. Prints coverage, and half of the mean width over 1.96 true standard deviations. Writes nothing.

    python benchmarks/bench_intervals.py rates [WORLD ...] [--attack loss --models 16 --samples 100 --replications 200]
    python benchmarks/bench_intervals.py realised|most_vulnerable|agreement|level_distance|history [WORLD ...]
"""

import argparse
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
from bench_attacks import sections

from memdyn.attacks.base import Attack, Prepared, build
from memdyn.attacks.lira import LiRA
from memdyn.attacks.log_ratio_sum import LogRatioSum
from memdyn.attacks.most_vulnerable import QUANTITIES, SHARES, MostVulnerable, limits_of
from memdyn.attacks.realised import Settings as RealisedSettings
from memdyn.attacks.realised import realised_tables
from memdyn.attacks.refits import Deletions, refits
from memdyn.attacks.signals import Signals, Values
from memdyn.dynamics.agreement import Agreement
from memdyn.dynamics.agreement import Settings as AgreementSettings
from memdyn.dynamics.separation import Scored, separation
from memdyn.stats import jackknife
from memdyn.stats.rates import limits_of_roc
from memdyn.stats.roc import roc
from memdyn.stats.threshold_luck import tprs_by_chance

FPRS = np.array([0.001, 0.003, 0.01, 0.1])
NAMES = ("AUC", *(f"TPR at {fpr:g}" for fpr in FPRS))
LEVEL, GROUPS, KNOWN, CLASSES, CHECKPOINTS = 0.95, 16, 60, 5, 3
Limits = dict[str, np.ndarray]  # value, low, high of each figure, [3]

Drawn = tuple[np.ndarray, np.ndarray]  # noise [M, n], in standard deviations, and effects [n]
Draw = Callable[[np.random.Generator, np.random.Generator, tuple[int, int]], Drawn]
"""Of models that are drawn anew, and of samples that stay."""

WORLDS: dict[str, Draw] = {
    "noise": lambda models, samples, shape: (models.normal(size=shape), np.zeros(shape[1])),
    "even": lambda models, samples, shape: (models.normal(size=shape), np.ones(shape[1])),
    "strong": lambda models, samples, shape: (models.normal(size=shape), np.full(shape[1], 4.0)),
    "heavy tails": lambda models, samples, shape: (models.standard_t(3, shape), np.ones(shape[1])),
    "skewed": lambda models, samples, shape: (1 - models.exponential(size=shape), samples.gamma(0.7, 1.5, shape[1])),
    "rare": lambda models, samples, shape: (
        models.normal(size=shape),
        np.where(samples.random(shape[1]) < 0.03, 6.0, 0.05),
    ),
    "models move": lambda models, samples, shape: (
        models.normal(size=shape) + models.normal(0, 0.5, (shape[0], 1)),
        samples.gamma(0.5, 2.0, shape[1]),
    ),
    "models differ": lambda models, samples, shape: (
        models.normal(size=shape) * np.exp(models.normal(0, 0.3, (shape[0], 1))),
        samples.gamma(0.5, 3.0, shape[1]),
    ),
}


def margins(world: str, seed: int, n_models: int, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Margins [M, n] and membership: samples N(1, 2) that stay, log standard deviations N(0, .5)."""
    place = list(WORLDS).index(world)
    models, samples = np.random.default_rng([31, seed, place]), np.random.default_rng([32, n_samples])
    mask = np.empty((n_models, n_samples), dtype=bool)
    mask[0::2] = models.random((n_models // 2, n_samples)) < 0.5
    mask[1::2] = ~mask[0::2]
    mean, deviation = samples.normal(1, 2, n_samples), np.exp(samples.normal(0, 0.5, n_samples))
    noise, effects = WORLDS[world](models, samples, mask.shape)
    return mean + deviation * (noise + effects * mask), mask


def of_rates(attack: Attack, signals: Signals) -> Limits:
    """AUC and pooled TPRs, by the jackknife alone and as they are written."""
    given = Prepared.of(attack, signals)
    deletions = Deletions.of(attack, signals.pairs, signals.half, GROUPS)
    curves, luck = [], None
    for refit in refits(attack, given, deletions):
        both = refit.given.signals.split(refit.scores)
        curve = roc(*both, FPRS)
        curves.append([curve.auc, *curve.tpr])
        luck = tprs_by_chance(*both, FPRS, LEVEL) if luck is None else luck
    values, trials = np.array(curves), signals.n_pairs * signals.mask.shape[1]
    alone = jackknife.interval(values[0], values[1:], deletions.sizes, LEVEL)
    now = limits_of_roc(values, deletions.sizes, trials, LEVEL, luck)
    return {
        f"{name}{how}": np.array([values[0, k], low[k], high[k]])
        for k, name in enumerate(NAMES)
        for how, (low, high) in ((", jackknife", alone), ("", now))
    }


def rates(world: str, seed: int, n_models: int, n_samples: int, attack: str = "loss") -> Limits:
    """Of one replication."""
    values, mask = margins(world, seed, n_models, n_samples)
    return of_rates(build(sections()[attack].model_dump()), Signals.of_margins(values, mask, values[:, :50]))


def most_vulnerable(world: str, seed: int, n_models: int, n_samples: int, attack: str = "loss") -> Limits:
    """TPR and FPR of each share at the threshold of all samples, and its TPR at a threshold of its own."""
    values, mask = margins(world, seed, n_models, n_samples)
    made = build(sections()[attack].model_dump())
    given = Prepared.of(made, Signals.of_margins(values, mask, values[:, :50]))
    deletions = Deletions.of(made, given.signals.pairs, given.signals.half, GROUPS)
    several = []
    for refit in refits(made, given, deletions):
        few, both = MostVulnerable.of(refit.given.margins), refit.given.signals.split(refit.scores)
        several.append((few.measure(*both, FPRS), None if several else few.luck(*both, FPRS, LEVEL)))
    found, (luck, *_) = zip(*several, strict=True)
    limits = limits_of(found, deletions.sizes, LEVEL, given.n_pairs, n_samples, luck)
    three = np.stack([found[0], *limits])  # [3, SHARES, 1 + FPRS, QUANTITIES]
    names = [(k, a, q) for k in range(len(SHARES)) for a in range(len(FPRS)) for q in range(len(QUANTITIES))]
    return {
        f"{100 * SHARES[k]:g} %, {QUANTITIES[q]} at {FPRS[a]:g}": three[:, k, 1 + a, q]
        for k, a, q in names
        if not np.isnan(three[:, k, 1 + a, q]).any()
    }


def agreement(world: str, seed: int, n_models: int, n_samples: int) -> Limits:
    """What the loss and LiRA have in common, and what the loss has with itself."""
    values, mask = margins(world, seed, n_models, n_samples)
    signals = Signals.of_margins(values, mask, values[:, :50])
    found = Agreement(signals.pairs, AgreementSettings(GROUPS, LEVEL, 3))
    for label in ("loss", "lira"):
        attack = build(sections()[label].model_dump())
        found.add(label, attack, signals.map(attack.prepare))
    both = found.agreement().query("attack == 'loss' and top == .1").iloc[0]
    rows = {"overlap of loss and LiRA": both[["overlap", "low", "high"]]}
    rows["correlation of loss and LiRA"] = both[["correlation", "correlation_low", "correlation_high"]]
    for row in found.stability().query("attack == 'loss' and top == .1").to_dict("records"):
        rows[f"overlap of {row['n_models']} models"] = [row[name] for name in ("overlap", "low", "high")]
    return {name: np.array(row, dtype=float) for name, row in rows.items()}


def realised(world: str, seed: int, n_models: int, n_samples: int, attack: str = "loss") -> Limits:
    """What an attacker realises on held-out targets, over all samples."""
    values, mask = margins(world, seed, n_models, n_samples)
    made = build(sections()[attack].model_dump())
    given = Prepared.of(made, Signals.of_margins(values, mask, values[:, :50]))
    run = SimpleNamespace(epochs=[0], prepared=lambda attack, part, epoch: given)
    settings = RealisedSettings((0.01, 0.03, 0.1), (0.1,), 0.1, 1, GROUPS, LEVEL)
    tables = realised_tables(made, run, np.zeros(n_samples, dtype=bool), settings)
    rows = tables["realised"].query("samples == 'all'").to_dict("records")
    found = {f"{row['way']} {row['metric']} at {row['nominal_fpr']}": row for row in rows}
    found |= {f"{row['way']} {row['metric']}": row for row in tables["calibrated_metrics"].to_dict("records")}
    found |= {row["metric"]: row for row in tables["member_lists"].to_dict("records")}
    return {name: np.array([row[end] for end in ("value", "low", "high")], float) for name, row in found.items()}


def level_distance(world: str, seed: int, n_models: int, n_samples: int) -> Limits:
    """Every control of a score that tells a little more than the margin."""
    values, mask = margins(world, seed, n_models, KNOWN + n_samples)
    rng = np.random.default_rng([33, seed])
    score = values + rng.normal(size=values.shape) + 0.3 * mask
    known, rest = slice(0, KNOWN), slice(KNOWN, None)
    given = Scored(
        score[:, rest],
        values[:, rest],
        mask[:, rest],
        np.arange(n_samples) % CLASSES,
        jackknife.Pairs.of(n_models),
        (np.minimum(score[:, rest], 0), np.minimum(values[:, rest], 0)),
        (score[:, known], mask[:, known]),
    )
    table = separation(given, LEVEL, GROUPS).set_index("control")
    found = {}
    for control, row in table.iterrows():
        found[f"{control}, AUC"] = row[["auc", "low", "high"]]
        found[f"{control}, difference"] = row[["difference", "difference_low", "difference_high"]]
    return {name: row.to_numpy(float) for name, row in found.items() if row.notna().all()}


def history(world: str, seed: int, n_models: int, n_samples: int) -> Limits:
    """AUC and TPRs of log_ratio_sum over three checkpoints minus those of LiRA on the last."""
    steps = [margins(world, seed, n_models, n_samples)]
    mask = steps[0][1]
    rng = np.random.default_rng([34, seed])
    before = [steps[0][0] - (1 - share) * mask + rng.normal(size=mask.shape) for share in (0.2, 0.6)]
    histories = np.stack([*before, steps[0][0]], axis=2)

    def of(values: np.ndarray) -> Values:
        arrays = {"margin": values[..., -1], "margin_history": values}
        return Values(arrays, checkpoints=tuple(range(CHECKPOINTS)))

    signals = Signals.of(of(histories), of(histories[:, :20]), mask)
    curves = []
    for attack in (LogRatioSum("global", 10), LiRA("online", "global")):
        given, deletions = Prepared.of(attack, signals), Deletions.of(attack, signals.pairs, signals.half, GROUPS)
        made = [refit.given.signals.split(refit.scores) for refit in refits(attack, given, deletions)]
        curves.append([roc(*both, FPRS) for both in made])
    values = np.array([[a.auc - b.auc, *(a.tpr - b.tpr)] for a, b in zip(*curves, strict=True)])
    low, high = jackknife.interval(values[0], values[1:], deletions.sizes, LEVEL)
    return {name: np.array([values[0, k], low[k], high[k]]) for k, name in enumerate(NAMES)}


FIGURES = {
    "rates": rates,
    "realised": realised,
    "most_vulnerable": most_vulnerable,
    "agreement": agreement,
    "level_distance": level_distance,
    "history": history,
}


def coverage(replications: list[Limits]) -> Iterator[tuple[str, float, float, float]]:
    """(figure, truth, coverage, half width over 1.96 standard deviations) of all figures that have limits."""
    for name in replications[0]:
        value, low, high = np.array([each[name] for each in replications if name in each]).T
        known = ~np.isnan(low)
        if known.any():
            truth = np.nanmean(value)  # precision has no value where nobody is called
            held = ((low <= truth) & (truth <= high))[known].mean()
            yield name, float(truth), float(held), float((high - low)[known].mean() / (2 * 1.96 * np.nanstd(value)))


def main() -> None:
    """Reads what and how much; prints a line a world and figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=FIGURES)
    parser.add_argument("worlds", nargs="*", help="all, if none is named")
    parser.add_argument("--attack", default="loss", help="of rates, realised and most_vulnerable")
    parser.add_argument("--models", type=int, nargs="+", default=[16])
    parser.add_argument("--samples", type=int, nargs="+", default=[100])
    parser.add_argument("--replications", type=int, default=200)
    given = parser.parse_args()
    if unknown := [world for world in given.worlds if world not in WORLDS]:
        parser.error(f"{unknown[0]!r} is no world here; allowed: {', '.join(WORLDS)}")
    if given.attack not in sections():
        parser.error(f"{given.attack!r} is no attack here; allowed: {', '.join(sections())}")
    more = {"attack": given.attack} if given.what in ("rates", "realised", "most_vulnerable") else {}
    for world in given.worlds or WORLDS:
        for n_samples in given.samples:
            for n_models in given.models:
                seeds = range(given.replications)
                found = [FIGURES[given.what](world, seed, n_models, n_samples, **more) for seed in seeds]
                for name, truth, held, width in coverage(found):
                    line = f"{world:14s} {n_models:4d} models {n_samples:5d} samples   {name:32s}"
                    print(f"{line} {truth:8.4f}   covers {held:.3f}   width {width:5.2f}", flush=True)


if __name__ == "__main__":
    main()
