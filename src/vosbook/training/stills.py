"""Single frames with their masks, for networks that look at each frame alone (OSVOS and its contour network).

Every frame is seen mirrored, turned, scaled and shifted at random. What a batch holds depends on its number, the place
in it and the seed alone, as in `training/clips.py`, whose maps these are.
"""

from collections.abc import Sequence as Many
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from vosbook.datasets.sequence import Sequence
from vosbook.errors import InputError
from vosbook.training.clips import ATTEMPTS, ClipConfig, draw_affine, draw_light, warp_image, warp_labels
from vosbook.video.labels import VOID


@dataclass(frozen=True)
class StillConfig:
    """How frames are drawn and changed. Turns and scales are those of the authors' code."""

    size: tuple[int, int] = (480, 854)  # (H, W) to which frames are resized
    flip: float = 0.5  # share of frames that are mirrored
    rotation: float = 30.0  # degrees, either way
    zoom: tuple[float, float] = (0.75, 1.25)
    translation: float = 0.0  # of the frame's width and height, either way
    light: float = 0.0  # change of each colour's brightness, either way
    images: int | None = None  # how many of the frames are used, drawn at random; None: all
    min_pixels: int = 100  # of the object, at `size`
    seed: int = 0

    def maps(self) -> ClipConfig:
        """The same, as the functions of `clips` take it."""
        return ClipConfig(
            size=self.size,
            flip=self.flip,
            rotation=self.rotation,
            shear=0,
            translation=self.translation,
            zoom=self.zoom,
            light=self.light,
        )


class StillSampler:
    """Batches of frames, all annotated frames of the sequences alike; the object is whatever is no background."""

    def __init__(
        self, sequences: Many[Sequence], config: StillConfig = StillConfig(), *, device: str | torch.device = "cpu"
    ):
        """InputError where there are fewer annotated frames than the configuration asks for, or none."""
        self.config, self.device = config, device
        numbered = ((s, t, name) for s in sequences for t, name in enumerate(s.frames.names))
        self.pool = [(sequence, t) for sequence, t, name in numbered if name in sequence.masks]
        wanted = len(self.pool) if config.images is None else config.images
        if not 1 <= wanted <= len(self.pool):
            raise InputError(f"{wanted} images are asked for, and {len(self.pool)} frames have masks: change `images`")
        chosen = np.random.default_rng([config.seed, 0]).permutation(len(self.pool))[:wanted]
        self.pool = [self.pool[n] for n in sorted(chosen)]

    def batch(self, step: int, share: range) -> tuple[Tensor, Tensor]:
        """Frames `share` of the batch `step`: images `(B, 3, H, W)` in 0..1 and masks `(B, 1, H, W)`, 0 or 1."""
        pairs = [self.draw(step, k) for k in share]
        return stack_stills(pairs, device=self.device)

    def draw(self, step: int, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Frame k of the batch `step`, `uint8 (H, W, 3)`, and its mask, `uint8 (H, W)` of 0 and 1."""
        generator = np.random.default_rng([self.config.seed, step, k, 3])
        sequence, t = self.pool[generator.integers(len(self.pool))]
        labels = sequence.labels(t)
        mask = ((labels > 0) & (labels != VOID)).astype(np.uint8)
        return draw_view(sequence.frames[t], mask, self.config, generator)


def draw_view(
    frame: np.ndarray, mask: np.ndarray, config: StillConfig, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A random view of a frame `uint8 (h, w, 3)` and its mask `uint8 (h, w)`, both of the configuration's size.

    The object stays in view, unless it is too small from the start.
    """
    maps = config.maps()
    for attempt in range(ATTEMPTS + 1):
        move = draw_affine(maps, generator) if attempt < ATTEMPTS else np.eye(2, 3)
        moved = warp_labels(mask, move, config.size)
        if np.count_nonzero(moved) >= config.min_pixels:
            break
    return warp_image(cv2.LUT(frame, draw_light(maps, generator)), move, config.size), moved


def stack_stills(
    pairs: Many[tuple[np.ndarray, np.ndarray]], *, device: str | torch.device = "cpu"
) -> tuple[Tensor, Tensor]:
    """Frames and masks as `draw_view` gives them -> `(B, 3, H, W)` in 0..1 and `(B, 1, H, W)`, 0 or 1."""
    frames, masks = (torch.from_numpy(np.stack(part)).to(device) for part in zip(*pairs))
    return frames.permute(0, 3, 1, 2).float() / 255, masks[:, None].float()  # (B, H, W, 3) -> (B, 3, H, W)
