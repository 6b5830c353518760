"""A builder for each kind of stage below a run: from config sections to what their folders stand for."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

from memdyn.attacks import REGISTRY as ATTACKS
from memdyn.config.limits import limits_by_attack
from memdyn.config.load import Run, Study
from memdyn.config.paths import name_of_target
from memdyn.config.recipe import TrainConfig
from memdyn.config.study import StudyConfig
from memdyn.models import REGISTRY as MODELS
from memdyn.optim import REGISTRY as OPTIMIZERS
from memdyn.optim.schedules import REGISTRY as SCHEDULES
from memdyn.plan.probes import OUTPUTS, code_of_mechanism, probes_read
from memdyn.plan.stage import (
    AGREEMENT,
    ANALYSIS,
    ATTACK,
    DISTANCE,
    DYNAMICS,
    FIGURES,
    LIMITS,
    REALISED,
    RELIABILITY,
    REPORT,
    TRAIN,
    UNCALIBRATED,
    Stage,
    code_of,
)
from memdyn.report.sections import DRAWN, WRITTEN, entries


def architecture(train: TrainConfig) -> str:
    """The model in a word: cnn2, wrn-28-10, resnet50."""
    model = train.model
    words = {
        "cnn": lambda: f"cnn{model.layers}",
        "wrn": lambda: f"wrn-{model.depth}-{model.width}",
        "torchvision": lambda: model.arch,
        "custom": lambda: name_of_target(model.target),
    }
    return words.get(model.name, lambda: model.name)()


class Teacher(NamedTuple):
    """Training that a mechanism learns from.

    Attributes:
        mechanism: its name.
        stage: whose weights are read.
        key: what stands for it in the student's name.
    """

    mechanism: str
    stage: Stage
    key: str


def train_stage(
    run: Run, pool: Stage, checkpoints: Sequence[int], judge_installed: bool, teachers: Sequence[Teacher] = ()
) -> Stage:
    """Training of a run's models, with its weights saved at `checkpoints`.

    Args:
        teachers: of its mechanisms, in their order.
    """
    train = run.train.trained()
    code = [
        code_of(train.model, MODELS, ("input_shape", "n_classes"), "model", judge_installed),
        code_of(train.optimizer, OPTIMIZERS, ("model",), "optimizer", judge_installed),
        code_of(train.schedule, SCHEDULES, ("n_steps",), "schedule", judge_installed),
        *(code_of_mechanism(each, judge_installed) for each in train.mechanisms),
    ]
    roots = ("train_block.py", *(file for files, _ in code for file in files))
    entries = tuple(entry for _, found in code for entry in found)
    words = [architecture(train), optimizer_word(train), f"e{train.epochs}"]
    slug = "-".join([*words, *(each.label() for each in train.mechanisms)])
    more: dict[str, Any] = {"checkpoints": list(checkpoints)}
    if teachers:
        more["teachers"] = [[teacher.mechanism, teacher.key] for teacher in teachers]
    needs = {f"{teacher.mechanism} {number}": teacher.stage for number, teacher in enumerate(teachers)}
    return Stage(TRAIN, slug, train, roots, entries, more=more, parent=pool, needs=needs)


def optimizer_word(train: TrainConfig) -> str:
    """The optimizer in a word."""
    optimizer = train.optimizer
    return name_of_target(optimizer.target) if optimizer.name == "custom" else optimizer.name


Code = tuple[tuple[str, ...], tuple[str, ...]]  # files of the user's, registry entries


def code_of_attacks(attacks: Sequence[Any], judge_installed: bool) -> dict[str, Code]:
    """The code of each attack, by label."""
    return {attack.label(): code_of(attack, ATTACKS, (), "attacks", judge_installed) for attack in attacks}


def attack_stages(
    study: Study, codes: dict[str, Code], probes: dict[str, Stage], epochs: list[int], run_key: str
) -> dict[str, Stage]:
    """The study's attacks on one run, by label; they lie in the folder of the outputs.

    Args:
        codes: of `code_of_attacks`.
        run_key: tells the run from others, whichever training it reads; the null's seed is made of it.
    """
    return {
        attack.label(): _attack_stage(study, attack, codes[attack.label()], probes, epochs, run_key)
        for attack in study.config.attacks
    }


def _attack_stage(
    study: Study, attack: Any, code: Code, probes: dict[str, Stage], epochs: list[int], run_key: str
) -> Stage:
    config = study.config
    options = {
        "attack": attack,
        "epochs": epochs,
        "models": config.shadow_models,
        "run_key": run_key,
        "statistics": config.statistics,
        # the plane's thresholds are set where the scores are
        "thresholds": list(config.dynamics.thresholds),
    }
    slug = f"{attack.label()}-m{config.shadow_models:03d}"
    needs = _read_besides(study, [attack], probes)
    own, entries = code
    return Stage(ATTACK, slug, options, ("run_attack.py", *own), entries, parent=probes[OUTPUTS], needs=needs)


def _read_besides(study: Study, attacks: Sequence[Any], probes: dict[str, Stage]) -> dict[str, Stage]:
    """The probes that attacks read besides the outputs, and the outputs of other runs."""
    names = {name for attack in attacks for name in (*probes_read(study, attack), *attack.others)}
    return {name: probes[name] for name in sorted(names - {OUTPUTS})}


def dynamics_stage(study: Study, codes: dict[str, Code], probes: dict[str, Stage], epochs: list[int]) -> Stage:
    """States, zones and centre of one run."""
    config = study.config
    shown = [attack for attack in config.attacks if attack.label() in config.dynamics.attacks]
    options = {
        "attacks": [{"label": attack.label(), "options": attack} for attack in shown],
        "dynamics": config.dynamics,
        "epochs": epochs,
        "models": config.shadow_models,
        "statistics": config.statistics,
        "thresholds": list(config.dynamics.thresholds),
    }
    own, entries = _code_of_all(shown, codes)
    slug = f"dynamics-m{config.shadow_models:03d}"
    needs = _read_besides(study, shown, probes)
    return Stage(DYNAMICS, slug, options, ("compute_dynamics.py", *own), entries, parent=probes[OUTPUTS], needs=needs)


def _code_of_all(attacks: Sequence[Any], codes: dict[str, Code]) -> Code:
    """Of several attacks."""
    own, entries = zip(*(codes[attack.label()] for attack in attacks), strict=True)
    return tuple(dict.fromkeys(chain(*own))), tuple(chain(*entries))


def analysis_stage(study: Study, codes: dict[str, Code], probes: dict[str, Stage], epochs: list[int]) -> Stage:
    """The full dynamics of one run."""
    config = study.config
    shown = [attack for attack in config.attacks if attack.label() in config.dynamics.attacks]
    options = {
        "analysis": config.analysis,
        "early_share": config.claims.early_share,
        "attacks": [{"label": attack.label(), "options": attack} for attack in shown],
        "dynamics": config.dynamics,
        "epochs": epochs,
        "models": config.shadow_models,
        "statistics": config.statistics,
        "thresholds": list(config.dynamics.thresholds),
    }
    measures = {name: probes[name] for name in sorted(config.difficulty.measures)}
    harder = {name: config.probes.own[name].harder for name in measures if name in config.probes.own}
    more = {"measures": list(measures), "harder": harder} if measures else {}
    own, entries = _code_of_all(shown, codes)
    return Stage(
        ANALYSIS,
        f"analysis-m{config.shadow_models:03d}",
        options,
        ("analyse_dynamics.py", *own),
        entries,
        more=more,
        parent=probes[OUTPUTS],
        needs=_read_besides(study, shown, probes) | measures,
    )


def agreement_stage(study: Study, codes: dict[str, Code], probes: dict[str, Stage], epochs: list[int]) -> Stage:
    """Whom the attacks on one run find, and whether they agree.

    Of one attack as well: it agrees with none, but whether other models would name other samples is asked of it too,
    and a study's limits name the samples that it finds.
    """
    config = study.config
    options = {
        "attacks": [{"label": attack.label(), "options": attack, "costly": attack.costly} for attack in config.attacks],
        "epochs": epochs,
        "groups": config.statistics.jackknife_groups,
        "level": config.statistics.level,
        "models": config.shadow_models,
    }
    own, entries = _code_of_all(config.attacks, codes)
    slug = f"agreement-m{config.shadow_models:03d}"
    needs = _read_besides(study, config.attacks, probes)
    return Stage(AGREEMENT, slug, options, ("compare_attacks.py", *own), entries, parent=probes[OUTPUTS], needs=needs)


def uncalibrated_stage(study: Study, probes: dict[str, Stage], epochs: list[int], run_key: str) -> Stage | None:
    """What one run says without shadow models; None where nobody asks.

    Args:
        run_key: as of `attack_stages`, whose null it shares.
    """
    config = study.config
    asked = config.regularization or config.uncalibrated
    if not asked:
        return None
    options = {
        "draws": asked.draws,
        "epochs": epochs,
        "known": asked.known,
        "models": config.shadow_models,
        "run_key": run_key,
        "statistics": config.statistics,
    }
    slug = f"uncalibrated-m{config.shadow_models:03d}"
    return Stage(UNCALIBRATED, slug, options, ("measure_uncalibrated.py",), parent=probes[OUTPUTS])


def distance_stage(study: Study, probes: dict[str, Stage], epochs: list[int]) -> Stage:
    """Whether the level distance tells members of one run apart; of a study that asks for it."""
    config = study.config
    options = {
        "level_distance": config.level_distance,
        "epochs": epochs,
        "models": config.shadow_models,
        "statistics": config.statistics,
    }
    needs = {name: probes[name] for name in config.level_distance.probes()}
    slug = f"distance-m{config.shadow_models:03d}"
    return Stage(DISTANCE, slug, options, ("analyse_level_distance.py",), parent=probes[OUTPUTS], needs=needs)


def reliability_stage(
    study: Study, codes: dict[str, Code], probes: dict[str, Stage], epochs: list[int]
) -> Stage | None:
    """Whether the probabilities of attacks are right, on one run; None where no attack gives any."""
    config = study.config
    given = [attack for attack in config.attacks if attack.gives_probability]
    if not given:
        return None
    options = {
        "attacks": [{"label": attack.label(), "options": attack} for attack in given],
        "epochs": epochs,
        "models": config.shadow_models,
        "statistics": config.statistics,
    }
    own, entries = _code_of_all(given, codes)
    slug = f"reliability-m{config.shadow_models:03d}"
    needs, roots = _read_besides(study, given, probes), ("measure_reliability.py", *own)
    return Stage(RELIABILITY, slug, options, roots, entries, parent=probes[OUTPUTS], needs=needs)


def shown_stages(config: StudyConfig, tables: Stage) -> tuple[Stage, Stage, Stage, Stage]:
    """The tables of a study, and what is made of them: figures, page, and whether its limits are kept."""
    shown = {name: getattr(config, name) for name in ("report", "dynamics", "analysis", "study")}
    interim = {"interim": config.interim} if config.interim else {}  # what is missing is told by the page alone
    figures = Stage(FIGURES, "figures", {"tables": tables.folder, **shown}, ("draw_figures.py",), entries(DRAWN))
    report = Stage(
        REPORT,
        "report",
        {"figures": figures.folder, "tables": tables.folder, **shown, **interim},
        ("write_report.py",),
        entries(WRITTEN),
        files=tuple(f"memdyn/report/page/templates/{name}" for name in ("report.css", "report.html.j2")),
    )
    given = limits_by_attack(config.fail_above, [attack.label() for attack in config.attacks])
    # judged for itself, so that another limit writes no page anew
    limits = Stage(LIMITS, "limits", {"tables": tables.folder, "limits": given}, ("judge_limits.py",))
    return tables, figures, report, limits


def realised_stage(study: Study, codes: dict[str, Code], probes: dict[str, Stage], epochs: list[int]) -> Stage | None:
    """What attackers realise on held-out targets, on one run; None where the study does not ask for it."""
    config = study.config
    if not config.realised:
        return None
    options = {
        "attacks": [{"label": attack.label(), "options": attack, "costly": attack.costly} for attack in config.attacks],
        "epochs": epochs,
        "models": config.shadow_models,
        "realised": config.realised,
        "statistics": config.statistics,
    }
    own, entries = _code_of_all(config.attacks, codes)
    slug = f"realised-m{config.shadow_models:03d}"
    needs, roots = _read_besides(study, config.attacks, probes), ("measure_realised.py", *own)
    return Stage(REALISED, slug, options, roots, entries, parent=probes[OUTPUTS], needs=needs)
