"""The numbers in the rules that judge the claims."""

from pydantic import Field

from memdyn.config.base import Fraction, Strict


class ClaimsConfig(Strict):
    """The numbers in the fixed rules that judge C1, C2 and C3 (docs/claims.md); decide them before any result."""

    difference: Fraction = Field(default=0.02, description="C1: the smallest change of the mean advantage that counts.")
    correlation: Fraction = Field(
        default=0.1, description="C2: the smallest rank correlation, without the noise of few models, that counts."
    )
    early_share: Fraction = Field(default=0.25, description="C1's rate and C3: what share of the epochs is early.")
    found: Fraction = Field(
        default=0.5,
        description="C3: what share, above chance, of those truly most at risk at the end is `largely`, if so early.",
    )
