"""Composites: objects of real videos, each with its own motion, over the frames of another.

Real data with several objects is rare, and single objects are at hand: laid over each other they hide one another,
look alike where they come from one video, and move as real objects do. Edges are soft and the truth is known.
"""

from collections.abc import Callable, Iterable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.datasets.synthetic import ArrayFrames, ArrayMasks
from vosbook.datasets.written import write_davis
from vosbook.errors import InputError
from vosbook.output import output_folder
from vosbook.video.labels import object_ids

TRIES = 50  # places that are drawn for an object until it and those below it can be seen


@dataclass(frozen=True)
class CompositeConfig:
    """How composites are drawn."""

    objects: tuple[int, int] = (2, 5)  # least and greatest number of them, the ground's own among them
    frames: int = 24
    scale: tuple[float, float] = (0.6, 1.0)  # of an object, beside its own video's size
    seen: float = 0.5  # of every object, the least share that the first frame shows
    feather: float = 0.8  # pixels: the deviation of the Gaussian that softens the edge of what is laid on

    def __post_init__(self) -> None:
        if not 1 <= self.objects[0] <= self.objects[1] <= 254:
            raise InputError(f"objects are the least and the greatest number, from 1 to 254, not {self.objects}")


@dataclass(frozen=True)
class Layer:
    """One object's video as it is laid on: frames `uint8 (T, H, W, 3)`, masks `bool (T, H, W)`."""

    frames: np.ndarray
    masks: np.ndarray


def make_composite(sequences: Many[Sequence], seed: int, config: CompositeConfig = CompositeConfig()) -> Sequence:
    """A video of several objects from annotated ones: the same sequences and seed give the same video.

    One of the sequences is the ground, and its objects come first; then one object after the other is laid over them,
    from any of the sequences, mirrored or not, made smaller, moved, and begun at any frame. Frames have the ground's
    size. InputError where a sequence is too short, or the first frame can never show all objects.
    """
    rng = np.random.default_rng(seed)
    ground = sequences[int(rng.integers(len(sequences)))]
    begin = _begin(ground, config.frames, rng)
    frames = np.stack([ground.frames[t] for t in begin])
    labels = np.stack([ground.labels(t) for t in begin])
    count = int(rng.integers(config.objects[0], config.objects[1] + 1))
    whole = [int((labels[0] == i).sum()) for i in object_ids(labels[0])]  # pixels of every object, if nothing hid it
    while len(whole) < count:
        source = sequences[int(rng.integers(len(sequences)))]
        layer = _placed(_cut_out(source, config, rng), labels[0], whole, config, rng)
        if layer is None:
            raise InputError(f"{ground.name} has no place for {count} objects that can be seen: draw another seed")
        whole.append(int(layer.masks[0].sum()))
        frames = np.stack([_over(a, b, m, config.feather) for a, b, m in zip(frames, layer.frames, layer.masks)])
        labels = np.where(layer.masks, np.uint8(len(whole)), labels)
    names = tuple(f"{t:05d}" for t in range(config.frames))
    objects = tuple(VideoObject(i, names[0]) for i in object_ids(labels[0]))
    return Sequence(f"composite-{seed:05d}", ArrayFrames(frames, names), ArrayMasks(labels, names), objects)


def write_composites(
    out: Path,
    sequences: Many[Sequence],
    *,
    videos: int,
    seed: int,
    config: CompositeConfig = CompositeConfig(),
    progress: Callable[..., Iterable[int]] | None = None,
) -> None:
    """Write so many composites, from the seeds `seed`, `seed` + 1, ..., in the layout of DAVIS 2017 into `out`.

    InputError as `make_composite`, if `out` is not empty, or the seed is below 0. Either all appears, or nothing.
    """
    if seed < 0:
        raise InputError(f"the seed is {seed}: give 0 or more")
    seeds = range(seed, seed + videos)
    with output_folder(out, overwrite=None) as folder:
        shown = progress(seeds, total=videos, desc="compose") if progress else seeds
        write_davis(folder, (make_composite(sequences, one, config) for one in shown))


def _begin(sequence: Sequence, frames: int, rng: np.random.Generator) -> range:
    """So many frames of a sequence in a row, the first of which shows an object."""
    last = len(sequence.frames) - frames
    starts = [t for t in range(last + 1) if object_ids(sequence.labels(t))]
    if not starts:
        raise InputError(f"{sequence.name} has no {frames} frames in a row that begin with an object: ask for fewer")
    start = int(rng.choice(starts))
    return range(start, start + frames)


def _cut_out(sequence: Sequence, config: CompositeConfig, rng: np.random.Generator) -> Layer:
    """One of a sequence's objects, mirrored or not, and made smaller."""
    times = _begin(sequence, config.frames, rng)
    wanted = int(rng.choice(object_ids(sequence.labels(times[0]))))
    flip, scale = bool(rng.random() < 0.5), rng.uniform(*config.scale)
    frames, masks = [], []
    for t in times:
        frame, mask = sequence.frames[t], (sequence.labels(t) == wanted).astype(np.uint8)
        size = [round(scale * n) for n in mask.shape[::-1]]  # (W, H)
        frames.append(cv2.resize(frame[:, :: -1 if flip else 1], size, interpolation=cv2.INTER_AREA))
        masks.append(cv2.resize(mask[:, :: -1 if flip else 1], size, interpolation=cv2.INTER_AREA) > 0)
    return Layer(np.stack(frames), np.stack(masks))


def _placed(
    layer: Layer, below: np.ndarray, whole: Many[int], config: CompositeConfig, rng: np.random.Generator
) -> Layer | None:
    """The layer where its first frame hides nothing too much of `below` `(H, W)`; None where no place was found."""
    height, width = below.shape
    rows, columns = np.nonzero(layer.masks[0])
    if not len(rows):  # too small to be seen
        return None
    for _ in range(TRIES):
        to = rng.uniform(0.15, 0.85, 2) * (height, width)
        move = np.round(to - (rows.mean(), columns.mean())).astype(int)
        first = _moved(layer.masks[0], move, below.shape)
        left = [((below == i + 1) & ~first).sum() for i in range(len(whole))]
        shares = [*(n / of for n, of in zip(left, whole)), first.sum() / len(rows)]
        if min(shares) >= config.seen:
            frames = np.stack([_moved(one, move, below.shape) for one in layer.frames])
            return Layer(frames, np.stack([_moved(one, move, below.shape) for one in layer.masks]))
    return None


def _moved(image: np.ndarray, move: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """An image `(h, w, ...)` with its corner at `move` (rows, columns) in one of `size` (H, W), zeros around it."""
    result = np.zeros((*size, *image.shape[2:]), image.dtype)
    top, left = np.maximum(move, 0)
    bottom, right = np.minimum(move + image.shape[:2], size)
    if top < bottom and left < right:
        result[top:bottom, left:right] = image[top - move[0] : bottom - move[0], left - move[1] : right - move[1]]
    return result


def _over(below: np.ndarray, above: np.ndarray, mask: np.ndarray, feather: float) -> np.ndarray:
    """`above` laid over `below`, both `uint8 (H, W, 3)`, where `mask` `bool (H, W)` says, with a soft edge."""
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), feather)[..., None] * mask[..., None]
    return np.round(alpha * above + (1 - alpha) * below).astype(np.uint8)
