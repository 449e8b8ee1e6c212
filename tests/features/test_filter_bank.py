"""The filter bank's colours and edges have the values that their definitions say."""

import pytest
import torch
import torch.nn.functional as F

from vosbook.features.backbone import STRIDES
from vosbook.features.filter_bank import FilterBank, _halve
from vosbook.nn.encoder import Encoder


@pytest.fixture(scope="module")
def filters() -> FilterBank:
    return FilterBank()


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (48, 50)])
def test_filter_maps_have_a_resnets_sizes(filters, size):
    maps = filters(torch.rand(2, 3, *size))
    for level, stride in STRIDES.items():
        assert maps[level].shape == (2, filters.channels[level], -(-size[0] // stride), -(-size[1] // stride))


def test_filter_maps_average_over_their_cell(filters):
    # An image of flat 32x32 squares: at stride 16 every cell is flat, so it equals the map of its colour alone.
    colours = torch.rand(1, 3, 2, 3, generator=torch.Generator().manual_seed(0))
    maps = filters.colours(colours.repeat_interleave(32, 2).repeat_interleave(32, 3))
    assert torch.allclose(maps[:, :, ::32, ::32], filters.colours(colours))
    assert torch.allclose(maps.sum(dim=1), torch.ones(1, 64, 96), atol=1e-5)


def test_a_last_odd_row_or_column_is_averaged_alone():
    x = torch.arange(15.0).reshape(1, 1, 3, 5)
    assert _halve(x)[0, 0].tolist() == [[3, 5, 6.5], [10.5, 12.5, 14]]


def test_half_a_cell_of_another_colour_gives_half_the_response(filters):
    red, blue = torch.tensor([0.9, 0.1, 0.1]), torch.tensor([0.1, 0.1, 0.9])
    image = red[:, None, None].expand(3, 64, 64).clone()
    image[:, :, 40:] = blue[:, None, None]  # half of the cells in column 2
    colours = _halve(_halve(_halve(_halve(filters.colours(image[None])))))
    pure_red, pure_blue = colours[0, :, 0, 0], colours[0, :, 0, 3]
    assert torch.allclose(colours[0, :, 1, 2], (pure_red + pure_blue) / 2, atol=1e-5)


def test_edge_filters_answer_to_their_direction(filters):
    image = torch.zeros(1, 3, 64, 64)
    image[..., 32:] = 1  # brighter to the right: direction 0, the gradient along +x
    edges = filters.edges(image)[0, :, 32, 32].reshape(len(filters.SIGMAS), filters.DIRECTIONS)
    assert (edges.argmax(dim=1) == 0).all()
    assert torch.allclose(edges[:, 2], torch.zeros(3), atol=1e-3)  # 90 degrees away
    assert (edges[:, 4] == 0).all()  # the opposite direction is rectified away


def test_an_edge_filter_answers_with_the_root_of_sigma_times_the_slope():
    """A ramp stays what it is when it is blurred: its derivative in a direction is slope times cosine, everywhere."""
    bank, slope, angle = FilterBank().double(), 0.01, torch.arange(8) * (torch.pi / 4)
    image = (slope * torch.arange(64.0, dtype=torch.float64)).expand(1, 3, 64, 64)
    edges = bank.edges(image)[0, :, 32, 32].reshape(3, 8)
    sigma = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)[:, None]
    assert torch.allclose(edges, (sigma * slope * angle.double().cos()).clamp(min=0).sqrt(), atol=1e-4)


def test_the_filter_bank_is_deterministic():
    images = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(1))
    assert torch.equal(FilterBank()(images)["layer3"], FilterBank()(images)["layer3"])


def test_the_filter_bank_has_nothing_to_learn_and_lays_the_mask_beside():
    bank, generator = FilterBank(levels=["layer1", "layer3"]), torch.Generator().manual_seed(0)
    learner, images = Encoder(bank, 4), torch.rand(2, 4, 64, 96, generator=generator).requires_grad_()
    maps = learner(images)
    assert not list(learner.parameters())
    assert learner.channels == {"layer1": 125, "layer3": 125}
    for level, stride in (("layer1", 4), ("layer3", 16)):
        assert torch.equal(maps[level][:, :124], bank(images.detach()[:, :3])[level])
        torch.testing.assert_close(maps[level][:, 124:], 124**0.5 * F.avg_pool2d(images[:, 3:], stride))
    maps["layer3"].sum().backward()
    assert not images.grad[:, :3].any()
    torch.testing.assert_close(images.grad[:, 3:], torch.full((2, 1, 64, 96), 124**0.5 / 256))
    assert Encoder(bank)(images.detach()[:, :3])["layer1"].shape[1] == 124
