"""log P(T > z) of Student's t: fast for many z at one number of degrees of freedom, and exact far in the tail."""

import numpy as np
from scipy.special import betaln, hyp2f1, stdtr

CHUNK = 1 << 13  # values at a time: temporaries stay in the cache
STEP = 0.1  # between nodes, in z where z is small: the quintic's error is below 1e-10
SMALLEST = 1e-290  # probabilities below it are not taken from the distribution function, which underflows


def log_survival(z: np.ndarray, dof: np.ndarray) -> np.ndarray:
    """log P(T > z), [R, n].

    Args:
        z: [R, n].
        dof: degrees of freedom [R, 1], or [1, 1] for all rows.

    The incomplete beta function costs ten times as much as all the rest of an attack. So it is evaluated at
    nodes only, and between them by the quintic through its value, slope and curvature there.
    """
    if len(dof) == 1:
        return _one_law(z, float(dof[0, 0]))
    return np.stack([_one_law(row, float(nu)) for row, nu in zip(z, dof[:, 0], strict=True)])


def exact_log_survival(z: np.ndarray, dof: float) -> np.ndarray:
    """log P(T > z) for z >= 0, without underflow (Abramowitz & Stegun 26.7.1 and 26.5.23)."""
    probability = stdtr(dof, -z)
    logs = np.log(np.maximum(probability, SMALLEST))
    far = probability < SMALLEST
    if far.any():
        a, x = dof / 2, dof / (dof + z[far] ** 2)
        series = hyp2f1(a + 0.5, 1, a + 1, x)
        logs[far] = a * np.log(x) + np.log1p(-x) / 2 - np.log(2 * a) - betaln(a, 0.5) + np.log(series)
    return logs


def _one_law(z: np.ndarray, dof: float) -> np.ndarray:
    # In y = asinh(z / sqrt(dof)) the far tail is a straight line.
    def place_of(size: np.ndarray) -> np.ndarray:
        return np.arcsinh(size / np.sqrt(dof)) * (np.sqrt(dof) / STEP)

    coefficients = _quintics(int(place_of(np.abs(z).max(initial=0))) + 1, dof)
    found = np.empty_like(z)
    for left in range(0, len(z), CHUNK):
        piece = z[left : left + CHUNK]
        t = place_of(np.abs(piece))
        node = t.astype(np.int64)
        t -= node
        logs = coefficients[5].take(node)
        for coefficient in coefficients[4::-1]:
            logs *= t
            logs += coefficient.take(node)
        found[left : left + CHUNK] = np.where(piece < 0, np.log1p(-np.exp(logs)), logs)
    return found


def _quintics(count: int, dof: float) -> np.ndarray:
    """Coefficients [6, count] of log P(T > z(t)), t in [0, 1), between count + 1 nodes from z = 0 on."""
    step = STEP / np.sqrt(dof)
    z = np.sqrt(dof) * np.sinh(step * np.arange(count + 1))
    value = exact_log_survival(z, dof)
    log_density = -(dof + 1) / 2 * np.log1p(z * z / dof) - betaln(dof / 2, 0.5) - np.log(dof) / 2
    hazard = np.exp(log_density - value)
    stretch = np.sqrt(dof + z * z)  # dz / dy
    slope = -hazard * stretch * step
    curvature = -(hazard * (hazard - (dof + 1) * z / stretch**2) * stretch**2 + hazard * z) * step**2
    rise, d0, d1, s0, s1 = np.diff(value), slope[:-1], slope[1:], curvature[:-1], curvature[1:]
    return np.array(
        [
            value[:-1],
            d0,
            s0 / 2,
            10 * rise - 6 * d0 - 4 * d1 - (3 * s0 - s1) / 2,
            -15 * rise + 8 * d0 + 7 * d1 + (3 * s0 - 2 * s1) / 2,
            6 * rise - 3 * (d0 + d1) - (s0 - s1) / 2,
        ]
    )
