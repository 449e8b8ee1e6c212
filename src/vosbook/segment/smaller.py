"""Frames made smaller for a method, and its answers given back at their full size."""

import cv2
import numpy as np

from vosbook.segmenter import Segmenter
from vosbook.video.labels import object_ids


class Smaller:
    """A `Segmenter` that has another work on frames whose shorter side is at most `limit` pixels.

    What it takes and gives has the frames' own size. A frame that is small enough stays as it is.
    """

    def __init__(self, segmenter: Segmenter, limit: int):
        self.segmenter, self.limit = segmenter, limit

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> np.ndarray | None:
        small = smaller_size(frame.shape[:2], self.limit)
        found = self.segmenter.start(shrink_frame(frame, small), None if masks is None else shrink_labels(masks, small))
        return None if found is None else enlarge_labels(found, frame.shape[:2])

    def add_objects(self, frame: np.ndarray, masks: np.ndarray) -> None:
        small = smaller_size(frame.shape[:2], self.limit)
        self.segmenter.add_objects(shrink_frame(frame, small), shrink_labels(masks, small))

    def step(self, frame: np.ndarray) -> np.ndarray:
        small = smaller_size(frame.shape[:2], self.limit)
        return enlarge_labels(self.segmenter.step(shrink_frame(frame, small)), frame.shape[:2])


def smaller_size(size: tuple[int, ...], limit: int) -> tuple[int, int]:
    """(H, W) whose shorter side is at most `limit`, of the same shape but for rounding."""
    h, w = size
    share = min(1.0, limit / min(h, w))
    return max(1, round(h * share)), max(1, round(w * share))


def shrink_frame(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A frame `uint8 (H, W, 3)` averaged over areas to `size` (h, w)."""
    return cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA)


def shrink_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels `uint8 (H, W)` at `size` (h, w): a pixel is what covers most of it, and no object is lost.

    An object that would keep less than half of its area, as a thin or a tiny one does, has the pixels of which it
    covers the most, or half as much as that; where another such object has these, their neighbours.
    """
    if labels.shape == size:
        return labels
    ids = object_ids(labels)
    cover = np.stack([_cover(labels == i, size) for i in (0, *ids)])  # (1 + N, h, w), 0..1
    small = np.array([0, *ids], np.uint8)[cover.argmax(axis=0)]  # (h, w)
    free = np.ones(size, bool)  # of what another thin object has taken
    for i, own in sorted(zip(ids, cover[1:]), key=lambda pair: pair[1].sum()):
        if (small == i).sum() < own.sum() / 2:
            near = own if own[free].any() else cv2.blur(own, (3, 3))
            best = free & (near > 0) & (near >= near[free].max() / 2)
            small[best] = i
            free &= ~best
    return small


def _cover(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The share of each pixel of an image of `size` that a mask, bool (H, W), covers: float32 (h, w)."""
    return cv2.resize(mask.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)


def enlarge_labels(labels: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Labels `uint8 (h, w)` at the larger `size` (H, W), with rims that are smooth.

    Each object's mask is interpolated, and a pixel has the label that is largest there.
    """
    h, w = size
    if labels.shape == (h, w):
        return labels
    best = np.zeros((h, w), np.float32)
    large = np.zeros((h, w), np.uint8)
    for i in np.unique(labels):
        share = cv2.resize((labels == i).astype(np.float32), (w, h), interpolation=cv2.INTER_LINEAR)
        np.copyto(large, i, where=share > best)
        np.maximum(best, share, out=best)
    return large
