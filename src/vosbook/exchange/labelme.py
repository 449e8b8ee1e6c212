"""labelme's JSON: one file for each image, with polygons, and masks as PNG in base64."""

import base64
import binascii
import io
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from vosbook.errors import InputError
from vosbook.exchange.annotations import Annotations, Shape, Size, size_from, without_ending
from vosbook.exchange.polygons import filled


def is_labelme(content: Any) -> bool:
    """Whether this is what labelme's files hold."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list)


def labelme_annotations(content: Any, path: Path) -> Annotations:
    """The polygons and masks of a file. A group is one object, in this and in other frames. InputError: damaged."""
    frame = PurePosixPath(without_ending(content.get("imagePath") or path.name)).name
    try:
        size = size_from(content.get("imageHeight"), content.get("imageWidth"))
        kinds = [(shape.get("shape_type") or "polygon", shape) for shape in content["shapes"]]
        areas = [(n, shape) for n, (kind, shape) in enumerate(kinds) if kind in ("polygon", "mask")]
        shapes = tuple(_shape(shape, frame, size, f"{path}, shape {n}") for n, shape in areas)
    except (ValueError, KeyError, AttributeError) as error:
        raise InputError(f"{path} cannot be used ({error}): save it again with labelme") from None
    others = Counter(kind for kind, _ in kinds if kind not in ("polygon", "mask"))
    return Annotations(path, {frame: size}, shapes, others)


def _shape(shape: Mapping[str, Any], frame: str, size: Size, where: str) -> Shape:
    group = shape.get("group_id")
    return Shape(
        frame=frame,
        category=str(shape["label"]),
        track=None if group is None else str(group),
        mask=partial(_mask, shape, size),
        where=where,
    )


def _mask(shape: Mapping[str, Any], size: Size) -> np.ndarray:
    """The pixels of a polygon, or of a mask, which is a PNG with its box: bool (H, W)."""
    points = np.array(shape["points"], np.float64)  # (K, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError("its points are no pairs")
    if not shape.get("mask"):
        return filled([points.ravel().tolist()], size)
    try:
        with Image.open(io.BytesIO(base64.b64decode(shape["mask"], validate=True))) as image:
            part = np.array(image.convert("L")) > 0
    except (OSError, binascii.Error, SyntaxError) as error:
        raise ValueError(f"its mask is damaged ({error})") from None
    (left, top), mask = points.min(axis=0).round().astype(int), np.zeros(size, bool)
    if min(left, top) < 0 or top + part.shape[0] > size[0] or left + part.shape[1] > size[1]:
        raise ValueError("its mask lies outside the image")
    mask[top : top + part.shape[0], left : left + part.shape[1]] = part
    return mask
