"""Frames with the contours of what is annotated on them, for the training of contour networks (OSVOS, section 3.3).

Of every frame a random view is seen, as in `training/stills.py`.
"""

from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from vosbook.contours.labels import BACKGROUND, contour_labels
from vosbook.datasets.sequence import Sequence
from vosbook.errors import InputError
from vosbook.nn.side_outputs import SideOutputs, balanced_bce
from vosbook.training.stills import StillConfig
from vosbook.training.views import draw_view
from vosbook.video.labels import VOID

# ----------------------------------------------------------------------------------------------------- sources


class Annotated(Protocol):
    """Frames with areas, and how far from an object they tell of contours."""

    band: int | None  # pixels of the view; None: everywhere

    def __len__(self) -> int: ...

    def __getitem__(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """A frame uint8 (H, W, 3) and its areas uint16 (H, W)."""


@dataclass(frozen=True)
class ObjectMasks:
    """The annotated frames of a video."""

    sequence: Sequence
    band: int | None = 16

    def __len__(self) -> int:
        return len(self.sequence.annotated)

    def __getitem__(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        t = self.sequence.annotated[n]
        labels = self.sequence.labels(t).astype(np.uint16)
        return self.sequence.frames[t], np.where(labels == VOID, 0, labels + BACKGROUND).astype(np.uint16)


# ----------------------------------------------------------------------------------------------------- batches


@dataclass(frozen=True)
class ContourBatch:
    """Frames side by side."""

    images: Tensor  # (B, 3, H, W) float in 0..1
    y: Tensor  # (B, 1, H, W) float, 1 at contours
    known: Tensor  # (B, 1, H, W) bool; elsewhere y has no say


class ContourSampler:
    """Batches of frames at random. What a batch holds depends on its number, the place in it and the seed alone."""

    def __init__(
        self,
        sources: Many[Annotated],
        config: StillConfig = StillConfig(),  # noqa: B008 - frozen
        *,
        device: str | torch.device = "cpu",
    ):
        """All frames are drawn alike. InputError where there are none."""
        self.config, self.device = config, device
        self.pool = [(source, n) for source in sources for n in range(len(source))]
        if not self.pool:
            raise InputError("there is no annotated frame to learn contours from: name data that has masks")

    def batch(self, step: int, share: range) -> ContourBatch:
        """Frames `share` of the batch `step`."""
        images, y, known = (np.stack(part) for part in zip(*(self.draw(step, k) for k in share)))
        return ContourBatch(
            images=torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).float() / 255,  # -> (B, 3, H, W)
            y=torch.from_numpy(y[:, None]).to(self.device).float(),
            known=torch.from_numpy(known[:, None]).to(self.device),
        )

    def draw(self, step: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frame k of the batch `step`, uint8 (H, W, 3), its contours and where they are known, both bool (H, W)."""
        generator = np.random.default_rng([self.config.seed, step, k, 4])
        source, n = self.pool[generator.integers(len(self.pool))]
        frame, areas = draw_view(*source[n], self.config.views, generator, size=self.config.size)
        return frame, *contour_labels(areas, band=source.band)  # what the view shows beyond the frame has area 0


def contour_loss(outputs: SideOutputs, batch: ContourBatch, *, side_weight: float) -> Tensor:
    """The fused output's class-balanced cross-entropy over the known pixels and, times `side_weight`, every side's."""
    every = [(outputs.fused, 1.0), *((side, side_weight) for side in outputs.sides if side_weight)]
    losses = [weight * _known_bce(logits, batch) for logits, weight in every]
    return torch.stack(losses).sum()


def _known_bce(logits: Tensor, batch: ContourBatch) -> Tensor:
    """Mean over the images; one of which nothing is known counts as 0."""
    losses = [logits.sum() * 0.0]
    for z, y, known in zip(logits, batch.y, batch.known):
        if known.any():
            losses.append(balanced_bce(z[known][None, None, None], y[known][None, None, None], normalised=True))
    return torch.stack(losses).sum() / len(logits)
