"""Video files <-> frames `uint8 (H, W, 3)` RGB, decoded front to back and written whole."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from vosbook.errors import InputError
from vosbook.output import output_file

# OpenCV, and FFmpeg inside it, would print their own lines beside our error.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

INDEXED_VIDEO = (".mp4", ".mov", ".m4v", ".avi")  # these count their frames; the rest state an estimate
MAX_STATED_RATE = 240.0  # frames per second
MIN_DECODED = 0.9  # share of the stated frames; an editor's cut may hide a few


class VideoFile:
    """A video file as `Frames`. Iterating decodes once, front to back; indexing backwards starts over."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{self.path} does not exist")
        first, count, end = None, 0, 0.0
        capture = _open_video(self.path)
        while capture.grab():  # counts what can be decoded: the header's count is only an estimate
            if first is None:
                first = capture.retrieve()[1]
            count += 1
            end = capture.get(cv2.CAP_PROP_POS_MSEC)
        stated, fps = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
        capture.release()
        if first is None:
            raise InputError(f"{self.path} cannot be decoded as video: convert it to mp4, or to a folder of images")
        if self.path.suffix.lower() in INDEXED_VIDEO and count < stated * MIN_DECODED:
            raise InputError(f"{self.path} is cut short or damaged after frame {count} of {stated:.0f}: copy it again")
        self._count = count
        self.fps = _frame_rate(count, end / 1000, fps)  # frames per second, where they vary the mean
        self.size = first.shape[:2]
        self.names = tuple(f"{t:05d}" for t in range(count))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[np.ndarray]:
        return decoded(self.path)

    def __getitem__(self, t: int) -> np.ndarray:
        t = range(len(self))[t]  # negative indices, IndexError
        for index, frame in enumerate(self):
            if index == t:
                return frame
        raise IndexError(t)


def _open_video(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)  # others take names for patterns, and print
    if not capture.isOpened():
        raise InputError(f"{path} cannot be decoded as video: convert it to mp4, or to a folder of images")
    return capture


def decoded(path: Path) -> Iterator[np.ndarray]:
    """The frames of a video file, turned upright where it says so (OpenCV's default)."""
    capture = _open_video(path)
    try:
        while True:
            ok, bgr = capture.read()
            if not ok:
                return
            yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    finally:
        capture.release()


def _frame_rate(count: int, seconds: float, stated: float) -> float:
    """Frames per second from the time of the last of `count` frames; of a single one what the file states, or 25.

    A screen's recorder writes a frame when something moves, and states any rate, such as the 1000 ticks of its clock.
    """
    if count > 1 and seconds > 0:
        return round((count - 1) / seconds, 3)  # the clock's ticks are no whole milliseconds
    return stated if 0 < stated <= MAX_STATED_RATE else 25.0


def write_video(path: str | Path, frames: Iterable[np.ndarray], *, fps: float = 25.0) -> None:
    """Write frames `uint8 (H, W, 3)` as mp4 (mp4v). The file appears under its name only when it is complete.

    The codec takes even sides only: the last row or column of an odd one is there twice.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise InputError(f"{path} is no name for a video: end it in .mp4")
    with output_file(path) as partial:
        if not _write_frames(partial, frames, fps):
            raise InputError(f"{path} was not written: there are no frames")
        if not cv2.VideoCapture(str(partial), cv2.CAP_FFMPEG).isOpened():  # OpenCV says nothing of a full disk
            raise InputError(f"{path} could not be written to its end: make room on the disk")


def _write_frames(path: Path, frames: Iterable[np.ndarray], fps: float) -> int:
    """Write frames as mp4 under a name that OpenCV takes. Returns how many."""
    writer = cv2.VideoWriter()
    count = 0
    for count, frame in enumerate(frames, start=1):
        if count == 1:
            h, w = frame.shape[:2]
            odd = (0, h % 2, 0, w % 2)
            if not writer.open(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (w + w % 2, h + h % 2)):
                raise InputError(f"{path.parent} takes no video of {w}x{h} pixels: choose another folder or size")
        if frame.shape != (h, w, 3) or frame.dtype != np.uint8:  # OpenCV would leave the frame out, silently
            raise ValueError(f"frames must all be uint8 {(h, w, 3)}, got {frame.dtype} {frame.shape}")
        even = cv2.copyMakeBorder(frame, *odd, cv2.BORDER_REPLICATE)
        writer.write(cv2.cvtColor(even, cv2.COLOR_RGB2BGR))
    writer.release()
    return count
