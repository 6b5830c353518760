"""Every released mechanism, for tests of what holds for all: a new one joins by a line."""

import dataclasses
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from memdyn.compute.samples import Samples
from memdyn.config.recipe import TrainConfig
from memdyn.design.seeds import derive_seed
from memdyn.identity.names import plain_options
from memdyn.mechanisms.base import Batch, Given
from memdyn.mechanisms.build import own_purpose
from memdyn.training.block import _mechanisms, new_network
from memdyn.training.loop import Loop, LoopOptions
from memdyn.training.teacher import TeacherCheckpoints
from small_trainings import NET, Training, recipe, small_pool

# name -> options of a strength that shows after three epochs on 20 members
OPTIONS: dict[str, dict[str, Any]] = {
    "adv_reg": {"weight": 2.0, "lr": 0.01},
    "ccl": {"alpha": 0.3},
    "confidence_penalty": {"beta": 0.5},
    "cutout": {"size": 5},
    "distillation": {"temperature": 5.0},
    "disturb_label": {"alpha": 0.5},
    "dmp": {},
    "dp_sgd": {"noise": 0.5, "lot": 8},
    "early_stopping": {"patience": 2},
    "gaussian_noise": {"sigma": 0.3},
    "hamp": {"gamma": 0.7, "alpha": 0.01},
    "label_dp": {"epsilon": 0.5, "method": "two_stage"},
    "label_smoothing": {"alpha": 0.3},
    "mixup": {"alpha": 1.0},
    "mmd": {"weight": 30.0, "batch_size": 8},
    "past": {"weight": 0.02, "start": 0.2},
    "relax_loss": {"alpha": 1.0},
    "rand_augment": {"operations": 2, "magnitude": 15},
    "selena": {"sub_models": 3, "left_out": 2},
    "spatial_dropout": {"p": 0.5},
    "student": {"number": 3},
}
# output rules, which answer queries and change no weights
RULES: dict[str, dict[str, Any]] = {
    "rounding": {"digits": 1},
    "top_k": {"k": 2},
    "temperature": {"temperature": 3.0},
    "output_noise": {"sigma": 0.5},
    "hamp_output": {},
}
# name -> options with which it does nothing, or hardly anything in float32
NOTHING: dict[str, dict[str, Any]] = {
    "adv_reg": {"weight": 1e-30},
    "ccl": {"alpha": 1.0},
    "confidence_penalty": {"beta": 1e-30},
    "disturb_label": {"alpha": 0.0},
    "dp_sgd": {"noise": 0.0, "clip": 1e6, "lot": 20},  # a lot of all members
    "gaussian_noise": {"sigma": 0.0},
    "hamp": {"gamma": 0.0, "alpha": 0.0},
    "label_dp": {"epsilon": 50.0, "method": "two_stage"},
    "label_smoothing": {"alpha": 0.0},
    "mmd": {"gap": 1.0},
    "past": {"weight": 1e-30},
    "relax_loss": {"alpha": 0.0},
    "spatial_dropout": {"p": 0.0},
    "rounding": {"digits": 12},
    "top_k": {"k": 99},
    "temperature": {"temperature": 1.0},
    "output_noise": {"sigma": 1e-30},
}
# those that change something whatever their options
NEVER_NOTHING = {
    *("cutout", "distillation", "dmp", "early_stopping", "hamp_output", "mixup", "rand_augment", "selena", "student")
}


def packed() -> list[dict[str, dict[str, Any]]]:
    """All mechanisms that train in as few runs as their slots allow, each in the first that takes it."""
    runs: list[dict[str, dict[str, Any]]] = []
    for name, options in OPTIONS.items():
        for run in runs:
            try:
                TrainConfig.model_validate({"model": {"name": "cnn"}, "mechanisms": run | {name: options}})
            except ValidationError:
                continue
            run[name] = options
            break
        else:
            runs.append({name: options})
    return runs


def pool_with_spare():
    """40 scored samples and 10 that are reserved."""
    pool = small_pool()
    return dataclasses.replace(pool, parts={**pool.parts, "spare": slice(40, 50)})


class Trained:
    """Trainings of small nets in one folder, and those of their teachers, each made once."""

    def __init__(self, folder, models=range(2)):
        self.folder, self.models, self.pool, self._teachers, self._count = folder, models, pool_with_spare(), {}, 0
        (folder / "net.py").write_text(NET)

    def config(self, *names, **changes):
        """The recipe with these mechanisms, in their order.

        Raises:
            pydantic.ValidationError: where they cannot be combined.
        """
        norm = "group" if "dp_sgd" in names else "batch"  # whose samples have gradients of their own
        net = {"name": "custom", "target": f"{self.folder / 'net.py'}:net", "options": {"norm": norm}}
        raw = {"model": net, **recipe(**changes), "mechanisms": {name: OPTIONS[name] for name in names}}
        return TrainConfig.model_validate(raw | {"model": changes.get("model", net)})

    def new(self, config, models=None, mechanisms=None):
        """A training that is to be run; `mechanisms`: other sections than the config's."""
        self._count += 1
        options = plain_options(config)
        if mechanisms is not None:
            options["mechanisms"] = mechanisms
        folder = self.folder / str(self._count)
        models = self.models if models is None else models
        return Training(folder, self.pool, models, teachers=self.teachers(config), **options)

    def loop(self, config):
        """The training of the first model, without its files."""
        task, device = self.new(config).task, torch.device("cpu")
        model, inputs = task.models.start, Samples.of_pool(self.pool, self.pool.parts["scored"], device)
        mechanisms = _mechanisms(task, model, inputs, self.pool)

        def seed_of(purpose, epoch):
            return derive_seed(0, "pool", model, own_purpose(purpose, mechanisms), epoch)

        members = torch.from_numpy(np.flatnonzero(task.masks[0]))
        network, options = new_network(task, model, self.pool), LoopOptions.of_recipe(task.recipe)
        return Loop(network, inputs, members, options, seed_of, mechanisms)

    def teachers(self, config):
        """The finished teachers of a recipe's mechanisms."""
        return tuple(
            TeacherCheckpoints(mechanism.name, plain_options(teacher), self._taught(teacher), teacher.epochs)
            for mechanism in config.mechanisms
            for teacher in mechanism.teachers(config)
        )

    def _taught(self, teacher):
        key = teacher.model_dump_json()
        if key not in self._teachers:
            self._teachers[key] = self.new(teacher).run().folder / "checkpoints"
        return self._teachers[key]


def given(pool, teachers=(), n_classes=3):
    """What a mechanism may use, of a pool."""
    device = torch.device("cpu")
    inputs = Samples.of_pool(pool, pool.parts["scored"], device)
    return Given(n_classes, inputs, teachers, lambda name: Samples.of_pool(pool, pool.parts[name], device))


def with_given(mechanism, pool, **more):
    object.__setattr__(mechanism, "given", given(pool, **more))
    return mechanism


def batch_of(pool, count=8, layout=torch.contiguous_format):
    """The pool's first samples, normalised."""
    inputs = Samples.of_pool(pool, slice(0, count), torch.device("cpu"))
    return Batch(inputs.normalise(inputs.samples, layout), None, inputs.labels, torch.arange(count))
