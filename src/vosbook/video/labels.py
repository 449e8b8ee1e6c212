"""Labels: the objects of a frame in one map, `uint8 (H, W)`; 0 background, 1..254 object ids, 255 void."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vosbook.errors import InputError

VOID = 255


def _voc_palette() -> np.ndarray:
    """The colour of every id in PASCAL VOC and DAVIS files: bits 0, 1, 2 of the id, dealt to R, G, B from the top."""
    ids = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((ids >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return palette


PALETTE = _voc_palette()  # uint8 (256, 3) RGB; PALETTE[1] is (128, 0, 0)


def object_ids(labels: np.ndarray) -> list[int]:
    """The ids in a label map, without background and void, ascending."""
    return [int(i) for i in np.unique(labels) if i not in (0, VOID)]


def without_void(labels: np.ndarray) -> np.ndarray:
    """Labels `uint8 (H, W)` in which void pixels are background."""
    return np.where(labels == VOID, 0, labels).astype(np.uint8)


def to_one_hot(labels: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """Labels `(H, W)` -> one mask per id, `bool (N, H, W)`. Inverse: `from_one_hot`."""
    return np.asarray(labels)[None] == np.asarray(ids, np.uint8)[:, None, None]


def from_one_hot(masks: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """One mask per id `bool (N, H, W)` -> labels `uint8 (H, W)`; where masks overlap, the later id wins."""
    labels = np.zeros(masks.shape[-2:], np.uint8)
    for mask, i in zip(masks, ids, strict=True):
        labels[mask] = i
    return labels


def check_objects(labels: np.ndarray, source: str | Path) -> None:
    """InputError, which names `source`, where labels `uint8 (H, W)` hold no object, or one that covers the frame."""
    ids = object_ids(labels)
    if not ids:
        raise InputError(f"{source} holds no object: every pixel is background, paint at least one object")
    if (labels == ids[0]).all():
        raise InputError(f"{source} has object {ids[0]} in every pixel: leave unpainted what is background")
