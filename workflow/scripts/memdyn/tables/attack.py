"""Tables of one attack on one run."""

from memdyn.tables.table import Column
from memdyn.tables.words import metric_columns, table, with_limits, words

TABLES = dict(
    [
        table(
            "attack",
            "metrics",
            "How strong the attack is at every checkpoint, with jackknife limits over pairs of models.",
            "epoch aggregation",
            (
                *words("folds"),
                *metric_columns(limits=True),
                *words("level"),
                Column("groups", "int", "groups of pairs, or folds, of the jackknife", "groups"),
                *metric_columns("null_", about="mean {} over the draws of the null"),
                Column("target_spread", "float", "how far the scores of target models lie apart; pooled only", "SD"),
                Column("pooling_loss", "float", "AUC of the models' own scores above the pooled one; pooled only"),
                Column("pooling_loss_at_least", "float", "its lower limit; pooled only"),
                *metric_columns(suffix="_se_samples", about="standard error of {} from the choice of samples; pooled"),
                Column("n_models", "int", "models that are left", "models"),
                Column("n_samples", "int", "scored samples", "samples"),
            ),
            study="attack_metrics",
        ),
        table(
            "attack",
            "roc",
            "ROC curves on a grid of FPRs.",
            "epoch aggregation fpr",
            (
                Column("fpr", "float", "false positive rate"),
                Column("tpr", "float", "true positive rate"),
                *words("low high"),
            ),
            study="roc",
        ),
        table(
            "attack",
            "replicates",
            "The metrics without each group of pairs, to jackknife differences of runs.",
            "epoch aggregation metric group",
            (Column("value", "float", "the metric without the group"),),
        ),
        table(
            "attack",
            "null",
            "The metrics under random exchanges of membership, the attack calibrated anew.",
            "epoch aggregation draw",
            (Column("draw", "int", "number of the exchange, the same for all attacks of a run"), *metric_columns()),
            study="null_draws",
        ),
        table(
            "attack",
            "rates",
            "Decisions on every scored and sham sample, counted over models; cross-fitted over halves of the pairs.",
            "threshold epoch sample_id",
            (
                *words("part folds n_in n_out"),
                Column("d_in", "int", "IN models that are called members", "models"),
                Column("d_out", "int", "OUT models that are called members", "models"),
                Column("d_both", "int", "pairs of models of which both are", "pairs"),
            ),
        ),
        table(
            "attack",
            "most_vulnerable",
            "The attack on the most vulnerable samples, which are chosen by the other half of the models.",
            "epoch share metric",
            (
                Column("share", "float", "of the scored samples"),
                Column("value", "float", "the metric on them; a TPR at the threshold that keeps the FPR over all"),
                *words("low high"),
                Column("all_samples", "float", "the metric on all samples"),
                *with_limits("fpr", "their own FPR at that threshold; of the AUC none"),
                *with_limits("own_tpr", "TPR at the threshold that keeps the FPR over them; of the AUC none"),
                Column("n_samples", "int", "how many the share is", "samples"),
            ),
            study="most_vulnerable",
        ),
        table(
            "attack",
            "convergence",
            "The metrics at the last checkpoint with fewer models.",
            "n_models share metric",
            (
                Column("n_models", "int", "how many are attacked", "models"),
                Column("share", "float", "1: all samples; below: of the most vulnerable"),
                Column("value", "float", "the metric"),
                *words("low high"),
            ),
            study="convergence",
        ),
    ]
)
