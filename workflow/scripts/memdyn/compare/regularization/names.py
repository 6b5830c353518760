"""What a run differs in from its baseline, named as mechanisms with their strengths."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from memdyn.config.mechanisms.sections import what_trains
from memdyn.config.optim import WEIGHT_DECAY

BASELINE = "baseline"
_NO_DIFFERENCE = ("checkpoints", "mechanisms", "augment", "optimizer", "epochs")


def mechanisms_of(recipe: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[str, str]:
    """mechanism -> its strength ("" where there is nothing to say) of a run, in the order of its recipe.

    What changes weights is named, whatever section it stands in: `mechanisms`, `augment` (random_crop, flip), the
    optimizer's weight decay, fewer epochs (early_stopping). Any other section is named with what is changed in it, and
    as a whole where it is of another kind. A mechanism of the baseline that the run is without is `no NAME`.

    Args:
        recipe, baseline: resolved options of training, as plain values.
    """
    named = _of_sections(recipe, baseline) | _of_augmentation(recipe, baseline) | _of_optimizer(recipe, baseline)
    if recipe["epochs"] != baseline["epochs"]:
        fewer = recipe["epochs"] < baseline["epochs"]
        stopped = fewer and "early_stopping" not in named  # by its loss on other data is a mechanism of that name
        named["early_stopping" if stopped else "epochs"] = f"{'epoch ' * stopped}{recipe['epochs']}"
    for key in recipe:
        if key not in _NO_DIFFERENCE and recipe[key] != baseline.get(key):
            named[key] = _strength(_changed(recipe[key], baseline.get(key)))
    return named


def label_of(named: Mapping[str, str]) -> str:
    """`distillation temperature=5 + random_crop 2`; "baseline" where nothing differs."""
    return " + ".join(f"{name} {strength}".strip() for name, strength in named.items()) or BASELINE


def family_of(named: Mapping[str, str]) -> str:
    """The same without strengths: what runs of one family differ in is a strength."""
    return " + ".join(named) or BASELINE


def parts_of(named: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """combination -> the runs that it is made of, in order: pairs of runs whose mechanisms, with equal strengths, are
    its own together, and of which neither has all of them.

    Args:
        named: run -> its mechanisms; the baseline has none.
    """
    items = {run: frozenset(mechanisms.items()) for run, mechanisms in named.items() if mechanisms}
    found: dict[str, list[str]] = {}
    for run, whole in items.items():
        smaller = [other for other, own in items.items() if own < whole]
        together = [pair for pair in combinations(smaller, 2) if items[pair[0]] | items[pair[1]] == whole]
        if together:
            found[run] = [other for other in smaller if any(other in pair for pair in together)]
    return found


def _of_sections(recipe: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[str, str]:
    own, others = (
        {each["name"]: what_trains(each) for each in given.get("mechanisms", ())} for given in (recipe, baseline)
    )
    named = {name: _options(each) for name, each in own.items() if each != others.get(name)}
    return named | {f"no {name}": "" for name in others if name not in own}


def _of_augmentation(recipe: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[str, str]:
    own, other = recipe["augment"], baseline["augment"]
    named = {"random_crop": str(own["crop"])} if own["crop"] != other["crop"] else {}
    if own["flip"] != other["flip"]:
        named["flip" if own["flip"] else "no flip"] = ""
    rest = {key: value for key, value in own.items() if key not in ("crop", "flip") and value != other.get(key)}
    return named | {key: _strength(value) for key, value in rest.items()}


def _of_optimizer(recipe: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[str, str]:
    own, other = dict(recipe["optimizer"]), dict(baseline["optimizer"])
    decay = own.pop("weight_decay", None), other.pop("weight_decay", None)
    named = {} if own == other else {"optimizer": _strength(_changed(own, other))}
    if decay[0] == decay[1]:
        return named
    kind = WEIGHT_DECAY.get(own["name"])
    return named | {"weight_decay": _strength(decay[0]) + (f" ({kind})" if kind else "")}


def _changed(own: Any, other: Any) -> Any:
    """Of a section of the same kind (`name`) what is changed, yes, no and nothing said too; all of any other."""
    if not (isinstance(own, Mapping) and isinstance(other, Mapping)) or own.get("name") != other.get("name"):
        return own
    gone = dict.fromkeys(other.keys() - own.keys())  # a key that only the other has is one that says nothing here
    changed = {key: _changed(value, other.get(key)) for key, value in (own | gone).items() if value != other.get(key)}
    return {key: str(value) if value is None or isinstance(value, bool) else value for key, value in changed.items()}


def _options(section: Mapping[str, Any]) -> str:
    """Of a mechanism; of a user's own, which has its options one level deeper, those."""
    options = {key: value for key, value in section.items() if key != "name"}
    return _strength(options["options"] if "target" in options else options)


def _strength(value: Any) -> str:
    """Options as text, but for those that say yes or nothing: `alpha=0.1`, `sgd lr=0.1`."""
    if not isinstance(value, Mapping):
        return f"{value:g}" if isinstance(value, float) else str(value)
    told = {key: inner for key, inner in value.items() if key != "name" and inner is not None and inner is not True}
    words = [f"{key}={_strength(inner)}" for key, inner in told.items()]
    return " ".join([*([str(value["name"])] if "name" in value else []), *words])
