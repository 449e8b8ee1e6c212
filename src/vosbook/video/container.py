"""Video files as FFmpeg opens them (by PyAV): what is no video is refused, with a remedy."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vosbook.errors import InputError

SNIFFED = 1024  # bytes at a file's start
TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1b")


def as_url(path: Path) -> str:
    """What FFmpeg takes for this file: of a name with a colon alone it would take the front for a protocol."""
    return f"file:{path}"


def to_mp4(path: Path) -> str:
    """The command that makes an mp4 of what can be decoded."""
    source = as_url(path) if ":" in str(path) else str(path)
    return f"ffmpeg -i {shlex.quote(source)} -c:v libx264 {shlex.quote(path.stem.replace(':', '-') + '-new.mp4')}"


def moment(ticks: int | None, seconds_per_tick: Fraction | None) -> Fraction:
    """Seconds; 0 where the file does not say when."""
    return Fraction(0) if ticks is None or seconds_per_tick is None else ticks * seconds_per_tick


def quarter_turns(frame: VideoFrame) -> int:
    """How often a frame must be turned left by 90 degrees to be upright."""
    return round(frame.rotation / 90) % 4


@contextmanager
def open_video(path: Path, *, threads: str = "AUTO") -> Iterator[tuple[InputContainer, VideoStream]]:
    """Yield a file's container and its picture stream. InputError where there is none, or no decoder for it.

    `threads` is FFmpeg's: FRAME is the fastest, and loses sight of the frames just before damage; SLICE does not.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist")
    if _is_text(path):
        raise InputError(f"{path} holds text, it is no video: give the video file itself, or download it again")
    try:
        container = av.open(as_url(path), metadata_errors="ignore")
    except av.error.FFmpegError as error:
        if isinstance(error, OSError):  # no permission
            raise
        raise InputError(
            f"{path} cannot be decoded as video: it is cut off, damaged or no video; copy or download it again"
        ) from error
    with container:
        stream = _pictures(container, path)
        stream.thread_type = threads
        yield container, stream


def _is_text(path: Path) -> bool:
    """A playlist, subtitles, a page that was saved in a video's place. FFmpeg would draw some of it as video."""
    with path.open("rb") as file:
        start = file.read(SNIFFED)
    controls = {byte for byte in start if byte < 32} - TEXT_CONTROLS
    return bool(start) and not controls and not start.startswith(b"YUV4MPEG2")


def _pictures(container: InputContainer, path: Path) -> VideoStream:
    """The stream of moving pictures. A song's cover is none."""
    if container.format.name.endswith("_pipe") or container.format.name == "image2":
        raise InputError(f"{path} is one image: give the folder that holds the frames, or a video file")
    covers = av.stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if not s.disposition & covers]
    if not streams:
        sound = "only sound" if container.streams.audio else "nothing"
        raise InputError(f"{path} holds {sound}, no pictures: give a video file, or a folder of images")
    if streams[0].codec_context is None:
        raise InputError(f"{path} has pictures in an unknown code, or a damaged header: copy it again, or export H.264")
    return streams[0]
