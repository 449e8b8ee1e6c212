"""Superpixels that align to contours, and their hierarchy: an ultrametric contour map (Arbeláez et al., TPAMI 2011).

A contour map is float `(H, W)` in 0..1, the probability that a contour passes through each pixel. Its watershed gives
the finest regions. Then the two neighbours with the weakest common border are merged, again and again. The strength
of the border that falls last between two regions is a distance of theirs, and an ultrametric one: of any three
regions the two largest of the three distances are equal. So every level of it cuts the image into superpixels, and
those of a higher level are unions of those of a lower one.
"""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.segmentation import watershed


@dataclass(frozen=True)
class Borders:
    """Where regions meet: E pairs of neighbours (4-neighbourhood), the smaller number first, in ascending order."""

    pairs: np.ndarray  # int (E, 2)
    lengths: np.ndarray  # float (E,) in sides of pixels
    strengths: np.ndarray  # float (E,) mean of the contour map along the border


@dataclass(frozen=True)
class Hierarchy:
    """The finest regions of an image, and the level at which each pair of neighbours becomes part of one region."""

    regions: np.ndarray  # int (H, W), 0..n-1
    pairs: np.ndarray  # int (E, 2) neighbours
    heights: np.ndarray  # float (E,) in 0..1

    def superpixels(self, level: float) -> np.ndarray:
        """The regions that borders of at least `level` keep apart: int (H, W), 0..m-1."""
        a, b = self.pairs[self.heights < level].T
        count = int(self.regions.max()) + 1
        graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(count, count))
        return connected_components(graph, directed=False)[1][self.regions]

    def contour_map(self) -> np.ndarray:
        """The ultrametric contour map, float (H, W): of each pixel, the strongest border at one of its sides."""
        count = int(self.regions.max()) + 1
        keys = self.pairs @ [count, 1]  # ascending, as the pairs are
        strength = np.zeros(self.regions.shape)
        for here, there in _neighbours():
            one, other = np.sort([self.regions[here], self.regions[there]], axis=0)
            apart = one != other
            height = np.zeros(apart.shape)
            height[apart] = self.heights[np.searchsorted(keys, (one * count + other)[apart])]
            for side in (here, there):
                strength[side] = np.maximum(strength[side], height)
        return strength


def build_hierarchy(contours: np.ndarray) -> Hierarchy:
    """The hierarchy of a contour map, float (H, W) in 0..1. ValueError: another shape, or values out of range."""
    regions = finest_regions(contours)
    borders = find_borders(contours, regions)
    return Hierarchy(regions, borders.pairs, merge_heights(borders, int(regions.max()) + 1))


def finest_regions(contours: np.ndarray) -> np.ndarray:
    """The watershed of a contour map, float (H, W) in 0..1: int (H, W), 0..n-1. ValueError as `build_hierarchy`."""
    if contours.ndim != 2 or not contours.size:
        raise ValueError(f"a contour map is (H, W), got {contours.shape}")
    if not (contours.min() >= 0 and contours.max() <= 1):  # also where one is NaN
        raise ValueError(f"a contour map is in 0..1, got {contours.min()}..{contours.max()}")
    return np.maximum(watershed(contours) - 1, 0)  # a flat map has no minimum to begin at, and is one region


def find_borders(contours: np.ndarray, regions: np.ndarray) -> Borders:
    """The borders of the regions int (H, W), 0..n-1, over a contour map (H, W).

    Between two pixels the map's value is the larger of theirs: a ridge one pixel wide lies on one side of the border.
    """
    keys, values = [], []
    count = int(regions.max()) + 1
    for here, there in _neighbours():
        one, other = regions[here], regions[there]
        apart = one != other
        one, other = np.sort([one[apart], other[apart]], axis=0).astype(np.int64)
        keys.append(one * count + other)
        values.append(np.maximum(contours[here], contours[there])[apart])
    unique, place = np.unique(np.concatenate(keys), return_inverse=True)
    lengths = np.bincount(place, minlength=len(unique)).astype(float)
    sums = np.bincount(place, weights=np.concatenate(values), minlength=len(unique))
    return Borders(np.stack(np.divmod(unique, count), axis=1), lengths, sums / np.maximum(lengths, 1))


def merge_heights(borders: Borders, count: int) -> np.ndarray:
    """Merge `count` regions by the strength of their borders, the weakest first: (E,), the height of every border.

    The border of a merged region with a third one is the union of its parts' borders, its strength their mean by
    length. A mean is never below the weaker of the two, so heights never fall, which makes the distance ultrametric.
    """
    around: list[dict[int, list]] = [{} for _ in range(count)]  # by neighbour: strength times length, length, borders
    rows = zip(borders.pairs.tolist(), borders.strengths.tolist(), borders.lengths.tolist(), strict=True)
    queue = []
    for e, ((a, b), strength, length) in enumerate(rows):
        around[a][b] = around[b][a] = [strength * length, length, [e]]
        queue.append((strength, a, b, length))
    heapify(queue)
    heights, height = np.zeros(len(queue)), 0.0
    while queue:
        strength, a, b, length = heappop(queue)
        border = around[a].get(b)
        if border is None or border[1] != length:  # the border has become part of another, or longer, since
            continue
        height = max(height, strength)  # but for rounding, the strength
        heights[border[2]] = height
        for other, whole in _merge(around, a, b):
            heappush(queue, (whole[0] / whole[1], *other, whole[1]))
    return heights


def _merge(around: list[dict[int, list]], a: int, b: int) -> list[tuple[tuple[int, int], list]]:
    """Make two regions one, under the number of that with more neighbours; returns its borders that are new."""
    if len(around[a]) < len(around[b]):
        a, b = b, a
    del around[a][b], around[b][a]
    changed = []
    for other, part in around[b].items():
        del around[other][b]
        whole = around[a].get(other)
        whole = part if whole is None else [whole[0] + part[0], whole[1] + part[1], whole[2] + part[2]]
        around[a][other] = around[other][a] = whole
        changed.append(((a, other), whole))
    around[b] = {}
    return changed


def _neighbours() -> tuple[tuple[tuple, tuple], ...]:
    """Every pixel and the one to its right, every pixel and the one below: indices of maps (H, W)."""
    return (np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1, :], np.s_[1:, :])
