"""What a file of annotations says, whichever tool wrote it, and how its content is read."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import numpy as np

from vosbook.errors import InputError

Size = tuple[int, int]  # (H, W)


@dataclass(frozen=True)
class Shape:
    """An area that was drawn in one frame: an object, or a part of one."""

    frame: str | int
    category: str
    track: str | None  # which object it is in this and in other frames; None: the file does not say
    mask: Callable[[], np.ndarray]  # its pixels, bool (H, W). ValueError says what is wrong with them
    where: str  # the file and the place in it, for messages


@dataclass(frozen=True)
class Annotations:
    """What a file holds. A frame is its name without ending, folders included; or a number, counted from 0."""

    path: Path
    sizes: Mapping[str | int, Size]  # of the frames that are annotated, those without a shape among them
    shapes: tuple[Shape, ...]  # those of a frame from the lowest to the topmost
    others: Counter[str] = field(default_factory=Counter)  # what was passed over since it is no area: "box", "point"


def read_content(path: Path) -> Any:
    """What a file of JSON holds, or the root element of one of XML. InputError where it is neither."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: check the path") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text: give JSON or XML, unpacked") from None
    try:
        return ElementTree.fromstring(text) if text.lstrip().startswith("<") else json.loads(text)
    except (ValueError, RecursionError, ElementTree.ParseError):
        raise InputError(f"{path} is no JSON or XML, or was cut short: write it anew") from None


def without_ending(name: str) -> str:
    """The name of an image file without its ending; folders stay. A dot in a frame's name is no ending's."""
    file = PurePosixPath(str(name).replace("\\", "/"))
    return str(file.with_suffix("")) if file.suffix[1:2].isalpha() else str(file)


def size_from(height: object, width: object) -> Size:
    """(H, W) of what a file states. ValueError where these are no sizes."""
    try:
        size = int(str(height)), int(str(width))
    except ValueError:
        size = 0, 0
    if min(size) < 1 or max(size) > 2**16:
        raise ValueError(f"its image is {width}x{height} pixels")
    return size
