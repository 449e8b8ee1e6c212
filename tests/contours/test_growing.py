"""Growth from seeds, held against a plain shortest-path search over the same superpixels."""

import numpy as np
import pytest

from vosbook.contours.growing import GrowthConfig, find_ground, grow

SIZE = 40, 60


def _line_map(strength: float) -> np.ndarray:
    """A closed square of contours, rows and columns 10 to 30, over faint noise that makes superpixels."""
    contours = np.random.default_rng(0).uniform(0, 0.1, SIZE)
    contours[10:31, [10, 30]] = contours[[10, 30], 10:31] = strength
    return contours


def _seed(*pixels: tuple[int, int]) -> np.ndarray:
    seed = np.zeros(SIZE, bool)
    for pixel in pixels:
        seed[pixel] = True
    return seed


NONE = np.zeros(SIZE, bool)
SQUARE = np.zeros(SIZE, bool)
SQUARE[11:30, 11:30] = True


def test_a_seed_fills_what_a_contour_closes():
    ground = find_ground(_line_map(0.9))
    found = grow(ground, _seed((20, 20)), NONE)
    rim = np.zeros(SIZE, bool)
    rim[9:32, 9:32] = True
    assert found[SQUARE].all() and not found[~rim].any()


def test_a_seed_outside_takes_its_share_back():
    ground = find_ground(_line_map(0.9))
    found = grow(ground, _seed((20, 14)), _seed((20, 26)))
    assert found[20, 14] and not found[20, 26]
    assert found[SQUARE].any() and not found[SQUARE].all() and found[14:26, 12:17].mean() > 0.9


def test_the_border_of_the_frame_is_outside_but_not_where_the_object_is():
    ground = find_ground(_line_map(0.0))  # nothing but noise
    found = grow(ground, _seed((20, 30)), NONE)
    assert found[20, 30] and not found[0].any() and not found[:, -1].any()
    at_the_border = grow(ground, _seed((0, 30)), NONE)
    assert (at_the_border == (ground.regions == ground.regions[0, 30]))[0].all()


def test_a_superpixel_with_both_seeds_is_the_objects():
    ground = find_ground(_line_map(0.9))
    one = np.argwhere(ground.regions == ground.regions[20, 20])
    assert len(one) > 1
    assert grow(ground, _seed(tuple(one[0])), _seed(tuple(one[1])))[tuple(one[1])]


def test_distances_are_those_of_a_plain_search():
    """Bellman and Ford's: every border is tried until no way becomes shorter."""
    contours = np.random.default_rng(1).uniform(0, 1, SIZE)
    config = GrowthConfig(power=2.0, across=0.3)
    ground = find_ground(contours, config)
    count = ground.regions.max() + 1
    costs = _plain_costs(contours, ground.regions, config)
    inside, outside = _seed((5, 5), (20, 40)), _seed((30, 10))
    edge = np.ones(SIZE, bool)
    edge[1:-1, 1:-1] = False
    own = set(ground.regions[inside].tolist())
    near = _plain_distances(costs, count, own)
    far = _plain_distances(costs, count, set(ground.regions[outside | edge].tolist()) - own)
    assert np.array_equal(grow(ground, inside, outside), (near < far)[ground.regions])


def _plain_costs(contours, regions, config) -> dict[tuple[int, int], float]:
    """What it costs to cross the border between any two neighbours, pixel pair by pixel pair."""
    crossed = {}
    rows, columns = SIZE
    for y in range(rows):
        for x in range(columns):
            for v, u in ((y, x + 1), (y + 1, x)):
                if v < rows and u < columns and regions[y, x] != regions[v, u]:
                    pair = tuple(sorted((int(regions[y, x]), int(regions[v, u]))))
                    crossed.setdefault(pair, []).append(max(contours[y, x], contours[v, u]))
    middle = [np.argwhere(regions == n).mean(axis=0) for n in range(regions.max() + 1)]
    steps = {pair: np.hypot(*(middle[pair[0]] - middle[pair[1]])) / columns for pair in crossed}
    return {pair: np.mean(crossed[pair]) ** config.power + config.across * steps[pair] for pair in crossed}


def _plain_distances(costs, count, sources) -> np.ndarray:
    distance = np.array([0.0 if n in sources else np.inf for n in range(count)])
    while True:
        before = distance.copy()
        for (a, b), cost in costs.items():
            distance[a] = min(distance[a], distance[b] + cost)
            distance[b] = min(distance[b], distance[a] + cost)
        if np.array_equal(before, distance):
            return distance


def test_nothing_grows_from_nothing():
    with pytest.raises(ValueError, match="without a seed"):
        grow(find_ground(_line_map(0.9)), NONE, _seed((3, 3)))


def test_one_superpixel_is_all_the_objects():
    ground = find_ground(np.zeros(SIZE))
    assert ground.regions.max() == 0 and grow(ground, _seed((3, 3)), NONE).all()
