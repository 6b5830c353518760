"""A probe of a block: each model by its own weights at each checkpoint, with its own members."""

from inspect import signature

import numpy as np
import pytest
import torch
from torch import nn

from memdyn.compute.samples import Samples
from memdyn.config.probes import SHIPPED
from memdyn.probes.block import build_probe, members_of, probe_block
from memdyn.probes.depth import prediction_depth
from memdyn.probes.grand import grand
from memdyn.store.checkpoints import checkpoint_file, save_checkpoint
from memdyn.store.scores import read_only, write_scores

MODELS, EPOCHS, N = range(8, 11), (1, 5), 20
PROBES = {"grand": {"name": "grand"}, "prediction_depth": {"name": "prediction_depth", "neighbours": 3}}


def new_network() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))


@pytest.fixture
def samples() -> Samples:
    torch.manual_seed(0)
    return Samples(torch.randn(N, 2), torch.randint(0, 2, (N,)), torch.ones(1, 2), torch.zeros(1, 2))


@pytest.fixture
def networks(tmp_path) -> dict[tuple[int, int], nn.Module]:
    torch.manual_seed(1)
    made = {(model, epoch): new_network() for model in MODELS for epoch in EPOCHS}
    for (model, epoch), network in made.items():
        save_checkpoint(network, checkpoint_file(tmp_path, model, epoch))
    return made


# what says when and of what a probe is taken, and how it is read, which its code is not told
OF_THE_STAGE = {"name", "epochs", "samples", "models"}


@pytest.mark.parametrize("section", SHIPPED, ids=lambda section: section.__name__)
def test_every_option_of_a_probe_reaches_its_code(section):
    given = {name: name for name in section.model_fields} | {"name": section.model_fields["name"].default}
    probe = build_probe(given, "signal")
    assert set(probe.keywords) == set(given) - OF_THE_STAGE
    signature(probe.func).bind("network", "samples", "members", "batch", **probe.keywords)


MEMBERS = np.random.default_rng(0).random((len(MODELS), N)) < 0.5


@pytest.mark.parametrize("name", PROBES)
def test_each_model_at_each_checkpoint(samples, networks, tmp_path, name):
    def taken(**options):
        probe = build_probe(PROBES[name], name)
        return dict(probe_block(probe, new_network(), tmp_path, MODELS, EPOCHS, samples, MEMBERS, 7, **options))

    found = taken()
    assert list(found) == list(EPOCHS)
    for epoch, arrays in found.items():
        for row, model in enumerate(MODELS):
            members = torch.from_numpy(MEMBERS[row])
            expected = {
                "grand": lambda net, m: grand(net, samples, m, 7),
                "prediction_depth": lambda net, m: prediction_depth(net, samples, m, 7, neighbours=3),
            }[name](networks[model, epoch], members)
            np.testing.assert_allclose(arrays[name][row], expected[name], rtol=1e-6)
        assert arrays[name].dtype == np.float32

    checkpoint_file(tmp_path, 9, 5).unlink()
    without = taken(failed={9})
    for epoch in EPOCHS:
        assert np.isnan(without[epoch][name][1]).all()
        np.testing.assert_array_equal(without[epoch][name][[0, 2]], found[epoch][name][[0, 2]])
    lost = taken(failed=set(MODELS))
    assert all(np.isnan(arrays[name]).all() and arrays[name].shape == (3, N) for arrays in lost.values())


def test_files_of_blocks_are_read_one_below_the_other(tmp_path):
    rng = np.random.default_rng(1)
    blocks = [rng.random((size, 6), dtype=np.float32) for size in (8, 4)]
    paths = [tmp_path / name / "signals.parquet" for name in "ab"]
    for path, models, values in zip(paths, (range(8), range(8, 12)), blocks, strict=True):
        write_scores(path, iter([(3, {"grand": values})]), models, np.arange(6))
    np.testing.assert_array_equal(read_only(paths), np.concatenate(blocks))
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["signals.parquet"]


def test_nobody_trained_on_samples_outside_of_the_scored_part():
    masks = np.array([[True, False, True, True], [False, True, False, False]])  # two scored samples, then two of sham
    rows = np.array([1, 0, 2, 3, 7])
    expected = [[False, True, False, False, False], [True, False, False, False, False]]
    assert members_of(masks, slice(0, 2), rows).tolist() == expected
