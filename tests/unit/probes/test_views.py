"""Views of images: which there are, in what order, and that each is what a net is asked about."""

import pytest
import torch
from torch import nn

from memdyn.compute.samples import Samples
from memdyn.config.probes import ViewsProbe
from memdyn.identity.names import options_hash, plain_options
from memdyn.probes.outputs import outputs
from memdyn.probes.views import view_list, views
from small_nets import NETS, N, images, trained_a_little

NOBODY = torch.zeros(N, dtype=torch.bool)


def by_hand(flip, shift, rotation):
    """The images of each view, out of slices and quarter turns."""
    given = images().samples
    pad = nn.functional.pad(given, (shift,) * 4)
    side, made = given.shape[2], [given]
    if shift:
        for down, right in ((0, -shift), (0, shift), (-shift, 0), (shift, 0)):
            top, left = shift - down, shift - right
            made.append(pad[..., top : top + side, left : left + side])
    if rotation:
        made += [given.rot90(k, (2, 3)) for k in (1, -1)]
    return [*made, *(each.flip(3) for each in made)] if flip else made


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("shift", "rotation"), [(0, 0), (2, 0), (0, 90), (1, 90)])
def test_a_view_is_the_net_on_a_changed_image(flip, shift, rotation):
    network, given = trained_a_little(NETS["cnn"]), images()
    found = views(network, given, NOBODY, 4, flip=flip, shift=shift, rotation=rotation)
    expected = by_hand(flip, shift, rotation)
    probe = ViewsProbe(flip=flip, shift=shift, rotation=rotation)
    assert probe.forwards() == len(expected) == len(view_list(flip, shift, rotation))
    for name in ("margin", "gap"):
        own = [
            outputs(network, Samples(each, given.labels, given.scale, given.offset), NOBODY, 4)[name]
            for each in expected
        ]
        torch.testing.assert_close(found[f"{name}_views"], torch.stack(own, dim=1))


def test_a_small_turn_is_between_nothing_and_a_large_one():
    network, given = trained_a_little(NETS["cnn"]), images()
    small, large = (
        views(network, given, NOBODY, 4, flip=False, shift=0, rotation=degrees)["margin_views"] for degrees in (1, 40)
    )
    assert torch.equal(small[:, 0], large[:, 0])
    moved = [(each[:, 1:] - each[:, :1]).abs().mean() for each in (small, large)]
    assert 0 < moved[0] < 0.5 * moved[1]


def test_rows_of_a_table_are_refused():
    table = Samples(torch.randn(N, 5), torch.zeros(N, dtype=torch.int64), torch.ones(1, 5), torch.zeros(1, 5))
    with pytest.raises(ValueError, match="views are of images, and these samples are rows of a table"):
        views(nn.Linear(5, 2), table, NOBODY, 4, flip=False, shift=0, rotation=10)


def test_folders_of_views_that_are_not_turned_keep_their_hash():
    plain = plain_options(ViewsProbe(), hashed=True)
    assert plain == {"name": "views", "flip": True, "shift": 0, "epochs": "all"}
    turned = plain_options(ViewsProbe(rotation=5), hashed=True)
    assert turned == plain | {"rotation": 5.0} and options_hash(turned) != options_hash(plain)
