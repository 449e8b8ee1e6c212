"""Small video files of every kind, made by FFmpeg's encoders."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def film(
    path: Path,
    clip: Sequence[np.ndarray],
    codec: str = "libx264",
    *,
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    milliseconds: Sequence[int] | None = None,
    prepare: Callable[[av.VideoStream], None] = lambda stream: None,
) -> Path:
    """Write frames `uint8 (H, W, 3)`, 25 a second or at `milliseconds`."""
    with av.open(f"file:{path}", "w", options=container or {}) as out:
        stream = out.add_stream(codec, rate=25, options=options or {})
        (stream.height, stream.width), stream.pix_fmt = clip[0].shape[:2], pixels
        stream.bit_rate = 4_000_000
        prepare(stream)
        clock = Fraction(1, 25) if milliseconds is None else Fraction(1, 1000)
        stream.codec_context.time_base = clock
        for t, picture in enumerate(clip):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = t if milliseconds is None else milliseconds[t], clock
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def woven(moments: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Interlaced frames: the even lines are of one moment, the odd ones of the next."""
    frames = []
    for even, odd in zip(moments[::2], moments[1::2]):
        frame = even.copy()
        frame[1::2] = odd[1::2]
        frames.append(frame)
    return frames


def tone(seconds: float, rate: int = 48000) -> np.ndarray:
    """A tone that begins a quarter of a second in: int16 (1, samples)."""
    t = np.arange(int(seconds * rate)) / rate
    return (np.sin(2 * np.pi * 440 * t) * 12000 * (t > 0.25)).astype(np.int16)[None]


def film_with_sound(path: Path, clip: Sequence[np.ndarray], codec: str = "aac", *, start: int = 0) -> Path:
    """Frames, 25 a second, and a tone beside them; both begin `start` ticks of 1/25 s after 0."""
    samples = tone(len(clip) / 25)
    with av.open(str(path), "w") as out:
        pictures, sound = out.add_stream("libx264", rate=25), out.add_stream(codec, rate=48000, layout="mono")
        (pictures.height, pictures.width), pictures.pix_fmt = clip[0].shape[:2], "yuv420p"
        for t, pixels in enumerate(clip):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = t + start, Fraction(1, 25)
            out.mux(pictures.encode(frame))
        for at in range(0, samples.shape[1], 1024):
            part = av.AudioFrame.from_ndarray(samples[:, at : at + 1024], format="s16", layout="mono")
            part.rate, part.pts, part.time_base = 48000, at + start * 1920, Fraction(1, 48000)
            out.mux(sound.encode(part))
        out.mux(sound.encode())
        out.mux(pictures.encode())
    return path
