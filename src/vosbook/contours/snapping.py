"""Contour snapping: a mask is made of whole superpixels, then thin parts come back (OSVOS-S, section 3.3).

Masks are bool `(H, W)`; contour maps float `(H, W)` in 0..1, the probability that a contour passes through a pixel.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from skimage.segmentation import find_boundaries

from vosbook.contours.hierarchy import build_hierarchy


@dataclass(frozen=True)
class SnapConfig:
    """Thresholds, of which the paper names none. `level` is the authors'; a plain majority is `share` = .5.

    `share` was chosen on training sequences that the networks had not seen. On others, which the contour network had
    seen, the recovery, with .9, gained nothing.
    """

    level: float = 0.29  # of the hierarchy: weaker contours separate no superpixels
    share: float = 0.7  # of a superpixel that must agree before the rest of it follows
    matched: float = 1.0  # recovered is what has more than this share of its outline at contours: nothing
    contour: float = 0.5  # from which the contour map shows a contour, in the recovery
    radius: float = 1.0  # pixels within which an outline lies at a contour


def snap(masks: np.ndarray, contours: np.ndarray, config: SnapConfig = SnapConfig()) -> np.ndarray:
    """Snap masks bool (N, H, W) to a contour map (H, W): bool (N, H, W).

    The superpixels are the same for all N. ValueError where the sizes differ, or the masks are not bool.
    """
    if masks.dtype != bool:
        raise ValueError(f"masks are bool, got {masks.dtype}: compare soft ones with a threshold first")
    if masks.shape[1:] != contours.shape:
        raise ValueError(f"masks (N, H, W) and contour map (H, W) differ in size: {masks.shape} and {contours.shape}")
    superpixels = build_hierarchy(contours).superpixels(config.level)
    snapped = [_snap_one(mask, superpixels, contours, config) for mask in masks]
    return np.array(snapped, bool).reshape(masks.shape)


def _snap_one(mask: np.ndarray, superpixels: np.ndarray, contours: np.ndarray, config: SnapConfig) -> np.ndarray:
    """Both steps for one mask. Where they leave nothing of it, no contour speaks of the object: the mask stays."""
    snapped = majority(mask, superpixels, share=config.share)
    if config.matched < 1:
        snapped = recover(mask, snapped, contours, config)
    return snapped if snapped.any() else mask


def majority(mask: np.ndarray, superpixels: np.ndarray, *, share: float = 0.5) -> np.ndarray:
    """What superpixels int (H, W), 0..m-1, make of a mask bool (H, W): bool (H, W).

    One of which more than `share` lies in the mask is all in it, one of which at least that much lies outside is all
    out. With one half, the paper's majority, none is left; with more, those that are undecided keep their pixels as
    they are: a contour that the map lacks then often costs nothing.
    """
    _check_size(mask, superpixels)
    area = np.bincount(superpixels.ravel())
    covered = np.bincount(superpixels.ravel(), weights=mask.ravel()) / np.maximum(area, 1)  # 0..1 each
    inside, undecided = covered > share, 1 - covered < share
    return inside[superpixels] | (mask & undecided[superpixels])


def recover(mask: np.ndarray, snapped: np.ndarray, contours: np.ndarray, config: SnapConfig) -> np.ndarray:
    """Contour recovery: add to `snapped` the components of `mask` whose outline follows the contours, bool (H, W).

    Pixels of a component touch at sides or corners. The border of the image is no outline; a component that has
    none is not added.
    """
    _check_size(mask, snapped)
    _check_size(mask, contours)
    count, component = cv2.connectedComponents(mask.astype(np.uint8))
    outline = mask & find_boundaries(mask, mode="inner")
    total = np.bincount(component[outline], minlength=count)
    no_contour = (contours < config.contour).astype(np.uint8)
    at_contour = outline & (cv2.distanceTransform(no_contour, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= config.radius)
    share = np.bincount(component[at_contour], minlength=count) / np.maximum(total, 1)
    matched = share > config.matched
    matched[0] = False  # the background
    return snapped | matched[component]


def _check_size(mask: np.ndarray, other: np.ndarray) -> None:
    if mask.shape != other.shape:
        raise ValueError(f"the mask {mask.shape} and what it is snapped to {other.shape} differ in size")
