"""Masks <-> polygons, which follow the borders of pixels: corners are whole numbers, x to the right and y down.

Filled as pycocotools fills them, the polygons of a mask are that mask again, pixel by pixel. A polygon has no holes:
they are cut out along a seam of no width, which leads to the hole and back.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco

Polygon = np.ndarray  # float or int (K, 2): x, y of its corners


def polygons_of(mask: np.ndarray) -> list[Polygon]:
    """A mask `bool (H, W)` -> a polygon int (K, 2) for each of its parts; a corner is enough to hang together."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    part = mask[top : top + height, left : left + width].view(np.uint8)
    doubled = part.repeat(2, axis=0).repeat(2, axis=1)  # so that thin parts have two sides
    found, kin = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not found:
        return []
    corner = np.array([left, top])
    rings = [corner + _ring(contour[:, 0]) for contour in found]
    parents = kin[0, :, 3]  # of holes, the part they lie in
    return [joined([rings[n], *(rings[m] for m in np.flatnonzero(parents == n))]) for n in np.flatnonzero(parents < 0)]


def has_holes(mask: np.ndarray) -> bool:
    """Whether a part of the mask `bool (H, W)` surrounds pixels that are not the mask's."""
    _, kin = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return kin is not None and bool((kin[0, :, 3] >= 0).any())


def joined(rings: Sequence[Polygon]) -> Polygon:
    """Parts, or a part and its holes, as one polygon: seams of no width lead from the first to each other one."""
    whole = rings[0]
    for ring in rings[1:]:
        distances = np.abs(whole[:, None] - ring[None]).sum(axis=2)  # (K, L)
        i, j = np.unravel_index(distances.argmin(), distances.shape)
        there = np.concatenate([np.roll(ring, -j, axis=0), ring[j : j + 1]])
        whole = np.concatenate([whole[: i + 1], there, whole[i:]])  # the way there and back cancel
    return whole


def filled(polygons: Any, size: tuple[int, int]) -> np.ndarray:
    """Polygons, each a list x, y, x, y, ... in pixels, corners of pixels being whole -> `bool (H, W)`: their union.

    ValueError for what is no polygon.
    """
    if not isinstance(polygons, list) or not polygons:
        raise ValueError("its polygons are no list")
    arrays = [np.array(polygon, np.float64) for polygon in polygons]
    if any(a.ndim != 1 or len(a) < 6 or len(a) % 2 or not np.isfinite(a).all() for a in arrays):
        raise ValueError("a polygon is a list of x and y, three pairs or more")
    return coco.decode(coco.merge(coco.frPyObjects([a.tolist() for a in arrays], *size))).astype(bool)


def _ring(contour: np.ndarray) -> Polygon:
    """A border of the doubled mask, (K, 2) of its outermost pixels -> the corners int (L, 2) of the mask's border."""
    ring = (contour + 1) // 2
    ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)]
    steps = np.sign(np.roll(ring, -1, axis=0) - ring)  # to the next
    return ring[(steps != np.roll(steps, 1, axis=0)).any(axis=1)]
