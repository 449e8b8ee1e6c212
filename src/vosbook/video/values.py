"""What the values of an image mean as labels `uint8 (H, W)`. Every kind of mask is decided here, and nowhere else."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vosbook.errors import InputError
from vosbook.video.labels import PALETTE, VOID

MAX_GRAY_IDS = 64  # a gray mask with more values than this is a soft mask, not a label map


@dataclass(frozen=True)
class Stored:
    """An image's pixels as its file has them, whichever way they were read."""

    mode: str  # Pillow's, without alpha
    pixels: np.ndarray  # (H, W), or (H, W, C); writable, and nobody else's
    palette: np.ndarray | None = None  # uint8 (K, 3), K up to 256: what the indices of mode "P" look like


def to_labels(stored: Stored, path: Path) -> np.ndarray:
    """Labels `uint8 (H, W)` of an image of whatever mode. InputError, which names `path`, where it is no mask."""
    if stored.mode == "1":
        return stored.pixels.astype(np.uint8, copy=False)
    if stored.mode == "P":
        return _palette_labels(stored.pixels, stored.palette)
    if stored.mode == "L":
        return _gray_labels(stored.pixels, path)
    if stored.mode.startswith("I"):  # 16 or 32 bits a pixel
        largest = stored.pixels.max()
        if largest > 255:
            raise InputError(f"{path} has the id {largest}, and at most 255 fit a mask: renumber its objects")
        return _gray_labels(stored.pixels.astype(np.uint8), path)
    if stored.mode == "RGB":
        return _colour_labels(stored.pixels, path)
    raise InputError(f"{path} has pixel mode {stored.mode}: save the mask as an indexed or gray PNG")


def _palette_labels(indices: np.ndarray, palette: np.ndarray | None) -> np.ndarray:
    """Indices are ids, except in a black-and-white picture that was saved with a palette."""
    white_last = palette is not None and len(palette) == 256 and (palette[VOID] == 255).all()
    if white_last and indices.max() == VOID and not _has_ids(indices):
        return (indices == VOID).view(np.uint8)
    return indices


def _has_ids(values: np.ndarray) -> bool:
    """Whether there are values besides 0 and 255. np.unique would answer too, in fifty times the time."""
    return bool((values + np.uint8(1)).max() > 1)  # 255 and 0 become 0 and 1


def _gray_labels(values: np.ndarray, path: Path) -> np.ndarray:
    """0/255 is one object; otherwise the gray values are ids."""
    if not _has_ids(values):
        return (values == 255).view(np.uint8)
    present = np.unique(values)
    if len(present) > MAX_GRAY_IDS:
        raise InputError(
            f"{path} has {len(present)} gray values, so it is a soft mask or a photograph: threshold it to 0 and 255"
        )
    return values.copy()


def _colour_labels(rgb: np.ndarray, path: Path) -> np.ndarray:
    """Look the colours `(H, W, 3)` up in the palette. White is id 1 where black is the only other colour."""
    if (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all():
        return _gray_labels(rgb[..., 0], path)
    packed = rgb.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)  # (H, W): 0xRRGGBB
    known = PALETTE.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)  # (256,)
    order = np.argsort(known)
    place = np.searchsorted(known, packed, sorter=order).clip(max=255)
    labels = order[place].astype(np.uint8)
    stranger = known[labels] != packed
    if stranger.any():
        colour = tuple(rgb[stranger][0].tolist())
        raise InputError(f"{path} has the colour {colour}, which is not in DAVIS's palette: save it as an indexed PNG")
    return labels
