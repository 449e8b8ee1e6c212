"""The tracker on objects that break trackers: away for long, tiny, as large as the frame, twenty at once."""

from dataclasses import replace

import numpy as np
import pytest

from vosbook.features import load_backbone
from vosbook.features.filter_bank import FilterBank
from vosbook.methods.frtm import FAST, FrtmSegmenter
from vosbook.metrics.region import jaccard

SIZE, RED = (96, 128), (200, 40, 30)
MEMORIES = {name: replace(FAST, target_model=replace(FAST.target_model, memory=name)) for name in ("samples", "gram")}
with_both_memories = pytest.mark.parametrize("config", MEMORIES.values(), ids=MEMORIES)


@pytest.fixture(scope="module")
def backbone() -> FilterBank:
    return load_backbone("filters", levels=["layer3"])


def background(size: tuple[int, int] = SIZE) -> np.ndarray:
    """A gray-green texture `uint8 (H, W, 3)`, in patches of 8 pixels."""
    noise = np.random.default_rng(0).normal(size=(size[0] // 8, size[1] // 8, 3))
    return np.clip(110 + 25 * np.kron(noise, np.ones((8, 8, 1))) + np.array([0, 20, 0]), 0, 255).astype(np.uint8)


def square(y: int, x: int, side: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """A frame with a red square, object 1, and its labels."""
    frame, labels = background(), np.zeros(SIZE, np.uint8)
    frame[y : y + side, x : x + side], labels[y : y + side, x : x + side] = RED, 1
    return frame, labels


@with_both_memories
def test_an_object_that_is_away_for_thirty_frames_is_found_where_it_returns(backbone, config):
    segmenter = FrtmSegmenter(backbone, config)
    segmenter.start(*square(20, 10))
    for t in range(1, 11):
        segmenter.step(square(20 + t, 10 + 2 * t)[0])
    model = segmenter.targets[1].model
    w2 = model.w[1]
    for _ in range(30):
        assert not segmenter.step(background()).any()
    assert model.w[1] is w2  # nothing was learned from frames without the object
    for t in range(10):
        frame, truth = square(50, 90 - 4 * t)
        assert jaccard(segmenter.step(frame) == 1, truth == 1) > 0.7


@with_both_memories
def test_an_object_of_nine_pixels_does_no_harm_to_its_neighbour(backbone, config):
    """It counts for no more than nine pixels of background do, and is not expected to be found."""
    frame, labels = square(20, 10)
    frame[70:73, 100:103], labels[70:73, 100:103] = (40, 60, 210), 2
    segmenter = FrtmSegmenter(backbone, config)
    segmenter.start(frame, labels)
    for t in range(1, 20):
        frame, truth = square(20, 10 + 2 * t)
        frame[70:73, 100:103] = (40, 60, 210)
        answer = segmenter.step(frame)
        assert jaccard(answer == 1, truth == 1) > 0.7 and (answer == 2).mean() < 0.05
        assert np.isfinite(segmenter.scores[2]).all()


@with_both_memories
def test_a_single_pixel_can_be_given(backbone, config):
    frame, labels = square(20, 10, side=1)
    segmenter = FrtmSegmenter(backbone, config)
    segmenter.start(frame, labels)
    for _ in range(10):
        assert not segmenter.step(frame).any()


@with_both_memories
def test_an_object_that_covers_the_frame_stays_everywhere(backbone, config):
    segmenter = FrtmSegmenter(backbone, config)
    segmenter.start(background(), np.full(SIZE, 4, np.uint8))
    for t in range(1, 20):
        answer = segmenter.step(np.roll(background(), 4 * t, axis=1))
        assert (answer == 4).mean() > 0.95


@with_both_memories
def test_an_object_that_comes_to_cover_the_frame_is_followed(backbone, config):
    """It grows until nothing else is in view, and shrinks again."""
    segmenter = FrtmSegmenter(backbone, config)
    segmenter.start(*square(30, 30))
    for side in (48, 64, 96, 128, 128, 128, 96, 64, 48):
        frame, truth = square(max(0, 46 - side // 2), max(0, 46 - side // 2), side)
        assert jaccard(segmenter.step(frame) == 1, truth == 1) > 0.8


def twenty(shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Twenty squares of as many colours, ids 10, 20, ... 200, on a gray texture, all moved by `shift` pixels."""
    colours = [(r, g, b) for r in (40, 130, 220) for g in (40, 130, 220) for b in (10, 90, 170, 250)]
    colours = [c for c in colours if max(c) - min(c) > 70][:20]
    frame, labels = background((256, 320)), np.zeros((256, 320), np.uint8)
    for i, colour in enumerate(colours):
        y, x = 16 + 60 * (i // 5), 8 + 60 * (i % 5) + shift
        frame[y : y + 40, x : x + 40], labels[y : y + 40, x : x + 40] = colour, 10 * (i + 1)
    return frame, labels


def test_twenty_objects_at_once_are_all_followed(backbone):
    segmenter = FrtmSegmenter(backbone)
    segmenter.start(*twenty(0))
    for t in range(1, 11):  # updated after the eighth
        frame, truth = twenty(2 * t)
        answer = segmenter.step(frame)
        assert min(jaccard(answer == i, truth == i) for i in range(10, 201, 10)) > 0.65  # .736 to .747 by the kernels
    assert list(segmenter.targets) == list(range(10, 201, 10))
