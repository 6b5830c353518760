"""Tables of whom a run's attacks find, and whether they agree."""

from memdyn.tables.table import Column
from memdyn.tables.words import table, with_limits, words

_TOP = Column("top", "float", "share of the samples, the most vulnerable of them; what chance has in common")
_CORRELATION = with_limits("correlation", "Spearman of the samples' vulnerability in both, the same for each `top`")

TABLES = dict(
    [
        table(
            "agreement",
            "vulnerability_matrix",
            "How vulnerable each sample is to each attack, of all models, at the last checkpoint that most attacks "
            "share (`epoch` of `agreement`; attacks without it are left out): d' of the decisions, on the scale "
            "-log10 of the pooled FPR at which it is called a member.",
            "sample_id",
            (Column("<attack>", "float", "label of the attack; its d'", "SD"),),
            study="vulnerability_matrix",
        ),
        table(
            "agreement",
            "agreement",
            "Do two attacks find the same samples, at the last checkpoint that most attacks share? One on half of "
            "the models, the other on the other half, both ways; "
            "NaN where the models are too few. No limits of an attack whose scoring is costly (`shokri2017`, "
            "`trajectory`, `sequence`, `log_ratio_sum`), and neither limits nor a ceiling of fewer than 20 samples. "
            "A ceiling at chance, or whose lower limit is: nobody can agree there, as far as these models can tell. "
            "Limits of an overlap are two times too wide and more (docs/intervals.md).",
            "attack other top",
            (
                Column("other", "text", "label of the other attack"),
                _TOP,
                Column("overlap", "float", "share of the most vulnerable that both have in common"),
                *words("low high"),
                *with_limits(
                    "ceiling",
                    "the most that the noise of half of the models leaves: chance, and above it the geometric mean of "
                    "what each of the two has in common with itself in the other half; never below `top`",
                ),
                *with_limits(
                    "relative", "0 at chance, 1 at the ceiling; NaN where the ceiling is not surely above chance"
                ),
                *_CORRELATION,
                Column("correlation_ceiling", "float", "geometric mean of both attacks' with themselves"),
                *words("level epoch"),
            ),
            study="agreement",
        ),
        table(
            "agreement",
            "stability",
            "Would other models name other samples? One attack on two disjoint sets of so many models each, at the "
            "last checkpoint that most attacks share. "
            "An attack whose scoring is costly has half of the models alone, without limits; no overlap of fewer than "
            "20 samples has limits. Noise alone has more than `top` in common in sets of 4 models: .13 to .15 of the "
            "top tenth, of 8 models .11.",
            "attack top n_models",
            (
                _TOP,
                Column("n_models", "int", "in each of both sets", "models"),
                Column("overlap", "float", "share of the most vulnerable that both have in common"),
                *words("low high"),
                *_CORRELATION,
                *words("level epoch"),
            ),
            study="stability",
        ),
    ]
)
