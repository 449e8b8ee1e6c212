"""Masks that become polygons and masks again, pixel by pixel, by pycocotools and by counting crossings."""

import numpy as np
import pytest

from vosbook.exchange.polygons import filled, has_holes, joined, polygons_of

SIZE = (8, 10)


def square(top, left, side):
    mask = np.zeros(SIZE, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def drawn(seed):
    """A mask with specks, thin parts, holes and parts in holes."""
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(2, 40, 2))
    cell = rng.integers(1, 5)
    return np.kron(rng.random((40, 40)) < rng.uniform(0.2, 0.8), np.ones((cell, cell), bool))[: size[0], : size[1]]


def by_crossings(polygon, size):
    """Which centres of pixels lie inside: an odd number of edges is to their left."""
    inside = np.zeros(size, bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0)):
        if x0 == x1:  # the others are level, and no centre is
            inside[min(y0, y1) : max(y0, y1), x0:] ^= True
    return inside


@pytest.mark.parametrize("seed", range(60))
def test_there_and_back(seed):
    mask = drawn(seed)
    polygons = polygons_of(mask)
    if not mask.any():
        assert polygons == []
        return
    assert np.array_equal(filled([p.ravel().tolist() for p in polygons], mask.shape), mask)
    assert np.array_equal(np.logical_or.reduce([by_crossings(p, mask.shape) for p in polygons]), mask)
    one = joined(polygons)
    assert np.array_equal(by_crossings(one, mask.shape), mask)
    assert np.array_equal(filled([one.ravel().tolist()], mask.shape), mask)


def test_corners_are_those_of_pixels():
    (polygon,) = polygons_of(square(1, 2, 3))
    assert {tuple(corner) for corner in polygon.tolist()} == {(2, 1), (5, 1), (5, 4), (2, 4)} and len(polygon) == 4
    (speck,) = polygons_of(square(0, 0, 1))
    assert sorted(speck.tolist()) == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_parts_and_holes():
    ring = square(1, 1, 6) & ~square(3, 3, 2)
    assert has_holes(ring) and not has_holes(square(1, 1, 6)) and not has_holes(np.zeros(SIZE, bool))
    assert len(polygons_of(ring)) == 1 and len(polygons_of(ring | square(3, 8, 1))) == 2


def test_polygons_are_a_union():
    two = [[0, 0, 2, 0, 2, 2, 0, 2], [1, 1, 4, 1, 4, 4, 1, 4]]
    assert np.array_equal(filled(two, SIZE), square(0, 0, 2) | square(1, 1, 3))
    for bad in ([], [[0, 0, 1, 1]], [[0, 0, 1, 1, 2]], [0, 0, 1, 1, 2, 2], [[0, 0, 1, 1, 2, float("nan")]], "m"):
        with pytest.raises(ValueError):
            filled(bad, SIZE)
