"""The adversarial distance: a linear net in closed form, the level distance, and what no search reaches."""

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

from memdyn.compute.samples import Samples
from memdyn.probes.adversarial_distance import adversarial_distance
from memdyn.probes.level_distance import level_distance
from small_nets import CLASSES, NETS, SHAPE, N, images, trained_a_little

MEMBERS = torch.zeros(N, dtype=torch.bool)


def found(network, samples, batch=4):
    return adversarial_distance(network, samples, MEMBERS, batch)["adversarial_distance"]


def test_of_a_linear_net_it_is_the_nearest_plane():
    """min over the other classes of (z_y - z_c) / ||w_y - w_c||; the other way round where it is misclassified."""
    torch.manual_seed(0)
    table = Samples(torch.randn(N, 5), torch.arange(N) % CLASSES, torch.ones(1, 5), torch.zeros(1, 5))
    network = nn.Sequential(nn.Linear(5, CLASSES))
    z, w = network(table.samples).detach().numpy(), network[0].weight.detach().numpy()
    distances = found(network, table)
    for row, y in enumerate(table.labels.tolist()):
        planes = [(z[row, y] - z[row, c]) / np.linalg.norm(w[y] - w[c]) for c in range(CLASSES) if c != y]
        if min(planes) > 0:
            np.testing.assert_allclose(distances[row], min(planes), rtol=1e-3)
        else:  # it has to pass them all, which is as far as the farthest at least
            assert distances[row] <= min(planes) * (1 - 1e-3)


def test_it_is_the_level_distance_at_the_edge_of_the_right_prediction():
    network, samples = trained_a_little(NETS["cnn"]), images()
    level = level_distance(network, samples, MEMBERS, 4, known=0, levels=["gap"], norms=["l2"])
    assert level["level_distance_l2"].isfinite().all()
    distance = found(network.train(), samples)
    assert torch.equal(distance, level["level_distance_l2"][:, 0]) and distance.shape == (N,)
    right = network.eval()(samples.normalise(samples.samples, torch.contiguous_format)).argmax(1) == samples.labels
    assert torch.equal(distance > 0, right)


def test_what_no_image_reaches_lies_beyond_all_others_by_the_gap():
    """A bias that no image makes up for."""
    samples = images()
    network = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(SHAPE)), CLASSES))
    with torch.no_grad():
        network[1].weight.mul_(0.01)
        network[1].bias[0] += 1e3
    distance = found(network, samples)
    assert distance.isfinite().all()
    right = samples.labels == 0
    assert (distance[right] > 1).all() and (distance[~right] < -1).all()
    z = network(samples.normalise(samples.samples, torch.contiguous_format)).detach()
    others = z.scatter(1, samples.labels[:, None], -torch.inf).amax(1)
    gap = z.gather(1, samples.labels[:, None])[:, 0] - others
    assert spearmanr(distance, gap).statistic > 1 - 1e-9
