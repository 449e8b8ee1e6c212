"""CVAT's XML 1.1: "for images", shapes in images that have names, and "for video", tracks over numbered frames.

https://docs.cvat.ai/docs/other/xml_format
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from vosbook.errors import InputError
from vosbook.exchange.annotations import Annotations, Shape, Size, size_from, without_ending
from vosbook.exchange.polygons import filled

AREAS = ("polygon", "mask")
NO_SHAPES = ("attribute", "tag")  # words about an image
REMEDY = "export it again as CVAT for images, or for video, 1.1"


def is_cvat(content: Any) -> bool:
    """Whether this is the root of CVAT's XML."""
    return isinstance(content, Element) and content.tag == "annotations"


def cvat_annotations(content: Element, path: Path) -> Annotations:
    """Polygons and masks of images and tracks, sorted by z_order. InputError where the file cannot be used."""
    images, tracks = content.findall("image"), content.findall("track")
    try:
        sizes: dict[str | int, Size] = {
            without_ending(image.attrib["name"]): size_from(image.get("height"), image.get("width")) for image in images
        }
        if tracks:
            size = _size_of_video(content)
            sizes |= {int(shape.attrib["frame"]): size for track in tracks for shape in _drawn(track)}
        marks = [*_of_images(images, sizes, path), *_of_tracks(tracks, sizes, path)]
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} cannot be used ({error}): {REMEDY}") from None
    shapes = [shape for _, shape in sorted(marks, key=lambda mark: mark[0])]  # stable: file's order within a z_order
    every = [shape.tag for parent in (*images, *tracks) for shape in _drawn(parent)]
    return Annotations(path, sizes, tuple(shapes), Counter(tag for tag in every if tag not in AREAS))


def _drawn(parent: Element) -> list[Element]:
    return [child for child in parent if child.tag not in NO_SHAPES]


def _size_of_video(content: Element) -> Size:
    stated = {(size.findtext("height"), size.findtext("width")) for size in content.iter("original_size")}
    if len(stated) != 1:
        raise ValueError("it states the sizes of no video, or of several")
    return size_from(*stated.pop())


def _of_images(images: list[Element], sizes: dict[str | int, Size], path: Path) -> Iterator[tuple[int, Shape]]:
    """(z_order, shape) of images. A group is one object, in this and in other images."""
    for image in images:
        frame = without_ending(image.attrib["name"])
        for n, shape in enumerate(_drawn(image)):
            if shape.tag in AREAS:
                group = shape.get("group_id")
                track = None if group in (None, "0") else group
                where = f"{path}, shape {n} of {frame}"
                yield int(shape.get("z_order", 0)), _shape(shape, shape.attrib["label"], track, frame, sizes, where)


def _of_tracks(tracks: list[Element], sizes: dict[str | int, Size], path: Path) -> Iterator[tuple[int, Shape]]:
    """(z_order, shape) of tracks, where these are in view."""
    for track in tracks:
        for shape in _drawn(track):
            if shape.tag in AREAS and shape.get("outside") != "1":
                frame = int(shape.attrib["frame"])
                where = f"{path}, track {track.get('id')} in frame {frame}"
                found = _shape(shape, track.attrib["label"], track.attrib["id"], frame, sizes, where)
                yield int(shape.get("z_order", 0)), found


def _shape(
    shape: Element, category: str, track: str | None, frame: str | int, sizes: dict[str | int, Size], where: str
) -> Shape:
    return Shape(frame, category, track, partial(_mask, shape, sizes[frame]), where)


def _mask(shape: Element, size: Size) -> np.ndarray:
    """The pixels of a polygon, "x,y;x,y;...", or of runs along the rows of a box, the first background: bool (H, W)."""
    if shape.tag == "polygon":
        return filled([[float(number) for number in shape.get("points", "").replace(";", ",").split(",")]], size)
    left, top, width, height = (int(shape.get(side, -1)) for side in ("left", "top", "width", "height"))
    runs = np.array([int(run) for run in shape.get("rle", "").split(",")])
    if min(left, top, width, height) < 0 or top + height > size[0] or left + width > size[1]:
        raise ValueError("its mask lies outside the image")
    if (runs < 0).any() or runs.sum() != width * height:
        raise ValueError(f"its runs cover {runs.sum()} pixels, and its box has {width * height}")
    mask = np.zeros(size, bool)
    part = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    mask[top : top + height, left : left + width] = part.reshape(height, width)
    return mask
