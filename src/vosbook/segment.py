"""The Segmenter protocol that all methods share, the frame loop, and the registry of methods."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vosbook.datasets.sequence import Frames
from vosbook.errors import InputError
from vosbook.video import VOID, MaskFolder, object_ids, open_frames, output_folder, read_mask, write_mask

log = logging.getLogger(__name__)


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


# --------------------------------------------------------------------------------------------------- registry


@dataclass(frozen=True)
class Method:
    """What the registry knows of a method. `build` takes the keyword arguments of `build` below, but the name."""

    name: str
    paper: str
    needs: str  # weights or training, in words
    build: Callable[..., Segmenter]


def _frtm_d_only(*, checkpoint: Path | None, **options: Any) -> Segmenter:
    from vosbook.methods.frtm import FrtmSegmenter  # here, so that listing the methods does not wait for torch

    if checkpoint is not None:
        raise InputError(f"{checkpoint} is no use to frtm-d-only, which is not trained: leave --checkpoint out")
    return FrtmSegmenter.d_only(**options)


def _frtm(**options: Any) -> Segmenter:
    from vosbook.methods.frtm import FULL, FrtmSegmenter

    return FrtmSegmenter.complete(FULL, **options)


def _frtm_fast(**options: Any) -> Segmenter:
    from vosbook.methods.frtm import FAST, FrtmSegmenter

    return FrtmSegmenter.complete(FAST, **options)


METHODS = {
    method.name: method
    for method in (
        Method("frtm", "Robinson et al. 2020", "trained: comes with ResNet-18's and the filter bank's network", _frtm),
        Method("frtm-fast", "Robinson et al. 2020", "trained: as frtm", _frtm_fast),
        Method(
            "frtm-d-only",
            "Robinson et al. 2020",
            "no training; ResNet-18 weights, else a filter bank",
            _frtm_d_only,
        ),
    )
}


def build(
    name: str,
    *,
    backbone_weights: Path | None = None,
    checkpoint: Path | None = None,
    device: str = "auto",
    note: Callable[[str], None] | None = None,
) -> Segmenter:
    """The method `name` with its paper's settings. `note` is called with a line that the user should know.

    InputError: an unknown method, a file that does not fit it, a device that is not there.
    """
    _check_method(name)
    return METHODS[name].build(
        backbone_weights=backbone_weights, checkpoint=checkpoint, device=_device(device), note=note or log.warning
    )


def _check_method(name: str) -> None:
    if name not in METHODS:
        raise InputError(f"there is no method {name}: choose one of {', '.join(METHODS)}")


def _device(name: str) -> str:
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no CUDA device on this machine: use --device cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


# ------------------------------------------------------------------------------------------------- frame loop


def segment_frames(segmenter: Segmenter, frames: Frames, given: Mapping[str, np.ndarray]) -> Iterator[np.ndarray]:
    """Labels `uint8 (H, W)` of each frame in turn, one frame in memory at a time.

    `given` maps frame names to labels of the objects that appear there. Where a frame has given labels they are its
    answer; frames before the first object are background.
    """
    started = False
    for name, frame in zip(frames.names, frames, strict=True):
        new = _without_void(given[name]) if name in given else None
        labels = segmenter.step(frame) if started else np.zeros(frame.shape[:2], np.uint8)
        if new is not None:
            (segmenter.add_objects if started else segmenter.start)(frame, new)
            labels = np.where(new > 0, new, labels)
            started = True
        yield labels


def _without_void(labels: np.ndarray) -> np.ndarray:
    """Void pixels of a given mask count as background."""
    return np.where(labels == VOID, 0, labels).astype(np.uint8)


def segment_video(
    frames: Path,
    *,
    mask: Path | None,
    method: str,
    out: Path,
    overwrite: bool = False,
    backbone_weights: Path | None = None,
    checkpoint: Path | None = None,
    device: str = "auto",
    progress: Callable[..., Iterable[str]] | None = None,
    note: Callable[[str], None] | None = None,
) -> None:
    """Segment a folder of images or a video file and write one indexed PNG per frame into the folder `out`.

    `mask` is the first frame's mask, or a folder of masks named like frames, each of which introduces the ids that no
    earlier one held. `progress` wraps an iterable as tqdm does. InputError: input or output that cannot be used; then
    nothing is written.
    """
    _check_method(method)
    if mask is None:
        raise InputError(f"{method} needs the objects of the first frame: give --mask, an image or a folder of them")
    video = open_frames(frames)
    given = read_given(mask, names=video.names, size=video.size)
    _check_apart(out, frames, mask)
    segmenter = build(method, backbone_weights=backbone_weights, checkpoint=checkpoint, device=device, note=note)
    names = video.names if progress is None else progress(video.names)
    with output_folder(out, overwrite=overwrite) as folder:
        labelled = segment_frames(segmenter, video, given)
        for name, labels in zip(names, labelled, strict=True):
            write_mask(folder / f"{name}.png", labels)


def read_given(mask: Path, *, names: tuple[str, ...], size: tuple[int, int]) -> dict[str, np.ndarray]:
    """The objects that a mask, or a folder of masks, introduces: labels `uint8 (H, W)` by name of the frame.

    One mask belongs to the first of the frames `names`. In a folder each mask introduces the ids that no earlier one
    held, and the rest of it is passed over. InputError: another size, no object, a mask without a frame.
    """
    mask = Path(mask)
    if not mask.is_dir():
        masks = {names[0]: _without_void(read_mask(mask, size=size))}
    else:
        masks = _introductions(MaskFolder(mask, size=size), names)
    if not any(labels.any() for labels in masks.values()):
        raise InputError(f"{mask} holds no object: every pixel is background, paint at least one object")
    return masks


def _introductions(masks: MaskFolder, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    if strangers := [name for name in masks.names if name not in names]:
        raise InputError(f"{masks.files[strangers[0]]} has no frame of its name: rename or remove it")
    known: set[int] = set()
    given = {}
    for name in (name for name in names if name in masks):
        labels = masks[name]
        new = [i for i in object_ids(labels) if i not in known]
        if new:
            given[name] = np.where(np.isin(labels, new), labels, 0).astype(np.uint8)
            known.update(new)
    return given


def _check_apart(out: Path, *inputs: Path) -> None:
    """InputError where writing the folder `out` would replace an input."""
    target = Path(out).resolve()
    for path in inputs:
        source = Path(path).resolve()
        if target == source or target in source.parents:
            raise InputError(f"{out} is, or holds, the input {path}: choose another folder for the masks")
