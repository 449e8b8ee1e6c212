"""Temporal stability: every step against a plain version or a closed form, the whole against the published figures."""

import json
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from itertools import pairwise, product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy import ndimage

from vosbook.metrics.stability import (
    T_SCALE,
    cheapest_path,
    chi_square,
    contour_polygon,
    match_contours,
    resample,
    sequence_stability,
    shape_context,
    simplify,
    stability,
    trace_loops,
)
from vosbook.video.masks import read_mask

METHODS = ("osvos", "stm")  # of the four, to save time: the record official_davis2016 has all


def blob(seed: int, size: tuple[int, int] = (60, 80)) -> np.ndarray:
    """A smooth random mask, away from the border."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=size), 5)
    mask = field > 0
    mask[:3] = mask[-3:] = mask[:, :3] = mask[:, -3:] = False
    return mask


def noise(seed: int) -> np.ndarray:
    """A random mask in which many pixels touch at corners."""
    return np.random.default_rng(seed).random((12, 15)) < 0.5


def rectangle(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((60, 80), bool)
    mask[top : top + height, left : left + width] = True
    return mask


# ------------------------------------------------------------------------------------------------- outline


def test_polygon_of_a_square_runs_clockwise_along_pixel_edges():
    points = contour_polygon(rectangle(4, 6, 6, 6))
    clockwise = [(4, 6), (4, 9), (4, 12), (7, 12), (10, 12), (10, 9), (10, 6), (7, 6), (4, 6)]
    np.testing.assert_array_equal(points, clockwise)


def test_border_of_the_image_is_part_of_the_outline():
    points = contour_polygon(np.ones((6, 9), bool))
    assert points.min() == 0
    assert points.max(axis=0).tolist() == [6, 9]


def test_polygon_keeps_the_object_on_its_right_around_a_hole():
    mask = rectangle(2, 2, 40, 40)
    rows, columns = np.indices(mask.shape)
    hole = (rows - 22) ** 2 + (columns - 22) ** 2 < 15**2  # round, so it has more corners than the square around it
    points = contour_polygon(mask & ~hole)
    assert len(points) > 5
    assert abs(points - 22).max() <= 15
    assert enclosed(points) < 0


def enclosed(points: np.ndarray) -> float:
    """Area inside a closed polygon of (row, column); below 0 where it runs anticlockwise."""
    (r, c), (r1, c1) = points[:-1].T, points[1:].T
    return float((c * r1 - c1 * r).sum() / 2)


@pytest.mark.parametrize("seed", range(20))
def test_loops_use_every_edge_once_and_touch_nothing_of_their_own(seed):
    mask = noise(seed)
    padded = np.pad(mask, 1)
    edges = np.count_nonzero(padded[1:] != padded[:-1]) + np.count_nonzero(padded[:, 1:] != padded[:, :-1])
    walked = set()
    for loop in trace_loops(padded):
        assert (loop[0] == loop[-1]).all()
        assert len({tuple(corner) for corner in loop[1:].tolist()}) == len(loop) - 1
        for one, other in pairwise(loop):
            length = abs(other - one).sum()
            assert (one == other).sum() == 1
            steps = [tuple(one + (other - one) * k // length) for k in range(length + 1)]
            walked.update(frozenset(step) for step in pairwise(steps))
    assert len(walked) == edges


@pytest.mark.parametrize("seed", range(20))
def test_areas_inside_the_loops_add_up_to_the_mask(seed):
    mask = noise(seed)
    inside = np.zeros(mask.shape, int)
    for loop in trace_loops(np.pad(mask, 1)):
        for (row, column), (end, same) in pairwise(loop.tolist()):
            if column == same:  # an upright side turns everything to its right inside out
                inside[min(row, end) : max(row, end), column:] ^= 1
    np.testing.assert_array_equal(inside, mask)


def test_pixels_that_touch_at_a_corner_make_two_loops():
    mask = np.zeros((8, 8), bool)
    mask[1:4, 1:4] = mask[4:7, 4:7] = True
    loops = [sorted({tuple(corner) for corner in loop.tolist()}) for loop in trace_loops(np.pad(mask, 1))]
    assert sorted(loops) == [[(1, 1), (1, 4), (4, 1), (4, 4)], [(4, 4), (4, 7), (7, 4), (7, 7)]]


def test_of_equal_outlines_the_lower_is_taken():
    mask = rectangle(5, 5, 10, 10) | rectangle(30, 5, 10, 10)
    assert contour_polygon(mask)[:, 0].min() == 30


def split(points: list, tolerance: Fraction) -> list:
    """Douglas-Peucker by recursion, in exact numbers."""
    (r0, c0), (r1, c1) = points[0], points[-1]
    length = (r1 - r0) ** 2 + (c1 - c0) ** 2
    distances = []
    for r, c in points[1:-1]:
        share = Fraction((r - r0) * (r1 - r0) + (c - c0) * (c1 - c0), length) if length else Fraction(0)
        share = min(max(share, Fraction(0)), Fraction(1))
        distances.append((r - r0 - share * (r1 - r0)) ** 2 + (c - c0 - share * (c1 - c0)) ** 2)
    if max(distances, default=0) <= tolerance**2:
        return [points[0], points[-1]]
    k = 1 + max(range(len(distances)), key=lambda n: (distances[n], n))
    return split(points[: k + 1], tolerance)[:-1] + split(points[k:], tolerance)


@pytest.mark.parametrize("seed", range(8))
def test_simplify_equals_recursive_douglas_peucker(seed):
    loop = max(trace_loops(np.pad(blob(seed), 1)), key=len).tolist()
    kept = [loop[0]]
    for corner in loop[1:-1]:
        if np.linalg.norm(np.subtract(corner, kept[-1])) >= 1.5:
            kept.append(corner)
    np.testing.assert_array_equal(simplify(np.array(loop)), split([*kept, loop[-1]], Fraction(3, 2)))


def test_resample_splits_long_sides_only():
    points = resample(np.array([(0.0, 0), (0, 3), (7, 3), (0, 0)]))
    np.testing.assert_allclose(points[:5], [(0, 0), (0, 3), (7 / 3, 3), (14 / 3, 3), (7, 3)])
    assert len(points) == 4 + 2 + 2  # the last side is 7.6 long: three parts
    np.testing.assert_array_equal(points[-1], (0, 0))


# --------------------------------------------------------------------------------------------------- costs


def plain_context(points: np.ndarray) -> np.ndarray:
    """Shape contexts by two loops and one arc tangent at a time."""
    distances = np.array([[np.hypot(*(q - p)) for q in points] for p in points])
    edges = [0, 1 / 8, 1 / 4, 1 / 2, 1, 2]
    counts = np.zeros((len(points), 5, 12))
    for i, j in product(range(len(points)), repeat=2):
        share = distances[i, j] / distances.mean()
        degrees = np.degrees(np.arctan2(points[j, 1] - points[i, 1], points[j, 0] - points[i, 0])) % 360
        for ring in range(5):
            if edges[ring] <= share < edges[ring + 1]:
                counts[i, ring, int(round(degrees, 9) // 30) % 12] += 1
    return counts.reshape(len(points), 60) / counts.sum(axis=(1, 2))[:, None]


def test_shape_context_equals_two_loops():
    points = contour_polygon(blob(1))[:70]
    np.testing.assert_allclose(shape_context(points), plain_context(points), atol=1e-15)


def test_shape_context_knows_the_axes():
    """From the middle of a line along the rows, one half lies in the first sector, the other in the seventh."""
    points = np.stack([np.arange(9.0), np.zeros(9)], axis=1)
    middle = shape_context(points)[4].reshape(5, 12).sum(axis=0)
    assert np.flatnonzero(middle).tolist() == [0, 6]
    assert middle[0] == pytest.approx(5 / 9)  # the point itself is counted, straight ahead


def test_chi_square_equals_its_definition():
    rng = np.random.default_rng(0)
    one, other = (rng.random((n, 60)) * (rng.random((n, 60)) < 0.3) for n in (7, 9))
    one, other = (h / h.sum(axis=1, keepdims=True) for h in (one, other))
    total = one[:, None] + other
    expected = ((one[:, None] - other) ** 2 / np.where(total > 0, total, 1)).sum(axis=2) / 2
    np.testing.assert_allclose(chi_square(one, other), expected, atol=1e-11)
    assert (np.diag(chi_square(one, one)) == 0).all()


def all_paths(cost: np.ndarray, row: int = 0, column: int = 0) -> list:
    """Every monotone path from a cell to the last one."""
    if (row + 1, column + 1) == cost.shape:
        return [[(row, column)]]
    steps = [(row + 1, column + 1), (row + 1, column), (row, column + 1)]
    inside = [(r, c) for r, c in steps if r < len(cost) and c < cost.shape[1]]
    return [[(row, column), *path] for cell in inside for path in all_paths(cost, *cell)]


@pytest.mark.parametrize("shape", [(5, 6), (1, 4), (4, 1), (1, 1)])
def test_cheapest_path_beats_every_other(shape):
    cost = np.random.default_rng(3).random(shape)
    best = min(all_paths(cost), key=lambda path: sum(cost[cell] for cell in path))
    assert list(map(tuple, cheapest_path(cost).tolist())) == best


def test_cheapest_path_prefers_the_diagonal():
    assert cheapest_path(np.zeros((4, 4))).tolist() == [[k, k] for k in range(4)]


def test_matching_undoes_a_roll():
    """A cost of 0 for the same point of an outline that starts elsewhere, 1 for others: only the 0 are left."""
    shift, count = 5, 12
    cost = np.roll(1 - np.eye(count), shift, axis=1)
    pairs = match_contours(cost)
    cheap = pairs[cost[pairs[:, 0], pairs[:, 1]] == 0]
    assert len(cheap) >= count - 1
    np.testing.assert_array_equal(cheap[:, 1], (cheap[:, 0] + shift) % count)


def test_matching_uses_every_point_once():
    pairs = match_contours(np.random.default_rng(5).random((30, 40)))
    assert len(set(pairs[:, 0].tolist())) == len(set(pairs[:, 1].tolist())) == len(pairs) > 10


# ------------------------------------------------------------------------------------------------- the whole


@pytest.mark.parametrize("seed", range(4))
def test_identical_masks_cost_nothing(seed):
    assert stability(blob(seed), blob(seed)) == 0


def test_moving_costs_nothing_but_deforming_does():
    mask = rectangle(10, 10, 24, 15) | rectangle(10, 10, 9, 40)
    moved = np.roll(mask, (7, 11), axis=(0, 1))
    wider = rectangle(10, 10, 24, 24) | rectangle(10, 10, 9, 40)
    assert stability(mask, moved) == pytest.approx(0, abs=1e-3)
    assert 0.02 < stability(mask, wider) < 1


def test_no_outline_is_nan():
    empty, speck = np.zeros((60, 80), bool), rectangle(4, 4, 1, 1)
    for mask in (empty, speck):
        assert np.isnan(stability(mask, blob(0)))
        assert np.isnan(stability(blob(0), mask))
        assert contour_polygon(mask).shape == (0, 2)


def test_sequence_ignores_nan_and_scales():
    a, b, empty = blob(0), blob(1), np.zeros((60, 80), bool)
    assert sequence_stability([a, b, empty, b, b]) == pytest.approx(T_SCALE * (stability(a, b) + 0) / 2)
    assert np.isnan(sequence_stability([a, empty, a]))


def official_t(data: Path, method: str, name: str) -> float:
    """T of one sequence of an author's masks; the first frame's is the true one, and the last is left out."""
    first = data / "DAVIS2016/Annotations/480p" / name / "00000.png"
    results = sorted((data / "davis2016_official/masks" / method / name).iterdir())[1:-1]
    return sequence_stability(read_mask(file) > 0 for file in [first, *results])


def test_published_figures(davis):
    """They agree to the 3 decimals that the benchmark gives."""
    info = yaml.safe_load((davis / "DAVIS2016/db_info.yml").read_text())["sequences"]
    names = [entry["name"] for entry in info if entry["set"] == "test" and entry["eval_t"]]
    assert len(names) == 10
    jobs = list(product([davis], METHODS, names))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        ours = np.reshape(list(pool.map(official_t, *zip(*jobs))), (len(METHODS), len(names))).mean(axis=1)
    published = json.loads((davis / "davis2016_official/scores/val_summary.json").read_text())
    assert ours.round(3).tolist() == [published[method]["T"] for method in METHODS]
