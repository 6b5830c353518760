"""The words under the figures: what is drawn, what an interval is of, and what not to conclude."""

_CAPTIONS = {
    "utility": """
        TPR at two small FPRs over the test accuracy that a run has reached, a point a checkpoint, joined in the order
        of training; numbers are epochs. Scores {aggregation}; bars: {level} intervals, where there are few runs.
        Upwards: more is leaked for the same accuracy. Where a line rises steeply, further training leaks without making
        the model better. Checkpoints with an accuracy below {low} are left out. Dotted: an attack that guesses.""",
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
        Where the samples are in the vulnerability plane of {attack} at {threshold}: for each sample the share of
        its OUT models (FPR) and of its IN models (TPR) in which the attack says member. Counted rates live on a
        lattice, so cells are its points; colour is logarithmic. Solid line: TPR = FPR, no leakage; dotted:
        advantage {advantage}; red box: highly vulnerable (TPR ≥ {hv_tpr}, FPR ≤ {hv_fpr}), HV its share of the
        samples. Cross: centre of mass.""",
    "centre": """
        Centre of mass of the vulnerability plane of {attack} at {threshold} over the checkpoints; bars and bands are
        intervals over pairs of models. Hollow: sham members, samples that no model trained on, given a mask of the same
        design and passed through the same pipeline; they should stay on the dotted line.""",
    "zones": """
        Share of the scored samples in each zone of the plane of {attack} at {threshold}. Chance: the sample's margins
        as member and as non-member do not differ significantly (paired t-test, Benjamini-Hochberg over samples), so
        with more models this share shrinks for the same leakage; inverted: they differ the wrong way.""",
    "samples": """
        The {count} samples with the largest effect size d′ (difference between the mean margin as member and as
        non-member, in root mean square standard deviations) of {run} at its last checkpoint, and their counted rates
        under {attack} at {threshold} during training: TPR over the models that had the sample, FPR over those that had
        not; the filled gap is the advantage A, given at the last checkpoint with its interval over pairs of models
        ({effect}). {analysed} The numbers after # are rows of the source. The largest of many are shown: on new models
        most rates would come out lower (d′ is shrunken for it). {planted}""",
    "comparison": """
        Differences between runs at the last checkpoint that both have: first run minus second, so a mark to the right
        says that the first one leaks more. Bars are {level} jackknife intervals of the difference itself: runs share
        samples, memberships and seeds, so they are paired. Each interval holds by itself: among many, some miss 0 by
        chance. Runs differ in how far they have fitted, too; see their accuracies. {omitted}""",
    "moving": """
        The same plane of {attack} at {threshold} in motion, {frames} checkpoints; the line is the way of the centre of
        mass so far. Where the browser is asked for less motion, the last checkpoint stands still.""",
    "river": """
        Zones of the plane of {attack} at {threshold} over training: above as a river of shares, below the zones but
        chance with their jackknife bands over pairs, on an axis of their own. Zones are of the samples' states as they
        are at each checkpoint. Dotted: the share of sham members in the highly vulnerable zone.""",
    "transitions": """
        Where a sample is at the next checkpoint, given its zone in the plane of {attack} at {threshold}, in per cent,
        pooled over training; small: the same for sham members. Zones are tracked: a sample leaves its zone when it is
        more than one standard error outside it, so counting noise moves fewer samples to and fro. Beside each zone the
        share of all steps that start there: rows with few are noise. HV: highly vulnerable; vuln.: vulnerable.""",
    "inflow": """
        Chance of a sample outside the highly vulnerable zone (tracked, as in the transitions) of {attack} at
        {threshold} to enter it, per epoch of the step to the next checkpoint (steps may differ in length), drawn where
        the step starts. Bands: jackknife over pairs; hollow: sham members.""",
    "speed": """
        How far and how fast samples move in the plane of {attack} at {threshold}, and how they are spread in it. Left
        raw, right with the counting noise removed (products of independent halves of the models; signed roots, so an
        estimate below 0 is shown as such). The corrected speed is a root mean square, not the mean beside it. Raw
        displacement and speed are above 0 by noise alone: read them against the null curves of sham members (hollow);
        noise makes the raw speed fall where checkpoints are farther apart. Entropy (bits, on a grid of {grid} x {grid}
        cells) and Clark-Evans (below 0: more clustered than the null) are of the parametric states and drawn as
        difference to the null. Bands: jackknife over pairs, where there are enough models; in the upper rows they may
        run out of the frame.""",
    "classes": """
        Mean advantage TPR − FPR of the samples of each class under {attack} at {threshold}; classes by their value at
        the last checkpoint, the largest first, a mean over the runs. {omitted} Bands: jackknife over pairs; hollow:
        sham members of the same class.""",
    "onset": """
        Onset: the first checkpoint from which on the sample's margins as member and as non-member differ significantly
        at all later ones; no attack is involved. Left: share of the samples with an onset by each epoch; without any
        until the end: {censored}. Right: median (and, of few runs, quartiles) of the advantage under {attack} at
        {threshold} at the last checkpoint, by onset, where at least {fewest} samples share it. More models find more
        onsets: compare runs at equal numbers of models.""",
    "tails": """
        Each OUT margin is predicted from the other pairs of models; if the parametric law behind d′ and the rates at
        small FPR holds, predicted tail probabilities come true and the points lie on the dotted line. At the last
        checkpoint; bars: jackknife over pairs; left the lower, right the upper tail. The verdict is on the upper tail
        at {probability}, and on how many members lie there. Where it fails, the counted rates are the ones to trust.
        Tails in which no margin lay are not drawn.""",
    "difficulty": """
        Mean effect size d′ of the margin (no attack is involved) in bins of a sample's difficulty, measured on models
        that did not train on it; all axes run from easy to hard. Difficulty and d′ come from disjoint halves of the
        models, so they share no noise. Bands: jackknife over pairs, where there are enough models. The relation need
        not be monotone.""",
    "densities": """
        Effect size d′ of the margin of every sample at the last checkpoint against two difficulties, all models; colour
        is logarithmic. Losses below 0.0001 lie at 0.0001. Here both come from the same models; the correlations in the
        table do not.""",
    "early": """
        How well a predictor at an epoch finds the samples finally at risk: the top share by d′ of the margin, or the
        highly vulnerable zone (HV) of {attack} at {threshold}. The final set comes from one half of the models, the
        prediction from the other. Black: d′ with its jackknife band; dashed: what d′ of the last checkpoint itself
        finds, the ceiling that noise leaves; dotted: chance (for HV, d′ names its early zone, which grows; baselines
        always name as many as are to be found). Coloured: baselines that need no shadow models, each from one model a
        sample: of a random pair of the half, the one that trained on it. Grey line: early checkpoint of claim C3.""",
    "early_more": """
        More on the same: Jaccard index of what is named and what is to be found, and precision for the highly
        vulnerable zone of {attack} at {threshold} (recall and precision of the top share are equal, since as many are
        named as are to be found). Below, rank correlation of d′ over all samples with d′ at the last checkpoint, from
        disjoint halves: as observed (with its band); reliability of d′ at the epoch, half against half; and the
        observed over the root of both reliabilities, what models without noise would show. Red, with its band: the
        share of the samples truly at risk at the end that truly were so at the epoch, above chance. Both are left out
        where the reliability may be 0.""",
    "factors": """
        Differences between runs, first minus second, of {attack}, rates at {threshold}: at the last common epoch
        (circles), where both had the same test accuracy (squares), and where both had the same generalisation gap
        (triangles), each at the largest value at which the figure is known of both; recall above chance without noise
        at the last early checkpoint of both only. Squared speed (the mean over samples with counting
        noise removed, in (points per epoch)²) and inflow to the highly vulnerable zone are of a step between
        checkpoints: circles are of the last step that both have, the others lie between middles of steps, and only
        where the steps of both are equally long. Bars are {level} jackknife intervals of the difference (hollow: too
        few models for one). Runs on one pool are paired, and compared on these samples; between pools circles hold the
        choice of samples too (of AUC, TPR, mean advantage and recall). {omitted} Bars may run out of the frame. A
        difference that vanishes where the runs are equally far trained is one of training length rather than of the
        factor.""",
    "power_law": """
        TPR minus FPR at the last checkpoint against training samples per class, one run a size; bars are one standard
        error. Lines are weighted least-squares fits in logarithms, with {level} intervals of the slope. Sizes whose TPR
        is not above the FPR have no logarithm and are left out.""",
    "convergence": """
        The last checkpoint, had only the first so many models been trained: attacks are calibrated on them alone. More
        models make an attack stronger and its figures less noisy; where a line is flat within its bars ({level}
        jackknife over pairs), further models would say little else. Neighbouring points share models.
        {few}""",
    "null": """
        The null control: membership is swapped at random within each (pair of models, sample), the same swaps at all
        checkpoints, and the attack is fitted anew. Each dot is the AUC of one draw, a mean over models, the bar their
        mean; without leaks in the pipeline they scatter around .5, the wider the smaller the study. Verdict: one
        simultaneous test over all checkpoints and attacks of a run.""",
}


def caption(figure: str, **values: object) -> str:
    """The caption of a kind of figure with its values filled in, on one line."""
    return " ".join(_CAPTIONS[figure].format(**values).split())
