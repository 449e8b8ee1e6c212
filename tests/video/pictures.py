"""Labels, photographs and clips that the tests of this room share."""

from pathlib import Path

import numpy as np
from PIL import Image

LABELS = np.array([[0, 0, 1, 1], [0, 2, 2, 1], [0, 2, 2, 0]], np.uint8)
ONE = (LABELS == 1).astype(np.uint8)


def photo(path: Path, *, size=(24, 32), seed=0) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def frames_in(folder: Path, names, **options) -> Path:
    folder.mkdir()
    for name in names:
        photo(folder / name, **options)
    return folder


def cut_short(path: Path, share=0.6) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


def clip_of_square(count=6, size=(48, 64)) -> list[np.ndarray]:
    """A bright square that moves over a smooth ground: what survives compression."""
    clip = [np.full((*size, 3), 60, np.uint8) for _ in range(count)]
    for t, frame in enumerate(clip):
        frame[10:26, 4 * t : 4 * t + 16] = (220, 120, 40)
    return clip
