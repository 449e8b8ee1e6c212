"""The Segmenter protocol that all methods share, the frame loop, and the registry of methods."""

from typing import Protocol

import numpy as np


class Segmenter(Protocol):
    """A causal method: it sees each frame once, in order, and its memory does not grow with the video.

    Frames are `uint8 (H, W, 3)` RGB; labels are `uint8 (H, W)`, 0 background, object ids as they were given.
    """

    def start(self, frame: np.ndarray, masks: np.ndarray | None) -> None:
        """Begin a video with its first frame and that frame's labels; None asks a zero-shot method to find objects."""

    def add_objects(self, frame: np.ndarray, masks: np.ndarray) -> None:
        """Take in objects that appear at this frame, which `step` has just been given (YouTube-VOS)."""

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Labels of the next frame."""
