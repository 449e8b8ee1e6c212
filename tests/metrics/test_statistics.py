"""Scores summed up."""

import numpy as np
import pytest

from vosbook.metrics.statistics import Statistics, statistics


def test_statistics_by_hand():
    one = statistics([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert one.mean == pytest.approx(0.5)
    assert one.recall == pytest.approx(4 / 9)  # .5 itself is not above .5
    assert one.decay == pytest.approx(0.8 - 0.2)  # bins of 3 that share their ends: 0..2 and 6..8
    assert statistics([0.25]) == Statistics(mean=0.25, recall=0.0, decay=0.0)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 48, 69, 102, 255, 256])
def test_decay_takes_the_official_bins(frames):
    """The official code rounds 1-based positions, and keeps them as uint8: enough up to here."""
    values = np.random.default_rng(frames).random(frames)
    ends = (np.round(np.linspace(1, frames, 5) + 1e-10) - 1).astype(np.uint8).astype(int)
    expected = values[ends[0] : ends[1] + 1].mean() - values[ends[3] : ends[4] + 1].mean()
    assert statistics(values).decay == pytest.approx(expected, abs=1e-15)


def test_decay_is_right_beyond_256_frames():
    values = np.repeat([1.0, 0.5, 0.5, 0.0], 100)
    # Bins of 101 frames, 0..100 and 299..399, with one .5 in each. As uint8, 299 and 399 are 43 and 143.
    assert statistics(values).decay == pytest.approx(1 - 2 * 0.5 / 101)


def test_statistics_of_nothing():
    with pytest.raises(ValueError, match="no scores"):
        statistics([])
