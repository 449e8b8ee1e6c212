"""The formats by name: what reads each, and what writes it. A new one is a module of this room and a row here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vosbook.errors import InputError
from vosbook.exchange.annotations import Annotations
from vosbook.exchange.coco import coco_annotations, is_coco, write_coco
from vosbook.exchange.cvat import cvat_annotations, is_cvat
from vosbook.exchange.label_studio import is_label_studio, label_studio_annotations
from vosbook.exchange.labelme import is_labelme, labelme_annotations
from vosbook.exchange.yolo import write_yolo


@dataclass(frozen=True)
class Reader:
    """`read` is given what a file holds, JSON or the root of XML, and the file's path; `knows` says if it can."""

    knows: Callable[[Any], bool]
    read: Callable[[Any, Path], Annotations]


READERS = {
    "coco": Reader(is_coco, coco_annotations),
    "labelme": Reader(is_labelme, labelme_annotations),
    "cvat": Reader(is_cvat, cvat_annotations),
    "label-studio": Reader(is_label_studio, label_studio_annotations),
}


@dataclass(frozen=True)
class Writer:
    """`write` is given where to write to, pairs of a `Picture` and its labels, and the objects by id."""

    write: Callable[..., None]
    folder: bool = False  # what it writes is one, which is there and empty
    polygons: bool = False  # what it writes has no room for holes


WRITERS = {
    "coco": Writer(write_coco),
    "coco-polygons": Writer(partial(write_coco, polygons=True), polygons=True),
    "yolo": Writer(write_yolo, folder=True, polygons=True),
}


def reader_of(content: Any, path: Path, name: str | None) -> Reader:
    """The reader of this name, or None, of this content. InputError where the content is not of such a format."""
    for known, reader in READERS.items():
        if name in (None, known) and reader.knows(content):
            return reader
    wanted = f"what {name} writes" if name else f"of a format that is known here ({', '.join(READERS)})"
    raise InputError(f"{path} is not {wanted}: check how it was exported")
