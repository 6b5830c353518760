"""What holds for all released mechanisms: one harness over the registry, which `every_mechanism.OPTIONS` lists."""

import copy
from itertools import combinations, permutations
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from defended_trainings import members_loss, section
from every_mechanism import NEVER_NOTHING, NOTHING, OPTIONS, RULES, Trained, batch_of
from memdyn.compute.samples import Samples
from memdyn.config.mechanisms.sections import RELEASED
from memdyn.identity.names import plain_options
from memdyn.mechanisms import REGISTRY
from memdyn.mechanisms.build import build_mechanisms, having
from memdyn.store.checkpoints import checkpoint_file, load_checkpoint
from memdyn.training import block
from small_trainings import EPOCHS, kill_after_epoch, optimizer, schedule

NAMES = list(OPTIONS)
ONE = range(1, 2)
LONG = {"epochs": 15, "checkpoints": [15]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block, "_check", lambda *_: [])  # the net is one that was checked often
        yield Trained(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def baseline(trained):
    return trained.new(trained.config(), ONE).run()


@pytest.fixture(scope="module")
def long_baseline(trained):
    return trained.new(trained.config(**LONG), ONE).run()


def test_the_harness_has_them_all():
    """But for output rules, which have no part in training."""
    assert {*OPTIONS, *RULES, "custom"} == REGISTRY.keys() == {*NOTHING, *NEVER_NOTHING, "custom"}


@pytest.mark.parametrize("name", NAMES)
def test_a_label_tells_name_and_strength(trained, name):
    (section,) = trained.config(name).mechanisms
    assert section.label() and section.label() == section.label().lower()
    others = {each.label() for other in NAMES if other != name for each in trained.config(other).mechanisms}
    assert section.label() not in others


@pytest.mark.parametrize("name", NAMES)
def test_options_are_the_builders(trained, name):
    (section,) = plain_options(trained.config(name))["mechanisms"]
    assert list(build_mechanisms([section])) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_options_out_of_range_are_refused_by_name(trained, name):
    (released,) = [each for each in RELEASED if get_args(each.model_fields["name"].annotation) == (name,)]
    for key in released.model_fields.keys() - {"name", "teacher"}:
        with pytest.raises(ValidationError, match=key):
            released.model_validate({"name": name, **OPTIONS[name], key: -1})


@pytest.mark.parametrize("name", NAMES)
def test_it_claims_to_fit_the_members_less_and_does(trained, long_baseline, name):
    """All of them: in the end, the members' loss is larger than in the plain training."""
    found = trained.new(trained.config(name, **LONG), ONE).run()
    assert members_loss(found, 1) > 1.5 * members_loss(long_baseline, 1)


@pytest.mark.parametrize("name", NAMES)
def test_killed_at_every_epoch_it_is_resumed_to_the_bit(trained, monkeypatch, name):
    config = trained.config(name, schedule=schedule("one_cycle"), augment={"crop": 1, "flip": True})
    whole, parts = trained.new(config, ONE).run(), trained.new(config, ONE)
    for epoch in range(1, EPOCHS + 1):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            kill_after_epoch(patch, epoch)
            parts.run()
        torch.manual_seed(epoch)  # another process has other random states
        np.random.seed(epoch)
    parts.run()
    assert len([line for line in parts.said if "resumed after epoch" in line]) == EPOCHS
    assert parts.weights() == whole.weights()
    pd.testing.assert_frame_equal(parts.log().drop(columns="seconds"), whole.log().drop(columns="seconds"))


@pytest.mark.parametrize("name", NAMES)
def test_the_baseline_does_not_move(trained, baseline, name):
    """A mechanism begins where the plain training does, unless it asks not to, and leaves nothing behind."""
    with_it = trained.new(trained.config(name), ONE).run()
    if name == "dp_sgd":  # of a net of its own
        baseline = trained.new(trained.config(model=with_it.task.recipe["model"]), ONE).run()
    assert trained.new(trained.config(model=baseline.task.recipe["model"]), ONE).run().weights() == baseline.weights()
    assert with_it.weights() != baseline.weights() or name == "early_stopping"
    (mechanism,) = build_mechanisms(with_it.task.recipe["mechanisms"]).values()
    start = "model-0001 epoch-0000.safetensors"
    assert (with_it.weights()[start] == baseline.weights()[start]) is ("init" not in mechanism.own_seeds)


@pytest.mark.parametrize("name", [name for name in NAMES if name in NOTHING])
def test_of_no_strength_it_is_the_plain_training(trained, baseline, name):
    """Up to rounding, since soft targets are another sum; and none of its draws moves another's."""
    config, options = trained.config(name), [section(name, **NOTHING[name])]
    if name == "dp_sgd":  # all members in each step, in another order: of a net that draws nothing
        plain = {"model": {"name": "mlp", "hidden": [5]}, "batch_size": 20}
        config, baseline = trained.config(name, **plain), trained.new(trained.config(**plain), ONE).run()
    found = trained.new(config, ONE, mechanisms=options).run()
    for epoch in range(EPOCHS + 1):
        before, after = (
            load_checkpoint(checkpoint_file(each.folder / "checkpoints", 1, epoch)) for each in (baseline, found)
        )
        for weights, others in zip(before.values(), after.values(), strict=True):
            torch.testing.assert_close(others, weights, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_objective_and_penalty_are_pure(trained, name):
    """Asked twice they answer alike, change nothing and draw nothing."""
    training = trained.new(trained.config(name), ONE)
    inputs = Samples.of_pool(trained.pool, slice(0, 40), torch.device("cpu"))
    mechanisms = block._mechanisms(training.task, 1, inputs, trained.pool)
    mechanisms[name].network(block.new_network(training.task, 1, trained.pool))
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    draw = torch.Generator().manual_seed(1)
    for hook in ("objective", "penalty"):
        for _, mechanism in having(mechanisms, hook):
            batch = mechanism.batch(batch_of(trained.pool), 1, draw)
            before, random = copy.deepcopy(dict(mechanism.state)), torch.get_rng_state()
            for epoch in (1, 2):
                one, other = (getattr(mechanism, hook)(logits, batch, epoch) for _ in range(2))
                assert (one is None and other is None) or torch.equal(one, other)
            assert str(mechanism.state) == str(before) and torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("name", NAMES)
def test_all_it_draws_comes_from_its_own_generator(trained, name):
    """Another seed of everybody else's draws changes no batch."""
    training = trained.new(trained.config(name), ONE)
    inputs = Samples.of_pool(trained.pool, slice(0, 40), torch.device("cpu"))
    found = []
    for seed in (1, 2):
        (mechanism,) = block._mechanisms(training.task, 1, inputs, trained.pool).values()
        mechanism.network(block.new_network(training.task, 1, trained.pool))
        torch.manual_seed(seed)
        np.random.seed(seed)
        random = torch.get_rng_state()
        found.append(mechanism.batch(batch_of(trained.pool), 1, torch.Generator().manual_seed(5)))
        assert torch.equal(torch.get_rng_state(), random)
    assert torch.equal(found[0].inputs, found[1].inputs)
    assert torch.equal(found[0].soft_targets(3), found[1].soft_targets(3))


PAIRS = list(combinations(NAMES, 2))


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_pair_trains_or_is_refused_by_name(trained, pair):
    """In both orders alike, as far as refusals go; half of the pairs train in one order, half in the other."""
    configs, twice = [], optimizer("sgd" if "dp_sgd" in pair else "sam")  # which asks for each gradient twice
    for names in permutations(pair):
        try:
            configs.append(trained.config(*names, epochs=1, batch_size=20, optimizer=twice))
        except ValidationError as error:
            assert all(repr(name) in str(error) for name in names)
    assert len(configs) in (0, 2)
    if configs:
        loop = trained.loop(configs[PAIRS.index(pair) % 2])
        assert np.isfinite(loop.run_epoch(1).loss)
