"""Files of exported scores: which are studied, and what is said of the others."""

import numpy as np
import pytest

from exported_scores import ORDER, arrays, of_models, write
from memdyn.data.designs import pair_models
from memdyn.data.exported import examine


def without(given, name):
    return {key: array for key, array in given.items() if key != name}


def with_mask(change):
    def changed(given):
        mask = given["mask"].copy()
        change(mask)
        return given | {"mask": mask}

    return changed


def with_logits(given, classes):
    """Of the scored and sham parts."""
    sizes = {"logits": 120, "sham_logits": 40}
    return (
        given
        | {"sham_labels": np.zeros(40, int)}
        | {name: np.zeros((2, 8, size, classes)) for name, size in sizes.items()}
    )


def three_folds(given):
    """Model k leaves out the samples of fold k mod 3."""
    fold = np.arange(given["mask"].shape[1]) % 3
    return given | {"mask": np.stack([fold != model % 3 for model in range(8)])}


BAD = {
    "no masks": (lambda g: without(g, "mask"), ["no array 'mask'", "it has: margin, labels, sham"]),
    "nothing": (lambda g: {"x": g["mask"]}, ["no array 'margin', 'mask', 'labels'", "unknown array 'x'"]),
    "a typo": (lambda g: g | {"popluation": g["sham"]}, ["unknown array 'popluation'; did you mean 'population'?"]),
    "a typo of a part": (lambda g: g | {"sham_gpa": g["sham"]}, ["'sham_gpa'; did you mean 'sham_gap'?"]),
    "objects": (lambda g: g | {"labels": g["labels"].astype(object)}, ["labels holds Python objects"]),
    "a signal of a part that is not there": (
        lambda g: g | {"population_gap": g["margin"], "gap": g["margin"]},
        ["population_gap is given without population"],
    ),
    "a signal of a part alone": (lambda g: g | {"sham_gap": g["sham"]}, ["sham_gap is given without gap"]),
    "margins of one checkpoint": (lambda g: g | {"margin": g["margin"][0]}, ["(8, 120)", "make margin[None]"]),
    "margins of no checkpoint": (lambda g: g | {"margin": g["margin"][:0]}, ["(0, 8, 120)", "at least 1"]),
    "other samples": (lambda g: g | {"mask": g["mask"][:, 1:]}, ["mask has shape (8, 119), margin (2, 8, 120)"]),
    "other models": (
        lambda g: g | {"sham": g["sham"][:, 1:]},
        ["sham has shape (2, 7, 40)", "[2 checkpoints, 8 models"],
    ),
    "models last": (
        lambda g: g | {"mask": g["mask"].T},
        ["mask has shape (120, 8)", "allowed: [8 models, 120 samples]"],
    ),
    "a mask of numbers": (lambda g: g | {"mask": g["mask"].astype(int)}, ["mask is int64", "mask.astype(bool)"]),
    "whole margins": (lambda g: g | {"margin": g["margin"].astype(int)}, ["margin is int64; allowed: float16"]),
    "a gap that is no number": (lambda g: g | {"gap": g["margin"] > 0}, ["gap is bool; allowed: float16"]),
    "labels of floats": (lambda g: g | {"labels": g["labels"] + 0.5}, ["labels is float64; allowed: whole numbers"]),
    "labels as text": (lambda g: g | {"labels": g["labels"].astype(str)}, ["labels is <U21; allowed: whole numbers"]),
    "few labels": (lambda g: g | {"labels": g["labels"][:100]}, ["labels has shape (100,)", "[120 samples]"]),
    "one-hot labels": (lambda g: g | {"labels": np.eye(3, dtype=int)[g["labels"]]}, ["labels has shape (120, 3)"]),
    "six models": (lambda g: of_models(g, np.arange(6)), ["is of 6 models; allowed: at least 8"]),
    "few samples": (lambda g: arrays(n_samples=18), ["is of 18 samples; allowed: at least 20"]),
    "an odd sham part": (
        lambda g: g | {"sham": g["sham"][..., 1:]},
        ["sham is of 39 samples; allowed: an even number"],
    ),
    "epochs of another number": (lambda g: g | {"epochs": [1, 2, 3]}, ["epochs has shape (3,)", "[2 checkpoints]"]),
    "epochs that fall": (lambda g: g | {"epochs": [2, 1]}, ["epochs are [2, 1]; allowed: increasing, from 0 on"]),
    "equal epochs": (lambda g: g | {"epochs": [2, 2]}, ["epochs are [2, 2]"]),
    "epochs before 0": (lambda g: g | {"epochs": [-1, 2]}, ["epochs are [-1, 2]"]),
    "unsigned epochs that fall": (lambda g: g | {"epochs": np.array([2, 1], np.uint8)}, ["epochs are [2, 1]"]),
    "unsigned epochs that fall from beyond 2**63": (
        lambda g: g | {"epochs": np.array([2**63 + 5, 1], np.uint64)},
        ["epochs are [9223372036854775813, 1]; allowed: increasing"],
    ),
    "epochs that have no room": (
        lambda g: g | {"epochs": [1, 2**40]},
        ["epochs are [1, 1099511627776]", "below 2**31"],
    ),
    "half epochs": (lambda g: g | {"epochs": [0.5, 1]}, ["epochs is float64; allowed: whole numbers"]),
    "repeated ids": (
        lambda g: g | {"sample_ids": np.arange(120) % 119},
        ["sample_ids: 1 of them stand more than once, as 0 of samples 0 and 119"],
    ),
    "ids below 0": (lambda g: g | {"sample_ids": np.arange(120) - 1}, ["sample_ids are -1 to 118"]),
    "logits without classes": (lambda g: g | {"logits": g["margin"]}, ["logits has shape", "120 samples, any number]"]),
    "other classes of a part": (
        lambda g: with_logits(g, 3) | {"sham_logits": np.zeros((2, 8, 40, 4))},
        ["sham_logits has shape (2, 8, 40, 4), logits (2, 8, 120, 3)", "the same classes"],
    ),
    "a label without logit": (
        lambda g: with_logits(g, 3) | {"labels": g["labels"] + 1},
        ["labels are 1 to 3, but logits are of 3 classes; allowed: 0 to 2"],
    ),
    "a label below 0": (
        lambda g: with_logits(g, 3) | {"sham_labels": np.full(40, -1)},
        ["sham_labels are -1 to -1, but sham_logits are of 3 classes"],
    ),
    "logits without labels": (
        lambda g: without(with_logits(g, 3), "sham_labels"),
        ["sham_logits is given without sham_labels"],
    ),
    "an odd number of models": (
        lambda g: arrays(n_models=10) | of_models(arrays(n_models=10), np.arange(9)),
        ["1 of 9"],
    ),
    "a flipped membership": (
        with_mask(lambda mask: mask.__setitem__((5, 3), ~mask[5, 3])),
        ["2 of 8 models have no complement", "the first is model 4", "in more than 119 of 120 samples", "`together`"],
    ),
    "three folds": (three_folds, ["no complementary pairs", "in 3 folds", "there are 0", "repeat it"]),
    "numbers of other models": (
        lambda g: g | {"together": np.arange(7)},
        ["together has shape (7,)", "allowed: [8 models]"],
    ),
    "no numbers": (lambda g: g | {"together": np.zeros(8)}, ["together is float64", "whole numbers"]),
    "pairs that are not together": (
        lambda g: g | {"together": np.arange(8)},
        ["trained on complementary samples", "one number for both"],
    ),
    "a model that has seen all": (
        with_mask(lambda mask: mask.__setitem__(slice(6, 8), np.array([[True], [False]]))),
        ["model 6 trained on all samples"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_studied_is_refused(case, tmp_path):
    """Each message names the file, the array, and what is allowed."""
    change, words = BAD[case]
    path = write(tmp_path / "mine.npz", change(arrays(sham=40)))
    with pytest.raises(ValueError, match=r"mine\.npz: ") as caught:
        examine(path, 16)
    for word in words:
        assert word in str(caught.value)
    assert "allowed" in str(caught.value) or "must be given" in str(caught.value) or "without" in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path):
    given = arrays(sham=40) | {"labels": np.zeros(3), "epochs": np.array([[1]])}
    with pytest.raises(ValueError, match="labels is float64") as caught:
        examine(write(tmp_path / "mine.npz", given), 16)
    assert "labels has shape (3,)" in str(caught.value) and "epochs has shape (1, 1)" in str(caught.value)


def test_no_npz(tmp_path):
    (tmp_path / "text.npz").write_text("margin")
    np.save(tmp_path / "single.npy", np.zeros(3))
    for name in ("text.npz", "single.npy", "none.npz"):
        with pytest.raises(ValueError, match=name):
            examine(str(tmp_path / name), 16)


def test_what_is_known_of_a_file(tmp_path):
    given = arrays(sham=40, population=30) | {
        "epochs": [0, 5],
        "gap": arrays()["margin"],
        "sham_labels": np.zeros(40, int),
    }
    found = examine(write(tmp_path / "mine.npz", of_models(given, ORDER)), 16)
    assert found.checkpoints == [0, 5] and found.order == [0, 4, 1, 5, 2, 6, 3, 7]
    assert found.parts == {"scored": 120, "sham": 40, "population": 30, "test": 0, "spare": 0}
    assert found.signals == {"margin": ["scored", "sham", "population"], "gap": ["scored"]}
    assert examine(write(tmp_path / "mine.npz", arrays()), 16).checkpoints == [1, 2]


def slow_pairs(mask):
    """Pairs by their definition: each model in its order with the first free one after it that is its complement."""
    free, order = list(range(len(mask))), []
    while free:
        first = free.pop(0)
        partner = next(model for model in free if (mask[model] != mask[first]).all())
        free.remove(partner)
        order += [first, partner]
    return order


@pytest.mark.parametrize("seed", range(20))
def test_models_in_any_order_are_paired_as_defined(seed):
    """Also where several models have one mask."""
    rng = np.random.default_rng(seed)
    half = rng.random((8, 5)) < 0.5  # of 5 samples: many are equal
    mask = np.concatenate([half, ~half])[rng.permutation(16)]
    order, alone = pair_models(mask)
    assert sorted(order) == list(range(16)) and not len(alone)
    assert (mask[order[0::2]] ^ mask[order[1::2]]).all()
    assert order.tolist() == slow_pairs(mask)
    assert pair_models(mask[order])[0].tolist() == list(range(16)), "pairs that lie side by side stay"


def test_equal_masks_are_paired_in_their_order():
    a, b = np.array([True, False, True]), np.array([True, True, False])
    assert pair_models(np.array([a, a, b, ~a, ~b, ~a]))[0].tolist() == [0, 3, 1, 5, 2, 4]
    assert pair_models(np.array([a, ~a, a, ~a]))[0].tolist() == [0, 1, 2, 3]
    order, alone = pair_models(np.array([a, a, a, ~a, b]))
    assert order.tolist() == [0, 3] and alone.tolist() == [1, 2, 4]
