"""What the values of an image mean as labels `uint8 (H, W)`. Every kind of mask is decided here, and nowhere else."""

from pathlib import Path

import numpy as np
from PIL import Image

from vosbook.errors import InputError
from vosbook.video.labels import PALETTE, VOID

MAX_GRAY_IDS = 64  # a gray mask with more values than this is a soft mask, not a label map


def to_labels(image: Image.Image, path: Path) -> np.ndarray:
    """Labels `uint8 (H, W)` of an image of whatever mode."""
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8)
    if image.mode == "P":
        return _palette_labels(image)
    if image.mode in ("L", "LA"):
        gray = image if image.mode == "L" else image.getchannel("L")
        return gray_labels(np.asarray(gray), path)
    if image.mode.startswith("I"):  # 16 or 32 bits a pixel
        values = np.asarray(image)
        if values.max() > 255:
            raise InputError(f"{path} has the id {values.max()}, and at most 255 fit a mask: renumber its objects")
        return gray_labels(values.astype(np.uint8), path)
    if image.mode in ("RGB", "RGBA"):
        return _colour_labels(np.asarray(image.convert("RGB")), path)
    raise InputError(f"{path} has pixel mode {image.mode}: save the mask as an indexed or gray PNG")


def _palette_labels(image: Image.Image) -> np.ndarray:
    """Indices are ids, except in a black-and-white picture that was saved with a palette."""
    labels = np.array(image)
    if labels.max() == VOID and not has_ids(labels):
        colours = np.array(image.getpalette("RGB") or PALETTE.ravel()).reshape(-1, 3)
        if len(colours) == 256 and (colours[VOID] == 255).all():
            labels[labels == VOID] = 1
    return labels


def has_ids(values: np.ndarray) -> bool:
    """Whether there are values besides 0 and 255. np.unique would answer too, in fifty times the time."""
    return bool((values + np.uint8(1)).max() > 1)  # 255 and 0 become 0 and 1


def gray_labels(values: np.ndarray, path: Path) -> np.ndarray:
    """0/255 is one object; otherwise the gray values are ids."""
    if not has_ids(values):
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
        return gray_labels(rgb[..., 0], path)
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
