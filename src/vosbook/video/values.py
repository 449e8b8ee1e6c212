"""What the values of an image mean as labels `uint8 (H, W)`. Every kind of mask is decided here, and nowhere else.

Where the values alone do not tell, where they lie does: an object has an inside, and the values that a resize makes of
two neighbours lie between the two. What is guessed so is said to the user in a line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vosbook.errors import InputError
from vosbook.video.labels import PALETTE, VOID

MAX_GRAY_IDS = 64  # a gray mask with more values than this is a photograph, not a label map
LEAST_SHADE = 32  # gray values from here on are shades that objects were drawn with, where 255 is one of them
THICK = np.ones((7, 7), np.uint8)  # what has room for this is no line along a border

Note = Callable[[str], None]


@dataclass(frozen=True)
class Stored:
    """An image's pixels as its file has them, whichever way they were read."""

    mode: str  # Pillow's, without alpha
    pixels: np.ndarray  # (H, W), or (H, W, C); writable, and nobody else's
    palette: np.ndarray | None = None  # uint8 (K, 3), K up to 256: what the indices of mode "P" look like
    alpha: np.ndarray | None = None  # uint8 (H, W)


def to_labels(stored: Stored, path: Path, note: Note) -> np.ndarray:
    """Labels `uint8 (H, W)` of an image of whatever mode.

    `note` is told, in a line that names `path`, where another reading would have been possible. InputError, which names
    it too, where the image is no mask.
    """
    if stored.alpha is not None and _alpha_is_the_mask(stored):
        note(f"{path} has its objects in its transparency: what can be seen is object 1")
        return (stored.alpha >= 128).view(np.uint8)
    if stored.mode == "1":
        return stored.pixels.astype(np.uint8, copy=False)
    if stored.mode == "P":
        return _palette_labels(stored, path, note)
    if stored.mode == "L":
        return _gray_labels(stored.pixels, path, note)
    if stored.mode.startswith("I"):  # 16 or 32 bits a pixel
        return _gray_labels(_in_8_bits(stored.pixels, path), path, note)
    if stored.mode == "RGB":
        return _colour_labels(stored.pixels, path, note)
    raise InputError(f"{path} has pixel mode {stored.mode}: save the mask as an indexed or gray PNG")


def _alpha_is_the_mask(stored: Stored) -> bool:
    """Whether an object was cut out: parts are transparent, and the colours do not say so by being black there."""
    assert stored.alpha is not None
    hidden = stored.alpha == 0
    if not hidden.any() or hidden.all():
        return False
    return bool(stored.pixels[hidden].any() or not stored.pixels[~hidden].any())


# ----------------------------------------------------------------------------------------------------- palettes


def _palette_labels(stored: Stored, path: Path, note: Note) -> np.ndarray:
    """Indices are ids where the palette has black first; a picture that became indexed goes by its colours."""
    indices, palette = stored.pixels, stored.palette
    if palette is None or np.array_equal(palette, PALETTE[: len(palette)]) or indices.max() >= len(palette):
        return indices
    used = palette[np.unique(indices)]
    if (used == used[:, :1]).all():  # grays
        return _gray_labels(palette[indices, 0], path, note)
    if palette[0].any():
        return _colour_labels(palette[indices], path, note)
    ids, known = _ids_of_colours(used)
    if known.all() and not np.array_equal(ids, np.unique(indices)):
        note(f"{path} has DAVIS's colours in another order: its colours say which object is which, not its indices")
        return _colour_labels(palette[indices], path, note)
    if _is_dithered(indices):
        raise InputError(f"{path} was dithered when it was made indexed, which makes ids: convert it without dithering")
    return indices


def _is_dithered(indices: np.ndarray) -> bool:
    """Whether neighbouring pixels of objects mostly differ, along rows and along columns."""
    same = []
    for one, other in ((indices[:, 1:], indices[:, :-1]), (indices[1:], indices[:-1])):
        inside = (one > 0) & (other > 0)
        same.append((one == other)[inside].mean() if inside.sum() > 50 else 1.0)
    return max(same) < 0.75


# -------------------------------------------------------------------------------------------------------- grays


def _has_ids(values: np.ndarray) -> bool:
    """Whether there are values besides 0 and 255. np.unique would answer too, in fifty times the time."""
    return bool((values + np.uint8(1)).max() > 1)  # 255 and 0 become 0 and 1


def _gray_labels(values: np.ndarray, path: Path, note: Note) -> np.ndarray:
    """0/255 is one object; otherwise the gray values are ids, unless they are soft edges or shades."""
    if not _has_ids(values):
        return (values == VOID).view(np.uint8)
    if _has_soft_edges(values):
        note(f"{path} has soft edges, as a resize makes them: pixels from 128 on are object 1")
        return (values >= 128).view(np.uint8)
    present = np.unique(values)
    if len(present) > MAX_GRAY_IDS:
        raise InputError(
            f"{path} has {len(present)} gray values, so it is a soft mask or a photograph: threshold it to 0 and 255"
        )
    if present[-1] == VOID and cv2.erode((values == VOID).view(np.uint8), THICK, borderValue=0).any():
        return _with_thick_white(values, present, path, note)
    return values.copy()


def _has_soft_edges(values: np.ndarray) -> bool:
    """Whether the values besides 0 and 255 have no inside, and most of them less on one side and more on the other.

    Beside edges there are thin parts of the object, which a resize leaves with nothing but less around them.
    """
    if not cv2.erode((values == VOID).view(np.uint8), np.ones((3, 3), np.uint8), borderValue=0).any():
        return False
    inside = _inside(values)
    near = np.ones((5, 5), np.uint8)
    between = (cv2.erode(values, near) < values) & (values < cv2.dilate(values, near))
    count, insides, on_edges = (
        np.bincount(found.ravel(), minlength=256)[1:VOID] for found in (values, values[inside], values[between])
    )
    return bool((insides <= 0.1 * count)[count >= 10].all() and on_edges.sum() >= 0.5 * count.sum())


def _inside(values: np.ndarray) -> np.ndarray:
    """Which pixels have their own value all around them, bool (H, W)."""
    around = np.ones((3, 3), np.uint8)
    return cv2.erode(values, around) == cv2.dilate(values, around)


def _with_thick_white(values: np.ndarray, present: np.ndarray, path: Path, note: Note) -> np.ndarray:
    """Values beside a 255 that is no line along borders: shades of objects, or ids beside void."""
    shades = present[present > 0]
    if shades[0] >= LEAST_SHADE:
        if not np.isin(shades, values[_inside(values)]).all():
            raise InputError(f"{path} has soft edges around several objects: resize it by the nearest pixel instead")
        table = np.zeros(256, np.uint8)
        table[shades] = np.arange(1, len(shades) + 1)
        pairs = ", ".join(f"{shade} as object {i}" for i, shade in enumerate(shades, 1))
        note(f"{path} is taken for objects drawn in shades of gray: {pairs}")
        return table[values]
    note(f"{path} has 255 beside other ids, so it counts as void: give that object another id if it is one")
    return values.copy()


def _in_8_bits(values: np.ndarray, path: Path) -> np.ndarray:
    """Values of 16 or 32 bits: ids up to 255 as they are; what fills 16 bits, by its upper 8."""
    largest = int(values.max())
    if largest == 65535:
        upper = (values // 257).astype(np.uint8)
        if (values % 257 == 0).all() or not _has_ids(upper) or _has_soft_edges(upper):
            return upper
    if largest > 255:
        raise InputError(f"{path} has the id {largest}, and at most 255 fit a mask: renumber its objects")
    return values.astype(np.uint8)


# ------------------------------------------------------------------------------------------------------ colours


def _colour_labels(rgb: np.ndarray, path: Path, note: Note) -> np.ndarray:
    """Look the colours `(H, W, 3)` up in the palette; grays are looked at as such."""
    if (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all():
        return _gray_labels(np.ascontiguousarray(rgb[..., 0]), path, note)
    labels, known = _ids_of_colours(rgb)
    if not known.all():
        colour = tuple(rgb[~known][0].tolist())
        raise InputError(
            f"{path} has the colour {colour}, which is not in DAVIS's palette: draw with hard edges in its colours, or "
            "save the mask as an indexed PNG"
        )
    return labels


def _ids_of_colours(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of colours uint8 (..., 3): the ids that have them in DAVIS's palette, uint8 (...), and whether there is one."""
    packed = rgb.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)  # (...): 0xRRGGBB
    known = PALETTE.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)  # (256,)
    order = np.argsort(known)
    labels = order[np.searchsorted(known, packed, sorter=order).clip(max=255)].astype(np.uint8)
    return labels, known[labels] == packed
