"""Frames `uint8 (H, W, 3)` RGB -> H.264 video files that browsers play, written whole, with the sound of another."""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from fractions import Fraction
from itertools import chain, count
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from vosbook.errors import InputError
from vosbook.output import output_file
from vosbook.video.container import as_url, moment
from vosbook.video.sound import Sound, Track

FOLDER_RATE = 25.0  # frames per second, where nothing states them
SQUARE = Fraction(1)
CLOCK = Fraction(1, 90000)  # seconds per tick
X264 = {"preset": "fast", "crf": "18"}  # 18 looks like the source
BT709 = {  # for `reformat`; what players expect where nothing else is said
    "dst_colorspace": Colorspace.ITU709,
    "dst_color_range": ColorRange.MPEG,
}


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    *,
    fps: float = FOLDER_RATE,
    times: Iterable[float] | None = None,
    sound: Sound | None = None,
    pixel_aspect: Fraction = SQUARE,
) -> None:
    """Write frames `uint8 (H, W, 3)` as mp4 (H.264). The file appears under its name only when it is complete.

    `times`, where given, are the frames' seconds from the first on, else there are `fps` a second; `sound` is that of
    another video, `pixel_aspect` the width of a pixel over its height. The codec takes even sides only: the last row
    or column of an odd one is there twice.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise InputError(f"{path} is no name for a video: end it in .mp4")
    frames = iter(frames)
    with output_file(path) as partial:
        first = next(frames, None)
        if first is None:
            raise InputError(f"{path} was not written: there are no frames")
        pictures = _alike(first, frames)
        with av.open(as_url(partial), "w", options={"movflags": "faststart"}) as container:
            stream = _picture_stream(container, first.shape[:2], fps, pixel_aspect)
            with nullcontext(Track(iter(()))) if sound is None else sound.track(container) as track:
                _encode(container, stream, pictures, _ticks(fps, times), track)


def _ticks(fps: float, times: Iterable[float] | None) -> Iterator[int]:
    """When each frame is shown."""
    if times is None:
        times = (t / fps for t in count())
    for second in times:
        yield round(second / CLOCK)
    raise ValueError("there are more frames than times")


def _alike(first: np.ndarray, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    for frame in chain([first], frames):
        if frame.shape != (*first.shape[:2], 3) or frame.dtype != np.uint8:
            want = (*first.shape[:2], 3)
            raise ValueError(f"frames must all be uint8 {want}, got {frame.dtype} {frame.shape}")
        yield frame


def _encode(
    container: OutputContainer, stream: VideoStream, frames: Iterator[np.ndarray], ticks: Iterator[int], track: Track
) -> None:
    """Write pictures and sound side by side, so that neither is held for long."""
    convert = VideoReformatter()
    tick = 0
    for frame in frames:
        tick = next(ticks)
        picture = convert.reformat(_even(frame), format="yuv420p", **BT709)
        picture.pts, picture.time_base = tick, CLOCK
        container.mux(stream.encode(picture))
        container.mux(list(track.until(tick * CLOCK)))
    end = tick * CLOCK + 1 / Fraction(stream.codec_context.rate)
    container.mux(_until(end, stream.encode()))
    container.mux(list(track.until(end)))


def _picture_stream(container: OutputContainer, size: tuple[int, int], fps: float, aspect: Fraction) -> VideoStream:
    h, w = size
    stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options=X264)
    stream.width, stream.height, stream.pix_fmt = w + w % 2, h + h % 2, "yuv420p"
    context = stream.codec_context
    context.time_base, context.sample_aspect_ratio = CLOCK, aspect
    context.colorspace, context.color_range = int(Colorspace.ITU709), int(ColorRange.MPEG)
    context.color_primaries, context.color_trc = int(ColorPrimaries.BT709), int(ColorTrc.BT709)
    return stream


def _even(frame: np.ndarray) -> av.VideoFrame:
    h, w = frame.shape[:2]
    if h % 2 or w % 2:
        frame = np.pad(frame, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge")
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")


def _until(end: Fraction, packets: list[av.Packet]) -> list[av.Packet]:
    """The last packets, of which the one shown last lasts until the end."""
    starts = [moment(packet.pts, packet.time_base) for packet in packets]
    for packet, start in zip(packets, starts):
        if start == max(starts):
            packet.duration = round((end - start) / packet.time_base)
    return packets
