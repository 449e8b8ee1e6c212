"""The segmentation network against the same written out plainly, layer after layer, as the paper has it."""

import pytest
import torch
from plain_segmentation import PlainSegmentation
from rounding import rounding
from torch import Tensor, nn

from vosbook.features.backbone import STRIDES
from vosbook.nn.segmentation import (
    ChannelAttention,
    Head,
    ResidualBlock,
    SegmentationNetwork,
    TargetSegmentationEncoder,
)

RESNET18 = {"layer1": 64, "layer2": 128, "layer3": 256}
RESNET50 = {"layer1": 256, "layer2": 512, "layer3": 1024, "layer4": 2048}
CASES = [  # channels of the levels, size of the frame
    (RESNET18, (97, 131)),
    (RESNET18, (120, 214)),
    (RESNET50, (97, 131)),
    ({"layer2": 7, "layer4": 9}, (64, 96)),
    ({"layer3": 124}, (97, 131)),
]
EQUAL = 1e-6  # in double precision; the matrices that resize hold float32 numbers

# ----------------------------------------------------------------------------------------------------------- material


def _network(channels: dict[str, int], width: int = 64) -> SegmentationNetwork:
    """Weights at random, large enough for signals to last; so are the statistics of the batch norms."""
    torch.manual_seed(0)
    network = SegmentationNetwork(channels, width).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                tensor.normal_(std=0.5)
            for tensor in (module.running_var, module.weight.data):
                tensor.uniform_(0.5, 2)
    return network


def _features(channels: dict[str, int], size: tuple[int, int], *, frames: int = 1) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        d: torch.randn(frames, c, *(-(-n // STRIDES[d]) for n in size), generator=generator).relu()
        for d, c in channels.items()
    }


def _scores(x: dict[str, Tensor], objects: int) -> Tensor:
    """As many score maps, on the grid of layer3 where there is one."""
    x_d = x.get("layer3", next(iter(x.values())))
    return torch.randn(objects, 1, *x_d.shape[2:], generator=torch.Generator().manual_seed(2)).to(x_d)


def _exact(channels: dict[str, int], size: tuple[int, int], *, frames: int = 1) -> tuple:
    """A network and features in double precision, in which rounding hides nothing."""
    x = {d: f.double() for d, f in _features(channels, size, frames=frames).items()}
    return _network(channels).double(), x


def _error(a: Tensor, b: Tensor) -> float:
    """The largest difference, in standard deviations of b."""
    return ((a - b).abs().max() / b.std()).item()


# ---------------------------------------------------------------------------------------------- equal to the plain form


@pytest.mark.parametrize(("channels", "size"), CASES)
@torch.no_grad()
def test_equals_the_plain_form(channels, size):
    network, x = _exact(channels, size)
    s = _scores(x, 1)
    logits = network(s, x, size)
    assert logits.shape == (1, 1, *size)
    assert _error(logits, PlainSegmentation(network)(s, x, size)) < EQUAL


@torch.no_grad()
def test_in_single_precision_logits_are_off_by_rounding_alone():
    size = (480, 854)
    network, x = _network(RESNET18), _features(RESNET18, size)
    s = _scores(x, 1)
    logits = network(s, x, size)
    exact = PlainSegmentation(network.double())(s.double(), {d: f.double() for d, f in x.items()}, size)
    assert 1 < exact.std() < 10  # as of a trained network
    path = 27  # sums one after the other: 5 of the deepest encoder, 6 a level, 4 of the head
    assert (logits - exact).abs().max() < rounding(exact.float(), terms=64 * 9, layers=path)


@torch.no_grad()
def test_the_blocks_equal_their_plain_forms():
    network, x = _exact(RESNET18, (97, 131))
    generator = torch.Generator().manual_seed(3)
    z, deep = (torch.randn(1, 64, *grid, generator=generator).double() for grid in ((25, 33), (13, 17)))
    plain, s = PlainSegmentation(network), _scores(x, 1)
    encoder, refinement = network.encoders["layer2"], network.refinements["layer2"]
    assert isinstance(encoder, TargetSegmentationEncoder)
    for mine, theirs in zip(encoder(x["layer2"], s), plain.encoder("encoders.layer2", x["layer2"], s)):
        assert _error(mine, theirs) < EQUAL
    assert isinstance(refinement.before, ResidualBlock)
    assert _error(refinement.before(z), plain.residual_block("refinements.layer2.before", z)) < EQUAL
    assert isinstance(refinement.attend, ChannelAttention)
    assert _error(refinement.attend(z, deep), plain.attention("refinements.layer2.attend", z, deep)) < EQUAL


@pytest.mark.parametrize("size", [(97, 131), (100, 132), (99, 130), (25, 33), (480, 854)])
@torch.no_grad()
def test_the_head_resizes_fewer_maps_with_the_same_result(size):
    network = _network(RESNET18).double()
    z = torch.randn(1, 64, 25, 33, generator=torch.Generator().manual_seed(3)).double()
    assert isinstance(network.head, Head)
    assert _error(network.head(z, size), PlainSegmentation(network).head(z, size)) < EQUAL


# ------------------------------------------------------------------------------------------------------- many objects


@torch.no_grad()
def test_objects_that_share_a_frame_equal_single_calls():
    size = (97, 131)
    network, x = _exact(RESNET18, size)
    s = _scores(x, 5)
    together = network(s, x, size)
    assert together.shape == (5, 1, *size)
    for i in range(5):
        assert _error(together[i : i + 1], network(s[i : i + 1], x, size)) < EQUAL


@torch.no_grad()
def test_each_score_may_have_its_own_frame():
    size = (97, 131)
    network, x = _exact(RESNET18, size, frames=3)
    s = _scores(x, 3)
    together = network(s, x, size)
    for i in range(3):
        alone = network(s[i : i + 1], {d: f[i : i + 1] for d, f in x.items()}, size)
        assert _error(together[i : i + 1], alone) < EQUAL


def test_the_callers_tensors_stay():
    size = (64, 64)
    network, x = _network(RESNET18), _features(RESNET18, size)
    s = _scores(x, 2)
    before = [t.clone() for t in (s, *x.values())]
    network(s, x, size).sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(before, (s, *x.values())))


# ----------------------------------------------------------------------------------------------------------- training


def test_a_gradient_reaches_every_parameter():
    size = (97, 131)
    network = _network({"layer1": 6, "layer2": 7, "layer3": 8}).train()
    x = _features({"layer1": 6, "layer2": 7, "layer3": 8}, size, frames=2)
    network(_scores(x, 2), x, size).square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("training", [False, True])
def test_the_gradient_is_that_of_finite_differences(training):
    channels, size = {"layer1": 2, "layer3": 3}, (9, 13)
    network, x = _network(channels, width=4).double(), _features(channels, size, frames=2)
    x = {d: f.double() for d, f in x.items()}
    s = _scores(x, 2).double().requires_grad_()
    parameters = tuple(network.train(training).parameters())

    def function(s, *_):  # gradcheck changes in place the very parameters that the network reads
        return network(s, x, size)

    assert torch.autograd.gradcheck(function, (s, *parameters), fast_mode=True, atol=1e-6)


def test_gradients_in_training_equal_the_plain_forms():
    """With the statistics of the batch, which the plain form takes from the batch norms' inputs."""
    size = (33, 47)
    network, x = _network(RESNET18).train(), _features(RESNET18, size, frames=2)
    s = _scores(x, 2)

    class PlainInTraining(PlainSegmentation):
        def __init__(self):
            self.state = dict(network.named_parameters())

        def batch_norm(self, name, x):
            var, mean = torch.var_mean(x, dim=(0, 2, 3), keepdim=True, unbiased=False)
            weight, bias = (self.state[f"{name}.{key}"][:, None, None] for key in ("weight", "bias"))
            return (x - mean) / (var + 1e-5).sqrt() * weight + bias

    found = []
    for forward in (network, PlainInTraining()):
        network.zero_grad()
        forward(s, x, size).square().mean().backward()
        found.append({name: p.grad.clone() for name, p in network.named_parameters()})
    mine, plain = found
    largest = max(g.abs().max().item() for g in plain.values())
    for name in plain:
        assert torch.allclose(mine[name], plain[name], rtol=1e-3, atol=1e-5 * largest), name


@torch.no_grad()
def test_a_copy_of_the_state_answers_the_same():
    size = (64, 96)
    network, x = _network(RESNET18), _features(RESNET18, size)
    copy = SegmentationNetwork(RESNET18).eval()
    s = _scores(x, 2)
    copy(s, x, size)  # nothing of the old weights may be remembered
    copy.load_state_dict(network.state_dict())
    assert torch.equal(copy(s, x, size), network(s, x, size))


def test_the_names_of_the_weights():
    """Checkpoints are read by these."""
    names = set(SegmentationNetwork({"layer3": 5}).state_dict())
    both = lambda name: {f"{name}.weight", f"{name}.bias"}  # noqa: E731
    block = both("enter") | both("branch.0") | both("branch.1") | {"branch.3.weight"}
    block |= {f"branch.1.{key}" for key in ("running_mean", "running_var", "num_batches_tracked")}
    expected = both("head.narrow") | both("head.score")
    expected |= {f"encoders.layer3.{n}" for i in (0, 2) for n in both(f"project.{i}")}
    expected |= {f"encoders.layer3.{n}" for i in (0, 2, 4) for n in both(f"encode.{i}")}
    expected |= {f"refinements.layer3.{b}.{n}" for b in ("before", "after") for n in block}
    expected |= {f"refinements.layer3.attend.{n}" for i in (0, 2) for n in both(f"gate.{i}")}
    assert names == expected


# -------------------------------------------------------------------------------------------------------- wrong input


def test_wrong_input_is_refused():
    size = (64, 64)
    network, x = _network(RESNET18), _features(RESNET18, size)
    s = _scores(x, 2)
    with pytest.raises(ValueError, match=r"at least one level of layer1, .*, got \{'layer5': 64\}"):
        SegmentationNetwork({"layer5": 64})
    with pytest.raises(ValueError, match=r"at least one level .*, got \{\}"):
        SegmentationNetwork({})
    with pytest.raises(ValueError, match=r"hold layer2 too, got layer1, layer3"):
        network(s, {d: x[d] for d in ("layer1", "layer3")}, size)
    with pytest.raises(ValueError, match=r"layer2 must be \(1 or 2, 128, h, w\), got \(1, 64, 8, 8\)"):
        network(s, x | {"layer2": x["layer2"][:, :64]}, size)
    with pytest.raises(ValueError, match=r"layer1 must be \(1 or 2, 64, h, w\), got \(3, 64, 16, 16\)"):
        network(s, {d: f.expand(3, -1, -1, -1) for d, f in x.items()}, size)
    with pytest.raises(ValueError, match=r"\(N, 1, h, w\), got \(2, 4, 4\)"):
        network(s[:, 0], x, size)
