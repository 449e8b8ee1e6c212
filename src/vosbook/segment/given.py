"""The masks that are given: which frames they are of, and what of them a method is told."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import numpy as np

from vosbook.datasets.sequence import Frames
from vosbook.errors import InputError
from vosbook.video.labels import check_objects, object_ids, without_void
from vosbook.video.masks import MaskFolder, read_mask

log = logging.getLogger(__name__)

Labels = Mapping[str, np.ndarray]  # uint8 (H, W) without void, by name of the frame


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """From which masks a video is segmented, in the words of `segment_video`."""

    mask: Path | None
    start: str | None = None
    both_ways: bool = False
    corrections: Path | None = None
    keep: Path | None = None
    resume: bool = False

    @property
    def by_name(self) -> bool:
        """Whether the mask is of the frame of its name."""
        return self.both_ways or self.keep is not None

    @property
    def inputs(self) -> list[Path]:
        """What is only read, and must not be written over."""
        return [path for path in (self.mask, self.corrections) if path is not None]

    def check(self, method: str, *, zero_shot: bool) -> None:
        """InputError where these do not go together, or not with the method."""
        if zero_shot:
            self._check_that_nothing_is_given(method)
        elif self.mask is None and self.corrections is None:
            raise InputError(
                f"{method} needs the objects of the first frame: give --mask, an image or a folder of them"
            )
        if self.mask is not None and self.mask.is_dir() and (self.start is not None or self.both_ways):
            option = "--from" if self.start is not None else "--both-ways"
            raise InputError(f"{self.mask} is a folder, and {option} is for one mask: give the others by --corrections")
        if self.mask is None and self.start is not None:
            raise InputError("--from says of which frame --mask is: give --mask, or leave --from out")
        if self.keep is not None and (self.both_ways or self.start is not None):
            option = "--both-ways" if self.both_ways else "--from"
            raise InputError(f"{self.keep} has the masks of the frames before: leave --keep out, or {option}")

    def _check_that_nothing_is_given(self, method: str) -> None:
        for path, option in ((self.mask, "--mask"), (self.corrections, "--corrections")):
            if path is not None:
                raise InputError(f"{path} is no use to {method}, which finds the objects itself: leave {option} out")
        if self.keep is not None:
            raise InputError(f"{self.keep} is no use without a mended mask, and {method} takes none: leave --keep out")
        if self.both_ways or self.start is not None:
            option = "--both-ways" if self.both_ways else "--from"
            raise InputError(f"{method} takes no mask to begin from: leave {option} out")
        if self.resume:
            raise InputError(f"{method} would number its objects anew where it goes on: leave --resume out")


@dataclass(frozen=True)
class Given:
    """`begins`: whole answers of frames, in the order of time, at each of which a method begins anew.

    `joins`: objects that come in at later frames, for a method that has begun before.
    """

    begins: Labels
    joins: Labels = field(default_factory=dict)


def read_all(
    mask: Path | None,
    corrections: Path | None,
    *,
    names: tuple[str, ...],
    size: tuple[int, int],
    start: str | None = None,
    by_name: bool = False,
) -> Given:
    """What `mask` and `corrections`, a folder of masks named like frames, tell of the frames `names`.

    InputError as in `read_given`; also where both are of one frame.
    """
    masks = {} if mask is None else read_given(mask, names=names, size=size, start=start, by_name=by_name)
    first = dict(list(masks.items())[:1])
    joins = {name: labels for name, labels in masks.items() if name not in first}
    if corrections is None:
        return Given(first, joins)
    mended = _read_corrections(corrections, names, size)
    if twice := sorted(mended.keys() & masks.keys()):
        raise InputError(f"{corrections} and {mask} both have a mask of frame {twice[0]}: give one")
    begins = {name: (first | mended)[name] for name in names if name in first or name in mended}
    _say_what_is_left_out(begins, joins, corrections, names)
    return Given(begins, joins)


def read_given(
    mask: Path, *, names: tuple[str, ...], size: tuple[int, int], start: str | None = None, by_name: bool = False
) -> dict[str, np.ndarray]:
    """The objects that a mask, or a folder of masks, introduces: labels `uint8 (H, W)` by name of the frame.

    One mask belongs to the first of the frames `names`, or to `start`, or with `by_name` to that of its own name. In a
    folder each mask introduces the ids that no earlier one held, and the rest of it is passed over, which is logged: a
    correction is not taken so. InputError: another size, no object, an object that covers its frame, a mask without a
    frame, or one that is named after another frame than it would be taken for.
    """
    mask = Path(mask)
    if mask.is_dir():
        masks = _introductions(MaskFolder(mask, size=size), names)
    else:
        frame = _frame_of(mask, names, start, by_name)
        masks = {frame: without_void(read_mask(mask, size=size))}
    for labels in masks.values() or [np.zeros(size, np.uint8)]:
        check_objects(labels, mask)
    return masks


def _frame_of(mask: Path, names: Sequence[str], start: str | None, by_name: bool) -> str:
    named = mask.stem if mask.stem in names else None
    if start is not None:
        if named not in (None, start):
            raise InputError(f"{mask} is named after frame {named}, and --from says {start}: leave --from out")
        return start
    if by_name:
        if named is None:
            raise InputError(f"{mask} has no frame of its name: call it after its frame, such as {names[0]}.png")
        return named
    if named not in (None, names[0]):
        raise InputError(
            f"{mask} is named after a later frame than {names[0]}: add --both-ways to go from it to the beginning and "
            f"to the end, --from {named} to leave the frames before it empty, or --keep DIR for an earlier run's masks"
        )
    return names[0]


def _introductions(masks: MaskFolder, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    _check_names(masks, names)
    known: set[int] = set()
    given = {}
    for name in (name for name in names if name in masks):
        labels = masks[name]
        ids = object_ids(labels)
        new = [i for i in ids if i not in known]
        if known.intersection(ids):
            log.warning(
                f"{masks.files[name]} shows objects again that began before: only new ones are taken from it, so mend "
                "known ones with --corrections"
            )
        if new:
            given[name] = only(labels, new)
            known.update(new)
    return given


def only(labels: np.ndarray, ids: Iterable[int]) -> np.ndarray:
    """Labels `uint8 (H, W)` with these objects alone."""
    return np.where(np.isin(labels, list(ids)), labels, 0).astype(np.uint8)


def _check_names(masks: MaskFolder, names: Sequence[str]) -> None:
    if strangers := [name for name in masks.names if name not in names]:
        raise InputError(
            f"{masks.files[strangers[0]]} has no frame of its name among {names[0]} to {names[-1]}: rename or remove it"
        )


def _read_corrections(folder: Path, names: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
    masks = MaskFolder(folder, size=size)
    _check_names(masks, names)
    mended = {}
    for name in masks.names:
        mended[name] = without_void(masks[name])
        check_objects(mended[name], masks.files[name])
    return mended


def _say_what_is_left_out(begins: Labels, joins: Labels, folder: Path, names: Sequence[str]) -> None:
    """A method that begins anew knows what it is given, no more: a correction without an object ends it."""
    known: set[int] = set()
    for name in names:
        if name in begins:
            shown = set(object_ids(begins[name]))
            if lost := sorted(known - shown):
                which = f"object{'s' * (len(lost) > 1)} {', '.join(map(str, lost))}"
                log.warning(f"frame {name} is corrected by {folder}, and has no {which}: not followed from there on")
            known = shown
        if name in joins:
            known.update(object_ids(joins[name]))


def read_kept(folder: Path, video: Frames, begins: Labels) -> MaskFolder:
    """The masks of an earlier run, of which those before the first given frame are needed."""
    kept = MaskFolder(folder, size=video.size)
    for name in takewhile(lambda name: name not in begins, video.names):
        if name not in kept:
            raise InputError(f"{folder} has no {name}.png: give the folder of masks that an earlier run wrote")
    return kept
