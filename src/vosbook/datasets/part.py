"""A part of a video, and its frames in another order."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vosbook.datasets.sequence import Frames
from vosbook.errors import InputError
from vosbook.video.codec import VideoFile


def walk(frames: Frames, order: range) -> Iterator[np.ndarray]:
    """The frames of these numbers, whose step is 1 or -1, one in memory at a time, of a video file also a block."""
    if isinstance(frames, Part | VideoFile):
        return frames.walk(order)
    return (frames[t] for t in order)


class Part:
    """Frames `numbers` (a range of step 1) of a video, under their names, as `Frames`."""

    def __init__(self, whole: Frames, numbers: range):
        self.whole, self.numbers = whole, numbers
        self.size = whole.size
        self.names = tuple(whole.names[numbers.start : numbers.stop])

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, t: int) -> np.ndarray:
        return self.whole[self.numbers[t]]

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.walk(range(len(self)))

    def walk(self, order: range) -> Iterator[np.ndarray]:
        """As `walk` of a whole video; numbers are those within the part."""
        at = self.numbers.start
        return walk(self.whole, range(order.start + at, order.stop + at, order.step))


def frame_number(word: str, names: Sequence[str]) -> int:
    """The number of the frame that a word means: a number from 0, or a frame's name, with an ending or without.

    InputError where there is no such frame, or a word is the name of one frame and the number of another.
    """
    as_number = int(word) if word.isdecimal() else None
    if word in names:
        t = names.index(word)
        if as_number not in (None, t):
            raise InputError(
                f"{word} is the name of frame {t}, counted from 0, and the number of another: "
                f"write {word}.png for the name, 0{word} for the number"
            )
        return t
    if Path(word).suffix and Path(word).stem in names:
        return names.index(Path(word).stem)
    if as_number is None or as_number >= len(names):
        last = len(names) - 1
        raise InputError(f"there is no frame {word}: they are {names[0]} to {names[-1]}, in numbers 0 to {last}")
    return as_number


def part_of(frames: Frames, words: str) -> Part:
    """The part that `A:B` names: from frame A up to, and without, frame B; left out, the first or the end.

    InputError where it names no frame, or one that is not there.
    """
    a, colon, b = words.partition(":")
    if not colon:
        raise InputError(f"{words} is no range of frames: write FIRST:END, such as 100:200, which ends before 200")
    start = frame_number(a, frames.names) if a else 0
    stop = frame_number(b, frames.names) if b and b != str(len(frames)) else len(frames)
    if start >= stop:
        raise InputError(f"{words} holds no frame: the first comes before the end")
    return Part(frames, range(start, stop))
