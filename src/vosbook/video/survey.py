"""What a video file holds, found by decoding all of it once: how many frames, when, and what is lost of it."""

import math
from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from vosbook.errors import InputError
from vosbook.video.container import open_video, quarter_turns, to_mp4
from vosbook.video.endings import breaks_off

MAX_STATED_RATE = 240.0  # frames per second
MIN_DECODED = 0.9  # share of the stated frames; an editor's cut may hide a few
STATED_SLACK = 0.5  # seconds by which a header may be wrong about the end
STATED_BY_HEADER = ("matroska,webm", "flv")  # formats whose duration is no estimate from the file's length


@dataclass(frozen=True)
class Survey:
    """`size` (H, W) and `pixel_aspect` are those of upright frames; `times` are seconds from the first on, rising."""

    size: tuple[int, int]
    times: np.ndarray  # float64 (T,)
    fps: float
    pixel_aspect: Fraction  # width of a pixel over its height
    interlaced: bool
    broken_off: bool  # the file does not end as it should, yet no frame is lost
    clock: float | None  # the file's own time of the first frame, seconds; None where its times are not those above


@dataclass
class _Pass:
    """One pass over a file."""

    packets: int = 0
    stated: int = 0  # frames that the header states; 0: it does not
    beyond: int = 0  # frames that the index has beyond the file's end
    seconds: float = 0.0  # the header's duration; 0: it states none
    end: float = 0.0  # where the last packet of any stream ends
    rate: float = 0.0
    spoilt: bool = False  # a packet was not whole
    broken_off: bool = False  # the container is not whole
    failed: int = 0  # packets that gave an error
    corrupt: int = 0  # frames that were patched up
    first_bad: float = math.inf  # when the first picture was to be shown that failed or was patched up
    interlaced: bool = False
    format: tuple[int, int, str] | None = None  # as coded: H, W, kind of pixels
    size: tuple[int, int] = (0, 0)
    pixel_aspect: Fraction = Fraction(1)
    times: array = field(default_factory=lambda: array("d"))
    times_known: bool = True

    @property
    def damaged(self) -> bool:
        short = self.packets < self.stated * MIN_DECODED or self.seconds - self.end > STATED_SLACK
        broken = self.spoilt or bool(self.beyond or self.failed or self.corrupt)
        return short or broken or (self.broken_off and not self.complete)

    @property
    def complete(self) -> bool:
        """Whether the frames follow each other closely, up to the end that the header states."""
        steps = np.diff(np.sort(self.times))
        if len(steps) == 0 or self.seconds == 0:
            return False
        step = np.median(steps)
        return bool(steps.max() < 1.5 * step and self.end > self.seconds - step / 2)


def survey(path: Path) -> Survey:
    """Decode a whole video file and forget its frames. InputError if frames are lost, or their size changes."""
    seen = _decode_all(path)
    if seen.damaged or seen.packets != len(seen.times):
        seen = _decode_all(path, threads="SLICE")
    if seen.damaged:
        raise InputError(_loss(path, seen))
    if not seen.times:
        raise InputError(f"{path} cannot be decoded as video: it holds no whole picture; copy or download it again")
    times, clock = np.frombuffer(seen.times) - seen.times[0], seen.times[0]
    if not seen.times_known or (np.diff(times) <= 0).any():
        times, clock = np.arange(len(times)) / frame_rate(1, 0.0, seen.rate), None
    fps = frame_rate(len(times), float(times[-1]), seen.rate)
    return Survey(seen.size, times, fps, seen.pixel_aspect, seen.interlaced, seen.broken_off, clock)


def frame_rate(count: int, seconds: float, stated: float) -> float:
    """Frames per second from the time of the last of `count` frames; of a single one what the file states, or 25.

    A screen's recorder writes a frame when something moves, and states any rate, such as the 1000 ticks of its clock.
    """
    if count > 1 and seconds > 0:
        return round((count - 1) / seconds, 3)  # the clock's ticks are no whole milliseconds
    return stated if 0 < stated <= MAX_STATED_RATE else 25.0


def _decode_all(path: Path, *, threads: str = "AUTO") -> _Pass:
    seen = _Pass()
    with open_video(path, threads=threads) as (container, stream):
        seen.broken_off = breaks_off(path)
        seen.stated, seen.rate = stream.frames, float(stream.average_rate or 0)
        seen.beyond = sum(entry.pos + entry.size > container.size for entry in stream.index_entries)
        seen.pixel_aspect = stream.sample_aspect_ratio or Fraction(1)
        if container.format.name in STATED_BY_HEADER:
            seen.seconds = (container.duration or 0) / av.time_base
        for packet in container.demux():
            if packet.pts is not None:
                seen.end = max(seen.end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream is stream:
                seen.packets += packet.size > 0
                seen.spoilt |= packet.is_corrupt
                _take(seen, packet, path)
    return seen


def _take(seen: _Pass, packet: av.Packet, path: Path) -> None:
    """Decode one packet."""
    try:
        frames = packet.decode()
    except av.error.EOFError:
        return
    except av.error.FFmpegError:
        seen.failed += 1
        seen.first_bad = min(seen.first_bad, float((packet.pts or 0) * packet.time_base))
        return
    for frame in frames:
        _check_format(seen, frame, path)
        if frame.is_corrupt:
            seen.corrupt += 1
            seen.first_bad = min(seen.first_bad, frame.time or 0.0)
        seen.interlaced |= frame.interlaced_frame
        seen.times_known &= frame.time is not None
        seen.times.append(frame.time or 0.0)


def _check_format(seen: _Pass, frame: VideoFrame, path: Path) -> None:
    found = (frame.height, frame.width, frame.format.name)
    if seen.format is None:
        seen.format, seen.size = found, found[:2]
        if quarter_turns(frame) % 2:
            seen.size, seen.pixel_aspect = found[1::-1], 1 / seen.pixel_aspect
    if found != seen.format:
        before, after = (f"{w}x{h} ({pixels})" for h, w, pixels in (seen.format, found))
        raise InputError(
            f"{path} changes from {before} to {after} near frame {len(seen.times)}: cut it there into two videos"
        )


def _loss(path: Path, seen: _Pass) -> str:
    """How much is lost: beside what was seen to be broken, what the header states and the clock counts is missing."""
    count = len(seen.times)
    whole = count - seen.corrupt
    steps = np.diff(np.sort(np.frombuffer(seen.times))) if count > 1 else np.zeros(0)
    step = float(np.median(steps)) if (steps > 0).any() else 0.0
    first = seen.times[0] if count else 0.0
    last = max([seen.seconds, *seen.times[-1:]])
    clock = round((last - first) / step) if step > 0 else 0
    total = max(seen.stated, seen.packets, count + seen.failed, clock)
    lost = max(total - whole, seen.beyond, 1)
    total = max(total, whole + lost)
    start = sum(t < seen.first_bad for t in seen.times)
    if seen.first_bad == math.inf and step > 0 and steps.max() > 1.5 * step:
        start = int(np.argmax(steps)) + 1  # whole frames were taken out
    about = "" if total == seen.stated else "about "
    return (
        f"{path} is cut short or damaged after frame {start} of {about}{total}, {about}{lost} lost: "
        f"copy it again, or make a video of what is left: {to_mp4(path)}"
    )
