"""Labels: the objects of a frame in one map, and one mask per object."""

import numpy as np
from pictures import LABELS

from vosbook.video.labels import from_one_hot, to_one_hot


def test_one_hot_and_back():
    masks = to_one_hot(LABELS, [1, 2])
    assert masks.dtype == bool and masks.shape == (2, 3, 4)
    assert masks.sum(axis=(1, 2)).tolist() == [(LABELS == 1).sum(), (LABELS == 2).sum()]
    assert (from_one_hot(masks, [1, 2]) == LABELS).all()
    both = np.ones((2, 1, 1), bool)
    assert from_one_hot(both, [7, 3]).tolist() == [[3]]  # the later one wins
    assert to_one_hot(LABELS, []).shape == (0, 3, 4)
    assert (from_one_hot(to_one_hot(LABELS, []), []) == 0).all()
