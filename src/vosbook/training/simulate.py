"""Samples for the offline training of FRTM's segmentation network (section 3.3): the tracker's situation, simulated.

A target model D is learned on a reference frame, as at the start of a video, and scores other frames of the same
sequence. The segmentation network sees D's scores and learns the true masks; D and the backbone stay as they are.

Each target has a number of views: a reference frame, a flip and a zoom, which its validation frames share. A target
model depends on the view alone, so it is learned once and kept on disk.

Where every video has a single object, a network can learn to segment whatever looks like an object, and ignore the
scores. So an object of another video may be pasted into a view, and either of the two may be the target: then only
the scores tell which.
"""

import hashlib
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from vosbook.datasets.sequence import Sequence
from vosbook.errors import InputError
from vosbook.features.backbone import Backbone
from vosbook.target_model.augment import augment_first_frame
from vosbook.target_model.loss import Weights, target_scores
from vosbook.target_model.model import TargetModel, TargetModelConfig
from vosbook.weights import read_tensors, save_tensors


@dataclass(frozen=True)
class SimulationConfig:
    """How the samples are drawn."""

    size: tuple[int, int]  # (H, W) of the window that is cut from a frame
    lines: tuple[int, int]  # least and greatest height to which the whole frame is scaled before that
    views: int = 16  # of each target
    flip: float = 0.5  # share of the views that are mirrored
    composed: float = 0.0  # share of the views with an object of another video, which is the target in half of them
    jitter: float = 0.25  # of the window, either way: how far its middle lies from some pixel of the target
    min_pixels: int = 100  # of the target in every frame that is used
    augmentations: int = 4  # of the reference frame, as at inference
    frames: int = 2  # validation frames of a reference frame
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.lines[0] <= self.lines[1]:
            raise ValueError(f"lines are (least, greatest), got {self.lines}")
        if not 0 <= self.jitter < 0.5:
            raise ValueError(f"jitter is under 0.5, so that the target stays in view, got {self.jitter}")


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
        for t in sequence.annotated:
            counts[:, t] = np.bincount(sequence.labels(t).ravel(), minlength=256)
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
    zoom: float  # magnification of the frame
    other: "tuple[int, View] | None" = None  # the target that is pasted in, and how it is looked at
    pasted: bool = False  # whether the pasted object is the one to be segmented


@dataclass(frozen=True)
class Batch:
    """What the segmentation network is given, and what it should answer."""

    s: Tensor  # (B, 1, h, w) D's scores
    x: dict[str, Tensor]  # by level, (B, C, h, w)
    y: Tensor  # (B, 1, H, W) float, 0 or 1


@dataclass(frozen=True)
class ReferenceBatch:
    """The same frames for a network that has no D: it is given the reference frame itself."""

    x_ref: Tensor  # (B, C, h, w) features of the reference frame, of the level that D would see
    y_ref: Tensor  # (B, 1, H, W) float, its mask
    x: dict[str, Tensor]
    y: Tensor


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
        """Target models, of the backbone's `level`, are kept in `folder`, which may be shared by any trainings.

        InputError where there is no target.
        """
        if not targets:
            raise InputError(f"no object covers {config.min_pixels} pixels in two frames: train on other sequences")
        self.targets, self.backbone, self.level, self.folder = targets, backbone, level, folder
        self.config, self.target_model = config, target_model
        self._files: dict[tuple[int, int], Path] = {}  # where the target models lie that this process has asked for
        self._learner = repr((target_model, config.augmentations, config.seed, level)).encode() + _digest(backbone)

    @property
    def device(self) -> torch.device:
        return self.backbone.device

    def batch(self, step: int, share: range) -> Batch:
        """Validation frames `share` of the batch `step`: `config.frames` in a row belong to one reference frame."""
        views, x, y = self._frames(step, share)
        scores = [target_scores(x[self.level][i : i + 1].float(), self.learned(*view)) for i, view in enumerate(views)]
        return Batch(torch.cat(scores), x, y)

    def batch_with_reference(self, step: int, share: range) -> ReferenceBatch:
        """The frames of `batch`, with the reference frames that their target models are learned on."""
        views, x, y = self._frames(step, share)
        images, masks = zip(*(self.reference(*view) for view in views))
        return ReferenceBatch(self._features(np.stack(images))[self.level], self._labels(masks), x, y)

    def _frames(self, step: int, share: range) -> tuple[list[tuple[int, int]], dict[str, Tensor], Tensor]:
        """Of each validation frame in `share`: target and number of its view; features by level; mask."""
        first = share.start // self.config.frames
        pairs = range(first, -(-share.stop // self.config.frames))  # the references whose frames these are
        drawn = [frame for pair in pairs for frame in self._draw(step, pair)]
        begin = share.start - first * self.config.frames
        views, images, masks = zip(*drawn[begin : begin + len(share)])
        return list(views), self._features(np.stack(images)), self._labels(masks)

    def _draw(self, step: int, pair: int) -> Iterator[tuple[tuple[int, int], np.ndarray, np.ndarray]]:
        """The validation frames of one reference frame of the batch `step`: (target, view), image, mask."""
        generator = np.random.default_rng([self.config.seed, step, pair])
        n, k = int(generator.integers(len(self.targets))), int(generator.integers(self.config.views))
        view = self.view(n, k)
        times = self._times(n, view, generator)
        times_other: Many[int | None] = [None] * len(times)
        if view.other is not None:
            times_other = self._times(*view.other, generator)
        for t, t_other in zip(times, times_other):
            yield (n, k), *self._look(n, view, t, t_other, generator)

    def _times(self, n: int, view: View, generator: np.random.Generator) -> list[int]:
        """Validation frames of target n: any but the reference, different ones as far as there are so many."""
        others = [t for t in self.targets[n].frames if t != view.reference]
        return generator.choice(others, self.config.frames, replace=len(others) < self.config.frames).tolist()

    def _look(
        self, n: int, view: View, t: int, t_other: int | None, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Frame t of target n as `view` shows it, with the other object, if any, of frame `t_other` of its video."""
        image, mask = look(self.targets[n], t, view, self.config, generator)
        if view.other is None or t_other is None:
            return image, mask
        other, other_view = view.other
        above = look(self.targets[other], t_other, other_view, self.config, generator)
        return paste(image, mask, *above, pasted=view.pasted, min_pixels=self.config.min_pixels, generator=generator)

    def view(self, n: int, k: int) -> View:
        """The k-th view of target n."""
        generator = np.random.default_rng([self.config.seed, n, k])
        view = self._single_view(n, generator)
        name = self.targets[n].sequence.name
        strangers = [m for m, target in enumerate(self.targets) if target.sequence.name != name]
        if not strangers or generator.random() >= self.config.composed:
            return view
        m = int(generator.choice(strangers))
        return replace(view, other=(m, self._single_view(m, generator)), pasted=bool(generator.random() < 0.5))

    def _single_view(self, n: int, generator: np.random.Generator) -> View:
        target = self.targets[n]
        reference = int(generator.choice(target.frames))
        zoom = generator.uniform(*self.config.lines) / target.sequence.frames.size[0]
        return View(reference, bool(generator.random() < self.config.flip), float(zoom))

    def reference(self, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The reference frame of the k-th view of target n: image `uint8 (H, W, 3)`, mask `bool (H, W)`."""
        generator, view = np.random.default_rng([self.config.seed, n, k, 1]), self.view(n, k)
        return self._look(n, view, view.reference, view.other[1].reference if view.other else None, generator)

    def learned(self, n: int, k: int) -> Weights:
        """w1 and w2 of the k-th view of target n: from disk, or learned now and written there.

        The file's name carries a digest of all that they are learned from, so that a file of other settings is never
        taken. (A change of the solver is not seen: remove the folder then.)
        """
        if (n, k) in self._files:
            return self._read(self._files[n, k])
        image, mask = self.reference(n, k)
        digest = hashlib.sha256(self._learner + image.tobytes() + mask.tobytes()).hexdigest()[:16]
        target = self.targets[n]
        path = self.folder / f"{target.sequence.name}-{target.id}-{k}-{digest}.safetensors"
        if not path.is_file():
            w1, w2 = self._learn(image, mask)
            save_tensors(path, {"w1": w1, "w2": w2})
        self._files[n, k] = path
        return self._read(path)

    def _read(self, path: Path) -> Weights:
        tensors = read_tensors(path)
        return tensors["w1"].to(self.device), tensors["w2"].to(self.device)

    def _learn(self, frame: np.ndarray, mask: np.ndarray) -> Weights:
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

    def _labels(self, masks: Iterable[np.ndarray]) -> Tensor:
        """Masks `bool (H, W)` -> `(B, 1, H, W)` float."""
        return torch.from_numpy(np.stack(list(masks))).to(self.device)[:, None].float()


def _digest(backbone: Backbone) -> bytes:
    """Of the backbone's name and all its numbers."""
    digest = hashlib.sha256(backbone.name.encode())
    for tensor in (*backbone.parameters(), *backbone.buffers()):
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.digest()


def look(
    target: Target, t: int, view: View, config: SimulationConfig, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Frame t as `view` shows it: image `uint8 (H, W, 3)` and the target's mask `bool (H, W)`, H and W as configured.

    The window lies around a pixel of the target, and inside the frame where that is large enough; beyond the frame's
    border, image and mask are mirrored. The mask is never empty.
    """
    frame, mask = target.sequence.frames[t], target.sequence.labels(t) == target.id
    if view.flip:
        frame, mask = frame[:, ::-1], mask[:, ::-1]
    y, x = _window(mask, view.zoom, config, generator)
    half = (view.zoom - 1) / 2  # OpenCV counts from the middle of the first pixel, `_window` from its edge
    move = np.array([[view.zoom, 0, half - x], [0, view.zoom, half - y]])
    size = config.size[::-1]  # OpenCV's order, (W, H)
    image = cv2.warpAffine(
        np.ascontiguousarray(frame), move, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    covered = cv2.warpAffine(
        np.ascontiguousarray(mask, np.float32), move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    # Of a target as thin as a pixel, no pixel of the window may be covered by half: then those that are covered most.
    return image, covered >= min(0.5, covered.max())


def _window(mask: np.ndarray, zoom: float, config: SimulationConfig, generator: np.random.Generator) -> np.ndarray:
    """(y, x) of the window's corner in the magnified frame. Some target pixel lies near the window's middle."""
    pixels = np.argwhere(mask)  # (number of target pixels, 2)
    anchor = (pixels[generator.integers(len(pixels))] + 0.5) * zoom
    size = np.array(config.size)
    corner = anchor + generator.uniform(-config.jitter, config.jitter, 2) * size - size / 2
    room = np.array(mask.shape) * zoom - size  # negative where the frame is smaller than the window
    return np.clip(corner, np.minimum(room, 0) / 2, np.maximum(room, 0))


def paste(
    image: np.ndarray,
    mask: np.ndarray,
    above: np.ndarray,
    above_mask: np.ndarray,
    *,
    pasted: bool,
    min_pixels: int,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Put the object of one window over another: the image `uint8 (H, W, 3)` and the target's mask `bool (H, W)`.

    The object is moved at random. The target is what was pasted if `pasted`, else what `mask` shows, less what is
    hidden; where fewer than `min_pixels` of it would be left, the object stays where it was, or is not pasted.
    """
    height, width = mask.shape
    x, y = generator.uniform(-0.4, 0.4) * width, generator.uniform(-0.4, 0.4) * height
    move = np.array([[1, 0, x], [0, 1, y]], np.float32)
    moved = cv2.warpAffine(above, move, (width, height), flags=cv2.INTER_LINEAR)
    where = cv2.warpAffine(above_mask.astype(np.uint8), move, (width, height), flags=cv2.INTER_NEAREST) > 0
    target = where if pasted else mask & ~where
    if target.sum() < min_pixels:
        if not pasted:
            return image, mask
        moved, where, target = above, above_mask, above_mask
    return np.where(where[..., None], moved, image), target
