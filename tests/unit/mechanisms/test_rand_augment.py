"""RandAugment against torchvision's, one sample and one operation at a time."""

import pytest
import torch
from torchvision.transforms import v2

from every_mechanism import batch_of, pool_with_spare, with_given
from memdyn.mechanisms.rand_augment import N_OPERATIONS, RandAugment, augmented, operations

# in the order of ours
NAMES = list(v2.RandAugment._AUGMENTATION_SPACE)


def images(channels, height=11, width=9):
    return torch.randint(
        256, (6, channels, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def torchvisions(image, name, magnitude, sign):
    """Its result where its coin fell that way."""
    theirs = v2.RandAugment(num_ops=1, magnitude=magnitude)
    theirs._AUGMENTATION_SPACE = {name: v2.RandAugment._AUGMENTATION_SPACE[name]}
    for seed in range(100):
        torch.manual_seed(seed)
        torch.randint(1, ())  # its choice of the operation
        if bool(torch.rand(()) <= 0.5) == (sign == -1):
            break
    torch.manual_seed(seed)
    return theirs(image)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("magnitude", [0, 9, 30])
@pytest.mark.parametrize("number", range(N_OPERATIONS))
def test_each_operation_is_torchvisions(number, magnitude, channels):
    for sign in (1, -1):
        found = operations(magnitude, sign, 11, 9)[number](images(channels))
        for image, ours in zip(images(channels), found, strict=True):
            theirs = torchvisions(image, NAMES[number], magnitude, sign)
            # theirs has its factors in float32, which may move what is cut off to a whole number
            assert (ours.int() - theirs.int()).abs().max() <= (NAMES[number] in ("Color", "Contrast")), NAMES[number]


def test_one_sample_after_the_other():
    """Operations in a row, each drawn for each sample by itself."""
    batch = torch.cat([images(3)] * 20)
    found = augmented(batch, 2, 12, torch.Generator().manual_seed(3))
    draw = torch.Generator().manual_seed(3)
    drawn = torch.stack([torch.randint(2 * N_OPERATIONS, (120,), generator=draw) for _ in range(2)])
    assert len(drawn.unique()) == 2 * N_OPERATIONS
    for index, image in enumerate(batch):
        for choice in drawn[:, index].tolist():
            sign, number = (1, -1)[choice // N_OPERATIONS], choice % N_OPERATIONS
            image = operations(12, sign, 11, 9)[number](image.unsqueeze(0))[0]
        assert torch.equal(found[index], image)


def test_inputs_are_normalised_again():
    pool = pool_with_spare()
    mechanism = with_given(RandAugment(1, 30), pool)
    found = mechanism.batch(batch_of(pool), 1, torch.Generator().manual_seed(0))
    expected = augmented(torch.from_numpy(pool.images[:8]), 1, 30, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found.inputs, (expected.float() / 255 - 0.5) / 0.25, rtol=1e-5, atol=1e-5)
