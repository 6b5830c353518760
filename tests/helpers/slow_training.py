"""A training written out, batch by batch: what the loop does, without its short cuts."""

from math import ceil

import numpy as np
import torch
from torch.nn import functional as F

from memdyn.compute.device import prepare_torch, seed_draws
from memdyn.compute.pixels import apply, draw
from memdyn.compute.samples import Samples
from memdyn.design.seeds import derive_seed
from memdyn.models.layout import layout_of
from memdyn.training.block import new_network


def seed_of(model, purpose, epoch):
    return derive_seed(0, "pool", model, purpose, epoch)


def generator(model, purpose, epoch):
    return torch.Generator().manual_seed(seed_of(model, purpose, epoch))


def slow_training(
    training,
    model=0,
    *,
    init="init",
    order="order",
    sampled=None,
    wrap=lambda network: network,
    change=lambda inputs, labels, rows, epoch: (inputs, labels),
    loss=lambda logits, targets, inputs, epoch: F.cross_entropy(logits, targets),
    before_step=lambda network: None,
    optimizer=lambda network: torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4),
    step=None,
):
    """The weights after the last epoch, of a training at a constant rate in float32.

    Args:
        training: a `small_trainings.Training`, for its recipe and pool.
        sampled: (members, epoch) -> rows of each batch, instead of all members in a random order.
        wrap, change, loss, before_step, optimizer: what is done where.
        step: (network, optimizer, closure) -> what a step is, instead of one pass forward and back.
    """
    prepare_torch("cpu", 1)
    task, pool = training.task, training.pool
    recipe = task.recipe
    inputs = Samples.of_pool(pool, pool.parts["scored"], torch.device("cpu"))
    members = torch.from_numpy(np.flatnonzero(task.masks[task.models.index(model)]))
    seed_draws(seed_of(model, init, 0))
    bare = new_network(task, model, pool) if init == "init" else anew(task, model, pool, init)
    network, size = wrap(bare), recipe["batch_size"]
    stepper = optimizer(network)
    crop, flip = recipe["augment"]["crop"], recipe["augment"]["flip"]
    for epoch in range(1, recipe["epochs"] + 1):
        network.train()
        if sampled:
            batches = sampled(members, epoch)
        else:
            shuffled = members[torch.randperm(len(members), generator=generator(model, order, epoch))]
            batches = [shuffled[first * size : (first + 1) * size] for first in range(ceil(len(members) / size))]
        draws = draw(sum(map(len, batches)), crop, flip, generator(model, "augmentation", epoch))
        seed_draws(seed_of(model, "noise", epoch))
        seen = 0
        for rows in batches:
            images, labels = inputs.samples[rows], inputs.labels[rows]
            if crop or flip:
                images = apply(images, draws[seen : seen + len(rows)], crop)
            seen += len(rows)
            batch, targets = change(inputs.normalise(images, layout_of(bare)), labels, rows, epoch)

            def closure(batch=batch, targets=targets, epoch=epoch):
                stepper.zero_grad()
                value = loss(network(batch), targets, batch, epoch)
                value.backward()
                before_step(network)
                return value

            if step:
                step(network, stepper, closure)
            else:
                closure()
                stepper.step()
    return bare.state_dict()


def anew(task, model, pool, purpose):
    """A network initialised for another purpose."""
    from memdyn.models.build import build_model

    seed_draws(seed_of(model, purpose, 0))
    network = build_model(task.recipe["model"], pool.images.shape[1:], len(pool.class_names))
    return network.to(memory_format=layout_of(network))
