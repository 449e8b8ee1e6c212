"""F against values counted by hand, and against a plain form that looks at every pair of boundary pixels."""

import numpy as np
import pytest

from vosbook.metrics.boundary import _as_number, _grown, boundary_f, boundary_map, joint_crop, match_radius

SIZE = (60, 80)


def box(top: int, left: int, height: int, width: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def plain_boundary(mask: np.ndarray) -> set[tuple[int, int]]:
    """Pixel by pixel; a neighbour outside the image is passed over."""
    height, width = mask.shape
    found = set()
    for y in range(height):
        for x in range(width):
            others = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            if any(mask[b, a] != mask[y, x] for b, a in others if b < height and a < width):
                found.add((y, x))
    return found


def plain_f(prediction: np.ndarray, truth: np.ndarray, bound: float = 0.008) -> float:
    """From the distance between every two boundary pixels."""
    radius = np.ceil(bound * np.linalg.norm(truth.shape))
    one, other = (np.array(sorted(plain_boundary(m))).reshape(-1, 2) for m in (prediction, truth))
    if not len(one) or not len(other):
        return float(len(one) == len(other))
    near = np.linalg.norm(one[:, None] - other[None], axis=-1) <= radius
    precision, recall = near.any(axis=1).mean(), near.any(axis=0).mean()
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def blobs(seed: int) -> np.ndarray:
    """A few boxes, some of them over the border of the image, some within others."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(SIZE, bool)
    for _ in range(rng.integers(0, 5)):
        top, left = rng.integers(-15, 55), rng.integers(-15, 75)
        height, width = rng.integers(1, 40, size=2)
        mask[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] ^= True
    return mask


def test_boundary_of_a_box_lies_towards_the_origin():
    expected = np.zeros((6, 7), bool)
    expected[1:5, 1] = expected[1:5, 4] = expected[1, 1:5] = expected[4, 1:5] = True
    assert (boundary_map(box(2, 2, 3, 3, (6, 7))) == expected).all()


def test_image_border_is_no_boundary():
    assert not boundary_map(np.ones((5, 6), bool)).any()
    touching = boundary_map(box(0, 0, 5, 3, (5, 6)))  # the left half: one column of boundary
    assert touching[:, 2].all() and touching.sum() == 5


@pytest.mark.parametrize("seed", range(12))
def test_boundary_as_the_plain_form(seed):
    mask = blobs(seed)
    assert set(map(tuple, np.argwhere(boundary_map(mask)).tolist())) == plain_boundary(mask)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("bound", [0.008, 0.05])
def test_f_as_the_plain_form(seed, bound):
    prediction, truth = blobs(2 * seed), blobs(2 * seed + 1)
    assert boundary_f(prediction, truth, bound=bound) == plain_f(prediction, truth, bound)


def test_value_by_hand():
    """Two upright edges each: the left ones lie 2 pixels apart and match, the right ones lie 4 apart and do not."""
    size = (100, 200)  # diagonal 223.6, radius 2
    truth, prediction = box(0, 50, 100, 100, size), box(0, 52, 100, 102, size)
    assert match_radius(size) == 2
    assert boundary_f(prediction, truth) == 0.5


def test_empty_and_full():
    empty, full, some = box(0, 0, 0, 0), box(0, 0, *SIZE), box(10, 10, 20, 20)
    assert boundary_f(empty, empty) == 1
    assert boundary_f(some, empty) == boundary_f(empty, some) == 0
    assert boundary_f(full, empty) == 1  # neither has a boundary
    assert boundary_f(some, full) == 0


def test_disk_of_the_benchmark():
    pixel = box(30, 40, 1, 1)
    radius, row = match_radius((480, 854)), 90
    assert radius == 8
    grown = _grown(_as_number(pixel, row), radius, row)
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    assert grown == _as_number((y - 30) ** 2 + (x - 40) ** 2 <= 64, row)
    assert grown.bit_count() == 197


def test_crop_has_one_pixel_around_or_the_border():
    one, other = box(10, 20, 5, 6), box(12, 30, 10, 50)
    assert joint_crop(one, other) == (slice(9, 23), slice(19, 81))


def test_callers_masks_are_not_changed():
    prediction, truth = blobs(3), blobs(4)
    before = prediction.copy(), truth.copy()
    boundary_f(prediction, truth)
    assert (prediction == before[0]).all() and (truth == before[1]).all()


def test_shapes_that_differ_are_shown():
    with pytest.raises(ValueError, match=r"\(60, 80\).*\(80, 60\)"):
        boundary_f(np.zeros(SIZE, bool), np.zeros(SIZE[::-1], bool))
