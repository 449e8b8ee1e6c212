"""Contours of labels: where they lie, and where nobody knows."""

import numpy as np

from vosbook.contours.labels import contour_labels

LABELS = np.array(
    [
        [1, 1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 2, 0, 0, 0, 0],
        [1, 2, 0, 0, 0, 0],
    ],
    np.uint8,
)


def test_both_pixels_beside_a_change_of_label():
    y, known = contour_labels(LABELS)
    expected = [[0, 1, 1, 0, 0, 0], [0, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]]
    assert y.astype(int).tolist() == expected
    assert known.all()


def test_far_from_annotated_objects_nothing_is_known():
    y, known = contour_labels(LABELS, band=2)
    assert known.astype(int).tolist() == [[1, 1, 1, 1, 0, 0]] * 4
    assert (y == contour_labels(LABELS)[0]).all()
    assert not contour_labels(np.zeros((5, 6), np.uint8), band=9)[1].any()


def test_void_and_its_neighbours_are_not_known():
    labels = LABELS.copy()
    labels[0, 2:4] = 255
    y, known = contour_labels(labels)
    assert known.astype(int).tolist() == [
        [1, 0, 0, 0, 0, 1],
        [1, 0, 0, 0, 0, 1],
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ]
    assert y[:2].sum() == 0 and (y[2:] == contour_labels(LABELS)[0][2:]).all()


def test_many_labels():
    """PASCAL-Context has 459."""
    wide = LABELS.astype(np.uint16) + 400
    assert (contour_labels(wide)[0] == contour_labels(LABELS)[0]).all()
