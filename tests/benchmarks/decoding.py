"""How fast a video file is decoded, beside OpenCV, and how fast masks are rendered, in one run.

    python tests/benchmarks/decoding.py [--video FILE]

Without a file one of 480p is made: H.264, a texture that moves. Seconds on the clock are taken, since both decode on
several threads; both take turns, and the least of several runs counts. Where other work is on the machine, processor
time is what to look at.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from vosbook.video.codec import decoded
from vosbook.video.encode import write_video
from vosbook.video.survey import survey

SIZE = (480, 854)
FRAMES = 120
RUNS = 12


def texture() -> Iterator[np.ndarray]:
    coarse = np.random.default_rng(0).integers(0, 256, (60, 107, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    return (np.roll(picture, (t, 2 * t), (0, 1)) for t in range(FRAMES))


def by_opencv(path: Path) -> Iterator[np.ndarray]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    while (read := capture.read())[0]:
        yield cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)


def counted_by_opencv(path: Path) -> Iterator[None]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    while capture.grab():
        yield None


def milliseconds(work: Callable[[], Iterable]) -> tuple[float, float]:
    """Milliseconds a frame: on the clock, and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    count = sum(1 for _ in work())
    return (time.perf_counter() - clock) * 1000 / count, (time.process_time() - processor) * 1000 / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--video", type=Path, help="a video file of your own")
    chosen = parser.parse_args().video
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texture.mp4" if chosen is None else chosen
        if chosen is None:
            write_video(path, texture())
        works = {
            "decode": (lambda: decoded(path), lambda: by_opencv(path)),
            "count": (lambda: survey(path).times, lambda: counted_by_opencv(path)),
        }
        for name, pair in works.items():
            runs = [[milliseconds(work) for work in pair] for _ in range(RUNS)]
            ours, theirs = (np.min([run[side] for run in runs], axis=0) for side in (0, 1))
            print(f"{name}: {ours[0]:.2f} ms a frame, OpenCV {theirs[0]:.2f}: {ours[0] / theirs[0]:.2f} of its time,")
            print(f"  and {ours[1] / theirs[1]:.2f} of its processor time")


if __name__ == "__main__":
    main()
