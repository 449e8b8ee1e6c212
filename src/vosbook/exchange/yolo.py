"""YOLO's text files for segmentation: a line for each object of a frame, its class and a polygon in shares of the size.

As Ultralytics reads them: labels/NAME.txt beside images/NAME.jpg, and data.yaml, which names the classes.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import yaml

from vosbook.exchange.objects import Identity, Picture, categories_of
from vosbook.exchange.polygons import joined, polygons_of


def write_yolo(out: Path, pictures: Iterable[tuple[Picture, np.ndarray]], objects: Mapping[int, Identity]) -> None:
    """Write a file for each frame, from its labels `uint8 (H, W)`, into the folder `out`.

    A frame without an object has an empty file. Parts of an object and its holes hang together by seams of no width.
    """
    classes = categories_of(objects)
    (out / "labels").mkdir()
    for picture, labels in pictures:
        lines = [_line(classes.index(objects[i].category), labels == i) for i in picture.ids]
        (out / "labels" / Path(picture.file).with_suffix(".txt").name).write_text("".join(lines), encoding="utf-8")
    about = {"path": ".", "train": "images", "val": "images", "names": dict(enumerate(classes))}
    (out / "data.yaml").write_text(yaml.safe_dump(about, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _line(number: int, mask: np.ndarray) -> str:
    height, width = mask.shape
    corners = joined(polygons_of(mask)) / (width, height)
    return f"{number} {' '.join(f'{share:.8g}' for share in corners.ravel())}\n"
