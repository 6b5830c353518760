"""Zones by hand-made examples."""

import numpy as np
import pytest

from memdyn.dynamics.zones import ZoneBounds, zones

BOUNDS = ZoneBounds(hv_tpr=0.9, hv_fpr=0.1, vulnerable_advantage=0.5, test_level=0.05)


@pytest.mark.parametrize(
    ("fpr", "tpr", "rejected", "expected"),
    [
        (0.0, 1.0, True, "highly_vulnerable"),
        (0.1, 0.9, True, "highly_vulnerable"),
        (0.0, 1.0, False, "highly_vulnerable"),  # HV comes before the test
        (0.1, 0.89, True, "vulnerable"),
        (0.11, 1.0, True, "vulnerable"),
        (0.2, 0.7, True, "vulnerable"),  # .7 - .2 is .49999999999999994 in floating point
        (0.2, 0.69, True, "leaning"),
        (0.5, 0.5, True, "leaning"),
        (0.2, 0.7, False, "chance"),
        (0.7, 0.2, False, "chance"),
        (0.7, 0.2, True, "inverted"),
    ],
)
def test_order_of_precedence(fpr, tpr, rejected, expected):
    assert zones(np.array([fpr]), np.array([tpr]), np.array([rejected]), BOUNDS)[0] == expected
