"""The hierarchy of superpixels against brute-force merging, pixel pair by pixel pair, and against its own law."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.measure import label

from vosbook.contours.hierarchy import Hierarchy, build_hierarchy, find_borders, merge_heights

SIZE = (24, 32)


def random_map(seed: int, sigma: float = 1.5) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=SIZE), sigma)
    return (noise - noise.min()) / np.ptp(noise)


def cracks(regions: np.ndarray, contours: np.ndarray) -> list[tuple[int, int, float]]:
    """Every side between two pixels of different regions: the two, and the larger of the pixels' values."""
    found = []
    for y, x in np.ndindex(regions.shape):
        for b, a in ((y, x + 1), (y + 1, x)):
            if b < SIZE[0] and a < SIZE[1] and regions[y, x] != regions[b, a]:
                found.append((regions[y, x], regions[b, a], max(contours[y, x], contours[b, a])))
    return found


def plain_distances(regions: np.ndarray, contours: np.ndarray) -> np.ndarray:
    """Merge the two regions with the least mean over their sides, which are all looked at again after every merge.

    Returns the level at which each two of the first regions became one, (n, n).
    """
    sides, n = cracks(regions, contours), int(regions.max()) + 1
    group = np.arange(n)
    distance = np.zeros((n, n))
    while len(set(group)) > 1:
        values: dict[tuple[int, int], list[float]] = {}
        for one, other, value in sides:
            pair = tuple(sorted((group[one], group[other])))
            if pair[0] != pair[1]:
                values.setdefault(pair, []).append(value)
        (a, b), least = min(((pair, np.mean(v)) for pair, v in values.items()), key=lambda entry: entry[1])
        distance[np.ix_(group == a, group == b)] = distance[np.ix_(group == b, group == a)] = least
        group[group == b] = a
    return distance


@pytest.mark.parametrize("seed", range(5))
def test_heights_as_brute_force(seed):
    contours = random_map(seed)
    found = build_hierarchy(contours)
    plain = plain_distances(found.regions, contours)
    assert len(plain) > 10
    np.testing.assert_allclose(found.heights, plain[tuple(found.pairs.T)], atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_levels_are_those_of_brute_force(seed):
    contours = random_map(seed)
    found = build_hierarchy(contours)
    plain = plain_distances(found.regions, contours)
    for level in np.quantile(found.heights, [0.1, 0.5, 0.9]) + 1e-9:
        group = np.argmax(plain < level, axis=1)  # the first region of each group
        assert same_partition(found.superpixels(level), group[found.regions])


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    pairs = set(zip(one.ravel().tolist(), other.ravel().tolist()))
    return len(pairs) == len(np.unique(one)) == len(np.unique(other))


def test_brute_force_is_ultrametric():
    """Of any three regions, the two largest distances are equal; so the means that merging makes never fall."""
    contours = random_map(7)
    distance = plain_distances(build_hierarchy(contours).regions, contours)
    for a, b, c in combinations(range(len(distance)), 3):
        _, middle, largest = sorted((distance[a, b], distance[b, c], distance[a, c]))
        assert largest == pytest.approx(middle, abs=1e-12)


def test_superpixels_of_a_higher_level_are_unions_of_lower_ones():
    found = build_hierarchy(random_map(3))
    levels = [0.0, *np.quantile(found.heights, [0.2, 0.4, 0.6, 0.8]), 1.1]
    cuts = [found.superpixels(level) for level in levels]
    counts = [cut.max() + 1 for cut in cuts]
    assert counts == sorted(counts, reverse=True) and len(set(counts)) == len(counts)
    assert counts[0] == found.regions.max() + 1 and counts[-1] == 1
    for fine, coarse in pairwise(cuts):
        assert len(set(zip(fine.ravel().tolist(), coarse.ravel().tolist()))) == fine.max() + 1


def test_superpixels_are_connected():
    cut = build_hierarchy(random_map(4)).superpixels(0.5)
    assert label(cut, connectivity=1, background=-1).max() == cut.max() + 1


def four_fields() -> tuple[np.ndarray, np.ndarray]:
    """Regions 0 to 3 in columns 0-3, 4-7, 8-11, 12-15 of 4 rows, with ridges of .2, .8 and .5 between them."""
    regions = np.repeat(np.arange(4), 4)[None].repeat(4, axis=0)
    contours = np.zeros((4, 16))
    contours[:, 3], contours[:, 8], contours[:, 11] = 0.2, 0.8, 0.5
    return regions, contours


def test_borders_by_hand():
    regions, contours = four_fields()
    borders = find_borders(contours, regions)
    assert borders.pairs.tolist() == [[0, 1], [1, 2], [2, 3]]
    assert borders.lengths.tolist() == [4, 4, 4]
    np.testing.assert_allclose(borders.strengths, [0.2, 0.8, 0.5])  # whichever of the two sides the ridge is on


def test_superpixels_by_hand():
    regions, contours = four_fields()
    borders = find_borders(contours, regions)
    found = Hierarchy(regions, borders.pairs, merge_heights(borders, 4))
    np.testing.assert_allclose(found.heights, [0.2, 0.8, 0.5])
    columns = {0.1: [0, 1, 2, 3], 0.2: [0, 1, 2, 3], 0.3: [0, 0, 1, 2], 0.6: [0, 0, 1, 1], 0.9: [0, 0, 0, 0]}
    for level, numbers in columns.items():
        assert same_partition(found.superpixels(level), np.repeat(numbers, 4)[None].repeat(4, axis=0)), level


def test_a_merged_border_counts_by_length():
    """Regions 0 and 1 go first; their common border with 2 is three sides of .9 and one of .5: .8, not .7."""
    regions = np.array([[0, 2], [0, 2], [0, 2], [1, 2]])
    contours = np.array([[0.1, 0.9], [0.1, 0.9], [0.1, 0.9], [0.1, 0.5]])
    heights = merge_heights(find_borders(contours, regions), 3)
    np.testing.assert_allclose(heights, [0.1, 0.8, 0.8])  # (0, 1), (0, 2), (1, 2)


def test_the_contour_map_shows_each_border_at_its_height():
    regions, contours = four_fields()
    borders = find_borders(contours, regions)
    shown = Hierarchy(regions, borders.pairs, merge_heights(borders, 4)).contour_map()
    row = [0, 0, 0, 0.2, 0.2, 0, 0, 0.8, 0.8, 0, 0, 0.5, 0.5, 0, 0, 0]
    np.testing.assert_allclose(shown, np.repeat([row], 4, axis=0))


def test_a_map_without_contours_is_one_region():
    found = build_hierarchy(np.zeros(SIZE))
    assert len(found.pairs) == len(found.heights) == 0
    assert not found.superpixels(0.3).any()
    assert not found.contour_map().any()


def test_maps_that_are_none():
    with pytest.raises(ValueError, match=r"is \(H, W\), got \(3, 4, 5\)"):
        build_hierarchy(np.zeros((3, 4, 5)))
    with pytest.raises(ValueError, match=r"is in 0\.\.1, got 0\.0\.\.255\.0"):
        build_hierarchy(np.array([[0.0, 255.0]]))
    with pytest.raises(ValueError, match=r"is in 0\.\.1, got nan"):
        build_hierarchy(np.array([[0.0, np.nan]]))
