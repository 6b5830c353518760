"""Which probes a run needs: those that give the signals which its attacks and analyses read."""

from itertools import chain
from typing import Any

from memdyn.config.errors import ConfigError
from memdyn.config.load import Run, Study
from memdyn.config.probes import OutputsProbe
from memdyn.mechanisms import LOSS
from memdyn.mechanisms import REGISTRY as MECHANISMS
from memdyn.models import REGISTRY as MODELS
from memdyn.plan.reads import reads_of
from memdyn.plan.stage import PROBE, Stage, code_of
from memdyn.probes import REGISTRY as PROBES
from memdyn.terms import SCORED_PARTS

OUTPUTS = "outputs"


def wanted_probes(study: Study) -> dict[str, Any]:
    """The probes of a study by name, as config sections; the outputs come first."""
    config = study.config
    wanted = {OUTPUTS: OutputsProbe()}
    if config.audit:
        return wanted
    options = config.probes.for_attacks()
    read = {name for attack in config.attacks for name in probes_read(study, attack)} - {OUTPUTS}
    wanted |= {name: options[name] for name in sorted(read)}
    if config.analysis.enabled:
        wanted |= config.difficulty.probes(config.probes.own)
    if config.level_distance:
        wanted |= config.level_distance.probes()
    return wanted


def probes_read(study: Study, attack: Any) -> list[str]:
    """The probes that give what an attack reads of the run itself.

    Args:
        attack: its config section.

    Raises:
        ConfigError: for a signal that no probe gives, or that one gives of some samples only.
    """
    if study.config.scores:
        return [OUTPUTS] * len(reads_of(attack))  # all arrays of the file lie there
    own = study.config.probes.own
    given = dict.fromkeys(OutputsProbe.gives, OUTPUTS)
    given |= {signal: name for name, probe in study.config.probes.for_attacks().items() for signal in probe.gives}
    given |= {name: name for name in own}
    found = []
    for read in reads_of(attack):
        if read.of_samples:
            continue
        if read.of:
            if not any(other.startswith(f"{read.of}.") for other in attack.others):
                raise ConfigError([f"attacks: {attack.label()} reads other runs, {read.of!r}, and asks for none such"])
            continue
        if read.source not in given:
            raise ConfigError(
                [f"attacks: {attack.label()} reads {read.source!r}, which no probe gives; allowed: {', '.join(given)}"]
            )
        probe = own.get(read.source)
        if probe and probe.pool_parts != SCORED_PARTS:
            raise ConfigError(
                [
                    f"probes.own.{read.source}.parts = {probe.parts}: {attack.label()} reads it, which needs "
                    f"{', '.join(SCORED_PARTS)}"
                ]
            )
        found.append(given[read.source])
    return found


def plan_probes(
    wanted: dict[str, Any], run: Run, train: Stage, checkpoints: list[int], early: float, judge_installed: bool
) -> dict[str, Stage]:
    """The stages of these probes.

    Args:
        wanted: config sections by name.
        train: the run's training, whose list of saved checkpoints may hold more than the study asks for.
        checkpoints: that the study asks for.
        early: share of the epochs, for what is taken early.

    Raises:
        ConfigError: where the run has no such checkpoint.
    """
    stages = {}
    rules = [each for each in run.train.mechanisms if each.answers()]
    codes = [code_of_mechanism(each, judge_installed) for each in rules]
    rule_files, rule_entries = (tuple(chain(*parts)) for parts in (zip(*codes, strict=True) if codes else ((), ())))
    for name, probe in wanted.items():
        # the outputs of all that is saved, so that studies of other checkpoints share them
        epochs = train.options["checkpoints"] if name == OUTPUTS else probe.resolved_epochs(checkpoints, early)
        unknown = [epoch for epoch in epochs if epoch not in train.options["checkpoints"]]
        if unknown:
            allowed = ", ".join(map(str, checkpoints))
            raise ConfigError(
                [f"probes.{name}.epochs: run {run.name!r} has no checkpoint {unknown[0]}; allowed: {allowed}"]
            )
        own, entries = code_of(
            probe, PROBES, ("network", "samples", "members", "batch"), f"probes.own.{name}", judge_installed
        )
        options: dict[str, Any] = {"probe": probe, "signal": name, "parts": list(probe.pool_parts)}
        if name != OUTPUTS:
            options["epochs"] = epochs
        entries = (*entries, MODELS[run.train.model.name])
        slug = [name.replace("_", "-")]
        if rules and probe.of_answers:
            pool = train.parent
            options["answers"] = {"mechanisms": rules, "seed": pool.options["seed"], "pool_key": pool.options_hash}
            own, entries = (*own, *rule_files), (*entries, *rule_entries)
            slug += [rule.label() for rule in rules if not rule.changes_weights()]
        roots, few = ("probe_block.py", *own), getattr(probe, "models", None)
        stages[name] = Stage(PROBE, "-".join(slug), options, roots, entries, parent=train, models=few)
    return stages


def code_of_mechanism(section: Any, judge_installed: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(files, registry entries) of a mechanism."""
    return code_of(section, MECHANISMS, (), f"mechanisms.{section.name}", judge_installed, LOSS)
