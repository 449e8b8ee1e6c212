"""Single frames with their masks, for networks that look at each frame alone (OSVOS and its contour network).

Of every frame a random view is seen. What a batch holds depends on its number, the place in it and the seed alone.
"""

from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vosbook.datasets.sequence import Sequence
from vosbook.errors import InputError
from vosbook.training.views import STILL_VIEWS, ViewConfig, draw_view
from vosbook.video.labels import VOID


@dataclass(frozen=True)
class StillConfig:
    """How frames are drawn and changed."""

    size: tuple[int, int] = (480, 854)  # (H, W) to which frames are resized
    views: ViewConfig = STILL_VIEWS
    images: int | None = None  # how many of the frames are used, drawn at random; None: all
    seed: int = 0


class StillSampler:
    """Batches of frames, all annotated frames of the sequences alike; the object is whatever is no background."""

    def __init__(
        self, sequences: Many[Sequence], config: StillConfig = StillConfig(), *, device: str | torch.device = "cpu"
    ):
        """InputError where there are fewer annotated frames than the configuration asks for, or none."""
        self.config, self.device = config, device
        self.pool = [(sequence, t) for sequence in sequences for t in sequence.annotated]
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
        return draw_view(sequence.frames[t], mask, self.config.views, generator, size=self.config.size)


def stack_stills(
    pairs: Many[tuple[np.ndarray, np.ndarray]], *, device: str | torch.device = "cpu"
) -> tuple[Tensor, Tensor]:
    """Frames and masks as `draw_view` gives them -> `(B, 3, H, W)` in 0..1 and `(B, 1, H, W)`, 0 or 1."""
    frames, masks = (torch.from_numpy(np.stack(part)).to(device) for part in zip(*pairs))
    return frames.permute(0, 3, 1, 2).float() / 255, masks[:, None].float()  # (B, H, W, 3) -> (B, 3, H, W)
