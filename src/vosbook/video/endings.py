"""Whether a video file is all there, where its container tells and FFmpeg reads on without a word."""

import os
import struct
from pathlib import Path

import av
from av import logging

from vosbook.video.container import as_url

MATROSKA = b"\x1aE\xdf\xa3"  # how its files begin
TAIL = 64  # bytes at a file's end, where writers leave padding
BROKEN_OFF = ("File ended prematurely", "exceeds containing master element", "EBML number")  # Matroska's complaints
INDEX = b"mfra"  # what a fragmented mp4 ends in: the places of its fragments, and no frame


def breaks_off(path: Path) -> bool:
    """Whether the file ends, or has a hole, amid a part of its container. Frames need not be lost."""
    return _matroska_breaks_off(path) or _fragments_break_off(path) or _has_no_trailer(path)


def _matroska_breaks_off(path: Path) -> bool:
    """Whether a Matroska or WebM file has holes: its reader skips what it cannot read, and only its log tells."""
    with path.open("rb") as file:
        if file.read(4) != MATROSKA:
            return False
    level, skip = logging.get_level(), logging.get_skip_repeated()
    logging.set_level(logging.ERROR)
    logging.set_skip_repeated(False)
    try:
        with logging.Capture() as lines, av.open(as_url(path), metadata_errors="ignore") as container:
            for _ in container.demux():
                pass
    except av.error.FFmpegError:
        return False  # what cannot be opened is refused by `open_video`, in its own words
    finally:
        logging.set_level(level)
        logging.set_skip_repeated(skip)
    return any(wanted in line for *_, line in lines for wanted in BROKEN_OFF)


def _fragments_break_off(path: Path) -> bool:
    """Whether the boxes of a fragmented mp4 do not fill its file: its reader ends where it finds none."""
    end, at, fragmented = path.stat().st_size, 0, False
    with path.open("rb") as file:
        if file.read(8)[4:] != b"ftyp":
            return False
        while at + 8 <= end:
            file.seek(at)
            size, kind, large = struct.unpack(">I4sQ", file.read(16).ljust(16, b"\0"))
            fragmented = (fragmented or kind == b"moof") and kind != INDEX
            size = {0: end - at, 1: large}.get(size, size)
            if size < 8 or not kind.isalnum():
                return fragmented
            at += size
    return fragmented and at != end


def _has_no_trailer(path: Path) -> bool:
    """Whether a GIF does not end as it should: how many frames it has is stated nowhere."""
    with path.open("rb") as file:
        if file.read(4) != b"GIF8":
            return False
        file.seek(-min(TAIL, path.stat().st_size), os.SEEK_END)
        return not file.read().rstrip(b"\0\r\n").endswith(b";")
