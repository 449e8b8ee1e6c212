"""The segmentation network: many objects at once, gradients, and input that is none."""

import pytest
import torch
from random_segmentation import RESNET18, random_features, random_network, random_scores
from torch import Tensor

from vosbook.nn.segmentation import SegmentationNetwork

EQUAL = 1e-6  # in double precision; the matrices that resize hold float32 numbers

# ----------------------------------------------------------------------------------------------------------- material


def _exact(channels: dict[str, int], size: tuple[int, int], *, frames: int = 1) -> tuple:
    """A network and features in double precision, in which rounding hides nothing."""
    x = {d: f.double() for d, f in random_features(channels, size, frames=frames).items()}
    return random_network(channels).double(), x


def _error(a: Tensor, b: Tensor) -> float:
    """The largest difference, in standard deviations of b."""
    return ((a - b).abs().max() / b.std()).item()


# ------------------------------------------------------------------------------------------------------- many objects


@torch.no_grad()
def test_objects_that_share_a_frame_equal_single_calls():
    size = (97, 131)
    network, x = _exact(RESNET18, size)
    s = random_scores(x, 5)
    together = network(s, x, size)
    assert together.shape == (5, 1, *size)
    for i in range(5):
        assert _error(together[i : i + 1], network(s[i : i + 1], x, size)) < EQUAL


@torch.no_grad()
def test_each_score_may_have_its_own_frame():
    size = (97, 131)
    network, x = _exact(RESNET18, size, frames=3)
    s = random_scores(x, 3)
    together = network(s, x, size)
    for i in range(3):
        alone = network(s[i : i + 1], {d: f[i : i + 1] for d, f in x.items()}, size)
        assert _error(together[i : i + 1], alone) < EQUAL


def test_the_callers_tensors_stay():
    size = (64, 64)
    network, x = random_network(RESNET18), random_features(RESNET18, size)
    s = random_scores(x, 2)
    before = [t.clone() for t in (s, *x.values())]
    network(s, x, size).sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(before, (s, *x.values())))


# ----------------------------------------------------------------------------------------------------------- training


def test_a_gradient_reaches_every_parameter():
    size = (97, 131)
    network = random_network({"layer1": 6, "layer2": 7, "layer3": 8}).train()
    x = random_features({"layer1": 6, "layer2": 7, "layer3": 8}, size, frames=2)
    network(random_scores(x, 2), x, size).square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("training", [False, True])
def test_the_gradient_is_that_of_finite_differences(training):
    channels, size = {"layer1": 2, "layer3": 3}, (9, 13)
    network, x = random_network(channels, width=4).double(), random_features(channels, size, frames=2)
    x = {d: f.double() for d, f in x.items()}
    s = random_scores(x, 2).double().requires_grad_()
    parameters = tuple(network.train(training).parameters())

    def function(s, *_):  # gradcheck changes in place the very parameters that the network reads
        return network(s, x, size)

    assert torch.autograd.gradcheck(function, (s, *parameters), fast_mode=True, atol=1e-6)


@torch.no_grad()
def test_a_copy_of_the_state_answers_the_same():
    size = (64, 96)
    network, x = random_network(RESNET18), random_features(RESNET18, size)
    copy = SegmentationNetwork(RESNET18).eval()
    s = random_scores(x, 2)
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
    network, x = random_network(RESNET18), random_features(RESNET18, size)
    s = random_scores(x, 2)
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
