"""Memory formats: fast where they are right, and never where torch's CPU code writes beyond its memory."""

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import nn
from torch._prims_common import suggest_memory_format
from torch.nn import functional as F

from memdyn.models import build, layout
from memdyn.models.layout import RefuseUnsafe, _is_channels_last, layout_of

LAST, CONTIGUOUS = torch.channels_last, torch.contiguous_format
# against float64, through some twenty layers in float32; a gradient of foreign memory is off by its own size
LARGEST_ERRORS = {"torch.float32": 1e-3, "torch.bfloat16": 0.05}


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("instructions", ["AVX2", "DEFAULT"])
def test_gradients_are_those_of_contiguous_float64(instructions, threads):
    """In a process of its own, since a wrong layout may end it; processors with AVX-512 can do as those without."""
    environment = os.environ | {
        "ONEDNN_MAX_CPU_ISA": instructions,
        "PYTHONPATH": str(Path(build.__file__).parents[2]),
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "passive",  # threads that spin for each other take 15 times as long on a busy machine
    }
    program = Path(__file__).resolve().parents[2] / "helpers" / "gradients_of_nets.py"
    command = [sys.executable, str(program), str(threads)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, f"died ({done.returncode}) at:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    errors = {line.rpartition(": ")[0]: float(line.rpartition(": ")[2]) for line in done.stdout.splitlines()}
    assert len(errors) > 70
    assert {name: error for name, error in errors.items() if not error < LARGEST_ERRORS[name.partition(",")[0]]} == {}


@pytest.mark.parametrize(
    ("wanted", "layers"),
    {
        LAST: [
            nn.Conv2d(1, 2, 3),
            nn.Conv2d(3, 4, 3, 2),
            nn.Conv2d(4, 8, 1),
            nn.Conv2d(16, 8, 1, 2),
            nn.Conv2d(8, 8, 1, 2, groups=8),
            nn.Conv2d(4, 8, (1, 3), 2),
            nn.ConvTranspose2d(4, 16, 1, 2),
            nn.Conv2d(4, 8, 1, dilation=2),
            nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 8, 3, 2)),
        ],
        CONTIGUOUS: [
            nn.Flatten(),
            nn.Conv1d(4, 8, 1, 2),
            nn.Conv2d(1, 8, 1, 2),
            nn.Conv2d(15, 8, 1, (1, 3)),
            nn.ConvTranspose2d(16, 8, 1, 2),
            nn.Conv2d(32, 8, 3, dilation=2),
            nn.Conv2d(8, 8, 3, dilation=(2, 1), groups=8),
            nn.ConvTranspose2d(32, 8, 3, dilation=2),
            nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 8, 1, 2)),
            nn.utils.parametrizations.weight_norm(nn.Conv2d(16, 8, 3, dilation=2)),
            nn.ParameterList([torch.zeros(8, 4, 1, 1)]),
        ],
    }.items(),
    ids=["channels_last", "contiguous"],
)
def test_the_layout_is_channels_last_unless_a_weight_must_not_meet_it(wanted, layers):
    for layer in layers:
        assert layout_of(nn.Sequential(layer, nn.Flatten(), nn.Linear(8, 2))) == wanted, layer
        assert layout_of(nn.Sequential(nn.Sequential(nn.Conv2d(1, 16, 3), layer))) == (
            LAST if isinstance(layer, nn.Flatten | nn.Conv1d) else wanted
        )


@pytest.mark.parametrize(
    ("name", "safe", "narrow"),
    [("resnet18", {"width": 16}, {"width": 15}), ("wrn", {"depth": 10, "width": 1}, None)],
)
def test_layouts_of_shipped_nets(name, safe, narrow):
    with torch.device("meta"):
        assert layout_of(build.build_model({"name": name, "norm": "batch", **safe}, (3, 32, 32), 10)) == LAST
        if narrow:
            assert (
                layout_of(build.build_model({"name": name, "norm": "batch", **narrow}, (3, 32, 32), 10)) == CONTIGUOUS
            )


class Permuting(nn.Module):
    """Brings its images into channels_last by itself, as nets of other frameworks' images do."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, images):
        return self.layer(images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2))


class MadeUp(nn.Module):
    """A convolution whose weight is made on the way."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(4, 8, bias=False)

    def forward(self, images):
        return F.conv2d(images, self.mix.weight[:, :, None, None], stride=2)


@pytest.mark.parametrize("size", [8, 64])
@pytest.mark.parametrize(
    ("net", "what"),
    [
        (Permuting(nn.Conv2d(4, 8, 1, 2)), "a stride and 4 channels"),
        (Permuting(nn.ConvTranspose2d(4, 8, 1, 2, output_padding=1)), "a stride and 8 channels"),
        (nn.Conv2d(4, 8, 1, 2).to(memory_format=LAST), "a stride and 4 channels"),
        (nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), MadeUp()).to(memory_format=LAST), "a stride and 4 channels"),
        (Permuting(nn.Conv2d(4, 8, 3, dilation=2)), "dilated convolution in bfloat16"),
    ],
    ids=["permuting", "transposed", "weights", "made up", "dilated"],
)
def test_what_brings_itself_into_channels_last_is_refused_before_it_runs(net, what, size):
    with (
        RefuseUnsafe(),
        torch.autocast("cpu", torch.bfloat16, enabled="bfloat16" in what),
        pytest.raises(ValueError, match=rf"{what}.*\.contiguous\(\)"),
    ):
        net(torch.randn(2, 4, size, size))


@pytest.mark.parametrize(
    "net",
    [
        nn.Conv2d(4, 8, 1, 2),
        MadeUp(),
        Permuting(nn.Conv2d(4, 8, 1)),
        Permuting(nn.Conv2d(4, 8, 3, 2)),
        Permuting(nn.Conv2d(4, 8, 1, 2, groups=4)),
        Permuting(nn.Conv2d(4, 8, 3, dilation=2)),
        Permuting(nn.Sequential(nn.Conv2d(4, 16, 1), nn.Conv2d(16, 8, 1, 2))),
        nn.Sequential(nn.Flatten(2), nn.Conv1d(4, 8, 1, 2)),
    ],
    ids=["contiguous", "made up", "no stride", "kernel", "groups", "float32", "channels", "one dimension"],
)
def test_what_is_right_runs_as_it_would_without_the_guard(net):
    images = torch.randn(2, 4, 8, 8)
    with RefuseUnsafe():
        guarded = net(images)
    assert torch.equal(guarded, net(images))
    torch.autograd.grad(guarded.sum(), list(net.parameters()))


def test_channels_last_is_told_as_torch_tells_it():
    count = 0
    for n, channels, height, width in product((1, 2, 3), (1, 2, 5), (1, 2, 4), (1, 2, 4)):
        for order in ((0, 1, 2, 3), (0, 2, 3, 1), (0, 2, 1, 3), (3, 2, 1, 0)):
            sizes = (n, channels, height, width)
            whole = torch.empty([2 * sizes[dim] for dim in order]).permute([order.index(dim) for dim in range(4)])
            for images in (whole, whole[::2, :channels, ::2, ::2], whole[:n, :channels, :height, :width]):
                assert _is_channels_last(images) == (suggest_memory_format(images) == LAST), images.stride()
                count += _is_channels_last(images)
        assert not _is_channels_last(torch.empty(n, 1, height, width).expand(n, channels, height, width))
    assert count > 100


def test_the_bound_is_a_register_of_floats():
    assert layout.SAFE_CHANNELS * 4 == 512 // 8
