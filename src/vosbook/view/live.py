"""A look at a run from outside it: the newest frame with its masks, as a picture that is written again and again."""

import io
import time
from pathlib import Path

import numpy as np
from PIL import Image

from vosbook.errors import InputError
from vosbook.output import check_output_file, partial_file
from vosbook.view.overlay import overlay

WIDTH = 480  # pixels of the picture, at most
INTERVAL = 0.25  # seconds between two pictures: the run should not wait for its own preview
ENDINGS = (".jpg", ".jpeg")


class LivePicture:
    """Call it with each frame, uint8 (H, W, 3), and its labels, uint8 (H, W): it keeps the JPEG `path` up to date.

    The picture is replaced a few times a second, each time as a whole, so that a viewer may read it at any moment. It
    fits `segment_video(watch=...)`. InputError where it could not be written.
    """

    def __init__(self, path: Path):
        if path.suffix.lower() not in ENDINGS:
            raise InputError(f"{path} is no name for the preview, which is a JPEG: end it in .jpg")
        check_output_file(path)
        self.path = path
        self._shown = -INTERVAL

    def __call__(self, frame: np.ndarray, labels: np.ndarray) -> None:
        if time.monotonic() - self._shown < INTERVAL:
            return
        with partial_file(self.path) as file:
            file.write_bytes(jpeg(overlay(frame, labels)))
        self._shown = time.monotonic()


def jpeg(picture: np.ndarray) -> bytes:
    """A picture uint8 (H, W, 3), made smaller, as a file."""
    image = Image.fromarray(picture)
    image.thumbnail((WIDTH, WIDTH))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
