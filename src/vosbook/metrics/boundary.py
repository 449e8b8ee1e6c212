"""Boundary accuracy F: how much of two outlines lies close together (Perazzi et al., CVPR 2016, Section 4)."""

from functools import cache
from math import ceil, hypot

import cv2
import numpy as np

BOUND = 0.008  # how far apart two outlines may lie and still match, as a share of the image's diagonal


def boundary_map(mask: np.ndarray) -> np.ndarray:
    """Boundary pixels of a mask, both bool (H, W): those that differ from their east, south or south-east neighbour.

    The outline lies half a pixel towards the origin. The border of the image is no boundary: a neighbour outside
    counts as equal to the nearest pixel inside.
    """
    boundary = np.zeros(mask.shape, bool)
    boundary[:, :-1] = mask[:, :-1] != mask[:, 1:]
    boundary[:-1] |= mask[:-1] != mask[1:]
    boundary[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    return boundary


def match_radius(size: tuple[int, int], bound: float = BOUND) -> int:
    """Greatest distance in pixels at which two boundary pixels match in an image of `size` (H, W); 8 at 480x854."""
    return ceil(bound * hypot(*size))


@cache
def disk(radius: int) -> np.ndarray:
    """Pixels no further than `radius` from the centre, uint8 (2 radius + 1, 2 radius + 1), read-only."""
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    inside = (x**2 + y**2 <= radius**2).astype(np.uint8)
    inside.flags.writeable = False
    return inside


def joint_crop(one: np.ndarray, other: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that hold everything nonzero in either map (H, W), and one pixel around it.

    One pixel is enough for the crop to have the whole map's boundaries: it keeps a neighbour on every side that is
    not the image's border. uint8 or bool.
    """
    x, y, width, height = cv2.boundingRect(one.view(np.uint8) | other.view(np.uint8))
    return slice(max(y - 1, 0), y + height + 1), slice(max(x - 1, 0), x + width + 1)


def boundary_f(prediction: np.ndarray, truth: np.ndarray, *, bound: float = BOUND) -> float:
    """F = 2 P R / (P + R), in 0..1, for two masks bool (H, W).

    P is the share of the prediction's boundary pixels that lie within `match_radius` of the truth's, R the reverse.
    1 where neither has a boundary (empty, or the whole frame: the border is no boundary), 0 where only one has.
    ValueError where the shapes differ.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"the masks differ in shape: prediction {prediction.shape}, truth {truth.shape}")
    crop = joint_crop(prediction, truth)
    return boundary_match(prediction[crop], truth[crop], match_radius(prediction.shape, bound))


def boundary_match(prediction: np.ndarray, truth: np.ndarray, radius: int) -> float:
    """`boundary_f` with the radius in pixels. Masks bool (H, W), or their `joint_crop`, which gives the same value."""
    prediction, truth = boundary_map(prediction), boundary_map(truth)
    predicted, true = np.count_nonzero(prediction), np.count_nonzero(truth)
    if not predicted or not true:
        return float(predicted == true)
    precision = np.count_nonzero(prediction & _grown(truth, radius)) / predicted
    recall = np.count_nonzero(truth & _grown(prediction, radius)) / true
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def _grown(boundary: np.ndarray, radius: int) -> np.ndarray:
    """The pixels within `radius` of a boundary pixel, bool (H, W): a dilation by `disk`."""
    grown = np.zeros(boundary.shape, np.uint8)
    for rectangle in _rectangles(radius):
        grown |= cv2.dilate(boundary.view(np.uint8), rectangle)
    return grown.view(bool)


@cache
def _rectangles(radius: int) -> list[np.ndarray]:
    """Rectangles whose union is `disk(radius)`, uint8: OpenCV is much faster with them than with other shapes."""
    widths = disk(radius)[radius:].sum(axis=1)  # (radius + 1,): of the rows from the middle down
    last = np.append(widths[1:] < widths[:-1], True)  # the lowest of the rows of one width
    return [np.ones((2 * row + 1, widths[row]), np.uint8) for row in np.flatnonzero(last)]
