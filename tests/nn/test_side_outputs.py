"""OSVOS's network gives what its plain formulation gives, and its loss is Eq. 1, pixel by pixel."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.features.filter_bank import FilterBank
from vosbook.features.resnet import random_resnet
from vosbook.features.vgg16 import Vgg16
from vosbook.nn.encoder import Encoder
from vosbook.nn.plain_side_outputs import plain_side_outputs
from vosbook.nn.side_outputs import SideOutputNetwork, Upsample, balanced_bce, deep_loss


def _images(size: tuple[int, int] = (38, 54)) -> Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def resnet() -> Encoder:
    torch.manual_seed(0)
    return Encoder(random_resnet("resnet18", levels=["layer1", "layer2"]))


@pytest.fixture(scope="module")
def vgg() -> Encoder:
    torch.manual_seed(0)
    return Encoder(Vgg16())


def _network(encoder: Encoder) -> SideOutputNetwork:
    """A network whose new layers all say something."""
    torch.manual_seed(1)
    network = SideOutputNetwork(encoder, channels=5)
    for part in (network.side, network.score, network.fuse):
        for parameter in part.parameters():
            nn.init.normal_(parameter, std=0.2)
    return network


# --------------------------------------------------------------------------------------------------------- enlargement


def _caffe_bilinear(x: Tensor, stride: int, size: tuple[int, int]) -> Tensor:
    """The paper's frozen layer: a transposed convolution with a tent, 2 stride wide, and a centre crop."""
    tent = 1 - (torch.arange(2 * stride) - (stride - 0.5)).abs() / stride
    kernel = torch.outer(tent, tent).expand(x.shape[1], 1, -1, -1)
    z = F.conv_transpose2d(x, kernel, stride=stride, groups=x.shape[1])
    top, left = (z.shape[-2] - size[0]) // 2, (z.shape[-1] - size[1]) // 2
    return z[..., top : top + size[0], left : left + size[1]]


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_enlargement_is_the_papers_transposed_convolution_inside_the_border(stride):
    x = torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(2))
    size = (5 * stride, 6 * stride)
    ours, theirs = Upsample(stride, corner=False)(x, size), _caffe_bilinear(x, stride, size)
    inside = (..., slice(stride, -stride), slice(stride, -stride))
    torch.testing.assert_close(ours[inside], theirs[inside])
    assert (ours - theirs).abs().max() > 0.1  # which lets its answer fade to zero at the border


def test_a_resnets_cells_are_enlarged_about_their_first_pixel():
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    z = Upsample(4, corner=True)(x, (7, 10))
    torch.testing.assert_close(z[0, 0, 0], torch.tensor([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2]))
    torch.testing.assert_close(z[0, 0, :, 0], torch.tensor([0, 0.75, 1.5, 2.25, 3, 3, 3]))


def test_a_mirrored_column_stays_where_it_is_seen():
    """A ResNet's first convolution sees a line around pixel 2i in cell i: enlarged, its middle is there again."""
    encoder = Encoder(random_resnet("resnet18", levels=["layer1"]))
    convolution = encoder.backbone.stem[0]
    with torch.no_grad():
        convolution.weight.fill_(1.0)
        convolution.bias.zero_()
        encoder.backbone.mean.zero_()
    images = torch.zeros(1, 3, 32, 33)
    images[..., 16] = 1  # the middle column
    stem = encoder.backbone.stage_maps(images)["stem"][:, :1]
    row = SideOutputNetwork(encoder).upsample["stem"](stem, (32, 33))[0, 0, 16]
    torch.testing.assert_close(row, row.flip(0))


# ------------------------------------------------------------------------------------------------------------- network


def _plain(network: SideOutputNetwork, maps: dict[str, Tensor], size: tuple[int, int]) -> list[Tensor]:
    """Fused and side outputs in the paper's order: every channel of every side is enlarged first."""
    fuse = partial(F.conv2d, weight=network.fuse.weight, bias=network.fuse.bias)
    enlarge = [partial(network.upsample[level], size=size) for level in network.levels]
    layers = [[part[level] for level in network.levels] for part in (network.side, network.score)]
    fused, scores = plain_side_outputs([maps[level] for level in network.levels], *layers, fuse, enlarge, size)
    return [fused, *scores]


@pytest.mark.parametrize("kind", ["resnet", "vgg", "filters"])
def test_convolving_before_enlarging_is_the_papers_order(kind, request):
    encoder = Encoder(FilterBank(levels=["layer1", "layer3"])) if kind == "filters" else request.getfixturevalue(kind)
    network, images = _network(encoder), _images()
    outputs = network(images)
    wanted = _plain(network, encoder.backbone.stage_maps(images), images.shape[-2:])
    assert len(outputs.sides) == len(wanted) - 1 == {"resnet": 3, "vgg": 4, "filters": 2}[kind]
    for got, plain in zip([outputs.fused, *outputs.sides], wanted):
        assert got.shape == (2, 1, 38, 54)
        torch.testing.assert_close(got, plain, rtol=1e-4, atol=1e-5 * plain.abs().max().item())
    torch.testing.assert_close(network.logits(images), outputs.fused)


def test_every_parameter_is_in_one_group_with_the_authors_multiplier(vgg):
    network = _network(vgg)
    rate = {id(p): (g["lr"], g["weight_decay"]) for g in network.parameter_groups(1.0) for p in g["params"]}
    learned = {name: p for name, p in network.named_parameters() if p.requires_grad}
    fc6 = {"encoder.backbone.stages.layer4.7.weight", "encoder.backbone.stages.layer4.7.bias"}
    assert {name for name, _ in network.named_parameters()} - set(learned) == fc6  # no side looks at it
    assert len(rate) == len(learned) == sum(len(g["params"]) for g in network.parameter_groups(1.0))
    for name, wanted in {
        "encoder.backbone.stem.0.weight": (1, 2e-4),
        "encoder.backbone.stem.0.bias": (2, 0),
        "side.stage3.weight": (1, 2e-4),
        "score.stage3.weight": (0.1, 2e-4),
        "score.stage3.bias": (0.2, 0),
        "fuse.weight": (0.01, 2e-4),
        "fuse.bias": (0.02, 0),
    }.items():
        assert rate[id(learned[name])] == pytest.approx(wanted), name


def test_every_part_learns(resnet):
    network = _network(resnet)
    y = (torch.rand(2, 1, 38, 54, generator=torch.Generator().manual_seed(3)) < 0.2).float()
    deep_loss(network(_images()), y, side_weight=0.5).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


# ---------------------------------------------------------------------------------------------------------------- loss


def _batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    return 3 * torch.randn(3, 1, 4, 5, generator=generator), (torch.rand(3, 1, 4, 5, generator=generator) < 0.3).float()


def _eq1(logits: Tensor, y: Tensor) -> float:
    """Eq. 1 of one image, pixel by pixel."""
    p, y = logits.sigmoid().flatten().tolist(), y.flatten().tolist()
    beta = y.count(0.0) / len(y)
    return -sum(beta * math.log(p_j) if y_j else (1 - beta) * math.log(1 - p_j) for p_j, y_j in zip(p, y))


def test_the_loss_is_equation_1():
    logits, y = _batch()
    images = [_eq1(*pair) for pair in zip(logits, y)]
    assert balanced_bce(logits, y).item() == pytest.approx(sum(images) / 3, rel=1e-5)
    assert balanced_bce(logits, y, normalised=True).item() == pytest.approx(sum(images) / 3 / 20, rel=1e-5)


def test_an_image_of_one_class_teaches_nothing_and_large_logits_stay_finite():
    logits = torch.tensor([-200.0, 200.0]).reshape(1, 1, 1, 2)
    assert balanced_bce(logits, torch.zeros(1, 1, 1, 2)) == 0
    assert balanced_bce(logits, torch.ones(1, 1, 1, 2)) == 0
    assert balanced_bce(logits, torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)).item() == pytest.approx(200)


def test_the_sum_at_1e_8_takes_the_steps_of_the_normalised_loss_at_a_rate_that_grows_with_the_pixels():
    y = (torch.rand(1, 1, 480, 854, generator=torch.Generator().manual_seed(5)) < 0.1).float()
    steps = []
    for normalised, lr in ((False, 1e-8), (True, 1e-8 * 480 * 854)):
        logit = torch.zeros((), requires_grad=True)
        optimizer = torch.optim.SGD([logit], lr=lr, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            balanced_bce(logit.expand_as(y) + 0.3, y, normalised=normalised).backward()
            optimizer.step()
        steps.append(logit.item())
    assert steps[0] == pytest.approx(steps[1], rel=1e-4) and steps[0] != 0


def test_the_sides_count_as_much_as_asked(resnet):
    outputs, y = _network(resnet)(_images()), torch.zeros(2, 1, 38, 54)
    y[..., :10, :10] = 1
    fused, *sides = [balanced_bce(z, y, normalised=True).item() for z in (outputs.fused, *outputs.sides)]
    assert deep_loss(outputs, y, side_weight=0).item() == pytest.approx(fused)
    assert deep_loss(outputs, y, side_weight=0.25).item() == pytest.approx(fused + 0.25 * sum(sides), rel=1e-5)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"one shape.*\(2, 1, 4, 5\), \(2, 4, 5\)"):
        balanced_bce(torch.zeros(2, 1, 4, 5), torch.zeros(2, 4, 5))
