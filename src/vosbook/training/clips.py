"""Clips for the training of recurrent networks (S2S and RVOS): a few frames in a row, with the masks of their objects.

A clip begins in a frame whose mask shows an object. Its objects are those that this first mask shows, in the order of
their ids, as at the start of a video; what comes into view later is background to it. All frames of a clip go through
one affine map, drawn at random, so that the motion between them stays what it was.

Objects of another clip, with their own motion, may be laid over it: where every video has a single object, a network
could learn to segment what is salient, and to pass over the first mask.
"""

from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
import torch
from torch import Tensor

from vosbook.datasets.sequence import Sequence
from vosbook.errors import InputError
from vosbook.training.views import CLIP_VIEWS, ViewConfig, draw_light, draw_map, warp_image, warp_labels


@dataclass(frozen=True)
class ClipConfig:
    """How clips are drawn."""

    size: tuple[int, int] = (256, 448)  # (H, W) to which frames are resized
    frames: tuple[int, int] = (5, 5)  # fewest and most; drawn anew for every step
    stride: tuple[int, int] = (1, 1)  # least and greatest distance of a clip's frames, counted in frames of the pool
    annotated_only: bool = True  # the pool: annotated frames, or all frames (of a clip, at least two are annotated)
    slots: int = 10  # most objects of a clip; of more, as many are drawn at random
    views: ViewConfig = CLIP_VIEWS  # one view for all frames of a clip; an object is in it if it is in the first frame
    composed: float = 0.0  # share of clips with the objects of another one laid over them
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("frames", "stride"):
            least, most = getattr(self, name)
            if not 1 <= least <= most:
                raise ValueError(f"{name} are (least, most), from 1 on, got {least, most}")
        if self.frames[0] < 2 or self.slots < 1:
            raise ValueError(f"a clip has at least two frames and a slot, got {self.frames} and {self.slots}")


@dataclass(frozen=True)
class Clip:
    """One clip, as it is drawn."""

    images: np.ndarray  # uint8 (T, H, W, 3) RGB
    labels: np.ndarray  # uint8 (T, H, W) ids as in the sequence; zeros where a frame is not annotated
    labelled: np.ndarray  # bool (T,)
    ids: tuple[int, ...]  # of the objects, in the order of their slots
    sequence: str  # its name
    times: tuple[int, ...]  # numbers of the frames in the sequence


@dataclass(frozen=True)
class ClipBatch:
    """Clips side by side. N is the number of objects of the clip that has most."""

    images: Tensor  # (B, T, 3, H, W) float in 0..1
    y: Tensor  # (B, T, N, H, W) float, 0 or 1
    valid: Tensor  # (B, N) bool: which of the N objects the clip has
    labelled: Tensor  # (B, T) bool: frames without annotation have no say in the loss


class ClipSampler:
    """Batches of clips. What a batch holds depends on its number, the place in it and the seed alone."""

    def __init__(
        self, sequences: Many[Sequence], config: ClipConfig = ClipConfig(), *, device: str | torch.device = "cpu"
    ):
        """Sequences with too few frames for a clip are never drawn. InputError where all have too few.

        Masks are not read before a sequence is drawn for the first time.
        """
        self.config, self.device = config, device
        self.sources = [_Source(sequence, config) for sequence in sequences]
        self._fitting(config.frames[1])

    def batch(self, step: int, share: range) -> ClipBatch:
        """Clips `share` of the batch `step`."""
        return stack_clips([self.draw(step, k) for k in share], device=self.device)

    def length(self, step: int) -> int:
        """T, the number of frames of all clips of the batch `step`."""
        least, most = self.config.frames
        return int(np.random.default_rng([self.config.seed, step, 0, 1]).integers(least, most + 1))

    def draw(self, step: int, k: int) -> Clip:
        """Clip k of the batch `step`. InputError where no sequence shows an object at the start of a clip."""
        generator = np.random.default_rng([self.config.seed, step, k, 2])
        frames = self.length(step)
        clip = self._single(frames, generator)
        if generator.random() >= self.config.composed:
            return clip
        return compose(clip, self._single(frames, generator), self.config, generator)

    def _single(self, frames: int, generator: np.random.Generator) -> Clip:
        """A clip of one sequence."""
        fitting = self._fitting(frames)
        for n in generator.permutation(len(fitting)):
            times = fitting[n].draw_times(frames, generator)
            if times is not None:
                return self._look(fitting[n], times, generator)
        raise InputError(
            f"no sequence, {fitting[0].sequence.name} among them, shows an object of {self.config.views.min_pixels} "
            f"pixels where a clip of {frames} frames can begin: train on other sequences, or on shorter clips"
        )

    def _fitting(self, frames: int) -> "list[_Source]":
        """The sources that have as many frames, in their pool."""
        fitting = [source for source in self.sources if len(source.pool) >= frames]
        if not fitting:
            kind = "annotated frames" if self.config.annotated_only else "frames"
            longest = max(self.sources, key=lambda source: len(source.pool), default=None)
            found = f"the most are {len(longest.pool)}, in {longest.sequence.name}" if longest else "there is none"
            raise InputError(f"no sequence has {frames} {kind} ({found}): use longer sequences or shorter clips")
        return fitting

    def _look(self, source: "_Source", times: list[int], generator: np.random.Generator) -> Clip:
        """The frames `times`, all through one affine map that leaves some object in view."""
        sequence, config = source.sequence, self.config
        first = sequence.labels(times[0])

        def seen(move: np.ndarray) -> list[int]:
            return source.seen(warp_labels(first, move, config.size))

        move = draw_map(config.views, generator, size=config.size, accept=lambda move: bool(seen(move)))
        ids = _few(seen(move), config.slots, generator)
        light = draw_light(config.views, generator)
        images = np.stack([warp_image(cv2.LUT(sequence.frames[t], light), move, config.size) for t in times])
        labelled = np.isin(times, sequence.annotated)
        labels = np.zeros((len(times), *config.size), np.uint8)
        for n in np.flatnonzero(labelled):
            labels[n] = warp_labels(sequence.labels(times[n]), move, config.size)
        return Clip(images, labels, labelled, tuple(ids), sequence.name, tuple(times))


def compose(below: Clip, above: Clip, config: ClipConfig, generator: np.random.Generator) -> Clip:
    """The objects of `above` laid over `below`, with ids of their own; what they hide of its first frame may be lost.

    Of all the objects that are left, `config.slots` are drawn. Where `above` has frames without annotation, `below` is
    returned as it is: nobody knows what to lay over it there.
    """
    if not above.labelled.all():
        return below
    over = np.isin(above.labels, above.ids)  # (T, H, W)
    more = int(below.labels.max())
    labels = np.where(over, above.labels + more, below.labels).astype(np.uint8)
    labels[~below.labelled] = 0
    ids = _seen(labels[0], [*below.ids, *(i + more for i in above.ids)], config.views.min_pixels)
    return replace(
        below,
        images=np.where(over[..., None], above.images, below.images),
        labels=labels,
        ids=tuple(_few(ids, config.slots, generator)),
    )


def stack_clips(clips: Many[Clip], *, device: str | torch.device = "cpu") -> ClipBatch:
    """Clips of one length, as the networks take them."""
    objects = max(len(clip.ids) for clip in clips)
    images = torch.from_numpy(np.stack([clip.images for clip in clips])).to(device)
    labels = torch.from_numpy(np.stack([clip.labels for clip in clips])).to(device)
    ids = torch.tensor([[*clip.ids, *[0] * (objects - len(clip.ids))] for clip in clips], device=device)  # (B, N)
    valid = ids > 0
    y = (labels[:, :, None] == ids[:, None, :, None, None]) & valid[:, None, :, None, None]  # (B, T, N, H, W)
    return ClipBatch(
        images=images.permute(0, 1, 4, 2, 3).float() / 255,  # (B, T, H, W, 3) -> (B, T, 3, H, W)
        y=y.float(),
        valid=valid,
        labelled=torch.from_numpy(np.stack([clip.labelled for clip in clips])).to(device),
    )


# ------------------------------------------------------------------------------------------------------ which frames


class _Source:
    """A sequence, with the frames that clips may be made of."""

    def __init__(self, sequence: Sequence, config: ClipConfig):
        self.sequence, self.config = sequence, config
        self.pool: Many[int] = sequence.annotated if config.annotated_only else range(len(sequence.frames))
        self.ids = [o.id for o in sequence.objects]

    @cached_property
    def _annotated(self) -> np.ndarray:
        """Which frames of the pool are annotated, bool."""
        return np.isin(self.pool, self.sequence.annotated)

    @cached_property
    def _showing(self) -> np.ndarray:
        """Which frames of the pool show an object that is large enough, once resized, bool. Reads all masks once."""
        no_move = np.eye(2, 3)
        shows = []
        for t, annotated in zip(self.pool, self._annotated):
            shows.append(annotated and bool(self.seen(warp_labels(self.sequence.labels(t), no_move, self.config.size))))
        return np.array(shows)

    def seen(self, labels: np.ndarray) -> list[int]:
        """Ids of the objects that a view's labels `uint8 (H, W)` show."""
        return _seen(labels, self.ids, self.config.views.min_pixels)

    def draw_times(self, frames: int, generator: np.random.Generator) -> list[int] | None:
        """Numbers of the frames of a clip, the stride drawn first; None where this sequence has none of that length."""
        least, most = self.config.stride
        for stride in least + generator.permutation(most - least + 1):
            starts = self._starts(frames, int(stride))
            if len(starts):
                start = int(generator.choice(starts))
                return [self.pool[start + j * int(stride)] for j in range(frames)]
        return None

    def _starts(self, frames: int, stride: int) -> np.ndarray:
        """Places in the pool where a clip may begin: an object is shown, and a later frame has a mask to learn from."""
        last = len(self.pool) - (frames - 1) * stride
        if last <= 0:
            return np.array([], int)
        later = sum(self._annotated[j * stride : last + j * stride].astype(int) for j in range(1, frames))
        return np.flatnonzero(self._showing[:last] & (later > 0))


def _seen(labels: np.ndarray, ids: Many[int], min_pixels: int) -> list[int]:
    """The ids, ascending, that `labels` shows with so many pixels."""
    counts = np.bincount(labels.ravel(), minlength=256)
    return [i for i in sorted(ids) if counts[i] >= max(1, min_pixels)]


def _few(ids: list[int], slots: int, generator: np.random.Generator) -> list[int]:
    """The ids, or as many of them, drawn at random, as there are slots."""
    return ids if len(ids) <= slots else sorted(generator.choice(ids, slots, replace=False).tolist())
