"""Superpixels at every level of a hierarchy, and what a mask becomes when they vote."""

import cv2
import numpy as np
from skimage.segmentation import find_boundaries

from vosbook.contours.hierarchy import build_hierarchy
from vosbook.contours.snapping import majority
from vosbook.metrics.region import jaccard
from vosbook.view.overlay import ORANGE, WHITE
from vosbook.view.playgrounds.player import Layer, Playground, Slider, photograph, picture

LEVELS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
WIDTH, PIXELS = 470, 320  # of the picture, and in how many pixels it is drawn


def cutting(frame: np.ndarray, mask: np.ndarray, truth: np.ndarray, contours: np.ndarray) -> Playground:
    """A frame cut along contours, and the mask of those superpixels that lie in a given mask with more than half.

    A slider sets the level of the hierarchy below which borders fall. `frame` is uint8 (H, W, 3); `mask`, from which
    the votes come, and `truth` are bool (H, W); `contours` is float (H, W) in 0..1. ValueError where the sizes differ.
    """
    if not frame.shape[:2] == mask.shape == truth.shape == contours.shape:
        shapes = [one.shape for one in (frame, mask, truth, contours)]
        raise ValueError(f"frame, mask, truth and contours must be of one size, got {shapes}")
    hierarchy = build_hierarchy(contours)
    cuts = [hierarchy.superpixels(level) for level in LEVELS]
    voted = [majority(mask, regions) for regions in cuts]
    size = PIXELS, round(PIXELS * frame.shape[0] / frame.shape[1])
    return Playground(
        size=(WIDTH, round(WIDTH * frame.shape[0] / frame.shape[1])),
        sliders=(Slider("level", [f"{level:g}" for level in LEVELS], start=LEVELS.index(0.3)),),
        layers=(
            Layer((), [photograph(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), 0, 0, WIDTH)]),
            Layer((0,), [picture(_over(*one, size), 0, 0, WIDTH) for one in zip(cuts, voted)]),
        ),
        words=[
            f"Level {level:g}: {regions.max() + 1} superpixels. Their vote gives a mask of J "
            f"{jaccard(found, truth):.2f}; the mask that they voted on has {jaccard(mask, truth):.2f}."
            for level, regions, found in zip(LEVELS, cuts, voted)
        ],
        alt="A frame with white lines around its superpixels, and in orange those that the vote gives to the mask. At "
        "a low level there are many small ones; the higher the level, the fewer and larger, until the object's own "
        "outline falls.",
    )


def _over(regions: np.ndarray, found: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Lines and mask, transparent elsewhere: uint8 (h, w, 4) for a size (w, h)."""
    small = cv2.resize(regions.astype(np.int32), size, interpolation=cv2.INTER_NEAREST)
    inside = cv2.resize(found.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    pixels = np.zeros((size[1], size[0], 4), np.uint8)
    pixels[inside] = (*ORANGE, 140)
    pixels[find_boundaries(small, mode="inner")] = (*WHITE, 255)
    return pixels
