"""Tables of what attackers realise on targets that they did not choose by."""

from memdyn.tables.table import Column
from memdyn.tables.words import table, words

_WAY = Column(
    "way",
    "text",
    "plain: one threshold on the attack's scores for all samples; calibrated: on each sample's own OUT p-value",
)

TABLES = dict(
    [
        table(
            "realised",
            "realised",
            "Rates and precision on held-out targets, thresholds chosen on the OUT scores of other pairs of models. An "
            "attack whose scoring is costly has the last checkpoint alone, without limits; so have the next tables. "
            "Limits of TPRs are up to twice too wide, of FPRs and precision more (docs/intervals.md).",
            "attack epoch way samples nominal_fpr metric",
            (
                _WAY,
                Column(
                    "samples",
                    "text",
                    "all; top<share>: the most vulnerable, chosen by the other half of the models; planted: those with "
                    "a planted wrong label",
                ),
                Column("nominal_fpr", "float", "the FPR that the threshold keeps on the OUT scores of other models"),
                Column(
                    "metric",
                    "text",
                    "tpr, fpr, or precision_at_prior_<prior>: how many of those called members are, where this share "
                    "of those asked about are",
                ),
                Column("value", "float", "the metric; none below one OUT score, precision where nobody is called"),
                *words("low high level"),
            ),
            study="realised",
        ),
        table(
            "realised",
            "calibrated_roc",
            "Pooled ROC curves of the attack's scores, and of each sample's own OUT p-value.",
            "attack epoch way fpr",
            (
                _WAY,
                Column("fpr", "float", "false positive rate"),
                Column("tpr", "float", "true positive rate"),
                *words("low high level"),
            ),
            study="calibrated_roc",
        ),
        table(
            "realised",
            "calibrated_metrics",
            "Figures of these curves, and calibrated minus plain.",
            "attack epoch way metric",
            (
                Column("way", "text", "plain, calibrated, or difference: calibrated minus plain"),
                Column("metric", "text", "auc, or tpr_at_fpr_<fpr>"),
                Column("value", "float", "the metric"),
                *words("low high level"),
            ),
            study="calibrated_metrics",
        ),
        table(
            "realised",
            "member_lists",
            "Lists of members at a false discovery rate, by Benjamini and Hochberg on the target's OUT p-values.",
            "attack epoch metric",
            (
                Column(
                    "metric",
                    "text",
                    "means over targets: listed (samples), with_list (share of targets with any), fdr (share of "
                    "non-members in a list, 0 of an empty one), recall (share of members that are listed)",
                ),
                Column("value", "float", "the metric"),
                *words("low high"),
                Column("nominal_fdr", "float", "the rate that lists are made for"),
                Column("n_models", "int", "targets", "models"),
                *words("level"),
            ),
            study="member_lists",
        ),
    ]
)
