"""A sequence at another size, for measurements that would take too long at its own."""

from dataclasses import replace

import cv2
import numpy as np

from vosbook.datasets.sequence import Sequence
from vosbook.datasets.synthetic.make import ArrayFrames, ArrayMasks


def shrink(sequence: Sequence, *, height: int) -> Sequence:
    """The sequence in memory, its frames averaged to `height` lines, its labels those of the nearest pixels.

    The width keeps the frame's shape, to a pixel. ValueError where the sequence has fewer lines.
    """
    h, w = sequence.frames.size
    if height > h:
        raise ValueError(f"{sequence.name} has {h} lines: it cannot be shrunk to {height}")
    size = (round(w * height / h), height)  # OpenCV's order, (W, H)
    frames = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in sequence.frames]
    names = tuple(sequence.masks.names)
    labels = [cv2.resize(sequence.masks[name], size, interpolation=cv2.INTER_NEAREST_EXACT) for name in names]
    return replace(
        sequence,
        frames=ArrayFrames(np.stack(frames), tuple(sequence.frames.names)),
        masks=ArrayMasks(np.stack(labels), names),
    )
