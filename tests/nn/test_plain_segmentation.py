"""The segmentation network that runs against the one that Figure 3 draws, over levels, sizes, dtypes and seeds."""

import pytest
import torch
from random_segmentation import RESNET18, RESNET50, random_features, random_network, random_scores
from rounding import rounding
from torch import Tensor, nn

from vosbook.nn.plain_segmentation import attend, encode, head, plain_segmentation, refine, residual
from vosbook.nn.segmentation import SegmentationNetwork

CASES = [  # channels of the levels, size of the frame
    (RESNET18, (97, 131)),
    (RESNET18, (120, 214)),
    (RESNET50, (97, 131)),
    ({"layer2": 7, "layer4": 9}, (64, 96)),
    ({"layer3": 124}, (97, 131)),
]
PATH = 27  # sums one after the other: 5 of the deepest encoder, 6 a level, 4 of the head


def material(
    channels: dict[str, int], size: tuple[int, int], *, objects: int = 1, frames: int = 1, seed: int = 0
) -> tuple[SegmentationNetwork, Tensor, dict[str, Tensor]]:
    """A network, scores and features in double precision, in which rounding hides nothing."""
    x = {d: f.double() for d, f in random_features(channels, size, frames=frames, seed=seed + 1).items()}
    return random_network(channels, seed=seed).double(), random_scores(x, objects, seed=seed + 2), x


def assert_same(found: Tensor, wanted: Tensor, name: str = "") -> None:
    """In double precision, but for the matrices that resize, twice along two axes: they hold float32 numbers."""
    assert found.shape == wanted.shape and found.dtype == wanted.dtype == torch.float64
    assert wanted.any(), name
    assert (found - wanted).abs().max() < rounding(wanted.detach().float(), terms=16, layers=4), name


# -------------------------------------------------------------------------------------------------------------- forward


@pytest.mark.parametrize(("channels", "size"), CASES)
@pytest.mark.parametrize("seed", range(2))
@torch.no_grad()
def test_it_is_the_network_of_the_figure(channels, size, seed):
    network, s, x = material(channels, size, seed=seed)
    assert_same(network(s, x, size), plain_segmentation(network, s, x, size))


@pytest.mark.parametrize(("objects", "frames"), [(3, 1), (3, 3)])
@torch.no_grad()
def test_objects_on_one_frame_or_on_frames_of_their_own(objects, frames):
    network, s, x = material(RESNET18, (97, 131), objects=objects, frames=frames)
    assert_same(network(s, x, (97, 131)), plain_segmentation(network, s, x, (97, 131)))


@pytest.mark.parametrize("size", [(97, 131), (480, 854)])
@torch.no_grad()
def test_in_single_precision_logits_are_off_by_rounding_alone(size):
    network, s, x = material(RESNET18, size)
    exact = plain_segmentation(network, s, x, size)
    logits = network.float()(s.float(), {d: f.float() for d, f in x.items()}, size)
    assert 1 < exact.std() < 10  # as of a trained network
    assert (logits - exact).abs().max() < rounding(exact.float(), terms=64 * 9, layers=PATH)


@torch.no_grad()
def test_with_products_in_bfloat16_it_errs_no_more_than_the_plain_form():
    size = (97, 131)
    network, s, x = material(RESNET18, size)
    exact = plain_segmentation(network, s, x, size)
    network, s, x = network.float(), s.float(), {d: f.float() for d, f in x.items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, plain = network(s, x, size), plain_segmentation(network, s, x, size)
    mine, its = ((z - exact).square().mean().sqrt().item() for z in (found, plain))
    assert 0 < mine < 2 * its < 0.2 * exact.std()


# --------------------------------------------------------------------------------------------------------------- blocks


@torch.no_grad()
def test_each_block_is_that_of_the_figure():
    network, s, x = material(RESNET18, (97, 131))
    generator = torch.Generator().manual_seed(3)
    z, deep = (torch.randn(1, 64, *grid, generator=generator).double() for grid in ((25, 33), (13, 17)))
    T, R = network.encoders["layer2"], network.refinements["layer2"]
    for found, wanted in zip(T(x["layer2"], s), encode(T, x["layer2"], s)):
        assert_same(found, wanted)
    assert_same(R.before(z), residual(R.before, z))
    assert_same(R.attend(z, deep), attend(R.attend, z, deep))
    assert_same(R(z, deep), refine(R, z, deep))


@pytest.mark.parametrize("size", [(97, 131), (100, 132), (99, 130), (25, 33), (480, 854)])
@torch.no_grad()
def test_the_head_resizes_fewer_maps_with_the_same_result(size):
    network = random_network(RESNET18).double()
    z = torch.randn(1, 64, 25, 33, generator=torch.Generator().manual_seed(3)).double()
    assert_same(network.head(z, size), head(network.head, z, size))


def test_the_layers_are_those_that_the_paper_and_its_code_name():
    """Both forms hold the same layers: what they are, no comparison of the two can tell."""
    network = SegmentationNetwork({"layer1": 5, "layer3": 7})
    T, R, last = network.encoders["layer3"], network.refinements["layer3"], network.head

    def layers(part: nn.Module) -> list[tuple]:
        found = []
        for layer in part:
            shape = ()
            if isinstance(layer, nn.Conv2d):
                shape = (layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.bias is not None)
                assert layer.padding[0] == layer.kernel_size[0] // 2 and layer.padding_mode == "zeros"
            found.append((type(layer).__name__, *shape))
        return found

    assert layers(T.project) == [("Conv2d", 7, 64, 1, True), ("ReLU",), ("Conv2d", 64, 64, 1, True)]
    encode = [("Conv2d", 65, 65, 3, True), ("ReLU",), ("Conv2d", 65, 65, 3, True), ("ReLU",)]
    assert layers(T.encode) == [*encode, ("Conv2d", 65, 64, 3, True), ("ReLU",)]
    for block in (R.before, R.after):
        assert layers([block.enter]) == [("Conv2d", 64, 64, 1, True)]
        branch = [("Conv2d", 64, 64, 3, True), ("BatchNorm2d",), ("ReLU",), ("Conv2d", 64, 64, 3, False)]
        assert layers(block.branch) == branch
    gate = [("Conv2d", 128, 64, 1, True), ("ReLU",), ("Conv2d", 64, 64, 1, True), ("Sigmoid",)]
    assert layers(R.attend.gate) == gate
    assert layers([last.narrow, last.score]) == [("Conv2d", 64, 32, 3, True), ("Conv2d", 32, 1, 3, True)]


# ------------------------------------------------------------------------------------------------------------ gradients


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("frames", [1, 2])
def test_gradients_are_those_of_the_figure(training, frames):
    """In every weight, the scores and the features; with the batch's statistics where it trains."""
    size = (33, 47)
    network, s, x = material(RESNET18, size, objects=2, frames=frames)
    network.train(training)
    variables = {"s": s, **x, **dict(network.named_parameters())}
    for variable in variables.values():
        variable.requires_grad_()
    found, wanted = (
        torch.autograd.grad(logits.square().mean(), list(variables.values()))
        for logits in (network(s, x, size), plain_segmentation(network, s, x, size))
    )
    for name, a, b in zip(variables, found, wanted):
        if training and name.endswith("branch.0.bias"):
            continue  # the batch norm takes away what it adds: the gradient is 0, but for rounding
        assert_same(a, b, name)
