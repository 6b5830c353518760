"""Runs of a grid are told apart by what differs, in few words, or by the user's labels."""

import pytest

from memdyn.config.naming import check_levels, points


def names(grid):
    return [name for name, _ in points(grid)]


SGD, SAM = {"name": "sgd", "lr": 0.05, "momentum": 0.9}, {"name": "sam", "lr": 0.05, "rho": 0.05}
WIDE, SLIM = {"name": "mlp", "hidden": [128]}, {"name": "mlp", "hidden": [32, 16]}


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        ({"optimizer": [SGD, SAM]}, ["sgd", "sam"]),
        ({"model": [WIDE, SLIM]}, ["hidden=128", "hidden=32-16"]),
        ({"optimizer": [SGD, SGD | {"lr": 0.1}, SAM]}, ["sgd-lr=0.05", "sgd-lr=0.1", "sam"]),
        ({"optimizer.lr": [0.1, 0.2], "epochs": [4]}, ["lr=0.1", "lr=0.2"]),
        ({"optimizer.lr": [0.1], "epochs": [4]}, ["lr=0.1,epochs=4"]),
        ({"optimizer": [SAM]}, ["sam-0.05-0.05"]),
        ({"augment": [None, {"crop": 4, "flip": True}]}, ["crop=default-flip=default", "crop=4-flip=true"]),
        ({"schedule": [None, {"name": "cosine"}]}, ["base", "cosine"]),
        ({"model.lr": [1, 2], "pool.x.lr": [3]}, ["model.lr=1", "model.lr=2"]),
        ({"model": {"b": WIDE, "s": SLIM}, "optimizer": [SGD, SAM]}, ["b,sgd", "b,sam", "s,sgd", "s,sam"]),
        ({"model": {"only": WIDE}, "optimizer": [SGD, SAM]}, ["sgd", "sam"]),
        ({"precision": [True, False]}, ["precision=true", "precision=false"]),
    ],
)  # fmt: skip
def test_names(grid, expected):
    assert names(grid) == expected


def test_every_point_has_its_values():
    grid = {"optimizer": {"b": SGD, "a": SAM}, "epochs": [1, 2]}
    assert [values for _, values in points(grid)] == [
        {"optimizer": SGD, "epochs": 1},
        {"optimizer": SGD, "epochs": 2},
        {"optimizer": SAM, "epochs": 1},
        {"optimizer": SAM, "epochs": 2},
    ]


@pytest.mark.parametrize("alike", [("a b", "a  b"), ("a", "a "), ("\u00e9", "e\u0301")])
def test_labels_that_look_the_same_are_refused(alike):
    with pytest.raises(ValueError, match=r"'optimizer.lr': the labels .* look the same"):
        check_levels("optimizer.lr", dict.fromkeys(alike, 0.1))
    check_levels("optimizer.lr", dict.fromkeys(["a", "A", "a.", "\u00e9", "e"], 0.1))
