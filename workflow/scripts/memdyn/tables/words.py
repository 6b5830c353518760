"""Columns that mean one thing wherever they stand, and those that come with limits."""

from memdyn.tables.table import Column, Table
from memdyn.terms import METRICS

_WORDS = {
    column.name: column
    for column in (
        Column("run", "text", "name of the run in the study"),
        Column("attack", "text", "label of the attack"),
        Column("aggregation", "text", "pooled: one ROC over all (model, sample); per_model: mean of the models' own"),
        Column("epoch", "int", "checkpoint; 0: untrained", "epochs"),
        Column("sample_id", "int", "row of the sample in the source of the data set"),
        Column("label", "int", "class of the sample, 0 to K - 1, as it is trained on"),
        Column("part", "text", "part of the pool: scored, or sham (that no model trains on)"),
        Column(
            "threshold",
            "text",
            "where the attack says member: lr1 (likelihood ratio 1; of tan2023 each sample's own, of song2021 "
            "each class's), or fpr<a> (pooled FPR a)",
        ),
        Column("folds", "text", "of the cross-fitting: pairs, 2 (halves of the pairs), or so many folds of models"),
        Column("metric", "text", "which number stands in the row"),
        Column("group", "int", "group of pairs, or fold of models, that is left out"),
        Column("groups", "int", "groups of pairs, or folds, of the jackknife; 0: none", "groups"),
        Column("level", "float", "confidence level of the limits"),
        Column("low", "float", "lower limit"),
        Column("high", "float", "upper limit"),
        Column("se", "float", "standard error over models"),
        Column("n_in", "int", "models that trained on the sample and are left", "models"),
        Column("n_out", "int", "models that did not", "models"),
        Column("quantity", "text", "which quantity the row is of"),
        Column(
            "models", "text", "models the measure is of: in (trained on the sample), out, or in-out, their difference"
        ),
        Column("difficulty", "text", "measure of difficulty"),
        Column("target", "text", "what it is held against: d_prime, severity or onset"),
        Column("verdict", "text", "what was decided"),
    )
}


def words(names: str) -> tuple[Column, ...]:
    """Shared columns by their names."""
    return tuple(_WORDS[name] for name in names.split())


def with_limits(name: str, about: str, unit: str = "") -> tuple[Column, ...]:
    """A number with its lower and upper limit."""
    limits = (("low", "lower limit"), ("high", "upper limit"))
    return Column(name, "float", about, unit), *(
        Column(f"{name}_{end}", "float", f"its {limit}", unit) for end, limit in limits
    )


def metric_columns(prefix: str = "", suffix: str = "", about: str = "{}", limits: bool = False) -> tuple[Column, ...]:
    """A column a metric of attacks: AUC, and TPR at each FPR."""
    made = []
    for metric in METRICS:
        words_of = "AUC" if metric == "auc" else f"TPR at FPR {metric.removeprefix('tpr_at_fpr_')}"
        column = Column(f"{prefix}{metric}{suffix}", "float", about.format(words_of))
        made += with_limits(column.name, column.about) if limits else [column]
    return tuple(made)


def table(
    stage: str, name: str, about: str, key: str, columns: tuple[Column, ...], study: str = ""
) -> tuple[str, Table]:
    """(name, table); columns of the key come first, and are shared words where they are not given."""
    given, keys = {column.name: column for column in columns}, tuple(key.split())
    of_key = tuple(given.get(one) or _WORDS[one] for one in keys)
    others = tuple(column for column in columns if column.name not in keys)
    return name, Table(name, stage, about, keys, of_key + others, study)
