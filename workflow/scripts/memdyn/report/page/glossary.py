"""The page's terms: one source of definitions, each given where its term first stands (in text or in a figure)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from markupsafe import Markup, escape

from memdyn.report.record import ReportOptions


class Term(NamedTuple):
    """A term, where it stands (a pattern; by default the term itself as a word), and what it means."""

    name: str
    meaning: str
    pattern: str = ""


# {names} are those of the page's options. The meaning of a term may use others, which are then explained as well.
_TERMS = (
    Term("shadow model", "a network trained like the attacked one, on another random part of the samples",
         r"shadow models?"),
    Term("member", "a sample that a model was trained on; a non-member is one that it was not trained on",
         r"(?:non-)?members?|membership"),
    Term("pair", "two models whose members are complementary halves: each sample is a member of exactly one of them",
         r"pairs? of models|over pairs"),
    Term("IN, OUT", "models that were, and that were not, trained on the sample", r"IN|OUT"),
    Term("margin", "log-odds of the sample's label: log p − log(1 − p), p being the model's probability of it",
         r"margins?"),
    Term("checkpoint", "an epoch whose weights were saved and attacked", r"checkpoints?"),
    Term("TPR", "true positive rate: share of the members that an attack calls members", r"TPRs?|true positive rates?"),
    Term("FPR", "false positive rate: share of the non-members that an attack calls members; false alarms",
         r"FPRs?|false positive rates?|false alarms"),
    Term("TPR at 1 % FPR", "the largest TPR of any threshold whose FPR is at most 1 %; an attack that guesses has 1 %",
         r"TPRs? at (?:that|small|a small|[\d.]+ %) FPRs?"),
    Term("ROC", "curve of the TPR over the FPR, for all thresholds of an attack's score"),
    Term("AUC", "area under the ROC curve: how often a member scores above a non-member; 0.5 is guessing"),
    Term("AUROC", "area under a ROC curve: how well a predictor tells some samples from the others; 0.5 is guessing"),
    Term("loss", "cross-entropy −log p of the label; as an attack, one threshold on it for all samples"),
    Term("lira", "attack by how much likelier a margin is among IN than among OUT models (Carlini et al. 2022)",
         r"lira(?:-[\w.-]+)?|LiRA"),
    Term("lira-offline", "lira, calibrated on OUT models only", r"lira-offline(?:-[\w.-]+)?"),
    Term("lira_views", "lira of each view of an image (mirrored, moved, turned), and the mean over views",
         r"lira_views(?:-[\w.-]+)?"),
    Term("label_only", "attack by which views of an image are classified right (Choquette-Choo et al. 2021)"),
    Term("avg", "weak attack: one threshold on the loss, the mean loss of members that the attacker knows", r"avg|AVG"),
    Term("pow", "weak attack: the threshold on the loss that tells known members and non-members apart best",
         r"pow|POW"),
    Term("Tail-TNR", "share of non-members with a loss above that of nearly all members (Dodd et al. 2025)"),
    Term("best strong", "of the attacks that use shadow models, the one with the largest AUC",
         r"best strong(?: attack| one)?"),
    Term("level distance", "signed distance of a sample to where its label has a given confidence; larger: a member",
         r"level distance"),
    Term("loss-rank correlation", "Spearman of two models' losses over samples that both trained on",
         r"[Ll]oss-rank correlations?"),
    Term("rmia", "attack by likelihood ratios against population samples (Zarifzadeh et al. 2024)",
         r"rmia(?:-[\w.-]+)?|RMIA"),
    Term("rmia-offline", "rmia, calibrated on OUT models only", r"rmia-offline(?:-[\w.-]+)?"),
    Term("tan2023", "attack by a loss threshold a sample, the best one on the shadow models (Tan et al. 2023)"),
    Term("song2021", "attack by entropy, confidence or correctness, with a threshold a class (Song & Mittal 2021)",
         r"song2021(?:-[\w.-]+)?"),
    Term("privacy_risk_score", "attack by the share of members in a sample's bin of modified entropy, class by class",
         r"privacy_risk_score(?:-[\w.-]+)?|privacy risk scores?"),
    Term("shokri2017", "attack by a classifier of predictions, trained on shadow models (Shokri et al. 2017)",
         r"shokri2017(?:-[\w.-]+)?"),
    Term("difficulty calibration",
         "attack by a margin (or loss) less its mean over the sample's OUT models (Watson et al. 2022)",
         r"difficulty_calibration(?:-[\w.-]+)?|[Dd]ifficulty calibration"),
    Term("ye", "attack by where a loss lies among those of the sample's OUT models (R of Ye et al. 2022)",
         r"ye(?:-[\w.-]+)?"),
    Term("ye-population",
         "attack by where a loss lies among the same model's on population samples (P of Ye et al. 2022)",
         r"ye-population(?:-[\w.-]+)?"),
    Term("ye_distilled",
         "attack by where a loss lies among those of models distilled from the attacked one (D of Ye et al. 2022)",
         r"ye_distilled(?:-[\w.-]+)?"),
    Term("quantile_regression",
         "attack by where a margin lies among those that the model would give to like samples (Bertran et al. 2023)"),
    Term("proxy", "lira without IN models of the sample: other samples' IN margins are in their place (Du et al. 2026)",
         r"proxy(?:-[\w.-]+)?"),
    Term("embedding_norm", "lira on the norm of what a network's last layer reads, in the place of the margin (LpLA)",
         r"embedding_norm(?:-[\w.-]+)?"),
    Term("gradient_norm", "attack by the norm of a sample's own gradient, one threshold for all (Nasr et al. 2019)"),
    Term("adversarial_distance",
         "attack by how far a sample is from misclassification, one threshold for all (Del Grosso et al. 2022)",
         r"adversarial_distance(?:-[\w.-]+)?"),
    Term("boundary_distance",
         "attack by how far labels alone place a sample from another label (Choquette-Choo et al. 2021)",
         r"boundary_distance(?:-[\w.-]+)?"),
    Term("sequence", "lira on all checkpoints so far, their margins being one normal vector (cf. Michel et al. 2026)",
         r"sequence(?:-checkpoints\d+)?"),
    Term("log_ratio_sum", "lira's log likelihood ratios, added up over the checkpoints so far",
         r"log_ratio_sum(?:-[\w.-]+)?"),
    Term("trajectory", "attack by a classifier of a sample's losses over the checkpoints so far (Liu et al. 2022)",
         r"trajectory(?:-checkpoints\d+)?"),
    Term("population", "samples that no model was trained on: reference data of attacks"),
    Term("pooled", "over all pairs of a model and a sample at once, with one threshold for all models"),
    Term("jackknife", "interval from fitting everything anew without each group of models"),
    Term("null control", "attacks on randomly swapped memberships: their AUC (null AUC) is 0.5, or the pipeline leaks",
         r"[Nn]ull (?:control|AUC|checks?|test)"),
    Term("tail check", "whether OUT and IN margins lie as far out as often as the parametric law says",
         r"[Tt]ail check"),
    Term("parametric law", "normal margins of each sample, with one standard deviation for IN and one for OUT models",
         r"parametric(?: law)?"),
    Term("sham members", "samples that no model was trained on, with memberships drawn all the same: the null",
         r"[Ss]ham(?: members?)?"),
    Term("vulnerability plane", "each sample's FPR and TPR, counted over its OUT and its IN models",
         r"vulnerability plane"),
    Term("lr1", "the decision threshold at likelihood ratio 1: what is likelier of a member is called a member",
         r"lr1|likelihood ratio 1"),
    Term("pooled FPR", "a decision threshold set so that this share of all non-members is called members",
         r"pooled FPR|fpr0\.\d+"),
    Term("advantage", "TPR − FPR: 0 without any leak, 1 where membership is always told", r"[Aa]dvantages?"),
    Term("d′", "effect size: mean margin of IN minus OUT models, in root mean square standard deviations, shrunken",
         r"d′"),
    Term("HV", "the highly vulnerable zone: TPR ≥ {hv_tpr:g} and FPR ≤ {hv_fpr:g}", r"HV|[Hh]ighly vulnerable"),
    Term("chance", "what guessing gives; as a zone, samples whose IN and OUT margins do not differ significantly",
         r"(?<!by )chance"),
    Term("leaning", "zone of significant samples with an advantage below {vulnerable_advantage:g}; above: vulnerable"),
    Term("inverted", "the zone of samples with an advantage significantly below 0"),
    Term("tracked", "of a zone: it is left only by a sample that is more than one standard error outside it"),
    Term("centre of mass", "mean FPR and mean TPR of all samples", r"[Cc]entre of mass|displacement of the centre"),
    Term("displacement", "distance of the centre of mass from where it was at the first checkpoint"),
    Term("path length", "distances that the centre of mass moved from checkpoint to checkpoint, added up"),
    Term("severity", "a sample's advantage at the last checkpoint", r"[Ss]everity"),
    Term("onset", "first checkpoint from which on a sample's IN and OUT margins differ significantly at all later ones",
         r"[Oo]nsets?"),
    Term("inflow", "how likely a sample outside a zone is to enter it at the next checkpoint", r"[Ii]nflow"),
    Term("entropy", "how evenly the samples are spread over the plane, in bits", r"[Ee]ntropy"),
    Term("Clark-Evans", "mean distance of nearest neighbours over that of random points; below 1: clustered"),
    Term("generalisation gap", "accuracy on members minus accuracy of the same samples as non-members",
         r"generalisation gap|widest common gap"),
    Term("learning epoch", "first epoch from which on a sample is classified correctly at every checkpoint"),
    Term("forgetting events", "how often a sample was classified correctly and then wrongly",
         r"forgetting(?: events)?"),
    Term("area under the margin", "mean over training of the label's logit minus the largest other one"),
    Term("EL2N", "distance of the predicted probabilities from the label, early in training"),
    Term("confidence", "mean over training of the probability of the label"),
    Term("variability", "standard deviation over training of the probability of the label"),
    Term("C-score", "share of the models without the sample that classify it correctly"),
    Term("memorisation", "share of the IN models that classify a sample correctly, minus that of the OUT models"),
    Term("GraNd", "norm of a sample's gradient early in training"),
    Term("prediction depth", "layer from which on the neighbours of a sample settle what is predicted"),
    Term("LT-IQR", "interquartile range of a sample's loss over the checkpoints so far"),
    Term("Holm", "p-value corrected for the number of tests"),
    Term("Spearman", "correlation of ranks"),
    Term("reliability", "correlation of one half of the models with the other: what noise leaves of a measure"),
    Term("ceiling of agreement",
         "the most that two attacks on different models can have in common: what each has with itself, above chance"),
    Term("d′ of decisions",
         "d′ of the pooled FPRs, on a logarithmic scale, from which on an attack calls a sample member"),
    Term("ceiling", "what d′ of the last checkpoint itself finds in the other half of the models"),
    Term("recall without noise",
         "share of the samples truly most vulnerable at the end that truly are so already, by infinitely many models; "
         "0 is chance", r"recall without noise|truly at risk, known|early recall above chance"),
    Term("recall", "share of what is to be found that is found"),
    Term("design effect", "how many times larger a variance is than if all models had been asked independently"),
    Term("prior", "share of members among the samples that an attacker asks about", r"[Pp]riors?"),
    Term("held-out target", "a model that had no part in the attack on it, nor in the choice of its threshold",
         r"[Hh]eld-out targets?"),
    Term("OUT p-value", "how often OUT models' scores lie as far above the other OUT scores of the same sample",
         r"OUT p-values?"),
    Term("false discovery rate", "share of what is named that is wrong, on average; of an empty list 0",
         r"[Ff]alse discovery rate"),
    Term("precision", "share of what is named that was to be found"),
    Term("Jaccard", "what is both named and to be found, as a share of what is either"),
    Term("DP-SGD", "training by noisy sums of clipped gradients of random lots of members (Abadi et al. 2016)"),
    Term("ε", "how much likelier one member may make any outcome: by a factor e^ε, but for a chance of δ"),
    Term("planted", "samples whose label was replaced by a wrong one on purpose", r"[Pp]lanted"),
)  # fmt: skip


def _pattern(term: Term) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{term.pattern or re.escape(term.name)})(?!\w)")


@dataclass
class Glossary:
    """What has been explained so far on a page that is written from top to bottom.

    Attributes:
        meanings: term -> definition, in the order of the glossary.
        explained: terms whose definitions were given.
        pending: terms that were used since.
    """

    meanings: dict[str, str]
    patterns: dict[str, re.Pattern[str]]
    explained: set[str] = field(default_factory=set)
    pending: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, options: ReportOptions) -> "Glossary":
        """All terms of the page."""
        meanings = {term.name: term.meaning.format(**vars(options)) for term in _TERMS}
        return cls(meanings, {term.name: _pattern(term) for term in _TERMS})

    def used_in(self, text: str) -> list[str]:
        """The terms in a text, in the order of the glossary; a longer one hides those within it."""
        found = {name for name, _, _ in self._found(text)}
        return [name for name in self.patterns if name in found]

    def mark(self, text: str) -> Markup:
        """A text for the page: terms that stand here for the first time have their definition as a tooltip."""
        parts, end = [], 0
        for name, start, stop in self._found(text):
            if name not in self.explained and name not in self.pending:
                self.pending.append(name)
                term = Markup('<dfn title="{}">{}</dfn>').format(self.meanings[name], text[start:stop])
                parts += [escape(text[end:start]), term]
                end = stop
        return Markup("").join([*parts, escape(text[end:])])

    def note(self, texts: Iterable[str]) -> str:
        """Terms that are used in a picture. Returns nothing to print."""
        new = [name for text in texts for name in self.used_in(text)]
        self.pending += [name for name in dict.fromkeys(new) if name not in self.explained | set(self.pending)]
        return ""

    def definitions(self) -> list[tuple[str, str]]:
        """(term, meaning) of what was used since the last call, and of what these meanings use."""
        todo, found = list(self.pending), []
        while todo:
            name = todo.pop()
            if name not in self.explained:
                self.explained.add(name)
                found.append(name)
                todo += self.used_in(self.meanings[name])
        self.pending.clear()
        return [(name, meaning) for name, meaning in self.meanings.items() if name in found]

    def _found(self, text: str) -> list[tuple[str, int, int]]:
        """(term, start, end) of the terms in a text, from left to right; of overlapping ones the first, longest."""
        spans = [
            (match.start(), -match.end(), name)
            for name, pattern in self.patterns.items()
            for match in pattern.finditer(text)
        ]
        found: list[tuple[str, int, int]] = []
        for start, end, name in sorted(spans, key=lambda span: (*span[:2], -len(span[2]))):  # lira-offline is not lira
            if not found or start >= found[-1][2]:
                found.append((name, start, -end))
        return found
