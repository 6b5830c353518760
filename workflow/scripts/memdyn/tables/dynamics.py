"""Tables of a run's states in the vulnerability plane, of the attacks that `dynamics.attacks` names."""

from memdyn.tables.table import Column
from memdyn.tables.words import table, with_limits, words

TABLES = dict(
    [
        table(
            "dynamics",
            "samples",
            "The state of every scored sample at every checkpoint: the one table of states.",
            "attack threshold epoch sample_id",
            (
                *words("folds label n_in n_out"),
                *with_limits("tpr", "share of its IN models that the attack calls members"),
                *with_limits("fpr", "share of its OUT models that the attack calls members"),
                *with_limits("advantage", "tpr - fpr, with paired limits"),
                Column(
                    "design_effect_tpr", "float", "variance over that of independent trials; the limits allow for it"
                ),
                Column("design_effect_fpr", "float", "the same of the FPR"),
                Column("design_effect_advantage", "float", "the same of the advantage; NaN: too few models to tell"),
                *with_limits("d_prime", "effect size of membership on the margin, posterior mean", "SD"),
                Column("d_prime_sd", "float", "standard deviation of its posterior", "SD"),
                Column("speed", "float", "way in the plane to the next checkpoint; none at the last", "1/epoch"),
                Column("advantage_slope", "float", "change of the advantage to the next checkpoint", "1/epoch"),
                Column("d_prime_slope", "float", "change of d_prime to the next checkpoint", "SD/epoch"),
                Column("zone_counted", "text", "zone of the state as it is; all shares of zones count it"),
                Column("zone_tracked", "text", "zone that is left only when more than one standard error outside it"),
            ),
            study="samples",
        ),
        table(
            "dynamics",
            "centre",
            "Centre of mass of the plane: means over samples, with jackknife limits over pairs.",
            "attack part threshold epoch",
            (
                *words("level"),
                *with_limits("fpr", "mean FPR of the samples"),
                *with_limits("tpr", "mean TPR of the samples"),
                *with_limits("advantage", "mean advantage of the samples"),
            ),
            study="centre",
        ),
        table(
            "dynamics",
            "zones",
            "Share of the scored samples in each zone, of `zone_counted`.",
            "attack threshold epoch zone",
            (
                Column("zone", "text", "zone of the plane"),
                Column("share", "float", "of the scored samples"),
                *words("low high"),
                Column("null", "float", "share of the sham samples"),
                *with_limits("smooth", "parametric share that many models would show; highly_vulnerable only"),
            ),
            study="zones",
        ),
        table(
            "dynamics",
            "accuracy",
            "How well the models do, means over models.",
            "epoch",
            (
                Column("accuracy_in", "float", "accuracy on members, eval mode", "share"),
                Column("accuracy_out", "float", "accuracy on the scored samples by models without them", "share"),
                Column("accuracy_test", "float", "accuracy on the test part; NaN without one", "share"),
                Column("loss_in", "float", "cross-entropy on members", "nats"),
                Column("loss_out", "float", "the same by models without them", "nats"),
            ),
            study="accuracy",
        ),
    ]
)
