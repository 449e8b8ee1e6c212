"""Contours of areas: where they lie, and where nobody knows."""

import numpy as np

from vosbook.contours.labels import contour_labels

AREAS = np.array(
    [
        [2, 2, 1, 1, 1, 1],
        [2, 2, 1, 1, 1, 1],
        [2, 3, 1, 1, 1, 1],
        [2, 3, 1, 1, 1, 1],
    ],
    np.uint16,
)


def test_both_pixels_beside_a_change_of_area():
    y, known = contour_labels(AREAS)
    expected = [[0, 1, 1, 0, 0, 0], [0, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]]
    assert y.astype(int).tolist() == expected
    assert known.all()
    assert (contour_labels(AREAS + np.uint16(400))[0] == y).all()  # PASCAL-Context has 459 areas


def test_far_from_annotated_objects_nothing_is_known():
    y, known = contour_labels(AREAS, band=2)
    assert known.astype(int).tolist() == [[1, 1, 1, 1, 0, 0]] * 4
    assert (y == contour_labels(AREAS)[0]).all()
    assert not contour_labels(np.ones((5, 6), np.uint16), band=9)[1].any()


def test_nor_beside_what_is_not_annotated():
    areas = AREAS.copy()
    areas[0, 2:4] = 0
    for band in (None, 4):
        y, known = contour_labels(areas, band=band)
        assert known.astype(int).tolist() == [[1, 0, 0, 0, 0, 1]] * 2 + [[1] * 6] * 2
        assert y[:2].sum() == 0 and (y[2:] == contour_labels(AREAS)[0][2:]).all()
