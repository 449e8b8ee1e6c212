"""Label Studio's JSON: a list of tasks, an image each, with brush strokes and polygons.

Brush strokes are packed bit by bit, as RGBA: https://github.com/thi-ng/umbrella, "rle-pack".
"""

import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import numpy as np

from vosbook.errors import InputError
from vosbook.exchange.annotations import Annotations, Shape, Size, size_from, without_ending
from vosbook.exchange.objects import UNNAMED
from vosbook.exchange.polygons import filled

AREAS = ("brush", "polygon")
OTHERS = ("rectangle", "ellipse", "keypoint", "video")
REMEDY = "export it as JSON, not JSON-MIN"


def is_label_studio(content: Any) -> bool:
    """Whether these are Label Studio's tasks."""
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict) and "annotations" in content[0]


def label_studio_annotations(content: Any, path: Path) -> Annotations:
    """Brush strokes and polygons of all tasks, of each its first annotation that was not cancelled.

    InputError where the file cannot be used.
    """
    sizes: dict[str | int, Size] = {}
    shapes: list[Shape] = []
    others: Counter[str] = Counter()
    try:
        for task in content:
            frame = _frame_of(task)
            kept = [one for one in task["annotations"] if not one.get("was_cancelled")]
            others["second annotation"] += max(0, len(kept) - 1)
            for region in kept[0]["result"] if kept else ():
                kind = re.sub("labels$", "", region.get("type", ""))
                others[kind] += kind in OTHERS
                if kind in AREAS:
                    sizes[frame] = size_from(region.get("original_height"), region.get("original_width"))
                    shapes.append(_shape(region, kind, frame, sizes[frame], path))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{path} cannot be used ({error}): {REMEDY}") from None
    return Annotations(path, sizes, tuple(shapes), others)


def _frame_of(task: Mapping[str, Any]) -> str:
    """The name of a task's image, without the eight digits that an upload is given."""
    texts = [task.get("file_upload"), *task["data"].values()]
    files = [unquote(text) for text in texts if isinstance(text, str) and re.search(r"\.\w{2,5}$", text)]
    if not files:
        raise ValueError(f"task {task.get('id')} names no image")
    name = PurePosixPath(without_ending(re.split(r"[?=]", files[0])[-1])).name
    return re.sub(r"^[0-9a-f]{8}-(?=.)", "", name)


def _shape(region: Mapping[str, Any], kind: str, frame: str, size: Size, path: Path) -> Shape:
    value = region["value"]
    if region.get("image_rotation"):
        raise ValueError(f"the image of region {region.get('id')} was turned")
    names = value.get(f"{kind}labels") or [UNNAMED]
    return Shape(frame, str(names[0]), None, partial(_mask, value, size), f"{path}, region {region.get('id')}")


def _mask(value: Mapping[str, Any], size: Size) -> np.ndarray:
    """The pixels bool (H, W) of a polygon, whose points are in % of the size, or of brush strokes."""
    if "rle" not in value:
        points = np.array(value["points"], np.float64) * (size[1], size[0]) / 100
        return filled([points.ravel().tolist()], size)
    rgba = unpacked(bytes(value["rle"]), 4 * size[0] * size[1])
    return rgba.reshape(*size, 4)[..., 3] >= 128


def unpacked(data: bytes, count: int) -> np.ndarray:
    """Packed values -> uint8 (count,). ValueError where there are more or less, or wider ones.

    A head states their number, the bits of one, and four widths of a length. What follows is runs, (1, which width,
    length less 1, value), and values as they are, (0, which width, length less 1, values).
    """
    bits, at = format(int.from_bytes(data, "big"), f"0{8 * len(data)}b"), 0

    def read(width: int) -> int:
        nonlocal at
        at += width
        if at > len(bits):
            raise ValueError("its strokes are cut short")
        return int(bits[at - width : at], 2)

    stated, wide = read(32), read(5) + 1
    widths = [read(4) + 1 for _ in range(4)]
    if stated != count or wide != 8:
        raise ValueError(f"its strokes are {stated} values of {wide} bits, and its image has {count} of 8")
    parts: list[np.ndarray] = []
    done = 0
    while done < count:
        alike, width = read(1), widths[read(2)]
        length = read(width) + 1
        values = read(8) if alike else [read(8) for _ in range(length)]
        parts.append(np.full(length, values, np.uint8))
        done += length
    return np.concatenate(parts)[:count]
