"""Image files <-> arrays: opened and decoded with one line for the user where a file is not what its name says."""

import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vosbook.errors import InputError


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


def read_image(path: str | Path) -> np.ndarray:
    """Read a photograph as `uint8 (H, W, 3)` RGB, turned upright where its EXIF data says so. InputError if damaged."""
    path = Path(path)
    with open_image(path) as image:
        upright = ImageOps.exif_transpose(decode_image(image, path))
    if upright.mode.startswith("I"):  # 16 bits a pixel, of which Pillow would take the lower 8
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    return np.array(upright.convert("RGB"))


def image_size(path: Path) -> tuple[int, int]:
    """(H, W) from the header alone, after the EXIF rotation."""
    with open_image(path) as image:
        width, height = image.size
        if image.format == "PNG":  # Pillow decodes all of a PNG to find its EXIF data
            decode_image(image, path)
        turned = image.getexif().get(0x0112, 1) >= 5
    return (width, height) if turned else (height, width)
