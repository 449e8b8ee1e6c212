"""GrabCut for a mask that is being drawn: the object in a box, found by its colours and its contour.

C. Rother, V. Kolmogorov, A. Blake: *GrabCut: interactive foreground extraction using iterated graph cuts*. SIGGRAPH
2004. The cuts are OpenCV's.
"""

import cv2
import numpy as np

from vosbook.errors import InputError

SIDE = 480  # pixels of the longer side at which the graph is cut: under a second
AROUND = 0.4  # of the box's size, on each side: where the background's colours are learned
ITERATIONS = 5
NO_BOX = (0, 0, 0, 0)  # to OpenCV, which is told of each pixel instead
Box = tuple[int, int, int, int]  # left, top, right, bottom; the end is excluded


def grab_cut(frame: np.ndarray, labels: np.ndarray, box: Box, *, i: int) -> np.ndarray:
    """Labels `uint8 (H, W)` to which object `i` has been added where GrabCut finds it inside `box`.

    `frame` is uint8 (H, W, 3) RGB. What `labels` give to `i` in the box counts as certain, other objects as
    background; neither is changed. InputError where the box is no box, leaves no background, or nothing is found.
    """
    box = _clipped(box, labels.shape)
    around = _grown(box, labels.shape)
    if box == (0, 0, labels.shape[1], labels.shape[0]):
        raise InputError("the box is the whole frame: leave some background outside it")
    crop = (slice(around[1], around[3]), slice(around[0], around[2]))
    guess = _guess(labels, box, i)
    found = np.zeros(labels.shape, bool)
    if (guess == cv2.GC_PR_FGD).any():
        found[crop] = _cut(frame[crop], guess[crop])
    new = found & (guess == cv2.GC_PR_FGD)
    if not new.any():
        raise InputError("nothing was found in the box: draw it closer around the object, or paint a part first")
    return np.where(new, i, labels).astype(np.uint8)


def _clipped(box: Box, shape: tuple[int, int]) -> Box:
    left, top, right, bottom = box
    left, top, right, bottom = max(0, left), max(0, top), min(shape[1], right), min(shape[0], bottom)
    if right - left < 4 or bottom - top < 4:
        raise InputError("the box is too small: drag it around the whole object")
    return left, top, right, bottom


def _grown(box: Box, shape: tuple[int, int]) -> Box:
    left, top, right, bottom = box
    dx, dy = round(AROUND * (right - left)) + 4, round(AROUND * (bottom - top)) + 4
    return max(0, left - dx), max(0, top - dy), min(shape[1], right + dx), min(shape[0], bottom + dy)


def _guess(labels: np.ndarray, box: Box, i: int) -> np.ndarray:
    """What GrabCut is told of each pixel: uint8 (H, W) of OpenCV's GC_ values."""
    inside = np.zeros(labels.shape, bool)
    inside[box[1] : box[3], box[0] : box[2]] = True
    guess = np.where(inside & (labels == 0), cv2.GC_PR_FGD, cv2.GC_BGD)
    return np.where(inside & (labels == i), cv2.GC_FGD, guess).astype(np.uint8)


def _cut(frame: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Where the object is in a part of the frame: bool (h, w)."""
    size = guess.shape[::-1]
    scale = min(1, SIDE / max(size))
    small = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    pixels = cv2.resize(np.ascontiguousarray(frame), small, interpolation=cv2.INTER_AREA)
    guess = cv2.resize(guess, small, interpolation=cv2.INTER_NEAREST)
    cv2.setRNGSeed(0)  # the colours are clustered from random centres
    cv2.grabCut(pixels, guess, NO_BOX, np.zeros((1, 65)), np.zeros((1, 65)), ITERATIONS, cv2.GC_INIT_WITH_MASK)
    found = np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return cv2.resize(found, size, interpolation=cv2.INTER_LINEAR) > 0.5
