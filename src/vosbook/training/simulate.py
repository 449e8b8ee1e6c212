"""Samples for the offline training of FRTM's segmentation network (section 3.3): the tracker's situation, simulated.

A target model D is learned on a reference frame, as at the start of a video, and scores two other frames of the same
sequence. The segmentation network sees D's scores and learns the true masks; D and the backbone stay as they are.

Each target has a number of views: a reference frame, a flip and a zoom, which its validation frames share. A target
model depends on the view alone, so it is learned once and kept on disk.
"""

from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from vosbook.datasets.sequence import Sequence
from vosbook.features import Backbone, read_tensors
from vosbook.target_model.augment import augment_first_frame
from vosbook.target_model.loss import Weights, target_scores
from vosbook.target_model.model import TargetModel, TargetModelConfig
from vosbook.training.checkpoint import save_tensors


@dataclass(frozen=True)
class SimulationConfig:
    """How the samples are drawn."""

    size: tuple[int, int]  # (H, W) of the window that is cut from a frame
    zoom: tuple[float, float] = (1.0, 1.0)  # least and greatest magnification of the frame before that
    views: int = 16  # of each target
    flip: float = 0.5  # share of the views that are mirrored
    jitter: float = 0.25  # of the window, either way: how far its middle lies from some pixel of the target
    min_pixels: int = 100  # of the target in every frame that is used
    augmentations: int = 4  # of the reference frame, as at inference
    frames: int = 2  # validation frames of a reference frame
    seed: int = 0


@dataclass(frozen=True)
class Target:
    """One object of a sequence, and the frames that show enough of it."""

    sequence: Sequence
    id: int
    frames: tuple[int, ...]


def find_targets(sequences: Many[Sequence], *, min_pixels: int) -> list[Target]:
    """Every object of every sequence that is seen, with `min_pixels` or more, in at least two annotated frames."""
    targets = []
    for sequence in sequences:
        counts = np.zeros((256, len(sequence.frames)), int)  # pixels by id and frame
        for t in range(len(sequence.frames)):
            labels = sequence.labels(t)
            if labels is not None:
                counts[:, t] = np.bincount(labels.ravel(), minlength=256)
        for target in sequence.objects:
            frames = np.flatnonzero(counts[target.id] >= min_pixels).tolist()
            if len(frames) >= 2:
                targets.append(Target(sequence, target.id, tuple(frames)))
    return targets


@dataclass(frozen=True)
class View:
    """How a target is looked at, in its reference frame and in the frames that are to be segmented."""

    reference: int  # frame
    flip: bool
    zoom: float


@dataclass(frozen=True)
class Batch:
    """What the segmentation network is given, and what it should answer."""

    s: Tensor  # (B, 1, h, w) D's scores
    x: dict[str, Tensor]  # by level, (B, C, h, w)
    y: Tensor  # (B, 1, H, W) float, 0 or 1


class Simulation:
    """Batches for the training of S. Which samples a batch holds depends on its number and the seed alone."""

    def __init__(
        self,
        targets: Many[Target],
        backbone: Backbone,
        *,
        level: str,
        folder: Path,
        config: SimulationConfig,
        target_model: TargetModelConfig,
    ):
        """Target models of `level` are kept in `folder`, which must not be shared with other settings."""
        self.targets, self.backbone, self.level, self.folder = targets, backbone, level, folder
        self.config, self.target_model = config, target_model
        self._learned: dict[tuple[int, int], Weights] = {}

    @property
    def device(self) -> torch.device:
        return next(self.backbone.buffers()).device

    def batch(self, step: int, share: range) -> Batch:
        """Validation frames `share` of the batch `step`: `config.frames` in a row belong to one reference frame."""
        pairs = sorted({i // self.config.frames for i in share})
        images, labels, w = [], [], []
        for pair in pairs:
            generator = np.random.default_rng([self.config.seed, step, pair])
            n, k = int(generator.integers(len(self.targets))), int(generator.integers(self.config.views))
            view = self.view(n, k)
            others = [t for t in self.targets[n].frames if t != view.reference]
            for t in generator.choice(others, self.config.frames, replace=len(others) < self.config.frames):
                image, mask = look(self.targets[n], int(t), view, self.config, generator)
                images.append(image)
                labels.append(mask)
                w.append(self.learned(n, k))
        x = self._features(np.stack(images))
        s = torch.cat([target_scores(x[self.level][i : i + 1].float(), w_i) for i, w_i in enumerate(w)])
        y = torch.from_numpy(np.stack(labels)).to(self.device)[:, None].float()  # (B, H, W) -> (B, 1, H, W)
        return Batch(s, x, y)

    def view(self, n: int, k: int) -> View:
        """The k-th view of target n."""
        generator = np.random.default_rng([self.config.seed, n, k])
        reference = int(generator.choice(self.targets[n].frames))
        return View(reference, bool(generator.random() < self.config.flip), float(generator.uniform(*self.config.zoom)))

    def learned(self, n: int, k: int) -> Weights:
        """w1 and w2 of the k-th view of target n: from memory, from disk, or learned now and written there."""
        if (n, k) not in self._learned:
            target = self.targets[n]
            path = self.folder / f"{target.sequence.name}-{target.id}-{k}.safetensors"
            if not path.is_file():
                w1, w2 = self._learn(n, k)
                save_tensors(path, {"w1": w1, "w2": w2})
            tensors = read_tensors(path)
            self._learned[n, k] = tensors["w1"].to(self.device), tensors["w2"].to(self.device)
        return self._learned[n, k]

    def _learn(self, n: int, k: int) -> Weights:
        generator = np.random.default_rng([self.config.seed, n, k, 1])
        view = self.view(n, k)
        frame, mask = look(self.targets[n], view.reference, view, self.config, generator)
        images, masks = augment_first_frame(frame, mask, samples=self.config.augmentations, seed=self.config.seed)
        model = TargetModel(self.target_model)
        y = torch.from_numpy(masks).to(self.device)[:, None]  # (K, H, W) -> (K, 1, H, W)
        with torch.autocast(self.device.type, enabled=False):  # exactly as at inference
            model.learn_first_frame(self._features(images)[self.level], y, seed=self.config.seed)
        return model.w

    def _features(self, images: np.ndarray) -> dict[str, Tensor]:
        """Images `uint8 (B, H, W, 3)` -> features by level."""
        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))  # (B, H, W, 3) -> (B, 3, H, W)
        return self.backbone(pixels.to(self.device).float() / 255)


def look(
    target: Target, t: int, view: View, config: SimulationConfig, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Frame t as `view` shows it: image `uint8 (H, W, 3)` and the target's mask `bool (H, W)`, H and W as configured.

    The window lies around a pixel of the target, and inside the frame where that is large enough.
    """
    frame, mask = target.sequence.frames[t], target.sequence.labels(t) == target.id
    if view.flip:
        frame, mask = frame[:, ::-1], mask[:, ::-1]
    corner = _window(mask, view.zoom, config, generator)
    move = np.array([[view.zoom, 0, -corner[1]], [0, view.zoom, -corner[0]]])
    size = config.size[::-1]  # OpenCV's order, (W, H)
    image = cv2.warpAffine(
        np.ascontiguousarray(frame), move, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    seen = cv2.warpAffine(np.ascontiguousarray(mask, np.float32), move, size, flags=cv2.INTER_LINEAR)
    return image, seen > 0.5


def _window(mask: np.ndarray, zoom: float, config: SimulationConfig, generator: np.random.Generator) -> np.ndarray:
    """(y, x) of the window's corner in the magnified frame. Some target pixel lies near the window's middle."""
    pixels = np.argwhere(mask)  # (number of target pixels, 2)
    anchor = (pixels[generator.integers(len(pixels))] + 0.5) * zoom
    size = np.array(config.size)
    corner = anchor + generator.uniform(-config.jitter, config.jitter, 2) * size - size / 2
    room = np.array(mask.shape) * zoom - size  # negative where the frame is smaller than the window
    return np.clip(corner, np.minimum(room, 0) / 2, np.maximum(room, 0))
