"""Help for a mask that is being drawn: the object in a box, by its colours; at a click, by proposals or contours.

C. Rother, V. Kolmogorov, A. Blake: *GrabCut: interactive foreground extraction using iterated graph cuts*. SIGGRAPH
2004. The cuts are OpenCV's. For clicks see `contours/growing.py`.

Both take `labels` uint8 (H, W) and `sure`, bool (H, W): where these stay as they are. What is sure to be the object,
or not to be, says what to look for; so a stroke helps. Other objects are always sure.
"""

from functools import cache, cached_property

import cv2
import numpy as np

from vosbook.contours.growing import Ground, find_ground, grow
from vosbook.errors import InputError

SIDE = 480  # pixels of the longer side at which the graph is cut: under a second
AROUND = 0.4  # of the box's size, on each side: where the background's colours are learned
ITERATIONS = 5
NO_BOX = (0, 0, 0, 0)  # to OpenCV, which is told of each pixel instead
LEAST = 5  # pixels from which a mixture of five Gaussians can be learned
CLICK_SIDE = 854  # pixels of the longer side at which contours are looked for, as the network has learned them
Box = tuple[int, int, int, int]  # left, top, right, bottom; the end is excluded


def grab_cut(frame: np.ndarray, labels: np.ndarray, box: Box, *, i: int, sure: np.ndarray | None = None) -> np.ndarray:
    """Labels `uint8 (H, W)` in which object `i` is where GrabCut finds it inside `box`.

    `frame` is uint8 (H, W, 3) RGB. `sure` are, unless it is given, all objects. InputError where the box is no box,
    leaves no background, or nothing is found.
    """
    sure = labels > 0 if sure is None else sure | ((labels > 0) & (labels != i))
    box = _clipped(box, labels.shape)
    around = _grown(box, labels.shape)
    if box == (0, 0, labels.shape[1], labels.shape[0]):
        raise InputError("the box is the whole frame: leave some background outside it")
    crop = (slice(around[1], around[3]), slice(around[0], around[2]))
    guess = _guess(labels, sure, box, i)
    unknown = guess == cv2.GC_PR_FGD
    found = np.zeros(labels.shape, bool)
    if unknown.any():
        found[crop] = _cut(frame[crop], guess[crop])
    if not (found & unknown).any():
        raise InputError("nothing was found in the box: draw it closer around the object, or paint a part first")
    return np.where(unknown, np.where(found, i, 0), labels).astype(np.uint8)


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


def _guess(labels: np.ndarray, sure: np.ndarray, box: Box, i: int) -> np.ndarray:
    """What GrabCut is told of each pixel: uint8 (H, W) of OpenCV's GC_ values."""
    guess = np.full(labels.shape, cv2.GC_BGD, np.uint8)
    inside = (slice(box[1], box[3]), slice(box[0], box[2]))
    guess[inside][~sure[inside]] = cv2.GC_PR_FGD
    guess[sure & (labels == i)] = cv2.GC_FGD
    return guess


def _cut(frame: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Where the object is in a part of the frame: bool (h, w)."""
    size = guess.shape[::-1]
    small = _smaller(size, SIDE)
    pixels = cv2.resize(np.ascontiguousarray(frame), small, interpolation=cv2.INTER_AREA)
    guess = cv2.resize(guess, small, interpolation=cv2.INTER_NEAREST)
    if (guess == cv2.GC_BGD).sum() < LEAST:
        raise InputError("the box leaves no background around it: draw it smaller")
    cv2.setRNGSeed(0)  # the colours are clustered from random centres
    if (guess == cv2.GC_FGD).sum() < LEAST:
        cv2.grabCut(pixels, guess, NO_BOX, _mixture(), _mixture(), ITERATIONS, cv2.GC_INIT_WITH_MASK)
    else:
        _cut_from_strokes(pixels, guess)
    found = np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return cv2.resize(found, size, interpolation=cv2.INTER_LINEAR) > 0.5


def _cut_from_strokes(pixels: np.ndarray, guess: np.ndarray) -> None:
    """GrabCut that begins with the strokes' colours; `guess` becomes its answer.

    What is unknown counts as the object at first, and a stroke would be lost among it. So the first mixture of the
    object is learned from a line of pixels in which the stroke's are repeated until they make half of the object's.
    """
    stroke, unknown = pixels[guess == cv2.GC_FGD], pixels[guess == cv2.GC_PR_FGD]
    background = pixels[guess == cv2.GC_BGD]
    repeated = np.repeat(stroke, max(1, len(unknown) // len(stroke)), axis=0)
    line = np.concatenate([repeated, unknown, background])[None]  # (1, N, 3)
    known = np.full(line.shape[:2], cv2.GC_BGD, np.uint8)
    known[:, : len(repeated) + len(unknown)] = cv2.GC_FGD
    mixtures = _mixture(), _mixture()
    cv2.grabCut(line, known, NO_BOX, *mixtures, 0, cv2.GC_INIT_WITH_MASK)  # no iteration: it learns, and cuts nothing
    cv2.grabCut(pixels, guess, NO_BOX, *mixtures, 1, cv2.GC_EVAL_FREEZE_MODEL)
    cv2.grabCut(pixels, guess, NO_BOX, *mixtures, ITERATIONS - 1, cv2.GC_EVAL)


def _mixture() -> np.ndarray:
    """Room for five Gaussians in three colours, as OpenCV keeps them."""
    return np.zeros((1, 65))


def _smaller(size: tuple[int, int], side: int) -> tuple[int, int]:
    """(width, height) with a longer side of at most `side`."""
    scale = min(1, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


# ---------------------------------------------------------------------------------------------------- clicks


@cache
def _contour_network():
    from vosbook.contours.detector import load_contours  # here, for who clicks nowhere does not wait for torch

    return load_contours()


class Clicks:
    """The object at clicks on a `frame`, uint8 (H, W, 3) RGB, of `proposals`, bool (N, H, W), where one lies there.

    Elsewhere it is looked for by contours; to find these takes a second or two, once.
    """

    def __init__(self, frame: np.ndarray, proposals: np.ndarray | None = None):
        self.frame = frame
        self.proposals = [] if proposals is None else sorted(proposals, key=np.count_nonzero)

    def find(
        self, labels: np.ndarray, at: tuple[int, int], *, i: int, sure: np.ndarray, away: bool = False
    ) -> np.ndarray:
        """Labels `uint8 (H, W)` in which object `i` is found anew from the pixel `at` (x, y), and from what is sure.

        The smallest proposal there that adds to the object is added as a whole; a further click adds the next larger.
        With `away` the pixel does not belong to it. InputError where another object lies, nothing is sure to be the
        object, or nothing changes.
        """
        inside, outside = sure & (labels == i), (sure & (labels == 0)) | ((labels > 0) & (labels != i))
        x, y = at
        if labels[y, x] not in (0, i):
            raise InputError("another object lies here: choose that one, or erase it first")
        for proposal in self.proposals:
            added = proposal & ~outside & (labels != i)
            if proposal[y, x] and added.any() and not away:
                return np.where(added, i, labels).astype(np.uint8)
        inside[y, x], outside[y, x] = not away, away
        if not inside.any():
            raise InputError("nothing is sure to be the object: click on it first")
        unknown = ~inside & ~outside
        found = self._grown(inside, outside)
        new = np.where(unknown, np.where(found, i, 0), labels).astype(np.uint8)
        new[y, x] = 0 if away else i
        if np.array_equal(new, labels):
            raise InputError("nothing else is found here: paint it, or drag a box around it")
        return new

    @cached_property
    def _ground(self) -> Ground:
        from vosbook.contours.detector import find_contours

        small = _smaller(self.frame.shape[1::-1], CLICK_SIDE)
        frame = cv2.resize(np.ascontiguousarray(self.frame), small, interpolation=cv2.INTER_AREA)
        return find_ground(find_contours(_contour_network(), frame))

    def _grown(self, *seeds: np.ndarray) -> np.ndarray:
        small = self._ground.regions.shape[::-1]
        shrunk = [cv2.resize(seed.astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0 for seed in seeds]
        found = grow(self._ground, *shrunk).astype(np.float32)
        return cv2.resize(found, self.frame.shape[1::-1], interpolation=cv2.INTER_LINEAR) > 0.5
