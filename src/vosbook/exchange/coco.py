"""COCO's JSON: instances with their images and categories, or the bare list of results that detectors write.

Its rules: https://cocodataset.org, "Data format" and "Results format".
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as tools

from vosbook.errors import InputError
from vosbook.exchange.annotations import Annotations, Shape, Size, read_content, size_from, without_ending
from vosbook.exchange.objects import Identity, Picture, categories_of
from vosbook.exchange.polygons import filled, polygons_of
from vosbook.exchange.rle import decode, encode, size_of

REMEDY = "give COCO's instances or results in JSON"


@dataclass(frozen=True)
class Image:
    """An image that a file speaks of."""

    key: str | int  # its name without ending, folders included; or a number, where a file gives no name
    size: Size | None = None  # where the file states it


@dataclass(frozen=True)
class Instance:
    """One object in one image, as a file has it; what `mask_of` needs is not decoded yet."""

    image: Image
    category: str
    score: float
    segmentation: Any
    track: str | None  # which object it is in other images, too
    crowd: bool  # many of them, or a part that nobody is scored on
    where: str  # in the file, for messages


@dataclass(frozen=True)
class CocoFile:
    """What a file holds."""

    path: Path
    images: tuple[Image, ...]  # those without an instance, too, where the file lists its images
    instances: tuple[Instance, ...]


# ------------------------------------------------------------------------------------------------------- reading


def is_coco(content: Any) -> bool:
    """Whether this is what COCO's files hold."""
    if isinstance(content, list):
        return bool(content) and isinstance(content[0], dict) and "image_id" in content[0]
    return isinstance(content, dict) and isinstance(content.get("annotations"), list)


def read_coco(path: str | Path) -> CocoFile:
    """Read instances (`images`, `annotations`, `categories`) or results (a list).

    Results may lie under `annotations` beside their `images`, too. InputError names what is missing or damaged.
    """
    path = Path(path)
    return parse_coco(read_content(path), path)


def parse_coco(content: Any, path: Path) -> CocoFile:
    """As `read_coco`, of what the file at `path` holds."""
    if isinstance(content, list):
        content = {"annotations": content}
    if not is_coco(content):
        raise InputError(f"{path} holds no annotations: {REMEDY}")
    try:
        images = {entry["id"]: _image(entry) for entry in content.get("images", ())}
        categories = {entry["id"]: str(entry["name"]) for entry in content.get("categories", ())}
    except KeyError as error:
        raise InputError(f"{path} has an image or a category without {error}: {REMEDY}") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} has an image or a category that cannot be used ({error}): {REMEDY}") from None
    instances = tuple(_instances(path, content["annotations"], images, categories))
    seen = tuple(images.values()) or tuple(dict.fromkeys(one.image for one in instances))
    return CocoFile(path, seen, instances)


def _image(entry: Mapping[str, Any]) -> Image:
    size = size_from(entry["height"], entry["width"]) if {"height", "width"} <= entry.keys() else None
    return Image(without_ending(entry["file_name"]), size)


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
            crowd=bool(entry.get("iscrowd")),
            where=where,
        )


def mask_of(instance: Instance, path: Path, size: Size | None = None) -> np.ndarray:
    """The mask `bool (H, W)` of an instance: of an RLE, or of polygons, which are filled as pycocotools does.

    `size`, where given, must be the mask's. InputError names the file.
    """
    try:
        mask = _decoded(instance, size)
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} has a damaged segmentation in {instance.where} ({error}): write it anew") from None
    for height, width in filter(None, (instance.image.size, size)):
        if mask.shape != (height, width):
            have = f"{mask.shape[1]}x{mask.shape[0]} pixels ({instance.where})"
            raise InputError(f"{path} has masks of {have} for frames of {width}x{height}: make them one size")
    return mask


def _decoded(instance: Instance, size: Size | None) -> np.ndarray:
    if isinstance(instance.segmentation, dict):
        return decode(instance.segmentation)
    size = instance.image.size or size
    if size is None:
        raise ValueError("its polygons need the height and width of their image")
    return filled(instance.segmentation, size)


def coco_annotations(content: Any, path: Path) -> Annotations:
    """What a file holds as `Annotations`; crowds are no objects. InputError where it cannot be used."""
    file = parse_coco(content, path)
    sizes: dict[str | int, Size] = {image.key: image.size for image in file.images if image.size is not None}
    objects = [one for one in file.instances if not one.crowd]
    for one in objects:
        sizes.setdefault(one.image.key, _size_in(one, path))
    shapes = tuple(
        Shape(
            frame=one.image.key,
            category=one.category,
            track=one.track,
            mask=partial(mask_of, one, path, sizes[one.image.key]),
            where=f"{path}, {one.where}",
        )
        for one in objects
    )
    return Annotations(path, sizes, shapes, Counter(crowd=len(file.instances) - len(objects)))


def _size_in(instance: Instance, path: Path) -> Size:
    """The size of an instance's image, which its own RLE states where the image does not."""
    try:
        return instance.image.size or size_of(instance.segmentation)
    except (ValueError, AttributeError):
        key = instance.image.key
        raise InputError(f"{path} does not state the size of {key}: add height and width to its images") from None


# ------------------------------------------------------------------------------------------------------- writing


def write_coco(
    out: Path,
    pictures: Iterable[tuple[Picture, np.ndarray]],
    objects: Mapping[int, Identity],
    *,
    polygons: bool = False,
) -> None:
    """Write instances as `out`, of frames and their labels `uint8 (H, W)`: as RLE, or as `polygons`.

    `objects` are those of the labels by id, which becomes `track_id`. A polygon cuts holes out along a seam.
    """
    categories = {name: n for n, name in enumerate(categories_of(objects), 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for picture, labels in pictures:
        height, width = labels.shape
        image = {"id": len(images) + 1, "file_name": picture.file, "height": height, "width": width}
        images.append({**image, "frame_id": picture.t})
        for i in picture.ids:
            where = {"id": len(annotations) + 1, "image_id": image["id"], "track_id": i}
            category = {"category_id": categories[objects[i].category], "iscrowd": 0}
            annotations.append({**where, **category, **_measured(labels == i, polygons)})
    content = {
        "info": {"description": "objects in a video; track_id is the same in all its frames"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": n, "name": name} for name, n in categories.items()],
    }
    out.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _measured(mask: np.ndarray, polygons: bool) -> dict[str, Any]:
    """The segmentation of a mask `bool (H, W)` with its area and its box (x, y, width, height)."""
    rle = encode(mask)
    packed = {"size": rle["size"], "counts": rle["counts"].encode("ascii")}
    return {
        "segmentation": [polygon.ravel().tolist() for polygon in polygons_of(mask)] if polygons else rle,
        "area": int(tools.area(packed)),
        "bbox": [int(number) for number in tools.toBbox(packed)],
    }
