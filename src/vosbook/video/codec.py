"""Video files -> frames `uint8 (H, W, 3)` RGB, decoded front to back, upright and without interlacing."""

import logging
from collections.abc import Iterator
from itertools import chain, dropwhile, islice
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter
from av.video.stream import VideoStream

from vosbook.errors import InputError
from vosbook.video.container import open_video, quarter_turns, to_mp4
from vosbook.video.survey import survey
from vosbook.video.values import Note

log = logging.getLogger(__name__)

UNSPECIFIED = 2  # the matrix of a stream that does not name it
LEAD = 16  # frames before the one looked for at which to jump in: codecs reorder that many, and bwdif looks back
ENTERED = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "avi")  # formats that say when each frame is shown
MARGIN = 2  # of these the ones that bwdif has still to do with
SAME = 1e-6  # seconds between two readings of one time
HELD = 2**28  # bytes of frames in memory while a video is walked backwards
HD_LINES = 720  # from here on a stream that names no matrix is taken for BT.709, as players do; below for BT.601


class VideoFile:
    """A video file as `Frames`. Iterating decodes once, front to back; `walk` goes either way, from any frame.

    Making one decodes all of it too, to count frames and see that none is lost. `note` takes a line about what was
    done to the frames.
    """

    def __init__(self, path: str | Path, *, note: Note = log.warning):
        self.path = Path(path)
        found = survey(self.path)
        self._clock = found.clock
        self.times = found.times  # float64 (T,), seconds, from 0
        self.fps = found.fps  # frames per second, where they vary the mean
        self.size = found.size  # (H, W)
        self.pixel_aspect = found.pixel_aspect  # width of a pixel over its height: television's are not square
        self.names = tuple(f"{t:05d}" for t in range(len(found.times)))
        if found.interlaced:
            note(f"{self.path} is interlaced: each frame is one of its two moments, made whole")
        if found.broken_off:
            note(f"{self.path} does not end as it should: no frame is lost, but it was not copied to its end")

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[np.ndarray]:
        return decoded(self.path)

    def __getitem__(self, t: int) -> np.ndarray:
        t = range(len(self))[t]  # negative indices, IndexError
        return next(self._from(t))

    def walk(self, order: range) -> Iterator[np.ndarray]:
        """The frames of these numbers, whose step is 1 or -1.

        Backwards they are decoded a block at a time, front to back; a block is what memory has room for.
        """
        if order.step > 0:
            return islice(self._from(order.start), len(order)) if order else iter(())
        return self._backwards(order)

    def _backwards(self, order: range) -> Iterator[np.ndarray]:
        block = max(1, HELD // (3 * self.size[0] * self.size[1]))
        for i in range(0, len(order), block):
            yield from reversed(list(self.walk(order[i : i + block][::-1])))

    def _from(self, t: int) -> Iterator[np.ndarray]:
        """The frames from number t on, decoded from the nearest frame before it that needs no other."""
        with open_video(self.path) as (container, stream):
            entry = self._enter(container, stream, t) if t > LEAD else None
            if entry is not None:
                first, coded = entry
                yield from islice(_upright(coded), t - first, None)
                return
        yield from islice(decoded(self.path), t, None)

    def _enter(self, container: InputContainer, stream: VideoStream, t: int) -> tuple[int, Iterator[VideoFrame]] | None:
        """Frames from somewhere before t on, with the first one's number; None where the file cannot be entered."""
        if self._clock is None or stream.time_base is None or container.format.name not in ENTERED:
            return None
        try:
            container.seek(round((self._clock + self.times[t - LEAD]) / stream.time_base), stream=stream)
            coded = dropwhile(lambda frame: not frame.key_frame, _coded_frames(container, stream, self.path))
            key = next(coded, None)
        except (av.error.FFmpegError, InputError):
            return None
        if key is None or key.time is None:
            return None
        away = np.abs(self.times - (key.time - self._clock))  # (T,)
        first = int(away.argmin())
        return (first, chain([key], coded)) if away[first] < SAME and first <= t - MARGIN else None


def decoded(path: Path) -> Iterator[np.ndarray]:
    """The frames of a video file, turned upright where it says so. InputError where one cannot be decoded."""
    with open_video(path) as (container, stream):
        yield from _upright(_coded_frames(container, stream, path))


def _upright(coded: Iterator[VideoFrame]) -> Iterator[np.ndarray]:
    convert = VideoReformatter()
    for frame in _whole_frames(coded):
        yield np.ascontiguousarray(np.rot90(_to_rgb(frame, convert), quarter_turns(frame)))


def _coded_frames(container: InputContainer, stream: VideoStream, path: Path) -> Iterator[VideoFrame]:
    damaged = InputError(f"{path} is damaged: copy it again, or make a video of what is left: {to_mp4(path)}")
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:
            raise damaged from error
        for frame in frames:
            if frame.is_corrupt:  # patched up
                raise damaged
            yield frame


def _whole_frames(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """The same frames, those that are interlaced made whole: the lines of one of the two moments are interpolated."""
    graph = None
    for frame in frames:
        if graph is None and frame.interlaced_frame:
            graph = _deinterlacer(frame)
        if graph is None:
            yield frame
        else:
            graph.push(frame)
            yield from _pulled(graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph)


def _deinterlacer(frame: VideoFrame) -> av.filter.Graph:
    """FFmpeg's bwdif, which looks at the frames before and after; what is not marked as interlaced passes it."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    bwdif = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    graph.link_nodes(source, bwdif, graph.add("buffersink")).configure()
    return graph


def _pulled(graph: av.filter.Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _to_rgb(frame: VideoFrame, convert: VideoReformatter) -> np.ndarray:
    """uint8 (H, W, 3) by the frame's own matrix and range."""
    hd = frame.colorspace == UNSPECIFIED and frame.height >= HD_LINES
    return convert.reformat(frame, format="rgb24", src_colorspace=Colorspace.ITU709 if hd else None).to_ndarray()
