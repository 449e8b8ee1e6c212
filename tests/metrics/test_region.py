"""J against values counted by hand."""

import numpy as np
import pytest

from vosbook.metrics.region import jaccard

EMPTY, FULL = np.zeros((6, 8), bool), np.ones((6, 8), bool)


def box(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = EMPTY.copy()
    mask[top : top + height, left : left + width] = True
    return mask


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [
        (box(1, 1, 3, 4), box(1, 1, 3, 4), 1.0),
        (box(1, 1, 3, 4), box(1, 3, 3, 4), 6 / 18),  # 3x2 shared, 12 + 12 - 6 in all
        (box(0, 0, 2, 2), box(4, 4, 2, 2), 0.0),
        (box(0, 0, 2, 2), FULL, 4 / 48),
        (FULL, EMPTY, 0.0),
        (EMPTY, FULL, 0.0),
        (EMPTY, EMPTY, 1.0),
    ],
)
def test_value(prediction, truth, expected):
    assert jaccard(prediction, truth) == expected


def test_shapes_that_differ_are_shown():
    with pytest.raises(ValueError, match=r"\(6, 8\).*\(8, 6\)"):
        jaccard(EMPTY, EMPTY.T)
