"""Segment a video on disk: the masks that are given, and the masks that are written."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vosbook.datasets.sequence import Frames, FrameStream
from vosbook.errors import InputError
from vosbook.methods import METHODS, build, check_method
from vosbook.output import output_folder
from vosbook.segmenter import segment_frames
from vosbook.video.frames import open_frames
from vosbook.video.labels import check_objects, object_ids, without_void
from vosbook.video.masks import MaskFolder, read_mask, write_mask

if TYPE_CHECKING:
    from vosbook.proposals import FileProposals

log = logging.getLogger(__name__)


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
    proposals: Path | None = None,
    progress: Callable[..., Iterable[str]] | None = None,
    watch: Callable[[np.ndarray, np.ndarray], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> None:
    """Segment a folder of images or a video file and write one indexed PNG per frame into the folder `out`.

    `mask` is the first frame's mask, or a folder of masks named like frames, each of which introduces the ids that no
    earlier one held; zero-shot methods take none. `keep`, masks of an earlier run, has the method go on from a mended
    one of them: `mask` is then named after its frame, and the frames before it keep their masks. `backbone_weights`,
    `checkpoint`, `device`, `budget` and `note` are those of `build`; `proposals` is a file of instances in COCO's
    format, for a method that is guided by them. `progress` wraps an iterable as tqdm does; `watch`
    is called with each frame and its labels. InputError: input or output that cannot be used; then nothing is written.
    """
    check_method(method, budget, proposals=proposals is not None)
    zero_shot = METHODS[method].zero_shot
    if mask is None and not zero_shot:
        raise InputError(f"{method} needs the objects of the first frame: give --mask, an image or a folder of them")
    if mask is not None and zero_shot:
        raise InputError(f"{mask} is no use to {method}, which finds the objects itself: leave --mask out")
    video = open_frames(frames)
    given = None if mask is None else read_given(mask, names=video.names, size=video.size, by_name=keep is not None)
    kept = None if keep is None else _read_kept(keep, video, given)
    _check_apart(out, frames, *([] if mask is None else [mask]))
    source = None if proposals is None else read_proposals(proposals, video, frames, note=note or log.warning)
    segmenter = build(
        method,
        backbone_weights=backbone_weights,
        checkpoint=checkpoint,
        device=device,
        budget=budget,
        proposals=source,
        note=note,
    )
    names = video.names if progress is None else progress(video.names)
    seen = _Seen(video if source is None else source.follow(video))
    found = 0  # frames in which the method found something
    with output_folder(out, overwrite=overwrite) as folder:
        labelled = segment_frames(segmenter, seen, given, kept=kept)
        for name, labels in zip(names, labelled, strict=True):
            write_mask(folder / f"{name}.png", labels)
            found += bool(labels.any()) and name not in (given or {})
            if watch is not None:
                watch(seen.frame, labels)
    if not found and len(video.names) > len(given or {}):
        (note or log.warning)(f"{method} found nothing in any frame: look at the mask, or try another method")


def read_proposals(file: Path, video: Frames, path: Path, *, note: Callable[[str], None]) -> "FileProposals":
    """The proposals of a file for the frames of the `video`, which lies at `path`. InputError names the file."""
    from vosbook.proposals import FileProposals  # here, for the others do not wait for torchvision

    called = Path(path).resolve()
    name = called.name if called.is_dir() else called.stem
    return FileProposals(file, names=video.names, size=video.size, video=name, note=note)


class _Seen:
    """Frames as they are, and the one that was read last."""

    def __init__(self, frames: FrameStream):
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
    mask introduces the ids that no earlier one held, and the rest of it is passed over, which is logged: a correction
    is not taken so. InputError: another size, no object, an object that covers its frame, a mask without a frame, or
    one that is named after a later frame and would be taken for the first.
    """
    mask = Path(mask)
    if mask.is_dir():
        masks = _introductions(MaskFolder(mask, size=size), names)
    else:
        frame = _frame_of(mask, names) if by_name else _first_frame(mask, names)
        masks = {frame: without_void(read_mask(mask, size=size))}
    for labels in masks.values() or [np.zeros(size, np.uint8)]:
        check_objects(labels, mask)
    return masks


def _first_frame(mask: Path, names: tuple[str, ...]) -> str:
    if mask.stem in names[1:]:
        raise InputError(
            f"{mask} is named after a later frame than {names[0]}, where objects begin: add --keep DIR to go on from "
            "an earlier run's masks, or give it another name if it is the first frame's"
        )
    return names[0]


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
        ids = object_ids(labels)
        new = [i for i in ids if i not in known]
        if known.intersection(ids):
            log.warning(
                f"{masks.files[name]} shows objects again that began before: only new ones are taken from it, so mend "
                "known ones with --keep"
            )
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
