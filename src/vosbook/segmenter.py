"""The Segmenter protocol that all methods share, and the frame loop."""

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np

from vosbook.datasets.sequence import FrameStream, Masks
from vosbook.video.labels import without_void


class Segmenter(Protocol):
    """A causal method: it sees each frame once, in order, and its memory does not grow with the video.

    Frames are `uint8 (H, W, 3)` RGB; labels are `uint8 (H, W)`, 0 background, object ids as they were given.
    """

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> np.ndarray | None:
        """Begin a video with its first frame and that frame's labels; None asks a zero-shot method to find objects.

        A zero-shot method returns the labels that it found in this frame.
        """

    def add_objects(self, frame: np.ndarray, masks: np.ndarray) -> None:
        """Take in objects that appear at this frame, which `step` has just been given (YouTube-VOS)."""

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Labels of the next frame."""


def segment_frames(
    segmenter: Segmenter,
    frames: FrameStream,
    given: Mapping[str, np.ndarray] | None,
    *,
    kept: Masks | Mapping[str, np.ndarray] | None = None,
) -> Iterator[np.ndarray]:
    """Labels `uint8 (H, W)` of each frame in turn, one frame in memory at a time.

    `given` maps frame names to labels of the objects that appear there. Where a frame has given labels they are its
    answer. None: a zero-shot method finds the objects itself. Frames before the first object are background, or have
    the labels that `kept` holds for them: with an earlier answer in `kept` and a mended frame of it in `given`, the
    frames before that one stay, and the segmenter, which must be new, begins there with what it is given.
    """
    if given is None:
        for t, frame in enumerate(frames):
            yield segmenter.step(frame) if t else _found(segmenter, frame)
        return
    started = False
    for name, frame in zip(frames.names, frames, strict=True):
        new = without_void(given[name]) if name in given else None
        if started:
            labels = segmenter.step(frame)
        else:
            labels = np.zeros(frame.shape[:2], np.uint8) if kept is None or new is not None else kept[name]
        if new is not None:
            (segmenter.add_objects if started else segmenter.start)(frame, new)
            labels = np.where(new > 0, new, labels)
            started = True
        yield labels


def _found(segmenter: Segmenter, frame: np.ndarray) -> np.ndarray:
    """Labels of what a zero-shot method finds in the first frame. ValueError where it is none, and finds nothing."""
    labels = segmenter.start(frame, None)
    if labels is None:
        raise ValueError(f"{type(segmenter).__name__} finds no objects itself: give it the masks of the first frame")
    return labels
