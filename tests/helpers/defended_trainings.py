"""Small trainings with a mechanism that ships, and what came of them."""

import torch
from pydantic import TypeAdapter
from torch.nn import functional as F

from memdyn.compute.samples import Samples
from memdyn.config.mechanisms.sections import MechanismSection
from memdyn.mechanisms.base import Batch
from memdyn.mechanisms.build import build_mechanisms
from memdyn.models.layout import layout_of
from memdyn.store.checkpoints import checkpoint_file, load_checkpoint
from memdyn.training.block import new_network


def section(name, **options):
    """A mechanism as the plan hands it over."""
    return TypeAdapter(MechanismSection).validate_python({"name": name, **options}).model_dump()


def built(name, given=None, **options):
    """The mechanism itself."""
    return build_mechanisms([section(name, **options)], given and (lambda _: given))[name]


def batch_of(labels, targets=None):
    labels = torch.as_tensor(labels)
    return Batch(torch.zeros(len(labels), 1), targets, labels, torch.arange(len(labels)))


def logits_after(training, model=0, rows=slice(0, 40), epoch=None):
    """(logits [n, K], labels [n]) in eval mode."""
    network = new_network(training.task, model, training.pool)
    file = checkpoint_file(training.folder / "checkpoints", model, epoch or training.task.recipe["epochs"])
    network.load_state_dict(load_checkpoint(file))
    samples = Samples.of_pool(training.pool, rows, torch.device("cpu"))
    with torch.no_grad():
        return network.eval()(samples.normalise(samples.samples, layout_of(network))), samples.labels


def members_loss(training, model=0):
    """The mean cross-entropy over the members."""
    logits, labels = logits_after(training, model)
    members = torch.from_numpy(training.task.masks[training.task.models.index(model)])
    return F.cross_entropy(logits[members], labels[members]).item()
