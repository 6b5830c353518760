"""How many figures a study's page will have, of which follows what drawing and showing them takes.

By what there is a figure for: some are of the study, some of each run or attack, and where a grid has more panels than
a figure holds, there is another one (`memdyn.report.draw`).
"""

from math import ceil

from memdyn.plan.study import StudyPlan

OF_EVERY_STUDY = 11  # accuracy, leakage, roc, utility, null, two planes, zones, centre, precision, calibrated roc
OF_REGULARIZATION = 3  # forest, weak against strong, loss ranks
OF_AN_ANALYSIS = 11  # curves, difficulty, early, tails, transitions; seen in a study of two runs
ENOUGH_MODELS = 16  # for stability, agreement between halves, convergence
PANELS, MANY_PANELS = 4, 6


def figures(plan: StudyPlan) -> int:
    """Of a study that is no audit and whose models are pairs; of the others, which have fewer, as many at most."""
    config, runs = plan.study.config, len(plan.runs)
    attacks = max((len(run.attacks) for run in plan.runs), default=0)
    number = OF_EVERY_STUDY + (runs > 1)
    number += sum(len(run.dynamics.options["attacks"]) for run in plan.runs if run.dynamics)  # samples of each
    number += 2 * _more(attacks, PANELS) + _more(attacks, 2 * PANELS)  # utility, convergence, stability
    number += 2 * _more(runs, PANELS) + 2 * _more(runs, MANY_PANELS)  # null, plane; what moves in it, agreement
    number += 3 * (config.shadow_models >= ENOUGH_MODELS)
    number += any(run.reliability for run in plan.runs)
    number += any(attack.options["attack"]["name"] in _HISTORIES for attack in plan.runs[0].attacks.values())
    if config.regularization:
        number += OF_REGULARIZATION + attacks
    if config.level_distance:
        number += len(config.level_distance.norms)
    return number + OF_AN_ANALYSIS * config.analysis.enabled


_HISTORIES = ("log_ratio_sum", "sequence", "trajectory")  # attacks over the checkpoints so far, which have a figure


def _more(panels: int, of_a_figure: int) -> int:
    """Figures after the first."""
    return max(0, ceil(panels / of_a_figure) - 1)
