"""Options of an audit: a study of lower bounds of epsilon."""

from collections.abc import Iterable

from pydantic import Field

from memdyn.config.base import Float, Fraction, Strict

FEWEST_REFERENCES = 4  # models that guesses are learned on
_PAIRS = "it is of complementary halves, which an audit does not have"
# what an audit has no use for -> why
UNUSED = {
    "scores": "an audit trains its models, with memberships of its own",
    "attacks": "guesses are LiRA's, learned on reference models",
    "statistics": _PAIRS,
    "dynamics": _PAIRS,
    "analysis": _PAIRS,
    "difficulty": _PAIRS,
    "level_distance": _PAIRS,
    "probes": "the margins of the last checkpoint are all that is read",
    "claims": _PAIRS,
    "regularization": _PAIRS,
    "uncalibrated": _PAIRS,
    "realised": "rates and lists are of attacks",
    "fail_above": "limits are of attacks",
}


class AuditConfig(Strict):
    """Lower bounds of each run's epsilon instead of attacks and dynamics (docs/audit.md)."""

    targets: int = Field(
        default=16,
        ge=1,
        description="Models whose members are guessed, the last ones; all choices are made on the others, at least "
        f"{FEWEST_REFERENCES}.",
    )
    delta: Fraction = Field(default=1e-5, description="At which epsilon is bounded; 1 / members would be too much.")
    confidence: Float = Field(
        default=0.95, ge=0.5, lt=1, description="That a bound of one method does not exceed a true epsilon."
    )


def unused(given: Iterable[str]) -> str | None:
    """What is wrong with the keys that are given beside `audit`; None where nothing is."""
    odd = [f"{key} ({why})" for key, why in UNUSED.items() if key in set(given)]
    return f"beside it these keys have no use, leave them out: {'; '.join(odd)}" if odd else None
