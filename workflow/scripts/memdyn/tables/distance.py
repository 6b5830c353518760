"""Tables of a run's level distance; of studies that ask for it."""

from memdyn.tables.table import Column
from memdyn.tables.words import table, with_limits, words
from memdyn.terms import FPRS, tpr_at

_LEVEL = Column("level", "text", "q<q>: quantile of known members' margins; p<p>: probability; gap; none: no level")
_CONTROL = Column(
    "control", "text", "plain, truncated_margin, strata, matched, regression or lira; see docs/distance.md"
)
_SEPARATION = (
    Column("auc", "float", "AUC of the score under the control, higher = member; mean over a model's comparisons"),
    *words("low high"),
    Column("margin_auc", "float", "the margin's own AUC, of the same comparisons"),
    *with_limits("difference", "auc - margin_auc"),
    *with_limits("advantage", "TPR - FPR at a threshold fitted on known samples; plain only"),
    *(column for fpr in FPRS for column in with_limits(tpr_at(fpr), f"TPR at FPR {fpr:g} over all models; plain only")),
    Column("n_models", "int", "models of which the numbers are", "models"),
    Column("n_samples", "int", "evaluated samples of each", "samples"),
)

TABLES = dict(
    [
        table(
            "distance",
            "level_distance",
            "Whether the distance to a level of confidence tells members apart, and tells more than the margin. Limits "
            "of the controls regression and lira are too wide (docs/intervals.md).",
            "epoch norm level control",
            (
                Column("norm", "text", "of the distance: l2 or linf"),
                _LEVEL,
                _CONTROL,
                *_SEPARATION,
                Column("unreached_in", "float", "members' distances for which the search found no way", "share"),
                Column("unreached_out", "float", "the same of the others", "share"),
            ),
            study="level_distance",
        ),
        table(
            "distance",
            "distance_rivals",
            "The same for what costs less, of all evaluated samples, and for the curvature of the loss in the input.",
            "epoch measure level control",
            (
                Column("measure", "text", "first_order_<norm>: to first order; gradient_norm, curvature: of the loss"),
                _LEVEL,
                _CONTROL,
                *_SEPARATION,
            ),
            study="distance_rivals",
        ),
    ]
)
