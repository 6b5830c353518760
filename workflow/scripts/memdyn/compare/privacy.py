"""The privacy of runs that were trained by DP-SGD: the table `dp` of a study.

Epsilon is that of neighbours which differ in one member that is added or removed, of Poisson lots and Gaussian noise;
by the accountant of privacy loss random variables (PRV; Gopi et al. 2021, arXiv 2106.02848), an upper bound within .01.
Our models' members are exact halves, so that two models differ in members that are exchanged: such a pair is two
neighbours apart, and its own epsilon about twice as large (Koskela et al. 2020, arXiv 1906.03049: 1.99, not .96); what
bounds rates on our models is `memdyn.stats.privacy.exchange_bound`.

It is known from the recipe alone, for a step is the same whoever is drawn: nothing is kept while training. Early
stopping (`early_stopping`) makes it no smaller. The samples that it looks at are no members, but the weights that it
judges by them have learned from the members, so that the time of the stop is chosen by what the accountant is to bound,
and the epsilon of the steps that were taken would hold for a stop that was fixed before alone (Rogers et al. 2016,
arXiv 1605.08294: filters and odometers). The planned steps bound it: a training that stops, and takes the weights of
its best epoch, is a function of those of the training that goes on; and so up to each checkpoint.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from math import ceil, inf, nan
from typing import Any

import numpy as np
import pandas as pd

# of the curve at the last checkpoint: the larger, the more they say of large FPRs
DELTAS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3)
COLUMNS = ("run", "epoch", "delta", "noise", "clip", "lot", "rate", "steps", "epsilon", "accountant", "stated", "norm")
PRV, RDP = "prv", "rdp"
# beyond this epsilon, which says nothing, the PRV's grid would take gigabytes: there it is Renyi's, a larger bound
_LARGEST = 200.0


def dp_table(runs: Sequence[Mapping[str, Any]], accuracy: pd.DataFrame) -> pd.DataFrame:
    """A row a run of DP-SGD, checkpoint and delta: that of its recipe, and at the last checkpoint several.

    Args:
        runs: name, recipe (resolved options) and members (of each model).
        accuracy: the study's table, for the checkpoints: run, epoch.
    """
    rows = [
        row
        for run in runs
        for section in run["recipe"].get("mechanisms", ())
        if section["name"] == "dp_sgd"
        for row in _rows(run, section, sorted(accuracy.loc[accuracy["run"] == run["name"], "epoch"]))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(run: Mapping[str, Any], section: Mapping[str, Any], epochs: Sequence[int]) -> Iterator[dict[str, Any]]:
    members, noise, clip, stated = run["members"], section["noise"], section["clip"], section["delta"]
    rate = section["lot"] / members
    for epoch in epochs:
        steps = int(epoch) * ceil(members / section["lot"])
        for delta in sorted({stated, *DELTAS} if epoch == epochs[-1] and noise else {stated}):
            epsilon, accountant = epsilon_of(noise, rate, steps, delta)
            yield {
                "run": run["name"],
                "epoch": int(epoch),
                "delta": delta,
                "noise": noise,
                "clip": nan if clip is None else clip,
                "lot": section["lot"],
                "rate": rate,
                "steps": steps,
                "epsilon": epsilon,
                "accountant": accountant,
                "stated": delta == stated,
                "norm": section["norm"] or "",
            }


@cache
def epsilon_of(noise: float, rate: float, steps: int, delta: float) -> tuple[float, str]:
    """(epsilon, accountant) after so many steps, each of a lot that every member is in with the chance `rate`.

    Args:
        noise: multiplier; 0: no privacy, epsilon is infinite.
        delta: in (0, 1).
    """
    if not noise or not steps:
        return (0.0 if not steps else inf), ""
    from opacus.accountants import PRVAccountant, RDPAccountant  # takes seconds, and few studies need it

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of the orders that Renyi's tries, and of rates of 1
        renyi, prv = RDPAccountant(), PRVAccountant()
        renyi.history = prv.history = [(noise, rate, steps)]
        if renyi.get_epsilon(delta) <= 0:  # and the PRV's is no more
            return 0.0, RDP
        if renyi.get_epsilon(delta / 4000) > _LARGEST:  # what the PRV's grid must reach to
            return max(0.0, float(renyi.get_epsilon(delta))), RDP
        return max(0.0, float(prv.get_epsilon(delta))), PRV
