"""COCO's JSON: instances with their images and categories, or the bare list of results that detectors write.

Its rules: https://cocodataset.org, "Data format" and "Results format".
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pycocotools import mask as coco

from vosbook.errors import InputError
from vosbook.exchange.rle import decode

REMEDY = "give COCO's instances or results in JSON"


@dataclass(frozen=True)
class Image:
    """An image that a file speaks of."""

    key: str | int  # its name without ending, folders included; or a number, where a file gives no name
    size: tuple[int, int] | None = None  # (H, W), where the file states it


@dataclass(frozen=True)
class Instance:
    """One object in one image, as a file has it; what `mask_of` needs is not decoded yet."""

    image: Image
    category: str
    score: float
    segmentation: Any
    track: str | None  # which object it is in other images, too
    where: str  # in the file, for messages


@dataclass(frozen=True)
class CocoFile:
    """What a file holds."""

    path: Path
    images: tuple[Image, ...]  # those without an instance, too, where the file lists its images
    instances: tuple[Instance, ...]


def read_coco(path: str | Path) -> CocoFile:
    """Read instances (`images`, `annotations`, `categories`) or results (a list).

    Results may lie under `annotations` beside their `images`, too. InputError names what is missing or damaged.
    """
    path = Path(path)
    content = read_json(path, REMEDY)
    if isinstance(content, list):
        content = {"annotations": content}
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise InputError(f"{path} holds no annotations: {REMEDY}")
    try:
        images = {entry["id"]: _image(entry) for entry in content.get("images", ())}
        categories = {entry["id"]: str(entry["name"]) for entry in content.get("categories", ())}
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} has an image or a category without {error}: {REMEDY}") from None
    instances = tuple(_instances(path, content["annotations"], images, categories))
    seen = tuple(images.values()) or tuple(dict.fromkeys(one.image for one in instances))
    return CocoFile(path, seen, instances)


def read_json(path: Path, remedy: str) -> Any:
    """What a JSON file holds. InputError, which ends in `remedy`, where it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: check the path") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path} is no JSON, or was cut short: {remedy}") from None


def _image(entry: Mapping[str, Any]) -> Image:
    height, width = entry.get("height"), entry.get("width")
    size = (height, width) if type(height) is int and type(width) is int else None
    return Image(without_ending(entry["file_name"]), size)


def without_ending(name: str) -> str:
    """The name of an image file without its ending; folders stay. A dot in a frame's name is no ending's."""
    file = PurePosixPath(str(name).replace("\\", "/"))
    return str(file.with_suffix("")) if file.suffix[1:2].isalpha() else str(file)


def _instances(
    path: Path, entries: list, images: Mapping[Any, Image], categories: Mapping[Any, str]
) -> Iterator[Instance]:
    for n, entry in enumerate(entries):
        where = f"annotation {n}"
        if not isinstance(entry, dict) or not {"image_id", "category_id"} <= entry.keys():
            raise InputError(f"{path} has no image_id or category_id in {where}: {REMEDY}")
        key, category, score = entry["image_id"], entry["category_id"], entry.get("score", 1.0)
        if type(key) not in (str, int) or type(category) not in (str, int):
            raise InputError(f"{path} has no text or whole number as image_id and category_id in {where}: {REMEDY}")
        if images and key not in images:
            raise InputError(f"{path} lists no image {key}, which {where} is of: add it to its images")
        if type(score) not in (int, float) or not 0 <= score <= 1:
            raise InputError(f"{path} has the score {score} in {where}: scores lie in 0 to 1")
        if not entry.get("segmentation"):
            raise InputError(f"{path} has no segmentation in {where}: boxes alone do not do, save the masks too")
        track = entry.get("track_id", entry.get("instance_id"))
        yield Instance(
            image=images[key] if images else Image(without_ending(key) if isinstance(key, str) else key),
            category=categories.get(category, str(category)),
            score=float(score),
            segmentation=entry["segmentation"],
            track=None if track is None else str(track),
            where=where,
        )


def mask_of(instance: Instance, path: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """The mask `bool (H, W)` of an instance: of an RLE, or of polygons, which are filled as pycocotools does.

    `size` (H, W), where given, must be the mask's. InputError names the file.
    """
    stated = instance.image.size or size
    try:
        if isinstance(instance.segmentation, dict):
            mask = decode(instance.segmentation)
        elif stated is None:
            raise ValueError("its polygons need the height and width of their image")
        else:
            mask = filled(instance.segmentation, stated)
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} has a damaged segmentation in {instance.where} ({error}): write it anew") from None
    for height, width in filter(None, (stated, size)):
        if mask.shape != (height, width):
            have = f"{mask.shape[1]}x{mask.shape[0]} pixels ({instance.where})"
            raise InputError(f"{path} has masks of {have} for frames of {width}x{height}: make them one size")
    return mask


def filled(polygons: Any, size: tuple[int, int]) -> np.ndarray:
    """Polygons, each a list x, y, x, y, ... in pixels, corners of pixels being whole -> `bool (H, W)`: their union.

    ValueError for what is no polygon.
    """
    if not isinstance(polygons, list) or not polygons:
        raise ValueError("its polygons are no list")
    arrays = [np.array(polygon, np.float64) for polygon in polygons]
    if any(a.ndim != 1 or len(a) < 6 or len(a) % 2 or not np.isfinite(a).all() for a in arrays):
        raise ValueError("a polygon is a list of x and y, three pairs or more")
    return coco.decode(coco.merge(coco.frPyObjects([a.tolist() for a in arrays], *size))).astype(bool)
