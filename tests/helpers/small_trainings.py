"""Blocks of small nets on 40 samples, to be trained in a test."""

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

import own_mechanisms
import own_optim
from memdyn.config.mechanisms.custom import CustomMechanism
from memdyn.config.optim import OptimizerConfig, ScheduleConfig
from memdyn.data.pool import Pool
from memdyn.training.block import BlockTask, train_block
from memdyn.training.resume import ModelProgress

EPOCHS = 3
# dropout draws at random in every step, batch normalisation has a state of its own
NET = """
from torch import nn

def net(input_shape, n_classes, norm="batch"):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, 2), nn.BatchNorm2d(4) if norm == "batch" else nn.GroupNorm(2, 4), nn.ReLU(), nn.Flatten(),
        nn.Linear(36, 8), nn.Dropout(.3), nn.Linear(8, n_classes),
    )
"""
MLP = {"name": "mlp", "hidden": [5], "activation": "relu"}


def optimizer(name="sgd", **options):
    if name == "custom":
        options.setdefault("target", f"{own_optim.__file__}:HeavyBall")
    return TypeAdapter(OptimizerConfig).validate_python({"name": name, **options}).model_dump()


def schedule(name="constant", **options):
    return TypeAdapter(ScheduleConfig).validate_python({"name": name, **options}).model_dump()


def mechanism(name, called=None, teacher=False, **options):
    """A class of `own_mechanisms` as the plan hands it over, under a name."""
    target = f"{own_mechanisms.__file__}:{name}"
    config = CustomMechanism(name=called or name.lower(), target=target, options=options, teacher=teacher)
    return config.model_dump()


def recipe(**changes):
    return {
        "model": MLP,
        "optimizer": optimizer(),
        "schedule": schedule(),
        "augment": {"crop": 0, "flip": False},
        "mechanisms": [],
        "epochs": EPOCHS,
        "batch_size": 8,
        "precision": "float32",
        "checkpoints": list(range(changes.get("epochs", EPOCHS) + 1)),
        **changes,
    }


def make_pool(images):
    return Pool(
        images=images,
        labels=np.arange(len(images)) % 3,
        sample_ids=np.arange(len(images)),
        flipped=np.zeros(len(images), bool),
        parts={"scored": slice(0, 40)},
        class_names=["a", "b", "c"],
        mean=np.full(images.shape[1], 0.5, np.float32),
        std=np.full(images.shape[1], 0.25, np.float32),
        n_duplicates=0,
    )


def small_pool():
    return make_pool(np.random.default_rng(0).integers(0, 256, (50, 1, 8, 8), dtype=np.uint8))


def net_in(folder):
    (folder / "net.py").write_text(NET)
    return {"name": "custom", "target": f"{folder / 'net.py'}:net", "options": {}}


def masks(models):
    return np.stack([np.random.default_rng(model).permutation(40) < 20 for model in models])


class Training:
    """A block in a folder of its own."""

    def __init__(self, folder, pool, models=range(2), **changes):
        self.folder, self.pool, self.said = folder, pool, []
        options = {"seed": 0, "pool_key": "pool", "keep": "none", "on_divergence": "stop", "teachers": ()}
        options |= {name: changes.pop(name) for name in options if name in changes}
        self.task = BlockTask(
            recipe=recipe(**changes),
            models=models,
            masks=masks(models),
            progress=folder / "progress",
            device="cpu",
            threads=1,
            **options,
        )

    def run(self):
        train_block(self.task, self.pool, self.folder / "checkpoints", self.folder / "log.parquet", self.said.append)
        return self

    def log(self):
        return pd.read_parquet(self.folder / "log.parquet")

    def weights(self, model=None):
        """Every checkpoint as bytes; of one model where it is given."""
        files = (self.folder / "checkpoints").glob(f"model-{'*' if model is None else f'{model:04d}'}/*.safetensors")
        return {f"{file.parent.name} {file.name}": file.read_bytes() for file in files}


def kill_after_epoch(monkeypatch, epoch):
    """The next training ends like a killed one when a model's epoch is on disk."""
    save_state = ModelProgress.save_state

    def save_and_die(self, parts, log):
        save_state(self, parts, log)
        if len(log) == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(ModelProgress, "save_state", save_and_die)
