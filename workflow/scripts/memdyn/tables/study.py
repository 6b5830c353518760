"""Tables of a study: its runs side by side."""

from collections.abc import Mapping
from dataclasses import replace

from memdyn.tables import (
    agreement,
    analysis,
    attack,
    audit,
    distance,
    dynamics,
    realised,
    regularization,
    reliability,
    uncalibrated,
)
from memdyn.tables.table import Column, Table
from memdyn.tables.words import table, with_limits, words
from memdyn.terms import PARTS

_RUNS = (
    Column("run_a", "text", "name of the first run"),
    Column("run_b", "text", "name of the second run"),
)
_DIFFERENCE = (Column("difference", "float", "first run minus second"), *words("low high level"))
_FACTOR = Column("factor", "text", "the only factor that the two runs differ in; empty: none, or several")


def _of_runs(tables: Mapping[str, Table], names: str) -> dict[str, Table]:
    """Tables of the runs one below the other, with columns that tell whose they are."""
    added = words(names)
    return {
        one.study: replace(
            one, name=one.study, stage="study", key=(*names.split(), *one.key), columns=(*added, *one.columns)
        )
        for one in tables.values()
        if one.study
    }


_OF_ALL = dict(
    [
        table(
            "study",
            "runs",
            "What was run.",
            "run",
            (
                Column("status", "text", "ok, or failed: models failed, and no attack has numbers of those left"),
                Column("reason", "text", "why it failed, or what else is missing since models failed; else empty"),
                Column("run_folder", "text", "folder of the run's training, below the results"),
                Column("pool", "text", "folder of its pool, below the results"),
                Column("dataset", "text", "name of the data set"),
                Column("architecture", "text", "the model in a word; empty: not trained here"),
                Column("optimizer", "text", "name of the optimizer"),
                Column("epochs", "int", "epochs of training", "epochs"),
                Column("n_checkpoints", "int", "checkpoints", "checkpoints"),
                Column("last_checkpoint", "float", "the last one; NaN: the run failed", "epochs"),
                Column("accuracy_in", "float", "accuracy on members there", "share"),
                Column("accuracy_out", "float", "accuracy on the scored samples there by models without them", "share"),
                Column("accuracy_test", "float", "accuracy on the test part there; NaN without one", "share"),
                Column("seconds_per_model", "float", "mean time to train a model", "s", measured=True),
                Column("n_models", "int", "models of which the numbers are", "models"),
                Column(
                    "n_failed",
                    "int",
                    "models that failed: their loss became infinite or NaN, or their teacher failed",
                    "models",
                ),
                Column("n_planned", "int", "models that were trained", "models"),
                Column("learning_rate", "float", "of the optimizer, at the start"),
                Column("batch_size", "float", "samples of a step; NaN: not trained here", "samples"),
                Column("augment", "text", "augmentation in words"),
                Column("device", "text", "cpu or cuda"),
            ),
        ),
        table(
            "study",
            "pools",
            "The pools of the runs.",
            "pool",
            (
                Column("pool", "text", "folder of the pool, below the results"),
                Column("dataset", "text", "name of the data set"),
                Column("n_classes", "int", "classes", "classes"),
                Column("shape", "text", "of a sample"),
                *(Column(part, "int", f"size of the part {part}", "samples") for part in PARTS),
                Column("samples_in_source", "float", "samples of the data set; NaN in pools of old", "samples"),
                Column("duplicates_dropped", "int", "copies of earlier samples, which are left out", "samples"),
                Column("duplicates_of_another_label", "float", "of these, with another label", "samples"),
                Column("sha256", "text", "hash of the pool's file"),
            ),
        ),
        table(
            "study",
            "samples_index",
            "Every sample of every pool: what a `sample_id` stands for.",
            "pool sample_id",
            (
                Column("pool", "text", "folder of the pool, as in the table `runs`"),
                Column("part", "text", f"part of the pool: {', '.join(PARTS)}"),
                *words("label"),
                Column("class_name", "text", "name of that class"),
                Column("file", "text", "of a folder of images: the sample's file below that folder; else empty"),
                Column("flipped", "bool", "the label is a planted wrong one"),
            ),
        ),
        table(
            "study",
            "null",
            "The null control of each run: is the attacks' mean null AUC 1/2 at every checkpoint?",
            "run",
            (
                Column("statistic", "float", "largest distance of a mean null AUC from 1/2, in standard errors"),
                Column("p_value", "float", "of the statistic, all checkpoints and attacks together"),
                Column("mean_null_auc", "float", "the mean null AUC that is furthest from 1/2"),
                Column("resolution", "float", "distance from 1/2 that the test would see"),
                Column("n_draws", "int", "draws of the null", "draws"),
                Column("passed", "bool", "the run passes"),
            ),
        ),
        table(
            "study",
            "differences",
            "Paired differences of the attacks' metrics between every two runs on one pool. Those of pooled TPRs at "
            "fewer than ten false positives have limits at least as wide as unrelated runs' (docs/intervals.md).",
            "run_a run_b attack epoch aggregation metric",
            (*_RUNS, *_DIFFERENCE, _FACTOR),
        ),
        table(
            "study",
            "history_gain",
            "What the checkpoints so far add to the last one: attacks over time minus the same on it alone. Empty "
            "without such attacks, or where the study does not have the others. Limits are up to twice too wide "
            "(docs/intervals.md).",
            "run attack epoch aggregation metric",
            (
                Column("reference", "text", "label of the attack on the last checkpoint alone"),
                Column("value", "float", "the metric of the attack over time"),
                Column("reference_value", "float", "the metric of the other"),
                Column("difference", "float", "the first minus the second, of the same models and groups"),
                *words("low high level"),
            ),
        ),
        table(
            "study",
            "dp",
            "The privacy of runs of DP-SGD; neighbours differ in one member added or removed. Empty without such runs.",
            "run epoch delta",
            (
                Column("delta", "float", "of the epsilon: that of the recipe; at the last checkpoint several"),
                Column("noise", "float", "multiplier: standard deviation in units of `clip`; 0: none"),
                Column("clip", "float", "largest norm of a sample's gradient; NaN: not clipped"),
                Column("lot", "int", "expected samples of a step", "samples"),
                Column("rate", "float", "chance of each member to be in a lot"),
                Column("steps", "int", "planned until the checkpoint, also of models that stopped earlier", "steps"),
                Column(
                    "epsilon",
                    "float",
                    "after these; infinite without noise, 0 before the first step. An early stop makes it no smaller: "
                    "when it comes depends on the members, by the weights",
                ),
                Column(
                    "accountant",
                    "text",
                    "prv; rdp: a larger bound, where epsilon is beyond use, or 0 by it already; empty: none needed",
                ),
                Column("stated", "bool", "the delta is that of the recipe"),
                Column("norm", "text", "what batch normalisation was replaced by; empty: nothing was"),
            ),
        ),
        table(
            "study",
            "power_law_points",
            "Vulnerability against samples per class, where runs differ in the size of their pools only.",
            "attack fpr pool",
            (
                Column("fpr", "float", "false positive rate"),
                Column("pool", "text", "folder of the pool"),
                *words("run epoch metric"),
                Column("samples_per_class", "float", "training samples of a class that one model sees", "samples"),
                Column("tpr", "float", "TPR at the FPR"),
                Column("se_samples", "float", "its standard error from the choice of samples"),
                Column("log_excess", "float", "log10(TPR - FPR)"),
                Column("se", "float", "standard error of the logarithm, over models and samples"),
                Column("df", "float", "degrees of freedom of that error"),
                Column("used", "bool", "the point enters the fit"),
                Column("status", "text", "used, or why not"),
            ),
        ),
        table(
            "study",
            "power_law_fits",
            "The line log10(TPR - FPR) = intercept + slope log10(samples per class).",
            "attack fpr",
            (
                Column("fpr", "float", "false positive rate"),
                Column("slope", "float", "of the line"),
                *words("low high"),
                Column("se", "float", "standard error of the slope"),
                Column("intercept", "float", "of the line"),
                Column("chi2", "float", "weighted sum of squared residuals"),
                Column("p_fit", "float", "chance of one as large if the law holds; NaN of two points"),
                Column("pools", "int", "points of the fit", "pools"),
                Column("dropped", "int", "points that are left out", "pools"),
                *words("level"),
                Column("status", "text", "fitted, or why not"),
            ),
        ),
    ]
)

_SERIES = Column("series", "text", "name of the narrowest of the runs that are compared with each other")

_OF_ANALYSED = dict(
    [
        table(
            "study",
            "width_curves",
            "Where runs differ in their width only: the leak and the test error of each.",
            "attack threshold run epoch",
            (
                Column("threshold", "text", "of the plane"),
                _SERIES,
                *words("run epoch"),
                Column("width", "float", "channels of the first stage, or units of the hidden layer"),
                *with_limits("advantage", "mean of TPR - FPR over samples"),
                *with_limits("error", "share of the test part that is classified wrongly"),
                *words("level"),
            ),
        ),
        table(
            "study",
            "width_levels",
            "Where runs differ in their width only: test error at equal advantage, advantage at equal test error.",
            "attack threshold matched_by at run",
            (
                Column("threshold", "text", "of the plane"),
                _SERIES,
                Column("matched_by", "text", "advantage or test_error"),
                Column("at", "float", "value of that which the curves first pass"),
                *words("run"),
                Column("width", "float", "channels of the first stage, or units of the hidden layer"),
                Column("value", "float", "the other of the two there"),
                *words("low high level"),
            ),
        ),
        table(
            "study",
            "width_claims",
            "What changes with the width, and the verdicts on the claims of Tan et al. (2023).",
            "attack threshold series claim",
            (
                Column("threshold", "text", "of the plane"),
                _SERIES,
                Column("claim", "text", "rises_with_width, rises_after_flat, error_falls or advantage_falls"),
                *words("verdict"),
                Column("estimate", "float", "change per doubling of the width; rises_after_flat: of the advantage"),
                *words("low high level"),
                Column("widths", "int", "runs that are compared", "runs"),
                Column("status", "text", "tested, or why not"),
            ),
        ),
        table(
            "study",
            "factor_differences",
            "Differences between runs at equal epochs, and where both are equally far trained. TPRs at fewer than "
            "ten false positives: see `differences`; se and df are the jackknife's.",
            "run_a run_b attack threshold metric matched_by at",
            (
                *_RUNS,
                Column("threshold", "text", "of the plane; empty for metrics of attacks"),
                Column("matched_by", "text", "epoch, accuracy_test or generalisation_gap"),
                Column("at", "float", "value of that at which the runs are compared"),
                Column("epoch_a", "float", "where the first run is there", "epochs"),
                Column("epoch_b", "float", "where the second run is there", "epochs"),
                *_DIFFERENCE,
                Column("se", "float", "standard error of the difference"),
                Column("df", "float", "its degrees of freedom"),
                Column("paired", "bool", "the runs share samples, memberships and seeds"),
                Column("status", "text", "compared, or why not"),
                _FACTOR,
            ),
        ),
        table(
            "study",
            "claims",
            "The verdicts on the claims C1, C2 and C3.",
            "claim part",
            (
                Column("claim", "text", "C1, C2 or C3"),
                Column("part", "text", "what the part is of: a factor or a run"),
                *words("verdict"),
                Column("scope", "text", "what the verdict is about, where that is not all"),
                Column("part_verdict", "text", "the verdict on the part"),
            ),
        ),
        table(
            "study",
            "claim_cells",
            "The numbers that the verdicts rest on.",
            "claim part cell",
            (
                Column("claim", "text", "C1, C2 or C3"),
                Column("part", "text", "what the part is of: a factor or a run"),
                Column("cell", "text", "which number"),
                Column("estimate", "float", "the number"),
                Column("low", "float", "lower limit, of the joint level"),
                Column("high", "float", "upper limit, of the joint level"),
                Column("bound", "float", "what counts"),
                *words("verdict"),
                Column("why", "text", "of an undecided cell whose numbers are mostly noise"),
            ),
        ),
    ]
)

OWN = _OF_ALL | _OF_ANALYSED | regularization.OWN | audit.OF_STUDY
"""Tables that no run has of its own."""

TABLES = (
    _OF_ALL
    | _of_runs(attack.TABLES, "run attack")
    | _of_runs(dynamics.TABLES, "run")
    | _of_runs(agreement.TABLES, "run")
)
ANALYSED = _OF_ANALYSED | _of_runs(analysis.TABLES, "run")
"""What a study has besides `TABLES` where its runs are analysed in full."""

AGAINST_BASELINE = regularization.OWN
"""What it has besides where they are compared with a baseline."""

UNCALIBRATED = _of_runs(uncalibrated.TABLES, "run")
"""What it has then, and where it asks for attacks without shadow models."""

DISTANCES = _of_runs(distance.TABLES, "run")
"""What it has where it asks for the level distance."""

PROBABILITIES = _of_runs(reliability.TABLES, "run")
"""What it has where an attack gives probabilities."""

HELD_OUT = _of_runs(realised.TABLES, "run")
"""What it has where it asks what attackers realise on held-out targets."""
