"""Early stopping: against the plain training, whose epochs it shares, and the losses on the reserved samples."""

import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from every_mechanism import OPTIONS, Trained
from memdyn.compute.samples import Samples
from memdyn.mechanisms.early_stopping import EarlyStopping
from memdyn.models.build import build_model
from memdyn.models.layout import layout_of
from memdyn.store.checkpoints import checkpoint_file, load_checkpoint
from small_trainings import kill_after_epoch

LENGTH = 8
HOW = {"epochs": LENGTH, "checkpoints": list(range(LENGTH + 1))}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("trained"), range(3))


@pytest.fixture(scope="module")
def plain(trained):
    return trained.new(trained.config(**HOW)).run()


def weights(training, model, epoch):
    return load_checkpoint(checkpoint_file(training.folder / "checkpoints", model, epoch))


def log_of(training, model):
    log = training.log()
    return log[log["model"] == model].set_index("epoch")


def reserved_losses(training, model):
    """Of each epoch, one sample after the other."""
    task, pool, losses = training.task, training.pool, []
    spare = Samples.of_pool(pool, slice(40, 50), torch.device("cpu"))
    for epoch in range(1, LENGTH + 1):
        network = build_model(task.recipe["model"], (1, 8, 8), 3)
        network.load_state_dict(weights(training, model, epoch))
        network.eval()
        with torch.no_grad():
            logits = [network(spare.normalise(each[None], layout_of(network)))[0] for each in spare.samples]
        each = [F.cross_entropy(row, label).item() for row, label in zip(logits, spare.labels, strict=True)]
        losses.append(sum(each) / len(each))
    return losses


def expected_end(losses, patience):
    """(epoch at which training ends, epoch whose weights are best until then)."""
    for epoch in range(1, LENGTH + 1):
        best = min(range(1, epoch + 1), key=lambda each: losses[each - 1])
        if epoch - best >= patience or epoch == LENGTH:
            return epoch, best
    raise AssertionError


@pytest.mark.parametrize("patience", [1, 2, 4, 20])
def test_weights_and_log_are_those_of_the_best_epoch_from_the_end_on(trained, plain, monkeypatch, patience):
    monkeypatch.setitem(OPTIONS, "early_stopping", {"patience": patience})
    found = trained.new(trained.config("early_stopping", **HOW)).run()
    ends = []
    for model in trained.models:
        losses = reserved_losses(plain, model)
        end, best = expected_end(losses, patience)
        ends.append((end, best))
        log, whole = (log_of(training, model) for training in (found, plain))
        for epoch in range(LENGTH + 1):
            stands = epoch if epoch < end else best
            ours, theirs = weights(found, model, epoch), weights(plain, model, stands)
            assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
            if epoch:
                assert log.loc[epoch, "early_stopping.loss"] == pytest.approx(losses[stands - 1], rel=1e-5)
                assert log.loc[epoch, "early_stopping.weights_of"] == stands
                for column in ("loss", "accuracy", "learning_rate"):
                    assert log.loc[epoch, column] == whole.loc[stands, column]
        assert (log.loc[end + 1 :, "seconds"] == 0).all() and (log.loc[:end, "seconds"] > 0).all()
    if patience < 4:
        assert any(end < LENGTH for end, _ in ends) and any(best < end for end, best in ends)


def test_after_the_end_nothing_is_trained(trained, monkeypatch):
    monkeypatch.setitem(OPTIONS, "early_stopping", {"patience": 1})
    asked, after_epoch = [], EarlyStopping.after_epoch

    def note(self, trainee, epoch):
        asked.append(epoch)
        return after_epoch(self, trainee, epoch)

    monkeypatch.setattr(EarlyStopping, "after_epoch", note)
    found = trained.new(trained.config("early_stopping", **HOW), range(1)).run()
    assert asked == list(range(1, max(asked) + 1)) and max(asked) < LENGTH
    assert len(found.log()) == LENGTH and len(found.weights()) == LENGTH + 1


def test_members_and_scored_samples_do_not_decide(trained):
    """Other reserved samples end it elsewhere; the pool's other samples are not looked at."""
    config = trained.config("early_stopping", **HOW)
    one = trained.new(config, range(1)).run()
    pool = trained.pool
    images, labels = pool.images.copy(), pool.labels.copy()
    outside = [row for row in range(40) if not one.task.masks[0][row]]
    images[outside], labels[outside] = 0, 0
    trained.pool = type(pool)(**{**vars(pool), "images": images, "labels": labels})
    assert trained.new(config, range(1)).run().weights() == one.weights()
    labels[40:] = (labels[40:] + 1) % 3
    assert (
        trained.new(config, range(1)).run().log()["early_stopping.loss"].tolist()
        != one.log()["early_stopping.loss"].tolist()
    )
    trained.pool = pool


def test_a_model_that_diverges_is_told(trained):
    """Also where its last epoch is the one at which training would have ended."""
    config = trained.config("early_stopping", **HOW, optimizer={"name": "sgd", "lr": 1e30})
    training = trained.new(config, range(1))
    with pytest.raises(RuntimeError, match="model 0: the loss became"):
        training.run()


def test_killed_before_at_and_after_the_end_it_is_resumed_to_the_bit(trained, monkeypatch):
    monkeypatch.setitem(OPTIONS, "early_stopping", {"patience": 1})
    config = trained.config("early_stopping", **HOW)
    whole = trained.new(config, range(1)).run()
    end = int(whole.log()["seconds"].gt(0).sum())
    assert 1 < end < LENGTH - 1
    parts = trained.new(config, range(1))
    for epoch in (end - 1, end, end + 1):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            kill_after_epoch(patch, epoch)
            parts.run()
    parts.run()
    assert parts.weights() == whole.weights()
    pd.testing.assert_frame_equal(parts.log().drop(columns="seconds"), whole.log().drop(columns="seconds"))
