"""Image files <-> arrays: opened and decoded with one line for the user where a file is not what its name says."""

import struct
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vosbook.errors import InputError

DEPTHS = (8, 10, 12, 14, 16)  # bits that a value may have in a file with room for 16
ORIENTATION = 0x0112  # of EXIF


def open_image(path: Path) -> Image.Image:
    """Open an image; its pixels are not decoded yet. InputError names what is no image, or too large a one."""
    try:
        with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning):
            return Image.open(path)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError(f"{path} has too many pixels for a frame or a mask: scale it down") from None
    except UnidentifiedImageError:
        raise InputError(f"{path} is not an image, whatever its name says: replace or remove it") from None
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}): replace it") from None


def decode_image(image: Image.Image, path: Path) -> Image.Image:
    """Decode the pixels now: Pillow opens lazily, and a truncated file shows only here."""
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise InputError(f"{path} is damaged or cut short ({error}): copy it again") from None
    if getattr(image, "is_animated", False) and image.format != "MPO":  # MPO: a camera's photograph and its preview
        raise InputError(f"{path} is an animation: save its frames as single images")
    return image


def read_image(path: str | Path, *, bits: int = 16) -> np.ndarray:
    """Read a photograph as `uint8 (H, W, 3)` RGB, turned upright where its EXIF data says so. InputError if damaged.

    Of a file with 16 bits for a value the upper 8 are taken, or where only the lower `bits` are used, as by a camera
    of 12 bits, the upper 8 of these.
    """
    path = Path(path)
    with open_image(path) as image:
        deep = _is_deep(image)
        decoded = decode_image(image, path)
        if decoded.mode in ("F", "I") and not deep:
            raise InputError(f"{path} has 32 bits for a value: save it with 8 or 16")
        if deep:
            decoded = _in_8_bits(deep_pixels(path), bits, image.getexif().get(ORIENTATION, 1))
        upright = ImageOps.exif_transpose(decoded)
    return np.array(upright.convert("RGB"))


def is_deep(path: Path) -> bool:
    """Whether an image has 16 bits for a value."""
    with open_image(path) as image:
        return _is_deep(image)


def _is_deep(image: Image.Image) -> bool:
    """The same, before the pixels are decoded."""
    tiles = getattr(image, "tile", ())
    stored = tiles[0].args if tiles else ""
    return "16" in str(stored if isinstance(stored, str) else stored and stored[0])


def deep_pixels(path: Path) -> np.ndarray:
    """The pixels uint16 (H, W), or (H, W, 3) RGB, of an image with 16 bits for a value; Pillow has no colours so."""
    found = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16:
        raise InputError(f"{path} has 16 bits for a value in a form that is not known here: save it as PNG")
    return found if found.ndim == 2 else found[..., 2::-1]  # BGR, or BGRA


def depth_of(largest: int) -> int:
    """How many bits values up to `largest` have: one of DEPTHS."""
    return next(bits for bits in DEPTHS if largest < 2**bits)


def _in_8_bits(pixels: np.ndarray, bits: int, orientation: int) -> Image.Image:
    image = Image.fromarray((np.ascontiguousarray(pixels) >> (bits - 8)).astype(np.uint8))
    image.getexif()[ORIENTATION] = orientation
    return image


def image_size(path: Path) -> tuple[int, int]:
    """(H, W) from the header alone, after the EXIF rotation."""
    with open_image(path) as image:
        width, height = image.size
        if image.format == "PNG":  # Pillow decodes all of a PNG to find its EXIF data
            decode_image(image, path)
        turned = image.getexif().get(0x0112, 1) >= 5
    return (width, height) if turned else (height, width)
