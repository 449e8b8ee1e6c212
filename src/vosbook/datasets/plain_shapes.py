"""Small videos of plain shapes, for networks that are trained in seconds: quick to make, and quick to follow.

Beside `make_sequence`, which draws textured objects over photographs, at any size.
"""

import cv2
import numpy as np

from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.datasets.synthetic import ArrayFrames, ArrayMasks
from vosbook.video.labels import object_ids

MARGIN = 9  # pixels from the border, at the start


def moving_shapes(seed: int, *, size: tuple[int, int] = (48, 64), frames: int = 12) -> Sequence:
    """Two or three discs, squares or diamonds that cross a soft ground, and turn back at its far borders.

    In half of the videos the first two look the same. `size` is (H, W), at least 20 each; the same seed, the same
    video. Frames `uint8 (H, W, 3)`, labels `uint8 (H, W)`: a later object covers an earlier one.
    """
    rng, corner = np.random.default_rng(seed), np.array(size)
    ground = cv2.resize(rng.uniform(40, 150, (4, 6, 3)), size[::-1], interpolation=cv2.INTER_CUBIC)
    count = rng.integers(2, 4)
    start, speed = rng.uniform(MARGIN, corner - MARGIN, (count, 2)), rng.uniform(-3, 3, (count, 2))
    radius, shape, colour = rng.uniform(6, 10, count), rng.integers(0, 3, count), rng.uniform(0, 255, (count, 3))
    if rng.random() < 0.5:
        colour[1], shape[1] = colour[0], shape[0]
    images, labels = [], []
    for t in range(frames):
        centre = corner - np.abs(corner - np.abs(start + speed * t))
        image, label = ground.copy(), np.zeros(size, np.uint8)
        for i in range(count):
            inside = _distance(size, centre[i], shape[i]) < radius[i]
            image[inside], label[inside] = colour[i], i + 1
        images.append((image + 8 * rng.standard_normal(image.shape)).clip(0, 255).astype(np.uint8))
        labels.append(label)
    names = tuple(f"{t:05d}" for t in range(frames))
    objects = tuple(VideoObject(i, names[0]) for i in object_ids(labels[0]))
    masks = ArrayMasks(np.stack(labels), names)
    return Sequence(f"shapes-{seed}", ArrayFrames(np.stack(images), names), masks, objects)


def _distance(size: tuple[int, int], centre: np.ndarray, shape: int) -> np.ndarray:
    """How far pixels are from `centre` (y, x), `(H, W)`, as a disc (0), a square (1) or a diamond (2) measures it."""
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    y, x = np.abs(rows - centre[0]), np.abs(columns - centre[1])
    return (np.hypot(x, y), 1.1 * np.maximum(x, y), 0.8 * (x + y))[shape]
