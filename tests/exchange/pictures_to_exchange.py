"""A clip whose masks have what formats stumble over: parts, holes, specks, void, empty and missing masks."""

from pathlib import Path

import numpy as np
from PIL import Image

from vosbook.video.masks import write_mask

SIZE = (40, 60)
NAMES = ("00000", "00001", "00002", "00003", "00004")


def labels_of(t: int) -> np.ndarray:
    """Frame 2 is empty; object 3 comes in frame 1; object 5 surrounds background, and object 3 in its hole."""
    labels = np.zeros(SIZE, np.uint8)
    if t == 2:
        return labels
    labels[4 + t : 24 + t, 5:30] = 5
    labels[8 + t : 16 + t, 10:20] = 0
    labels[30, 40 + t], labels[31, 41 + t], labels[36:39, 50:58] = 5, 5, 5  # touching at a corner; a part of its own
    if t > 0:
        labels[10 + t : 12 + t, 12:15] = 3
    labels[0, :] = 255 if t == 3 else 0
    return labels


def make_clip(folder: Path) -> tuple[Path, Path]:
    """Frames, and masks of all but the last one."""
    frames, masks = folder / "clip", folder / "masks"
    frames.mkdir(parents=True)
    masks.mkdir()
    for t, name in enumerate(NAMES):
        Image.fromarray(np.full((*SIZE, 3), 40 * t, np.uint8)).save(frames / f"{name}.jpg")
        if t < 4:
            write_mask(masks / f"{name}.png", labels_of(t))
    return frames, masks
