"""A short cut for the PNGs that masks are kept in: one channel, its rows as they are or as plain differences.

Bilevel and indexed files have their rows as they are. The true masks of DAVIS 2016 are gray, every row stored as
differences from the left neighbour; undoing these byte by byte takes Pillow as long as all the rest, and as a mask is
flat but for a few columns, only a part of it needs the sums.
"""

import struct
from pathlib import Path

import cv2
import numpy as np
from zlib_ng import zlib_ng as zlib  # unpacks in a fifth of the standard module's time

from vosbook.video.values import Stored

SIGNATURE = b"\x89PNG\r\n\x1a\n"
START = SIGNATURE + struct.pack(">I", 13) + b"IHDR"  # a header of 13 bytes comes first
# Pillow's mode by bit depth, colour type, and the only compression, filter and interlacing read here.
MODES = {(1, 0, 0, 0, 0): "1", (8, 0, 0, 0, 0): "L", (8, 3, 0, 0, 0): "P"}
CHUNKS = {b"IHDR", b"PLTE", b"tIME", b"IDAT", b"IEND"}  # others may say something: that the file is animated
MAX_PIXELS = 8 * 10**7  # what has more is left to Pillow, which refuses it
NONE, SUB = 0, 1  # filter types of a row: as it is, and differences from the left neighbour


def read_flat_png(path: Path) -> Stored | None:
    """The pixels of such a file, uint8 (H, W); None if it is of another kind, damaged or missing.

    They are 0 and 1 in mode "1", gray in "L", and the indices in "P".
    """
    try:
        data = path.read_bytes()
        mode = MODES.get(struct.unpack(">5B", data[24:29]))
        width, height = struct.unpack(">II", data[16:24])
        if data[:16] != START or mode is None or not 0 < width * height <= MAX_PIXELS:
            return None
        chunks = _chunks(data)
        palette = _palette(chunks[b"PLTE"]) if mode == "P" else None
        rows = _unpack(chunks[b"IDAT"], height, (width + 7) // 8 if mode == "1" else width)
    except (OSError, zlib.error, struct.error, ValueError, KeyError):  # type: ignore[misc]  # its stub: no class
        return None  # Pillow says what is wrong
    if (rows[:, 0] == NONE).all():
        bits = mode == "1"
        return Stored(mode, np.unpackbits(rows[:, 1:], axis=1, count=width) if bits else rows[:, 1:].copy(), palette)
    if (rows[:, 0] == SUB).all() and mode != "1":
        return Stored(mode, undo_differences(rows[:, 1:]), palette)
    return None


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """What the chunks of each kind hold, put together. ValueError where one is strange or its checksum wrong,
    struct.error where the end is missing."""
    found: dict[bytes, list[bytes]] = {}
    place, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        end = place + 8 + length
        if kind not in CHUNKS or zlib.crc32(data[place + 4 : end]) != struct.unpack(">I", data[end : end + 4])[0]:
            raise ValueError(f"{kind!r} is not known, or its checksum is wrong")
        found.setdefault(kind, []).append(data[place + 8 : end])
        place = end + 4
    return {kind: b"".join(parts) for kind, parts in found.items()}


def _palette(content: bytes) -> np.ndarray:
    """Colours uint8 (K, 3). ValueError where there are more than 256, or not all have three parts."""
    if not 0 < len(content) <= 768:
        raise ValueError("a palette has from 1 to 256 colours")
    return np.frombuffer(content, np.uint8).reshape(-1, 3)


def _unpack(packed: bytes, height: int, width: int) -> np.ndarray:
    """Rows of a byte for the filter and `width` bytes, uint8 (H, 1 + width), read-only. ValueError for other sizes."""
    if zlib.decompressobj().decompress(packed, 1) not in (bytes([NONE]), bytes([SUB])):  # before all the work
        raise ValueError("the first row has another filter")
    size = height * (1 + width)
    stream = zlib.decompressobj()
    rows = np.frombuffer(stream.decompress(packed, size + 1), np.uint8)
    if not stream.eof or rows.size != size:
        raise ValueError("more or fewer pixels than the header says")
    return rows.reshape(height, 1 + width)


def undo_differences(differences: np.ndarray) -> np.ndarray:
    """Sums along the rows, modulo 256: uint8 (H, W) -> uint8 (H, W)."""
    x, y, width, height = cv2.boundingRect(differences)
    pixels = np.zeros(differences.shape, np.uint8)
    if width:
        part = np.ascontiguousarray(differences[y : y + height, x : x + width].T)  # (w, h): sums run faster in columns
        sums = np.cumsum(part, axis=0, dtype=np.uint8).T
        pixels[y : y + height, x : x + width] = sums
        pixels[y : y + height, x + width :] = sums[:, -1:]  # what reaches the right border goes on to it
    return pixels
