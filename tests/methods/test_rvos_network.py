"""RVOS's network against the same written out plainly, all variants, both schedules, forward and backward."""

import pytest
import torch
import torchvision
from tiny_rvos import CHANNELS, TINY, tiny_network
from torch import Tensor, nn

from vosbook.features.backbone import LEVELS
from vosbook.methods.rvos import RvosConfig, RvosNetwork, without_masks
from vosbook.nn.hierarchical_decoder import HierarchicalDecoder

B, T, N, SIZE = 2, 4, 3, (40, 52)  # 52 is no multiple of 16: sizes round up
VARIANTS = {
    "S": {"space": True, "time": False},
    "T": {"space": False, "time": True},
    "T as released": {"space": False, "time": True, "space_in_first_frame": True},
    "ST": {"space": True, "time": True},
}
every_variant = pytest.mark.parametrize("variant", VARIANTS)
MASKS = {"ground truth": T, "inferred": 1, "none": 0}
every_mask = pytest.mark.parametrize("masks", MASKS)


def clip(masks: str) -> tuple[Tensor, Tensor | None]:
    generator = torch.Generator().manual_seed(1)
    frames = torch.rand(B, T, 3, *SIZE, generator=generator)
    true = torch.rand(B, T, N, *SIZE, generator=generator)
    return frames, true[:, : MASKS[masks]] if MASKS[masks] else None


def new_network(variant: str, masks: str, **changes: object) -> RvosNetwork:
    return tiny_network(**VARIANTS[variant], mask=masks != "none", slots=N, **changes)


# -------------------------------------------------------------------------------------------- who depends on whom


@torch.no_grad()
def reach(network: RvosNetwork, frames: Tensor, masks: Tensor | None, changed: dict) -> set[tuple[int, int]]:
    """Which cells (t, i) answer differently when frame t or mask (t, i) is changed."""
    other_frames, other = frames.clone(), None if masks is None else masks.clone()
    if "frame" in changed:
        other_frames[:, changed["frame"]] += 0.5
    if "mask" in changed:
        t, i = changed["mask"]
        other[:, t, i] = 1 - other[:, t, i]
    difference = (network(frames, masks) - network(other_frames, other)).abs().amax((0, 3, 4))  # (T, N)
    return {(t, i) for t, i in (difference > 1e-6).nonzero().tolist()}


@pytest.mark.parametrize(
    ("variant", "cells"),
    [
        ("S", {(2, 1), (2, 2)}),
        ("T", {(2, 1), (3, 1)}),
        ("ST", {(2, 1), (2, 2), (3, 1), (3, 2)}),
    ],
)
def test_a_mask_reaches_the_next_frame_and_from_there_along_the_recurrences(variant, cells):
    network, (frames, true) = new_network(variant, "ground truth"), clip("ground truth")
    assert reach(network, frames, true, {"mask": (1, 1)}) == cells


def test_the_released_t_hands_on_over_objects_in_the_first_frame_alone():
    network, (frames, true) = new_network("T as released", "ground truth"), clip("ground truth")
    # frame 0 is given its own masks; what object 1 says there goes to object 2, and from each on over time
    assert reach(network, frames, true, {"mask": (0, 1)}) == {(t, i) for t in range(T) for i in (1, 2)}
    assert reach(network, frames, true, {"mask": (1, 1)}) == {(2, 1), (3, 1)}
    slots = new_network("T as released", "none")(frames)[0]
    assert min((slots[t, 0] - slots[t, 2]).abs().max() for t in range(T)) > 1e-3, "its slots are told apart"


@pytest.mark.parametrize(("variant", "last"), [("S", 1), ("T", 3), ("ST", 3)])
def test_a_frame_reaches_later_ones_through_time_alone(variant, last):
    network, (frames, _) = new_network(variant, "none"), clip("none")
    wanted = {(t, i) for t in range(1, last + 1) for i in range(N)}
    assert reach(network, frames, None, {"frame": 1}) == wanted


def test_without_space_and_masks_all_slots_say_the_same():
    network, (frames, _) = new_network("T", "none"), clip("none")
    logits = network(frames)
    torch.testing.assert_close(logits, logits[:, :, :1].expand_as(logits))


# ------------------------------------------------------------------------------------------------------------ sizes


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_with_resnet101_are_those_of_the_authors_code():
    """48.5 M in the encoder with the projections, 2.9 M in the decoder, as counted there."""
    with torch.device("meta"):
        resnet = torchvision.models.resnet101()
        decoder = HierarchicalDecoder({d: 256 * 2**n for n, d in enumerate(LEVELS)})
    assert decoder.hidden == (128, 64, 32, 16)
    assert [decoder.project[d][0].out_channels for d in decoder.levels] == [128, 128, 64, 32]
    projections = count(decoder.project)
    assert projections == 3_907_584 + 352 + 704  # weights, biases, batch norms
    assert round((count(resnet) + projections) / 1e6, 1) == 48.5  # ResNet-101's classifier counted, though unused
    gates = [(129 + 2 * 128, 128), (257 + 2 * 64, 64), (129 + 2 * 32, 32), (65 + 2 * 16, 16)]
    wanted = sum(9 * inputs * 4 * hidden + 4 * hidden for inputs, hidden in gates) + 16 * 9 + 1
    assert count(decoder) - projections == wanted
    assert round(wanted / 1e6, 1) == 2.9


def test_the_settings_are_the_papers():
    assert RvosConfig() == RvosConfig(hidden=128, space=True, time=True, mask=True, slots=10, size=(256, 448))


def test_a_zero_shot_network_that_begins_with_a_one_shot_ones_weights_answers_as_it_does_where_masks_are_empty():
    one_shot, zero_shot = tiny_network(), tiny_network(mask=False, slots=2, seed=1)
    zero_shot.load_state_dict(without_masks(one_shot))
    frames = torch.rand(1, 3, 3, 40, 52)
    torch.testing.assert_close(zero_shot(frames), one_shot(frames, torch.zeros(1, 3, 2, 40, 52)))


# -------------------------------------------------------------------------------------------------------- bad input


def test_masks_that_do_not_fit_are_refused():
    frames, true = clip("ground truth")
    with pytest.raises(ValueError, match="takes previous masks"):
        tiny_network()(frames)
    with pytest.raises(ValueError, match="takes no masks"):
        tiny_network(mask=False)(frames, true)
    with pytest.raises(ValueError, match=r"\(2, 4 or 1, N, 40, 52\), got \(2, 3, 3, 40, 52\)"):
        tiny_network()(frames, true[:, :3])
    with pytest.raises(ValueError, match="N, 40, 52"):
        tiny_network()(frames, true[:, :, 0])
    with pytest.raises(ValueError, match=r"frames must be \(B, T, 3, H, W\)"):
        tiny_network()(frames[0], true)


def test_a_decoder_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="at least one level"):
        HierarchicalDecoder({"layer9": 4})
    with pytest.raises(ValueError, match="halved 2 times, got 10"):
        HierarchicalDecoder(CHANNELS, 10)
    with pytest.raises(ValueError, match="must hold layer3, layer2 too, got layer1"):
        HierarchicalDecoder(CHANNELS, TINY.hidden).share({"layer1": torch.zeros(1, 5, 8, 8)})
