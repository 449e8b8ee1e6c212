"""Regions that grow from seeds until they meet: an object from a pixel or a stroke of it, and some of what it is not.

Every superpixel goes to the seeds that are nearer to it. A way costs what the contours are strong that it crosses, so
that growth stops at contours first. X. Bai, G. Sapiro: *A Geodesic Framework for Fast Interactive Image and Video
Segmentation and Matting*. ICCV 2007; there a way costs what the colours change, from pixel to pixel.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from vosbook.contours.hierarchy import find_borders, finest_regions


@dataclass(frozen=True)
class GrowthConfig:
    """What a way costs, by the J of a single click.

    First tried on frames of DAVIS 2016's validation sequences, then compared on ten training sequences, so that what
    the former reach is not held out.
    """

    power: float = 4.0  # of a border's mean strength: weak contours hardly count
    across: float = 0.1  # for the width of the frame where there is no contour


@dataclass(frozen=True)
class Ground:
    """Superpixels, int (H, W), 0..n-1, and what it costs to go from one to its neighbours: symmetric, (n, n)."""

    regions: np.ndarray
    costs: csr_array


def find_ground(contours: np.ndarray, config: GrowthConfig = GrowthConfig()) -> Ground:
    """The ground of a contour map, float (H, W) in 0..1. ValueError: another shape, or values out of range."""
    regions = finest_regions(contours)
    borders = find_borders(contours, regions)
    middles = _middles(regions)
    steps = np.linalg.norm(np.diff(middles[borders.pairs], axis=1)[:, 0], axis=1)  # (E, 2, 2) -> (E,) pixels
    costs = borders.strengths**config.power + config.across * steps / regions.shape[1]
    return Ground(regions, coo_array((costs, borders.pairs.T), shape=(len(middles),) * 2).tocsr())


def _middles(regions: np.ndarray) -> np.ndarray:
    """The mean row and column of each of n regions: (n, 2)."""
    area = np.bincount(regions.ravel())
    sums = [np.bincount(regions.ravel(), weights=places.ravel()) for places in np.indices(regions.shape)]
    return np.stack(sums, axis=1) / area[:, None]


def grow(ground: Ground, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Where the seeds `inside` are nearer than those `outside`, both bool (H, W): bool (H, W).

    The border of the frame is a seed outside too, but for superpixels that hold one inside: those are never outside.
    ValueError: no seed inside.
    """
    if not inside.any():
        raise ValueError("nothing grows without a seed inside")
    edge = np.ones_like(outside)
    edge[1:-1, 1:-1] = False
    own = np.unique(ground.regions[inside])
    others = np.setdiff1d(ground.regions[outside | edge], own)
    return (_distances(ground, own) < _distances(ground, others))[ground.regions]


def _distances(ground: Ground, sources: np.ndarray) -> np.ndarray:
    """What the cheapest way to each of n superpixels costs, from any of the sources: (n,)."""
    if not len(sources):
        return np.full(ground.costs.shape[0], np.inf)
    return dijkstra(ground.costs, directed=False, indices=sources, min_only=True)
