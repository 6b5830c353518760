"""The full dynamics analysis of one run: what the stage computes, put together from the config's options."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from memdyn.attacks.base import Attack
from memdyn.attacks.evaluate import Settings
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.dynamics.baselines import BASELINES, NEEDED
from memdyn.dynamics.clocks import clock_tables
from memdyn.dynamics.correlation import CorrelationOptions, correlation_tables
from memdyn.dynamics.difficulty import Difficulty, difficulty
from memdyn.dynamics.early import EarlyOptions, early_tables, findings
from memdyn.dynamics.half_targets import MORE_VULNERABLE
from memdyn.dynamics.planted import planted_table
from memdyn.dynamics.smooth import SmoothOptions, smooth_tables
from memdyn.dynamics.splits import Splits
from memdyn.dynamics.stage import DynamicsOptions, dynamics_tables
from memdyn.dynamics.tails import TailOptions
from memdyn.dynamics.trajectories import SampleOptions
from memdyn.dynamics.zones import ZoneBounds
from memdyn.terms import LIKELIHOOD_RATIO_1

# Grids and limits of figures and checks that nobody has to choose
_ENTROPY_BASE = 2.0
_MOST_BLOCKS, _SMALLEST_BLOCK = 50, 20
_TAIL_PROBABILITIES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_TAIL_TOLERANCE, _TPR_TOLERANCE = 2.0, 1.25


@dataclass(frozen=True)
class Analysis:
    """One run's scores and the options of its analysis.

    Attributes:
        labels, flipped: int and bool [pool].
        options, dynamics: the config's sections `analysis` and `dynamics`, as plain values.
        measured: optional measures of difficulty by name, of all planned models and at least the scored part: [M, n].
        harder: of a user's own measures, whether "larger" or "smaller" values mean harder samples.
    """

    scores: ShadowScores
    labels: np.ndarray
    flipped: np.ndarray
    settings: Settings
    options: dict[str, Any]
    dynamics: dict[str, Any]
    measured: dict[str, np.ndarray]
    harder: dict[str, str] = field(default_factory=dict)

    def of_attack(self, attack: Attack) -> dict[str, pd.DataFrame]:
        """Tables that depend on the attack.

        Returns:
            summary, curves, curve_replicates, transitions (`memdyn.dynamics.stage`); early, early_profiles,
            early_replicates, findings (`memdyn.dynamics.early`; no rows of a single checkpoint); correlations,
            reliabilities, disattenuated,
            difficulty_curves (`memdyn.dynamics.correlation`).
        """
        scores = self.scores.for_attack(attack)
        scored = self.labels[scores.parts["scored"]]
        tables = dynamics_tables(scores, attack, self.settings, self.labels, self._dynamics_options())
        early = early_tables(scores, attack, self._splits, self._early_options(attack))
        if len(scores.epochs) == 1:  # nothing is early
            early = {name: table.iloc[:0] for name, table in early.items()}
        correlated = correlation_tables(
            scores, attack, self._difficulty, scored, self._splits, self._correlation_options(attack)
        )
        return {
            **tables,
            "early": early["early"],
            "early_profiles": early["profiles"],
            "early_replicates": early["replicates"],
            "findings": findings(early["early"], self.options["early_share"]),
            "correlations": correlated["correlations"],
            "reliabilities": correlated["reliabilities"],
            "disattenuated": correlated["disattenuated"],
            "difficulty_curves": correlated["curves"],
        }

    def of_run(self) -> dict[str, pd.DataFrame]:
        """Tables of the run itself.

        Returns:
            difficulty (a row a sample, by its row in the pool, as in summary and smooth); planted (empty where no label
            was flipped); smooth, operating_points, tails, tail_verdicts (`memdyn.dynamics.smooth`); clocks,
            clock_replicates (`memdyn.dynamics.clocks.clock_tables`).
        """
        flipped = self.flipped[self.scores.parts["scored"]]
        planted = pd.DataFrame(columns=["quantity", "models", "auroc", "low", "high"])
        if flipped.any():
            planted = planted_table(flipped, self.scores, self._difficulty, self.settings.groups, self.settings.level)
        clocks = clock_tables(self.scores, self.scores.pairs.groups(self.settings.groups))
        return {
            "difficulty": self._difficulty.table(),
            "planted": planted,
            **smooth_tables(self.scores, self._smooth_options()),
            "clocks": clocks["estimates"],
            "clock_replicates": clocks["replicates"],
        }

    @cached_property
    def _splits(self) -> Splits:
        return Splits.of_pairs(self.scores.pairs, self.options["splits"], self.settings.groups, self.settings.seed)

    @cached_property
    def _difficulty(self) -> Difficulty:
        of_pairs = {name: self.scores.of_scored(values) for name, values in self.measured.items()}
        signs = {name: 1 if which == "larger" else -1 for name, which in self.harder.items()}
        return difficulty(self.scores, self.options["early_epoch"], of_pairs, signs)

    def _threshold(self, attack: Attack) -> str | float:
        """The first threshold of the plane that the attack has: severity and the highly vulnerable zone are of it."""
        known = (
            value
            for value in self.dynamics["thresholds"]
            if value != LIKELIHOOD_RATIO_1 or attack.threshold is not None
        )
        return next(known)

    def _dynamics_options(self) -> DynamicsOptions:
        return DynamicsOptions(
            splits=self.options["splits"],
            jackknife_splits=self.options["jackknife_splits"],
            grid=self.options["grid"],
            entropy_base=_ENTROPY_BASE,
            most_blocks=_MOST_BLOCKS,
            smallest_block=_SMALLEST_BLOCK,
            sample=SampleOptions(
                level=self.settings.level,
                onset_level=self.options["onset_error"],
                d_prime_bound=self.options["d_prime_bound"],
                stable_distance=self.options["stable_distance"],
            ),
            bounds=ZoneBounds.of_options(self.dynamics),
        )

    def _early_options(self, attack: Attack) -> EarlyOptions:
        return EarlyOptions(
            top=self.options["top"],
            threshold=self._threshold(attack),
            baselines=tuple(name for name in BASELINES if self.scores.has(NEEDED.get(name, "margin"))),
            bounds=ZoneBounds.of_options(self.dynamics),
            hv_splits=self.options["hv_splits"],
            level=self.settings.level,
        )

    def _correlation_options(self, attack: Attack) -> CorrelationOptions:
        return CorrelationOptions(
            targets=tuple(MORE_VULNERABLE),
            threshold=self._threshold(attack),
            level=self.settings.level,
            onset_error=self.options["onset_error"],
            bins=self.options["bins"],
            kendall_samples=self.options["kendall_samples"],
        )

    def _smooth_options(self) -> SmoothOptions:
        return SmoothOptions(
            alphas=tuple(self.options["smooth_fprs"]),
            level=self.settings.level,
            groups=self.settings.groups,
            tails=TailOptions(
                probabilities=_TAIL_PROBABILITIES,
                checked=min(self.options["smooth_fprs"]),
                tolerance=_TAIL_TOLERANCE,
                tpr_tolerance=_TPR_TOLERANCE,
                level=self.settings.level,
                groups=self.settings.groups,
            ),
        )
