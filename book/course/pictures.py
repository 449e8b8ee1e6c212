"""Masks and frames of a failed case as pictures that a page holds in itself."""

import base64
import io
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from vosbook.video.labels import PALETTE

WIDTH = 160  # pixels of a picture, about
DIFFERENT = (230, 159, 0)  # orange: told from black and white by everybody


def drawn(case: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts of a case (`shown.py`) with a `picture` instead of pixels; and where expected and got differ."""
    parts = [{"name": part["name"], "text": part["text"], "picture": _picture(part)} for part in case]
    pixels = {part["name"]: _pixels(part) for part in case if "pixels" in part}
    want, got = pixels.get("expected"), pixels.get("got")
    if want is not None and got is not None and want.shape == got.shape and want.ndim == 2:
        wrong = np.where((want != got)[..., None], DIFFERENT, 0).astype(np.uint8)
        text = f"{int((want != got).sum())} of {want.size} pixels"
        parts.append({"name": "where they differ", "text": text, "picture": _data(wrong)})
    return parts


def _pixels(part: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(part["pixels"])), np.uint8).reshape(part["shape"])


def _picture(part: dict[str, Any]) -> str | None:
    """The address of a picture that is its own content. Masks of 0 and 1 are black and white, ids are coloured."""
    if "pixels" not in part:
        return None
    pixels = _pixels(part)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None] * 255, 3, axis=2) if pixels.max(initial=0) <= 1 else PALETTE[pixels]
    return _data(pixels)


def _data(colours: np.ndarray) -> str:
    factor = max(1, round(WIDTH / max(colours.shape[1], 1)))
    large = colours.repeat(factor, axis=0).repeat(factor, axis=1)
    file = io.BytesIO()
    Image.fromarray(large).save(file, "png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
