"""Segment a video on disk: the masks that are given, and the masks that are written."""

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vosbook.datasets.part import Part, frame_number, part_of
from vosbook.datasets.sequence import Frames, Masks
from vosbook.errors import InputError
from vosbook.methods import METHODS, build, check_method
from vosbook.output import kept_folder, output_folder
from vosbook.segment.given import Wanted, read_all, read_kept
from vosbook.segment.half import Half, check_half
from vosbook.segment.remarks import Remarks
from vosbook.segment.resume import RECORD, check_record, record_of, remaining, where_it_goes_on
from vosbook.segment.smaller import Smaller
from vosbook.segment.spans import Span, Walk, spans_of
from vosbook.segmenter import Segmenter, segment_frames
from vosbook.video.frames import open_frames
from vosbook.video.masks import write_mask

if TYPE_CHECKING:
    from vosbook.proposals import FileProposals

log = logging.getLogger(__name__)


def segment_video(
    frames: Path,
    *,
    mask: Path | None,
    method: str,
    out: Path,
    start: str | None = None,
    both_ways: bool = False,
    corrections: Path | None = None,
    keep: Path | None = None,
    part: str | None = None,
    size: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    backbone_weights: Path | None = None,
    checkpoint: Path | None = None,
    device: str = "auto",
    half: bool = False,
    budget: float | None = None,
    proposals: Path | None = None,
    detector: Path | None = None,
    progress: Callable[..., Iterable[str]] | None = None,
    watch: Callable[[np.ndarray, np.ndarray], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> None:
    """Segment a folder of images or a video file and write one indexed PNG per frame into the folder `out`.

    `mask` is the first frame's mask, or a folder of masks named like frames, each of which introduces the ids that no
    earlier one held; zero-shot methods take none. `start` says that the mask is of another frame, by number or name;
    the frames before it are left empty. With `both_ways` the method goes from the mask's frame, which its name or
    `start` says, to the beginning too. `corrections` is a folder of masks named like frames, each with all objects of
    its frame: the method begins anew at each and goes on until the next, or with `both_ways` half way to the next and
    half way to the one before. `keep`, masks of an earlier run, has the frames before the first mask, which is named
    after its frame, keep theirs. With `resume` the masks of a run that is stopped stay in OUT.partial, and the next
    one goes on there (`vosbook.segment.resume` says how).

    `part`, as `A:B`, has only the frames from A up to B segmented. `size` has the method see frames made smaller, to a
    shorter side of so many pixels; `half` has it compute its steps in half precision, on a GPU. `backbone_weights`,
    `checkpoint`, `device`, `budget`, `detector` and `note` are those of `build`; `proposals` is a file of instances in
    COCO's format, for a method that is guided by them. `progress` wraps an iterable as tqdm does; `watch` is called
    with each frame and its labels, in the order in which they are made. InputError: input or output that cannot be
    used; then nothing is written.
    """
    check_method(method, budget, proposals=proposals is not None, detector=detector is not None)
    mask, corrections, keep = (None if path is None else Path(path) for path in (mask, corrections, keep))
    wanted = Wanted(mask=mask, start=start, both_ways=both_ways, corrections=corrections, keep=keep, resume=resume)
    wanted.check(method, zero_shot=METHODS[method].zero_shot)
    if half:
        check_half(method, device)
    video = _open(frames, part)
    spans, kept = _plan(video, wanted)
    _check_apart(out, frames, *wanted.inputs)
    say = note or log.warning
    files: dict[str, Any] = {"backbone_weights": backbone_weights, "checkpoint": checkpoint, "detector": detector}
    source = None if proposals is None else read_proposals(proposals, video.whole, frames, note=say)
    segmenter = build(method, **files, device=device, budget=budget, proposals=source, note=note)
    if half:
        segmenter = Half(segmenter)
    answers = Answers(segmenter if size is None else Smaller(segmenter, size), video, kept, source, Remarks(method))
    record = record_of(
        spans,
        FRAMES=frames,
        method=method,
        frames=part,
        size=size,
        half=half,
        budget=budget,
        proposals=proposals,
        **files,
    )
    with (kept_folder if resume else output_folder)(out, overwrite=overwrite) as folder:
        check_record(folder, record)
        left = remaining(spans, video.names, folder, by_looks=METHODS[method].by_looks)
        names = tuple(video.names[t] for span in left for t in span.own)
        if len(names) < len(video):
            say(where_it_goes_on(names))
        answers.write(left, names if progress is None else progress(names), folder, watch)
        (folder / RECORD).unlink()
    for line in answers.remarks.lines(video.names):
        say(line)


def read_proposals(file: Path, video: Frames, path: Path, *, note: Callable[[str], None]) -> "FileProposals":
    """The proposals of a file for the frames of the `video`, which lies at `path`. InputError names the file."""
    from vosbook.proposals import FileProposals  # here, for the others do not wait for torchvision

    called = Path(path).resolve()
    name = called.name if called.is_dir() else called.stem
    return FileProposals(file, names=video.names, size=video.size, video=name, note=note)


def _open(frames: Path, part: str | None) -> Part:
    video = open_frames(frames)
    return Part(video, range(len(video))) if part is None else part_of(video, part)


def _plan(video: Part, wanted: Wanted) -> tuple[list[Span], Masks | None]:
    """The spans to be made, and the masks that frames before the first of them keep."""
    if wanted.mask is None and wanted.corrections is None:
        return [Span(range(len(video)), None)], None
    names, all_names = video.names, video.whole.names
    start = None if wanted.start is None else all_names[frame_number(wanted.start, all_names)]
    for name in (start, None if wanted.mask is None else wanted.mask.stem):
        if name in all_names and name not in names:
            raise InputError(f"frame {name} is not among {names[0]} to {names[-1]}, which --frames names: widen it")
    given = read_all(wanted.mask, wanted.corrections, names=names, size=video.size, start=start, by_name=wanted.by_name)
    kept = None if wanted.keep is None else read_kept(wanted.keep, video, given.begins)
    return spans_of(names, given, both_ways=wanted.both_ways), kept


class Answers:
    """The labels of a video, span after span. `start` begins a video anew, so that one segmenter does for all."""

    def __init__(
        self,
        segmenter: Segmenter,
        video: Frames,
        kept: Masks | None,
        source: "FileProposals | None",
        remarks: Remarks,
    ):
        self.segmenter, self.video, self.kept, self.source, self.remarks = segmenter, video, kept, source, remarks

    def write(
        self,
        spans: Iterable[Span],
        names: Iterable[str],
        folder: Path,
        watch: Callable[[np.ndarray, np.ndarray], None] | None,
    ) -> None:
        """Write the masks of the frames that the spans own, whose names these are."""
        for name, labels in zip(names, self.of(spans), strict=True):
            write_mask(folder / f"{name}.png", labels)
            if watch is not None:
                watch(self.frame, labels)

    def of(self, spans: Iterable[Span]) -> Iterator[np.ndarray]:
        """Labels `uint8 (H, W)` of each frame that the spans own; `frame` is then that frame."""
        for span in spans:
            self.remarks.begin()
            walk = Walk(self.video, span)
            stream = walk if self.source is None else self.source.follow(walk)
            begun = span.given is None
            labelled = segment_frames(self.segmenter, stream, span.given, kept=self.kept)
            for i, (t, labels) in enumerate(zip(walk.numbers, labelled, strict=True)):
                given = self.video.names[t] in (span.given or ())
                begun |= given
                if begun:
                    self.remarks.look(t, walk.frame, labels, given=given)
                if i or not span.again:
                    self.frame = walk.frame
                    yield labels


def _check_apart(out: Path, *inputs: Path) -> None:
    """InputError where writing the folder `out` would replace an input."""
    target = Path(out).resolve()
    for path in inputs:
        source = Path(path).resolve()
        if target == source or target in source.parents:
            raise InputError(f"{out} is, or holds, the input {path}: choose another folder for the masks")
