"""Frames with contours: what a batch holds, where nothing is known, and the loss over the rest."""

import numpy as np
import pytest
import torch

from vosbook.contours.labels import contour_labels
from vosbook.datasets.plain_shapes import moving_shapes
from vosbook.errors import InputError
from vosbook.nn.side_outputs import SideOutputs, balanced_bce
from vosbook.training.contours import ContourBatch, ContourSampler, ObjectMasks, contour_loss
from vosbook.training.stills import StillConfig
from vosbook.training.views import ViewConfig

SIZE = (48, 64)  # of the shapes' frames
AS_IT_IS = StillConfig(size=SIZE, views=ViewConfig(min_pixels=100))


def shapes(band: int | None = 6) -> ObjectMasks:
    return ObjectMasks(moving_shapes(0, frames=3), band)


class Scene:
    """One image, all of it annotated but its left column."""

    band = None

    def __len__(self):
        return 1

    def __getitem__(self, n):
        areas = np.full(SIZE, 300, np.uint16)
        areas[:, 32:], areas[:, 0] = 459, 0
        return np.zeros((*SIZE, 3), np.uint8), areas


def test_a_batch_is_frames_and_the_contours_of_their_labels():
    source = shapes()
    batch = ContourSampler([source], AS_IT_IS).batch(0, range(4))
    assert batch.images.shape == (4, 3, *SIZE) and batch.y.shape == batch.known.shape == (4, 1, *SIZE)
    frames = [source[n][0] for n in range(3)]
    for image, y, known in zip(batch.images, batch.y[:, 0], batch.known[:, 0]):
        t = next(
            t for t in range(3) if np.array_equal(frames[t], (image * 255).permute(1, 2, 0).round().byte().numpy())
        )
        expected, there = contour_labels(source[t][1], band=6)
        assert expected.any() and not there.all()
        assert np.array_equal(y.bool().numpy(), expected) and np.array_equal(known.numpy(), there)


def test_a_share_is_a_part_of_the_batch():
    sampler = ContourSampler([shapes(), Scene()], StillConfig(size=(32, 40)))
    whole, part = sampler.batch(3, range(4)), sampler.batch(3, range(2, 4))
    for name in ("images", "y", "known"):
        assert torch.equal(getattr(whole, name)[2:], getattr(part, name)), name
    assert not torch.equal(whole.images, sampler.batch(4, range(4)).images)


def test_beyond_the_frame_nothing_is_known():
    """Shrunk to a half: the frame is surrounded by what nobody has annotated, and its border is no contour."""
    half = ViewConfig(zoom=(0.5, 0.5), min_pixels=100)
    batch = ContourSampler([Scene()], StillConfig(size=SIZE, views=half)).batch(0, range(1))
    known, y = batch.known[0, 0], batch.y[0, 0]
    assert not known[:11].any() and not known[37:].any() and not known[:, :15].any() and not known[:, 49:].any()
    assert known[14:34, 20:45].all()
    assert y[14:34].sum(1).tolist() == [2.0] * 20  # the one contour, two pixels wide


def test_void_is_not_known():
    source = shapes(band=None)
    source.sequence.masks.labels[:, :10] = 255
    batch = ContourSampler([source], AS_IT_IS).batch(0, range(1))
    assert not batch.known[0, 0, :11].any() and batch.known[0, 0, 12:].all()


def test_the_loss_is_over_known_pixels_alone():
    torch.manual_seed(0)
    fused, side, y = torch.randn(2, 1, 8, 9), torch.randn(2, 1, 8, 9), (torch.rand(2, 1, 8, 9) < 0.2).float()
    known = torch.ones(2, 1, 8, 9, dtype=torch.bool)
    known[:, :, :, 5:] = False
    batch = ContourBatch(torch.zeros(2, 3, 8, 9), y, known)
    expected = balanced_bce(fused[..., :5], y[..., :5], normalised=True)
    expected += 0.25 * balanced_bce(side[..., :5], y[..., :5], normalised=True)
    torch.testing.assert_close(contour_loss(SideOutputs(fused, (side,)), batch, side_weight=0.25), expected)
    other = ContourBatch(batch.images, torch.where(known, y, 1 - y), known)
    torch.testing.assert_close(contour_loss(SideOutputs(fused, (side,)), other, side_weight=0.25), expected)


def test_where_nothing_is_known_nothing_is_learned():
    fused = torch.randn(1, 1, 4, 4, requires_grad=True)
    batch = ContourBatch(torch.zeros(1, 3, 4, 4), torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4, dtype=torch.bool))
    loss = contour_loss(SideOutputs(fused, ()), batch, side_weight=0.0)
    loss.backward()
    assert loss == 0 and not fused.grad.any()


def test_no_frame_at_all():
    with pytest.raises(InputError, match="no annotated frame"):
        ContourSampler([])
