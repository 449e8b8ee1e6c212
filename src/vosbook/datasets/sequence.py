"""What every reader returns: a video with its annotation, read from disk one frame at a time."""

from collections.abc import Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from vosbook.errors import InputError
from vosbook.words import some


class FrameStream(Protocol):
    """The frames of a video one after the other, `uint8 (H, W, 3)` RGB: all that a causal method sees of it."""

    @property
    def names(self) -> tuple[str, ...]:
        """File names without ending; a video file's frames are numbered from 00000."""

    def __iter__(self) -> Iterator[np.ndarray]: ...


class Frames(FrameStream, Protocol):
    """The frames of a video in order: `uint8 (H, W, 3)` RGB, decoded when asked for."""

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in pixels, the same for all frames."""

    def __len__(self) -> int: ...

    def __getitem__(self, t: int) -> np.ndarray: ...


class Masks(Protocol):
    """The annotated frames: `uint8 (H, W)` labels by frame name; 0 background, 255 void."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the frames that carry an annotation (every 5th in YouTube-VOS)."""

    def __contains__(self, name: object) -> bool: ...

    def __getitem__(self, name: str) -> np.ndarray: ...


@dataclass(frozen=True)
class VideoObject:
    """One annotated object."""

    id: int  # its label, 1..254
    first_frame: str  # name of the frame whose mask introduces it
    category: str | None = None


@dataclass(frozen=True)
class Sequence:
    """A video, its masks and its objects. `attributes` are DAVIS tags (LR, SV, OCC, ...)."""

    name: str
    frames: Frames
    masks: Masks
    objects: tuple[VideoObject, ...] = ()
    attributes: tuple[str, ...] = field(default=())

    @property
    def annotated(self) -> tuple[int, ...]:
        """Numbers of the frames that have labels, in order: every 5th in YouTube-VOS."""
        return tuple(t for t, name in enumerate(self.frames.names) if name in self.masks)

    def labels(self, t: int) -> np.ndarray:
        """Labels `uint8 (H, W)` of frame t. ValueError where it is not `annotated`."""
        name = self.frames.names[t]
        if name not in self.masks:
            raise ValueError(f"frame {name} of {self.name} is not annotated")
        return self.masks[name]

    @property
    def given(self) -> dict[str, np.ndarray]:
        """What a method is given: labels `uint8 (H, W)` of the objects that a frame introduces, by its name."""
        return {frame: self._introduced(frame) for frame in dict.fromkeys(o.first_frame for o in self.objects)}

    def _introduced(self, frame: str) -> np.ndarray:
        labels = self.masks[frame]
        new = [o.id for o in self.objects if o.first_frame == frame]
        return np.where(np.isin(labels, new), labels, 0).astype(np.uint8)


def taken(names: Many[str], sequences: Many[str] | None, where: object) -> tuple[str, ...]:
    """Those of the names that `sequences` holds, in the order of `names`; all where it is None.

    InputError where one is not among them, which are those of `where`.
    """
    if strangers := [name for name in sequences or () if name not in names]:
        raise InputError(f"{where} has no {some(strangers)}: it has {some(names)}")
    return tuple(name for name in names if sequences is None or name in sequences)
