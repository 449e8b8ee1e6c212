"""A shrunken sequence shows the same, smaller; its objects are those of the sequence."""

import numpy as np
import pytest

from vosbook.datasets.resize import shrink
from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.datasets.synthetic.make import ArrayFrames, ArrayMasks

NAMES = ("00000", "00001")


def _sequence() -> Sequence:
    """Four quarters of one colour and one label each; 255 is void."""
    quarters = np.array([[10, 20], [30, 255]], np.uint8)
    labels = np.kron(quarters, np.ones((6, 9), np.uint8))  # (12, 18)
    frames = np.stack([np.dstack([labels] * 3), np.dstack([255 - labels] * 3)])
    masks = ArrayMasks(np.stack([labels, labels[::-1]]), NAMES)
    return Sequence("quarters", ArrayFrames(frames, NAMES), masks, (VideoObject(10, NAMES[0]),), ("LR",))


def test_frames_and_labels_are_the_same_picture_smaller():
    small = shrink(_sequence(), height=4)
    expected = np.kron(np.array([[10, 20], [30, 255]], np.uint8), np.ones((2, 3), np.uint8))
    assert small.frames.size == (4, 6)
    assert np.array_equal(small.labels(0), expected)
    assert np.array_equal(small.labels(1), expected[::-1])
    assert np.array_equal(small.frames[0][..., 0], expected)
    assert np.array_equal(small.frames[1][..., 2], 255 - expected)
    assert (small.objects, small.attributes, small.name) == (_sequence().objects, ("LR",), "quarters")


def test_frames_are_averaged_and_labels_never():
    fine = np.indices((12, 18)).sum(0) % 2  # a chessboard of single pixels
    frames, labels = np.repeat(fine[None, ..., None] * 200, 3, axis=3).astype(np.uint8), fine[None].astype(np.uint8) * 7
    sequence = Sequence("fine", ArrayFrames(frames, NAMES[:1]), ArrayMasks(labels, NAMES[:1]))
    small = shrink(sequence, height=6)
    assert (small.frames[0] == 100).all()
    assert set(np.unique(small.labels(0))) <= {0, 7}


def test_a_sequence_is_never_made_larger():
    with pytest.raises(ValueError, match="12 lines"):
        shrink(_sequence(), height=13)
