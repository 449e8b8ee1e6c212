"""Videos of plain shapes: the same from a seed, labelled as drawn, in motion."""

import numpy as np
import pytest

from vosbook.datasets.plain_shapes import moving_shapes


@pytest.mark.parametrize("seed", range(6))
def test_each_label_is_one_colour_apart_from_the_noise(seed):
    video = moving_shapes(seed)
    assert len(video.objects) in (2, 3)
    for t in (0, len(video.frames) - 1):
        frame, labels = video.frames[t].astype(float), video.labels(t)
        for i in set(np.unique(labels)) - {0}:
            pixels = frame[labels == i]  # (pixels, 3), noise of deviation 8, cut off at 0 and 255
            assert pixels.std(axis=0).max() < 12
    assert len(video.frames) == 12
    assert video.frames.size == (48, 64)


def test_a_seed_is_a_video():
    first, again, other = (moving_shapes(seed, size=(40, 56), frames=3) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first.frames, again.frames))
    assert not np.array_equal(first.frames[0], other.frames[0])


def test_objects_move_and_some_videos_have_twins():
    videos = [moving_shapes(seed) for seed in range(20)]
    moved = [np.mean((v.labels(0) > 0) != (v.labels(11) > 0)) for v in videos]
    assert np.median(moved) > 0.05
    colours = [[v.frames[0][v.labels(0) == i].mean(axis=0) for i in (1, 2)] for v in videos]
    twins = [np.abs(a - b).max() < 5 for a, b in colours]
    assert 4 <= sum(twins) <= 16
