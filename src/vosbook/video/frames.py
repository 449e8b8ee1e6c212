"""Frames `uint8 (H, W, 3)` RGB of a folder of images or of a video file."""

import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from vosbook.errors import InputError
from vosbook.video.codec import VideoFile, decoded
from vosbook.video.files import IMAGE_ENDINGS, check_numbering, list_images
from vosbook.video.images import deep_pixels, depth_of, image_size, is_deep, read_image
from vosbook.video.values import Note

log = logging.getLogger(__name__)


class FrameFolder:
    """The images of a folder as `Frames`. Headers are checked at once, pixels decoded when asked for.

    `sparse` is for frames that were taken here and there from a video: see `check_numbering`. `note` takes a line about
    what was guessed. Where values have 16 bits, all frames are looked at for how many of these they use.
    """

    def __init__(self, folder: str | Path, *, sparse: bool = False, note: Note = log.warning):
        self.files = list_images(folder)
        check_numbering(self.files, sparse=sparse, note=note)
        self.names = tuple(f.stem for f in self.files)
        self.size = image_size(self.files[0])
        for file in self.files[1:]:
            if (size := image_size(file)) != self.size:
                (h, w), (h0, w0) = size, self.size
                raise InputError(f"{file} is {w}x{h} pixels but {self.files[0].name} is {w0}x{h0}: make them one size")
        self._bits = self._depth(note)

    def _depth(self, note: Note) -> int:
        """How many of their bits the values of frames with 16 bits use, in all of these together."""
        largest = [int(deep_pixels(file).max()) for file in self.files if is_deep(file)]
        bits = depth_of(max(largest)) if largest else 16
        if bits < 16:
            note(f"{self.files[0].parent} has values up to {max(largest)} in 16 bits: they are taken for {bits} bits")
        return bits

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, t: int) -> np.ndarray:
        return read_image(self.files[t], bits=self._bits)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (read_image(f, bits=self._bits) for f in self.files)


def open_frames(path: str | Path, *, note: Note = log.warning) -> FrameFolder | VideoFile:
    """A folder of images or a video file as `Frames`. InputError names what is wrong with it.

    `note` takes a line about what was done to the frames of a video, such as that they were interlaced.
    """
    path = Path(path)
    if path.is_dir():
        return FrameFolder(path, note=note)
    if not path.exists():
        raise InputError(f"{path} does not exist: give a folder of images or a video file")
    if path.suffix.lower() in IMAGE_ENDINGS:
        raise InputError(f"{path} is one image: give the folder that holds the frames")
    return VideoFile(path, note=note)


def read_frame(path: str | Path, t: int = 0) -> np.ndarray:
    """Frame `t` of a folder or a video file, `uint8 (H, W, 3)`, without a look at those after it.

    `open_frames` counts a video's frames, which takes as long as decoding them. InputError if there is no frame `t`.
    """
    path = Path(path)
    frames = FrameFolder(path) if path.is_dir() else decoded(path)
    for frame in islice(frames, t, None):
        return frame
    raise InputError(f"{path} has no frame {t}: count from 0")
