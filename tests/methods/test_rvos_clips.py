"""RVOS's clips as they run against the paper's two loops, over variants, sizes, dtypes and seeds, and gradients."""

import pytest
import torch
from rounding import rounding
from tiny_rvos import tiny_network
from torch import Tensor

from vosbook.features.backbone import LEVELS
from vosbook.methods.rvos import RvosNetwork
from vosbook.nn.plain_hierarchical_decoder import plain_clip

B, T, N = 2, 4, 3
SIZES = [(40, 52), (33, 64)]  # no multiples of 16: sizes round up
VARIANTS = {
    "S": {"space": True, "time": False},
    "T": {"space": False, "time": True},
    "T as released": {"space": False, "time": True, "space_in_first_frame": True},
    "ST": {"space": True, "time": True},
    "neither": {"space": False, "time": False},
}
MASKS = {"ground truth": T, "inferred": 1, "none": 0}
every_variant = pytest.mark.parametrize("variant", VARIANTS)
every_mask = pytest.mark.parametrize("masks", MASKS)


def material(
    variant: str, masks: str, dtype: torch.dtype, *, size: tuple[int, int] = SIZES[0], seed: int = 0, **options: object
) -> tuple[RvosNetwork, Tensor, Tensor | None]:
    """A network, frames `(B, T, 3, H, W)`, and as many masks `(B, ., N, H, W)` as it is given."""
    network = tiny_network(**VARIANTS[variant], mask=masks != "none", slots=N, seed=seed, **options).to(dtype)
    generator = torch.Generator().manual_seed(seed + 1)
    frames = torch.rand(B, T, 3, *size, generator=generator).to(dtype)
    true = torch.rand(B, T, N, *size, generator=generator).to(dtype)
    return network, frames, true[:, : MASKS[masks]] if MASKS[masks] else None


def two_loops(network: RvosNetwork, frames: Tensor, masks: Tensor | None) -> Tensor:
    def space_in(t):
        return network.config.space or t == 0  # and where the cells do not have that input, nowhere

    return plain_clip(network.encoder, network.decoder, frames, masks, objects=N, space_in=space_in)


def assert_same(network: RvosNetwork, found: Tensor, wanted: Tensor) -> None:
    """Sums over the inputs of the widest gates, one after the other along the longest way through the clip."""
    terms = max(cell.gates.weight[0].numel() for cell in network.decoder.cells.values())
    layers = 4 * len(network.decoder.levels) * (found.shape[1] + found.shape[2] - 1)
    assert found.dtype == wanted.dtype and wanted.std() > 0.1
    assert (found - wanted).abs().max() < rounding(wanted.detach(), terms=terms, layers=layers)


@every_variant
@every_mask
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("size", SIZES)
@torch.no_grad()
def test_clips_are_the_two_loops(variant, masks, dtype, seed, size):
    network, frames, true = material(variant, masks, dtype, seed=seed, size=size)
    wanted = two_loops(network, frames, true)
    assert_same(network, network(frames, true), wanted)
    assert_same(network, network(frames, true, one_by_one=True), wanted)


@every_variant
@every_mask
@pytest.mark.parametrize("one_by_one", [False, True])
def test_gradients_are_those_of_the_two_loops(variant, masks, one_by_one):
    """In double precision: a maximum over a square is another pixel where rounding says so, and the gradient moves."""
    network, frames, true = material(variant, masks, torch.float64)
    factors = torch.randn(B, T, N, *SIZES[0], generator=torch.Generator().manual_seed(2)).double()
    parameters = dict(network.named_parameters())
    found, wanted = (
        torch.autograd.grad((z * factors).mean(), list(parameters.values()))
        for z in (network(frames, true, one_by_one=one_by_one), two_loops(network, frames, true))
    )
    for name, a, b in zip(parameters, found, wanted):
        assert b.abs().max() > 0, name
        assert (a - b).abs().max() < rounding(b, terms=factors.numel(), layers=200), name


def test_in_training_batch_norms_see_all_frames_whatever_the_order():
    network, frames, true = material("ST", "ground truth", torch.float64)
    network.train()
    wanted = two_loops(network, frames, true)
    assert_same(network, network(frames, true), wanted)
    assert_same(network, network(frames, true, one_by_one=True), wanted)


@pytest.mark.parametrize("levels", [("layer3",), ("layer2", "layer3"), LEVELS])
@torch.no_grad()
def test_any_levels_will_do(levels):
    channels = {d: 4 + n for n, d in enumerate(levels)}
    network, frames, true = material("ST", "inferred", torch.float64, channels=channels)
    assert_same(network, network(frames, true), two_loops(network, frames, true))
    assert network.decoder.hidden == tuple(16 // 2**k for k in range(len(levels)))
