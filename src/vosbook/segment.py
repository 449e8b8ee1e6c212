"""The Segmenter protocol that all methods share, the frame loop, and the registry of methods."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from vosbook.datasets.sequence import Frames, Masks
from vosbook.errors import InputError
from vosbook.output import output_folder
from vosbook.video.frames import open_frames
from vosbook.video.labels import VOID, check_objects, object_ids
from vosbook.video.masks import MaskFolder, read_mask, write_mask

if TYPE_CHECKING:
    from vosbook.training.fine_tune import Budget

log = logging.getLogger(__name__)


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


# --------------------------------------------------------------------------------------------------- registry


@dataclass(frozen=True)
class Method:
    """What the registry knows of a method. `build` takes the keyword arguments of `build` below, but the name."""

    name: str
    paper: str
    needs: str  # weights or training, in words
    build: Callable[..., Segmenter]
    zero_shot: bool = False  # finds the objects itself
    tuned: bool = False  # on the first frame, for a time: its `build` takes a `budget` as well


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


def _s2s(**options: Any) -> Segmenter:
    from vosbook.methods.s2s import S2SSegmenter

    return S2SSegmenter.load(**options)


def _s2s_online(**options: Any) -> Segmenter:
    from vosbook.methods.s2s import OnlineConfig, S2SSegmenter

    return S2SSegmenter.load(OnlineConfig(), **options)


def _rvos(**options: Any) -> Segmenter:
    from vosbook.methods.rvos import RvosSegmenter

    return RvosSegmenter.load("rvos", **options)


def _rvos_zero_shot(**options: Any) -> Segmenter:
    from vosbook.methods.rvos import RvosSegmenter

    return RvosSegmenter.load("rvos-zero-shot", **options)


def _osvos(*, device: str, **options: Any) -> Segmenter:
    from vosbook.contours.detector import Snapper

    return _osvos_fast(snapper=Snapper.load(device=device), device=device, **options)


def _osvos_fast(*, budget: float | None, **options: Any) -> Segmenter:
    from vosbook.methods.osvos import OnlineConfig, OsvosSegmenter

    return OsvosSegmenter.load(OnlineConfig(budget=_seconds(budget)), **options)


def _osvos_s(*, budget: float | None, device: str, **options: Any) -> Segmenter:
    from vosbook.contours.detector import Snapper
    from vosbook.methods.osvos_s import OsvosSConfig, OsvosSSegmenter

    snapper = Snapper.load(device=device)
    return OsvosSSegmenter.load(OsvosSConfig(budget=_seconds(budget)), snapper=snapper, device=device, **options)


def _seconds(budget: float | None) -> "Budget":
    from vosbook.training.fine_tune import Budget

    return Budget() if budget is None else Budget(seconds=budget)


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
        Method("s2s", "Xu et al. 2018", "trained: comes with a network for one or more objects", _s2s),
        Method("s2s-online", "Xu et al. 2018", "trained: as s2s; learns from the first frame", _s2s_online),
        Method("rvos", "Ventura et al. 2019", "trained: comes with a network for up to 10 objects", _rvos),
        Method(
            "rvos-zero-shot",
            "Ventura et al. 2019",
            "trained: comes with a network that takes no mask and finds up to 4 objects",
            _rvos_zero_shot,
            zero_shot=True,
        ),
        Method(
            "osvos",
            "Maninis et al. 2018",
            "trained: comes with a parent network; a minute for every object, or --budget",
            _osvos,
            tuned=True,
        ),
        Method(
            "osvos-fast", "Maninis et al. 2018", "trained: as osvos; no snapping to contours", _osvos_fast, tuned=True
        ),
        Method(
            "osvos-s",
            "Maninis et al. 2018",
            "Mask R-CNN's weights (a download, or --backbone-weights), and osvos's networks",
            _osvos_s,
            tuned=True,
        ),
    )
}


def build(
    name: str,
    *,
    backbone_weights: Path | None = None,
    checkpoint: Path | None = None,
    device: str = "auto",
    budget: float | None = None,
    note: Callable[[str], None] | None = None,
) -> Segmenter:
    """The method `name` with its paper's settings. `note` is called with a line that the user should know.

    `budget`: seconds of tuning for every object, where a method has such a time. InputError: an unknown method, a file
    that does not fit it, a budget that it has no use for, a device that is not there.
    """
    _check_method(name, budget)
    tuning = {"budget": budget} if METHODS[name].tuned else {}
    return METHODS[name].build(
        backbone_weights=backbone_weights,
        checkpoint=checkpoint,
        device=_device(device),
        note=note or log.warning,
        **tuning,
    )


def _check_method(name: str, budget: float | None) -> None:
    if name not in METHODS:
        raise InputError(f"there is no method {name}: choose one of {', '.join(METHODS)}")
    if budget is not None and not 0 <= budget < float("inf"):  # NaN is refused too
        raise InputError(f"a budget is seconds, 0 or more, got {budget}")
    if budget is not None and not METHODS[name].tuned:
        tuned = ", ".join(method.name for method in METHODS.values() if method.tuned)
        raise InputError(f"{name} is not tuned for a time, as {tuned} are: leave --budget out")


def _device(name: str) -> str:
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no CUDA device on this machine: use --device cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


# ------------------------------------------------------------------------------------------------- frame loop


def segment_frames(
    segmenter: Segmenter,
    frames: Frames,
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
            yield segmenter.step(frame) if t else segmenter.start(frame, None)
        return
    started = False
    for name, frame in zip(frames.names, frames, strict=True):
        new = _without_void(given[name]) if name in given else None
        if started:
            labels = segmenter.step(frame)
        else:
            labels = np.zeros(frame.shape[:2], np.uint8) if kept is None or new is not None else kept[name]
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
    keep: Path | None = None,
    overwrite: bool = False,
    backbone_weights: Path | None = None,
    checkpoint: Path | None = None,
    device: str = "auto",
    budget: float | None = None,
    progress: Callable[..., Iterable[str]] | None = None,
    watch: Callable[[np.ndarray, np.ndarray], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> None:
    """Segment a folder of images or a video file and write one indexed PNG per frame into the folder `out`.

    `mask` is the first frame's mask, or a folder of masks named like frames, each of which introduces the ids that no
    earlier one held; zero-shot methods take none. `keep`, masks of an earlier run, has the method go on from a mended
    one of them: `mask` is then named after its frame, and the frames before it keep their masks. `backbone_weights`,
    `checkpoint`, `device`, `budget` and `note` are those of `build`. `progress` wraps an iterable as tqdm does; `watch`
    is called with each frame and its labels. InputError: input or output that cannot be used; then nothing is written.
    """
    _check_method(method, budget)
    zero_shot = METHODS[method].zero_shot
    if mask is None and not zero_shot:
        raise InputError(f"{method} needs the objects of the first frame: give --mask, an image or a folder of them")
    if mask is not None and zero_shot:
        raise InputError(f"{mask} is no use to {method}, which finds the objects itself: leave --mask out")
    video = open_frames(frames)
    given = None if mask is None else read_given(mask, names=video.names, size=video.size, by_name=keep is not None)
    kept = None if keep is None else _read_kept(keep, video, given)
    _check_apart(out, frames, *([] if mask is None else [mask]))
    segmenter = build(
        method, backbone_weights=backbone_weights, checkpoint=checkpoint, device=device, budget=budget, note=note
    )
    names = video.names if progress is None else progress(video.names)
    seen = _Seen(video)
    with output_folder(out, overwrite=overwrite) as folder:
        labelled = segment_frames(segmenter, seen, given, kept=kept)
        for name, labels in zip(names, labelled, strict=True):
            write_mask(folder / f"{name}.png", labels)
            if watch is not None:
                watch(seen.frame, labels)


class _Seen:
    """Frames as they are, and the one that was read last."""

    def __init__(self, frames: Frames):
        self.frames, self.names = frames, frames.names

    def __iter__(self) -> Iterator[np.ndarray]:
        for frame in self.frames:
            self.frame = frame
            yield frame


def read_given(
    mask: Path, *, names: tuple[str, ...], size: tuple[int, int], by_name: bool = False
) -> dict[str, np.ndarray]:
    """The objects that a mask, or a folder of masks, introduces: labels `uint8 (H, W)` by name of the frame.

    One mask belongs to the first of the frames `names`, or with `by_name` to that of its own name. In a folder each
    mask introduces the ids that no earlier one held, and the rest of it is passed over. InputError: another size, no
    object, an object that covers its frame, a mask without a frame.
    """
    mask = Path(mask)
    if mask.is_dir():
        masks = _introductions(MaskFolder(mask, size=size), names)
    else:
        masks = {_frame_of(mask, names) if by_name else names[0]: _without_void(read_mask(mask, size=size))}
    for labels in masks.values() or [np.zeros(size, np.uint8)]:
        check_objects(labels, mask)
    return masks


def _frame_of(mask: Path, names: tuple[str, ...]) -> str:
    if mask.stem not in names:
        raise InputError(f"{mask} has no frame of its name: call it after the one it mends, such as {names[0]}.png")
    return mask.stem


def _read_kept(folder: Path, video: Frames, given: Mapping[str, np.ndarray] | None) -> MaskFolder:
    """The masks of an earlier run, of which those before the first given frame are needed."""
    if given is None:
        raise InputError(f"{folder} is no use without --mask, the mended mask of a frame: give it, or leave --keep out")
    kept = MaskFolder(folder, size=video.size)
    for name in takewhile(lambda name: name not in given, video.names):
        if name not in kept:
            raise InputError(f"{folder} has no {name}.png: give the folder of masks that an earlier run wrote")
    return kept


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
