"""The words under the figures: what is drawn, what an interval is of, and what not to conclude."""

_CAPTIONS = {
    "accuracy": """
        Accuracy and loss of the scored samples over checkpoints, means over the shadow models: as members (solid,
        filled) and as non-members (dashed, hollow). The gap between the two is what membership inference feeds on.""",
    "leakage": """
        Leakage over checkpoints, a row an attack; scores {aggregation}. Bands are {level} intervals ({method}), for
        models trained anew on other halves of the same samples; for TPR at a small FPR they are up to twice too wide,
        on the safe side. Dotted: an attack that guesses.""",
    "roc": """
        ROC curves of each run at its last checkpoint, {aggregation}; both axes logarithmic. Bands are {level} intervals
        ({method}), pointwise in FPR. Dotted: chance. The grey strip lies below one non-member in {non_members}: no rate
        can be counted there and none is drawn.""",
    "plane": """
        Where the samples are in the vulnerability plane of {attack} at {threshold}: for each sample the share of its
        OUT models (FPR) and of its IN models (TPR) in which the attack says member. Counted rates live on a lattice, so
        cells are its points; colour is logarithmic. Solid line: TPR = FPR, no leakage; dotted: advantage {advantage};
        red box: highly vulnerable (TPR ≥ {hv_tpr}, FPR ≤ {hv_fpr}), HV its share of the samples. Cross: centre of
        mass.""",
    "centre": """
        Centre of mass of the vulnerability plane of {attack} at {threshold} over the checkpoints; bars and bands are
        intervals over pairs of models. Hollow: sham members, samples that no model trained on, given a mask of the same
        design and passed through the same pipeline; they should stay on the dotted line.""",
    "zones": """
        Share of the scored samples in each zone of the plane of {attack} at {threshold}. Chance: the sample's margins
        as member and as non-member do not differ significantly (paired t-test, Benjamini-Hochberg over samples), so
        with more models this share shrinks for the same leakage; inverted: they differ the wrong way.""",
    "samples": """
        The {count} samples with the largest effect size d′ of {run} at its last checkpoint, and their counted rates
        under {attack} at {threshold} during training: TPR over the models that had the sample, FPR over those that had
        not; the filled gap is the advantage A, given at the last checkpoint with its interval over pairs of models. The
        numbers are rows of the source. The largest of many are shown: on new models most would come out smaller.""",
    "comparison": """
        Differences between runs at the last checkpoint that both have: first run minus second, so a mark to the right
        says that the first one leaks more. Bars are {level} jackknife intervals of the difference itself: runs share
        samples, memberships and seeds, so they are paired. Each interval holds by itself: among many, some miss 0 by
        chance. Runs differ in how far they have fitted, too; see their accuracies.""",
    "null": """
        The null control: membership is swapped at random within each (pair of models, sample), the same swaps at all
        checkpoints, and the attack is fitted anew. Each dot is the AUC of one draw, the bar their mean; without leaks
        in the pipeline they scatter around .5. Verdict: one simultaneous test over all checkpoints and attacks of a
        run.""",
}


def caption(figure: str, **values: object) -> str:
    """The caption of a kind of figure with its values filled in, on one line."""
    return " ".join(_CAPTIONS[figure].format(**values).split())
