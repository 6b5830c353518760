"""What is refused of a net before it is trained, and what is not."""

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn
from torch.nn import functional as F

from memdyn.compute.device import prepare_torch
from memdyn.config.models import ModelConfig
from memdyn.models.build import build_model
from memdyn.models.check import check_network, check_restored, name_of
from memdyn.models.layout import layout_of

K, MEMBERS = 3, 65
IMAGE, ROW = (1, 6, 6), (5,)


class Net(nn.Module):
    """A linear net of which one step is replaced: `after(net, logits)` makes the outputs of its logits."""

    def __init__(self, after=lambda net, logits: logits, shape=IMAGE):
        super().__init__()
        self.linear = nn.Linear(torch.Size(shape).numel(), K)
        self.after = after
        self.calls = 0

    def forward(self, samples):
        self.calls += 1
        return self.after(self, self.linear(samples.flatten(1)))


def ended(*layers, shape=IMAGE):
    return nn.Sequential(Net(shape=shape), *layers)


def checked(net, shape=IMAGE, n_samples=16, **training):
    torch.manual_seed(1)
    samples = torch.randn(n_samples, *shape)
    training = {"members": MEMBERS, "batch_size": 16, **training}
    return check_network(net, samples, torch.arange(n_samples) % K, K, "model.target = nets.py:Net", **training)


@pytest.fixture(autouse=True)
def one_thread():
    prepare_torch("cpu", 1)
    torch.manual_seed(0)


class ByHand(nn.Module):
    def forward(self, logits):
        return logits.exp() / logits.exp().sum(1, keepdim=True)


def with_weights(net, value):
    """The net with the last layer's weights and biases at a value."""
    for weights in list(net.parameters())[-2:]:
        nn.init.constant_(weights, value)
    return net


def biased(net, value):
    nn.init.constant_(list(net.parameters())[-1], value)
    return net


PROBABILITIES = {
    "softmax": (lambda: ended(nn.Softmax(1)), "Softmax"),
    "softmax by hand": (lambda: ended(ByHand()), "Softmax"),
    "softmax, of zeros": (lambda: with_weights(ended(nn.Softmax(1)), 0.0), "Softmax"),
    "softmax in eval mode": (lambda: Net(lambda net, y: y if net.training else y.softmax(1)), "Softmax"),
    "softmax in training": (lambda: Net(lambda net, y: y.softmax(1) if net.training else y), "Softmax"),
    "softmax in bfloat16": (lambda: ended(nn.Softmax(1)).to(torch.bfloat16), "Softmax"),
    "softmax behind batch norm": (lambda: ended(nn.BatchNorm1d(K), nn.Softmax(1)), "Softmax"),
    "sigmoid": (lambda: ended(nn.Sigmoid()), "Sigmoid"),
    "hard sigmoid": (lambda: ended(nn.Hardsigmoid()), "Sigmoid"),
}


@pytest.mark.parametrize("case", PROBABILITIES)
def test_probabilities_are_refused(case):
    make, ending = PROBABILITIES[case]
    net = make()
    if next(net.parameters()).dtype == torch.bfloat16:
        net = nn.Sequential(Cast(torch.bfloat16), net)
    with pytest.raises(ValueError, match=rf"nets.py:Net returns probabilities.*{ending}; allowed: logits.*LogSoftmax"):
        checked(net)


class Cast(nn.Module):
    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, samples):
        return samples.to(self.dtype)


class Overwrites(nn.Module):
    def forward(self, samples):
        return samples.sub_(1).mul_(2)


class Recurrent(nn.Module):
    def __init__(self, batch_first):
        super().__init__()
        self.layer = nn.LSTM(K, K, batch_first=batch_first)

    def forward(self, rows):
        return self.layer(rows)[0][:, -1]


class Looked(nn.Module):
    def __init__(self, net, sparse):
        super().__init__()
        self.net, self.table = net, nn.Embedding(2, K, sparse=sparse)

    def forward(self, samples):
        return self.net(samples) + self.table(torch.zeros(len(samples), dtype=torch.long))


RIGHT = {
    "an embedding": lambda: Looked(Net(), sparse=False),
    "recurrent": lambda: nn.Sequential(Net(), nn.Unflatten(1, (1, K)), Recurrent(batch_first=True)),
    "linear": lambda: Net(),
    "log-softmax": lambda: ended(nn.LogSoftmax(1)),
    "all weights zero": lambda: with_weights(Net(), 0.0),
    "a last layer of zeros": lambda: with_weights(ended(nn.ReLU(), nn.Linear(K, K)), 0.0),
    "large bias": lambda: biased(Net(), 1e4),
    "small bias above zero": lambda: biased(ended(nn.Linear(K, K)), 0.5),
    "bounded": lambda: ended(nn.Tanh()),
    "not negative": lambda: biased(Net(lambda net, y: F.relu(0.1 * y)), 0.1),
    "dropout": lambda: nn.Sequential(nn.Dropout(0.5), Net(), nn.Dropout(0.1)),
    "batch norm": lambda: ended(nn.BatchNorm1d(K)),
    "bfloat16 inside": lambda: nn.Sequential(Cast(torch.bfloat16), biased(Net(), 5.0).bfloat16(), Cast(torch.float32)),
    "bfloat16 outside": lambda: nn.Sequential(Cast(torch.bfloat16), Net().bfloat16(), nn.Tanh()),
    "float64": lambda: nn.Sequential(Cast(torch.float64), Net().double()),
    "writes into its input": lambda: nn.Sequential(Overwrites(), Net()),
    "a mask of infinities inside": lambda: Net(lambda net, y: y + torch.full((K, K), -torch.inf).triu(1).exp().sum()),
    "a frozen layer": lambda: nn.Sequential(Net().requires_grad_(False), nn.Linear(K, K)),
}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_passes_without_a_word(case, precision):
    size = 32 if case == "batch norm" else 16
    members = MEMBERS - 1 if case == "batch norm" else MEMBERS
    assert checked(RIGHT[case](), precision=precision, batch_size=size, members=members) == []


def auxiliary(net, logits):
    return (logits, logits) if net.training else logits


WRONG = {
    "too few classes": (lambda: Net(lambda net, y: y[:, :2]), r"\[batch, 3\].*\(16, 2\)"),
    "one number a sample": (lambda: Net(lambda net, y: y[:, 0]), r"\[batch, 3\].*\(16,\)"),
    "an image": (lambda: Net(lambda net, y: y[:, :, None, None]), r"\(16, 3, 1, 1\)"),
    "one output for all": (lambda: Net(lambda net, y: y.mean(0, keepdim=True)), r"\(1, 3\).* for a batch of 16"),
    "classes": (lambda: Net(lambda net, y: y.argmax(1)), r"one tensor of floats.*torch\.int64"),
    "integers": (lambda: Net(lambda net, y: y.round().long()), r"\(16, 3\) \(torch\.int64\)"),
    "a tuple": (lambda: Net(lambda net, y: (y, y)), r"\(tuple\).*in eval mode"),
    "a dict": (lambda: Net(lambda net, y: {"logits": y}), r"\(dict\)"),
    "auxiliary outputs in training": (lambda: Net(auxiliary), r"\(tuple\).*in training"),
    "None": (lambda: Net(lambda net, y: None), r"\(NoneType\)"),
    "a squeezed batch of one": (lambda: Net(lambda net, y: y.squeeze(0)), r"\(3,\).*batch of 1 in eval mode"),
    "another number of inputs": (lambda: nn.Linear(7, K), r"cannot take inputs of shape \(1, 6, 6\): RuntimeError"),
    "an error of its own": (lambda: Net(lambda net, y: net.nothing), "cannot take .* AttributeError: .*nothing"),
    "not a number": (lambda: Net(lambda net, y: (y - 10).log()), "not finite"),
    "infinite": (lambda: Net(lambda net, y: y / 0), "not finite"),
    "infinite in training": (lambda: Net(lambda net, y: y / (0 if net.training else 1)), "in training: .*not finite"),
    "dropout at all times": (lambda: Net(lambda net, y: F.dropout(y, 0.1)), "change from pass to pass"),
    "a little noise": (lambda: Net(lambda net, y: y + 0.01 * torch.randn_like(y)), "change from pass to pass"),
    "noise on a large bias": (
        lambda: biased(Net(lambda net, y: y + 0.1 * torch.randn_like(y)), 1e3),
        "change from pass to pass",
    ),
    "dropout behind zeros": (
        lambda: with_weights(nn.Sequential(Net(lambda net, y: F.dropout(y)), nn.Linear(K, K)), 0.0),
        "change from pass to pass",
    ),
    "a memory": (lambda: Net(lambda net, y: y + net.calls), "change from pass to pass"),
    "batch norm of the batch": (
        lambda: ended(nn.BatchNorm1d(K, track_running_stats=False)),
        "depend on the other samples of the batch",
    ),
    "the batch's mean": (lambda: Net(lambda net, y: y - y.mean(0)), "depend on the other samples of the batch"),
    "softmax over the batch": (lambda: ended(nn.Softmax(0)), "depend on the other samples of the batch"),
    "log-softmax over the batch": (lambda: ended(nn.LogSoftmax(0)), "depend on the other samples of the batch"),
    "a sum of those before it": (
        lambda: Net(lambda net, y: y + 0.1 * (y.cumsum(0) - y)),
        "depend on the other samples",
    ),
    "a recurrent layer along the batch": (
        lambda: nn.Sequential(Net(), nn.Unflatten(1, (1, K)), Recurrent(batch_first=False)),
        "depend on the other samples of the batch.*batch_first=True",
    ),
    "divided by the batch": (lambda: Net(lambda net, y: y / len(y)), "depend on the other samples of the batch"),
    "a batch's mean in bfloat16": (
        lambda: nn.Sequential(Cast(torch.bfloat16), Net(lambda net, y: y - y.mean(0)).bfloat16()),
        "depend on the other samples of the batch",
    ),
    "sparse gradients": (
        lambda: Looked(Net(), sparse=True),
        r"the gradient of 'table\.weight' is sparse; allowed: dense",
    ),
    "nothing to train": (lambda: Net().requires_grad_(False), "no gradient reaches any"),
    "detached": (lambda: Net(lambda net, y: y.detach()), "no gradient reaches any"),
    "of numpy": (lambda: Net(lambda net, y: torch.tensor(y.detach().numpy())), "no gradient reaches any"),
    "no weight that matters": (
        lambda: Net(lambda net, y: y.detach() + torch.zeros((), requires_grad=True)),
        "no gradient reaches any",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told(case):
    make, message = WRONG[case]
    with pytest.raises(ValueError, match=rf"nets\.py:Net.*{message}"):
        checked(make())


def test_what_stays_untrained_is_told():
    class Partly(Net):
        def __init__(self):
            super().__init__()
            self.extra = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))

    (said,) = checked(Partly())
    assert "6 of 8 parameters get no gradient" in said and "extra.0.weight, extra.0.bias, extra.1.weight, ..." in said


@pytest.mark.parametrize("n_samples", [2, 3, 10, 16, 20])
@pytest.mark.parametrize("make", [Net, lambda shape: ended(nn.BatchNorm1d(K), shape=shape)])
def test_nets_for_tables(make, n_samples):
    assert checked(make(shape=ROW), ROW, n_samples, batch_size=13) == []


# what a checkpoint keeps


class Unlisted(nn.Module):
    """A layer that is no attribute of its own."""

    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(36, 8)]
        self.head = nn.Linear(8, K)

    def forward(self, samples):
        return self.head(self.layers[0](samples.flatten(1)))


class Projected(Net):
    """Random features that are fixed, kept in a buffer."""

    def __init__(self, persistent):
        super().__init__(lambda net, y: y @ net.features)
        self.register_buffer("features", torch.randn(K, K), persistent=persistent)


class Averages(Net):
    """A running mean that training changes."""

    def __init__(self, name):
        super().__init__(self.centred)
        self.name = name
        if name == "buffer":
            self.register_buffer("buffer", torch.zeros(K))
        self.attribute = torch.zeros(K)

    def centred(self, net, y):
        if self.training:
            with torch.no_grad():
                setattr(self, self.name, 0.5 * getattr(self, self.name) + 0.5 * y.mean(0))
        return y - getattr(self, self.name)


def wide():
    n = int(torch.randint(4, 2**20, ())) % 999 + 1
    return ended(nn.Linear(K, n), nn.Linear(n, K))


def restored(make):
    trained, fresh = make(), make()
    check_restored(trained, fresh, torch.randn(16, *IMAGE), K, "model.target = nets.py:Net")


@pytest.mark.parametrize("make", [Unlisted, lambda: Projected(False), lambda: Averages("attribute")])
def test_what_a_checkpoint_would_lose_is_told(make):
    with pytest.raises(
        ValueError, match=r"nets\.py:Net: built anew and given its weights.*register_buffer.*ModuleList"
    ):
        restored(make)


def test_another_net_each_time_is_told():
    with pytest.raises(
        ValueError, match=r"nets\.py:Net: built anew, it has other weights.*size mismatch for 1\.weight"
    ):
        restored(wide)


KEPT = [
    *RIGHT.values(),
    lambda: Projected(True),
    lambda: Averages("buffer"),
    lambda: nn.Sequential(nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(36, K))),
]


@pytest.mark.parametrize("make", KEPT)
def test_what_a_checkpoint_keeps(make):
    restored(make)


# a batch of one sample


def single(layers, shape, **training):
    return checked(nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(K)), shape, **training)


NORMS = {
    "BatchNorm1d, table": ([nn.Linear(5, 8), nn.BatchNorm1d(8)], ROW),
    "BatchNorm2d, 1 x 1 pixels": ([nn.Conv2d(1, 4, 6), nn.BatchNorm2d(4)], IMAGE),
}


@pytest.mark.parametrize("case", NORMS)
@pytest.mark.parametrize(
    ("members", "batch_size", "said"),
    [
        (65, 64, "the last of 2 batches has 1 sample.*nearest are 63 and 65"),
        (65, 16, "the last of 5 batches has 1 sample.*nearest are 15 and 17"),
        (65, 2, "the last of 33 batches has 1 sample.*nearest are 3"),
        (64, 1, "each batch has 1 sample.*nearest are 2"),
        (65, 1, "each batch has 1 sample.*nearest are 3"),
        (64, 64, None),
        (65, 63, None),
        (66, 64, None),
    ],
)
def test_single_samples_where_a_channel_has_one_value(case, members, batch_size, said):
    layers, shape = NORMS[case]
    if said is None:
        assert single(layers, shape, members=members, batch_size=batch_size) == []
        return
    numbers = rf"batch_size = {batch_size}: of {members} members"
    with pytest.raises(ValueError, match=rf"nets\.py:Net: {numbers}.*{said}"):
        single(layers, shape, members=members, batch_size=batch_size)


@pytest.mark.parametrize("batch_size", [1, 64])
@pytest.mark.parametrize("layers", [[nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)], [nn.LayerNorm(6)], [nn.GroupNorm(1, 1)]])
def test_single_samples_that_can_be_normalised(layers, batch_size):
    assert single(layers, IMAGE, members=65, batch_size=batch_size) == []


def test_a_single_sample_that_a_net_makes_infinite():
    def by_the_batch(net, logits):
        return logits / (logits.amax(0) - logits.amin(0)) if net.training else logits

    with pytest.raises(ValueError, match="1 sample.*not finite"):
        checked(Net(by_the_batch), members=65, batch_size=64)
    assert checked(Net(by_the_batch), members=64, batch_size=64) == []


# what we ship

SHIPPED = [
    {"name": "logistic"},
    *({"name": "mlp", "hidden": [8], "activation": activation} for activation in ("relu", "gelu", "tanh")),
    *({"name": "cnn", "layers": layers, "width": 4, "norm": norm} for layers in (2, 8) for norm in ("none", "batch")),
    {"name": "cnn", "width": 1, "strided": False, "hidden": 0, "norm": "group"},
    *({"name": "resnet18", "width": width} for width in (2, 16)),
    {"name": "resnet18", "width": 4, "norm": "group"},
    {"name": "wrn", "depth": 10, "width": 1},
    {"name": "wrn", "depth": 16, "width": 1, "norm": "group"},
    *({"name": "vgg", "width": 4, "norm": norm} for norm in ("none", "batch", "group")),
    *({"name": "torchvision", "arch": arch} for arch in ("resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5")),
    {"name": "torchvision", "arch": "squeezenet1_1", "image_size": 48},
]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("net", SHIPPED, ids=lambda net: "-".join(map(str, net.values())))
def test_shipped_nets_pass(net, precision):
    options = TypeAdapter(ModelConfig).validate_python(net).model_dump()
    network = build_model(options, (3, 32, 32), 10)
    network.to(memory_format=layout_of(network))
    samples = torch.randn(16, 3, 32, 32).contiguous(memory_format=layout_of(network))
    labels, name = torch.arange(16) % 10, name_of(options)
    assert check_network(network, samples, labels, 10, name, members=64, batch_size=16, precision=precision) == []
    trained, fresh = (build_model(options, (3, 32, 32), 10).to(memory_format=layout_of(network)) for _ in range(2))
    check_restored(trained, fresh, samples, 10, name)
