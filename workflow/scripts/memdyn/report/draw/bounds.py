"""How the bounds of differential privacy are drawn over the FPR (`memdyn.report.privacy`)."""

from collections.abc import Mapping

# longer dashes than those of any run's own line, and no marks
LINE = {"linestyle": (0, (8, 3)), "linewidth": 1.1, "marker": "", "gid": "bound"}
_TOLD = (
    "Long dashes, of runs of DP-SGD: no attack's rates lie above, by the accountant's (ε, δ) at the last checkpoint, "
    "taken twice since members are exchanged; rates that are counted over few models scatter beyond it."
)


def told(runs: Mapping[str, object]) -> str:
    """What a caption says of the lines; nothing where there is none."""
    return _TOLD if runs else ""
