"""Spatial dropout: where it is in each net, and a small net written out."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from every_mechanism import Trained, batch_of, pool_with_spare, with_given
from memdyn.mechanisms.conv_blocks import conv_blocks
from memdyn.mechanisms.spatial_dropout import SpatialDropout, kept
from memdyn.models.build import build_model
from memdyn.models.layers import conv_block
from small_trainings import optimizer

CNN = {"name": "cnn", "width": 4, "hidden": 8, "strided": True}
NETS = {
    "cnn2": ({**CNN, "layers": 2, "norm": "none"}, [(4, 16), (8, 8)]),
    "cnn8": (
        {**CNN, "layers": 8, "norm": "batch", "strided": False},
        [(4 * 2**stage, 32 // 2**stage) for stage in range(4) for _ in range(2)],
    ),
    "vgg": (
        {"name": "vgg", "width": 4, "hidden": [8], "norm": "batch"},
        [(4, 32), (8, 16), (16, 8), (16, 8), (32, 4), (32, 4), (32, 2), (32, 2)],
    ),
    "resnet18": (
        {"name": "resnet18", "width": 4, "norm": "batch"},
        [(4, 32), *((4 * 2**stage, 32 // 2**stage) for stage in range(4) for _ in range(2))],
    ),
    "wrn": (
        {"name": "wrn", "depth": 10, "width": 1, "norm": "group"},
        [(16, 32), (16, 32), (32, 16), (64, 8)],
    ),
}


@pytest.mark.parametrize(("model", "expected"), NETS.values(), ids=NETS)
def test_each_block_of_a_shipped_net_ends_where_its_maps_are(model, expected):
    torch.manual_seed(0)
    network, images = build_model(model, (3, 32, 32), 10), torch.randn(2, 3, 32, 32)
    names, seen = list(network.state_dict()), []
    blocks = conv_blocks(network, images)
    for block in blocks:
        block.register_forward_hook(lambda _, __, output: seen.append((output.shape[1], output.shape[2])))
    network(images)
    assert seen == expected and list(network.state_dict()) == names and network.training
    assert not any(isinstance(block, nn.Conv2d) for block in blocks[1:]), "after normalisation and activation"


class Functional(nn.Module):
    """A net as people write it: convolutions beside the classifier, activations as functions."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.fc = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3), nn.Linear(96, 3)

    def forward(self, images):
        return self.fc(F.relu(self.second(F.relu(self.first(images)))).flatten(1))


def test_other_nets():
    relu = nn.ReLU()
    flat = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), relu, nn.Conv2d(4, 6, 3), relu, nn.Flatten())
    assert conv_blocks(flat, torch.randn(2, 1, 8, 8)) == [relu], "once, though it follows two convolutions"
    net = Functional()
    assert conv_blocks(net, torch.randn(2, 1, 8, 8)) == [net.first, net.second]
    assert conv_blocks(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), torch.randn(2, 1, 8, 8)) == []
    bottleneck = build_model({"name": "torchvision", "arch": "resnet50", "image_size": 0}, (3, 32, 32), 3)
    assert len(conv_blocks(bottleneck, torch.randn(1, 3, 32, 32))) == 1 + 16


def small_net():
    torch.manual_seed(0)
    return nn.Sequential(conv_block(1, 4, 1, "batch"), conv_block(4, 6, 2, "none"), nn.Flatten(), nn.Linear(96, 3))


def test_one_map_after_the_other():
    pool, network = pool_with_spare(), small_net()
    mechanism, batch = with_given(SpatialDropout(0.4), pool), batch_of(pool)
    dropping = mechanism.network(network)
    mechanism.batch(batch, 1, torch.Generator().manual_seed(2))
    found = dropping(batch.inputs)
    seed = int(torch.randint(2**62, (), generator=torch.Generator().manual_seed(2)))
    draw, values = torch.Generator().manual_seed(seed), batch.inputs
    for layer in small_net():
        values = layer(values)
        if values.ndim == 4:
            chances = torch.rand(*values.shape[:2], 1, 1, generator=draw)
            values = values.clone()
            for sample in range(8):
                for channel in range(values.shape[1]):
                    gone = chances[sample, channel].item() < 0.4
                    values[sample, channel] *= 0.0 if gone else 1 / 0.6
    torch.testing.assert_close(found, values)


def test_a_step_has_one_set_of_masks_and_the_next_another():
    """SAM passes twice; and in eval mode nothing is dropped."""
    pool = pool_with_spare()
    mechanism, batch = with_given(SpatialDropout(0.5), pool), batch_of(pool)
    network, draw = mechanism.network(small_net()), torch.Generator().manual_seed(0)
    mechanism.batch(batch, 1, draw)
    one, again = network(batch.inputs), network(batch.inputs)
    mechanism.batch(batch, 1, draw)
    assert torch.equal(one, again) and not torch.equal(one, network(batch.inputs))
    plain = small_net()
    plain.load_state_dict(network.state_dict())
    assert torch.equal(network.eval()(batch.inputs), plain.eval()(batch.inputs))


def test_the_share_and_the_mean():
    masks = kept(torch.Size([200, 100, 5, 5]), 0.3, torch.Generator().manual_seed(0))
    assert masks.shape == (200, 100, 1, 1) and masks.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert masks.mean().item() == pytest.approx(1, abs=0.02)
    assert (masks == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)


def test_a_net_without_convolutions_is_refused_when_it_is_a_users_own(tmp_path):
    trained = Trained(tmp_path)
    (tmp_path / "flat.py").write_text(
        "from torch import nn\n\ndef net(shape, n):\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, n))\n"
    )
    config = trained.config("spatial_dropout", model={"name": "custom", "target": f"{tmp_path / 'flat.py'}:net"})
    with pytest.raises(ValueError, match="'spatial_dropout' needs a net with convolutions"):
        trained.new(config).run()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_trains_with_sam_and_in_bfloat16(tmp_path, precision):
    trained = Trained(tmp_path)
    how = {"precision": precision, "optimizer": optimizer("sam"), "epochs": 1}
    with_it, plain = (trained.new(trained.config(*names, **how), range(1)).run() for names in (["spatial_dropout"], []))
    assert with_it.weights().keys() == plain.weights().keys() and with_it.weights() != plain.weights()
