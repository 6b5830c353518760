"""Tables of a study that compares its runs with a baseline."""

from memdyn.tables.table import Column
from memdyn.tables.words import table, with_limits, words

_BASELINE = Column("baseline", "text", "the run that it is compared with")
_MECHANISM = Column("mechanism", "text", "what it differs in, with strengths, joined by +")
_ATTACK = Column(
    "attack", "text", "label of the attack, avg, pow, the best of the strong or the larger of the weak; else empty"
)
_DIFFERENCE = (Column("difference", "float", "the run's value minus the other's, paired"), *words("low high level"))
_BY = Column("by", "text", "of R4: attack or distance; else empty")
_CLAIM = Column("claim", "text", "R1, R2, R3 or R4")

OWN = dict(
    [
        table(
            "study",
            "mechanisms",
            "What each mechanism changes: accuracy and leaks against the baseline, where the two are compared fairly.",
            "run comparison attack metric",
            (
                _MECHANISM,
                _BASELINE,
                Column("comparison", "text", "released, equal_epoch, equal_training_loss or equal_accuracy"),
                _ATTACK,
                Column("value", "float", "the run's"),
                Column("baseline_value", "float", "the baseline's"),
                *_DIFFERENCE,
                Column("at", "float", "epoch, training loss (nats) or test accuracy at which they are compared"),
                Column("epoch", "float", "where the run is there", "epochs"),
                Column("baseline_epoch", "float", "where the baseline is there", "epochs"),
                Column("status", "text", "compared, or why not; failed: the run or its baseline has no numbers"),
                Column("reason", "text", "why it failed; else empty"),
            ),
        ),
        table(
            "study",
            "mechanism_course",
            "When a run first leaks half of what its baseline leaks in the end.",
            "run attack",
            (
                _BASELINE,
                _ATTACK,
                *words("metric"),
                Column("at", "float", "that much"),
                Column("onset", "float", "when the run first leaks it", "epochs"),
                Column("baseline_onset", "float", "when the baseline does", "epochs"),
                Column("delay", "float", "of the run", "epochs"),
                *words("low high level"),
                Column("share_at_end", "float", "the run's AUC above chance in the end, over the baseline's"),
                Column("status", "text", "reached, or why there is no onset"),
            ),
        ),
        table(
            "study",
            "mechanism_front",
            "Accuracy against leak, every run at its last checkpoint.",
            "run attack metric",
            (
                _BASELINE,
                _ATTACK,
                *with_limits("accuracy", "test accuracy", "share"),
                *with_limits("leak", "the metric"),
                *words("level"),
                Column("on_front", "bool", "no other run is better in one and as good in the other, by the estimates"),
                Column("dominated_by", "text", "a run that surely is more accurate and leaks less; else empty"),
            ),
        ),
        table(
            "study",
            "mechanism_selection",
            "The setting that each rule takes of each kind of mechanism, and of any.",
            "baseline rule mechanism",
            (
                _BASELINE,
                Column("rule", "text", "max_accuracy, or rad_<r>: the least max(AVG, POW) above 1 - r of its accuracy"),
                Column("mechanism", "text", "kinds of mechanisms, joined by +; any: all of them"),
                Column("run", "text", "name of the chosen run; empty: none is accurate enough"),
                Column("accuracy", "float", "its test accuracy", "share"),
                Column("leak", "float", "its larger advantage of AVG and POW"),
                Column("settings", "int", "runs to choose from", "runs"),
            ),
        ),
        table(
            "study",
            "combinations",
            "Each combination of mechanisms minus each of its parts, at their last checkpoints.",
            "run part attack metric",
            (
                Column("part", "text", "name of the run with one of its parts"),
                _MECHANISM,
                Column("part_mechanism", "text", "the same of the part"),
                _ATTACK,
                *_DIFFERENCE,
            ),
        ),
        table(
            "study",
            "loss_rank_correlation",
            "Spearman of the losses of two runs' models, of other pairs, over the samples that both trained on.",
            "run other",
            (
                Column("other", "text", "name of the other run; the same: its models with each other"),
                Column("correlation", "float", "mean over pairs of models, at the last checkpoints"),
                *words("low high level"),
            ),
        ),
        table(
            "study",
            "vulnerable_overlap",
            "What the most vulnerable samples of a run and its baseline have in common, half of the models each.",
            "run",
            (
                _BASELINE,
                Column("share", "float", "of the samples, that are the most vulnerable; what chance has in common"),
                Column("overlap", "float", "share of them in common"),
                *words("low high"),
                Column("ceiling", "float", "the same of two halves of one run, geometric mean of both runs"),
                *words("level"),
            ),
        ),
        table(
            "study",
            "regularization_verdicts",
            "The verdicts R1 to R4 on each run.",
            "claim run by",
            (
                _CLAIM,
                _BY,
                _MECHANISM,
                *words("verdict"),
                Column("estimate", "float", "the number that tells most"),
                Column("low", "float", "lower limit, of the joint level"),
                Column("high", "float", "upper limit, of the joint level"),
                Column("accuracy_difference", "float", "test accuracy minus the baseline's", "share"),
                Column("accuracy_low", "float", "its lower limit", "share"),
                Column("accuracy_high", "float", "its upper limit", "share"),
                Column("status", "text", "compared; or failed: the run or its baseline has no numbers"),
                Column("reason", "text", "why it failed; else empty"),
            ),
        ),
        table(
            "study",
            "regularization_cells",
            "The numbers that the verdicts R1 to R4 rest on.",
            "claim run by cell",
            (
                _CLAIM,
                _BY,
                Column("cell", "text", "which number"),
                Column("estimate", "float", "the number"),
                Column("low", "float", "lower limit, of the joint level"),
                Column("high", "float", "upper limit, of the joint level"),
                Column("bound", "float", "what counts"),
            ),
        ),
    ]
)
