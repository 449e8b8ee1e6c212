"""Small videos of rectangles, on disk and in memory, that the tests of this room share."""

from pathlib import Path

import numpy as np
import yaml

from vosbook.video.masks import write_mask

SIZE = (40, 60)


def drawn(*boxes: tuple[int, int, int, int, int], size: tuple[int, int] = SIZE) -> np.ndarray:
    """Labels with a rectangle for each (id, top, left, height, width)."""
    labels = np.zeros(size, np.uint8)
    for i, top, left, height, width in boxes:
        labels[top : top + height, left : left + width] = i
    return labels


def moving(frames: int = 6, *, objects: int = 1, shift: int = 0, start: int = 0) -> list[np.ndarray]:
    """Rectangles that move by a pixel a frame; `shift` sets them off to the right."""
    return [
        drawn(*((i, 2 + 12 * (i - 1), 5 + t + shift, 9, 8 + 3 * i) for i in range(1, objects + 1)))
        for t in range(start, start + frames)
    ]


def write(folder: Path, masks: list[np.ndarray], *, stride: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for t, labels in enumerate(masks):
        write_mask(folder / f"{t * stride:05d}.png", labels)
    return folder


def write_info(root: Path, **entries: dict) -> Path:
    path = root / "db_info.yml"
    path.write_text(yaml.safe_dump({"sequences": [{"name": name, **entry} for name, entry in entries.items()]}))
    return path
