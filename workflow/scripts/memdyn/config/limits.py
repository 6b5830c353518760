"""Limits of a study's leak, beyond which it ends with an error."""

from collections.abc import Iterator, Mapping, Sequence

from memdyn.config.base import Fraction
from memdyn.config.errors import did_you_mean
from memdyn.terms import METRICS

Limits = dict[str, Fraction | dict[str, Fraction]]
"""Metric -> its limit for any attack, or an attack's label -> its own limits by metric."""


def unknown_limits(limits: Limits, labels: Sequence[str]) -> Iterator[str]:
    """What is wrong with the names in them, given the labels of the study's attacks."""
    for name, limit in limits.items():
        if isinstance(limit, Mapping):
            if name not in labels:
                yield f"fail_above: {name!r} is not among the attacks; {did_you_mean(name, labels)}"
            if not limit:
                yield f"fail_above.{name}: no limit; allowed: {', '.join(METRICS)}"
            unknown = [(f"fail_above.{name}", metric) for metric in limit if metric not in METRICS]
        else:
            unknown = [("fail_above", name)] if name not in METRICS else []
        for place, metric in unknown:
            more = ", or an attack's label with limits of its own" if place == "fail_above" else ""
            yield f"{place}: {metric!r} is no metric of the study; {did_you_mean(metric, METRICS)}{more}"


def limits_by_attack(limits: Limits, labels: Sequence[str]) -> list[list]:
    """[label, metric, limit] of each attack and metric that has one; an attack's own limit stands for that of all."""
    every = {metric: limit for metric, limit in limits.items() if not isinstance(limit, Mapping)}
    of_attack = {label: limit for label, limit in limits.items() if isinstance(limit, Mapping)}
    return [[label, metric, limit] for label in labels for metric, limit in (every | of_attack.get(label, {})).items()]
