"""Levels of confidence, each written as one word, as heights of the margin.

q0.99   the .99 quantile of the margins of members that the attacker knows, of each model by itself
p0.9    a probability of .9 of the true class: logit(.9)
gap     the edge of the right prediction: the level 0 of the gap z_y - max_{c != y} z_c, not of the margin
"""

import numpy as np

GAP = "gap"


def height_of(level: str, known: np.ndarray) -> float:
    """The height of the margin (of the gap for the level of that name) that a level stands for.

    Args:
        known: margins [k] of known members of the model.

    Raises:
        ValueError: for a quantile of nothing; for a word that is no level.
    """
    if level == GAP:
        return 0.0
    kind, value = level[:1], float(level[1:])
    if kind == "p":
        return float(np.log(value) - np.log1p(-value))
    if kind != "q":
        raise ValueError(f"{level!r} is no level; allowed: q or p with a number between 0 and 1, or {GAP}")
    if not len(known):
        raise ValueError(f"level {level}: the attacker knows no member of this model; let it know more samples")
    return float(np.quantile(known, value))
