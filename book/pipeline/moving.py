"""The landing page's moving picture: the first inspector of the book, its masks painted over its frames as a loop."""

import base64
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

import numpy as np
from nbformat import NotebookNode
from PIL import Image

from vosbook.view.overlay import overlay

STATE = "application/vnd.jupyter.widget-state+json"
INSPECTOR = "vosbook.view.inspector.Inspector"
FRAME_MS, FIRST_MS = 100, 1200  # the frame with the given masks stays on
QUALITY = 60
ALT = (
    "A short video in a loop: coloured masks are given on the objects of its first frame, and stay on them, found "
    "frame by frame, while the objects move and turn."
)
CAPTION = "The masks of the first frame are given. A tracker of this book has found all others."
# Whoever asks for less motion sees the first frame; the button stops and starts the loop for all.
PAGE = """<figure class="vos-figure vos-moving"><picture><source media="(prefers-reduced-motion: reduce)"
 srcset="{still}"><img alt="{alt}" src="{moving}" style="width:100%;height:auto"></picture>
<figcaption>{caption} <button type="button" onclick="
 const still = this.closest('figure').querySelector('source');
 still.media = still.media === 'all' ? 'not all' : 'all';
 this.textContent = still.media === 'all' ? 'Play' : 'Stop';">Stop</button></figcaption></figure>"""


def moving_picture(executed: Iterable[NotebookNode]) -> str:
    """The loop as HTML, from the first executed notebook that has an inspector with a prediction; "" if none has."""
    for notebook in executed:
        for model in notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {}).values():
            if model["state"].get("_anywidget_id") == INSPECTOR and model["state"]["_prediction"]:
                frames = list(_painted(model))
                return PAGE.format(
                    still=_as_data(frames[:1]), moving=_as_data(frames), alt=escape(ALT), caption=escape(CAPTION)
                ).replace("\n", "")
    return ""


def _painted(model: Mapping[str, Any]) -> Iterator[Image.Image]:
    """The frames of a saved inspector with its prediction over them."""
    held = {tuple(one["path"]): base64.b64decode(one["data"]) for one in model["buffers"]}
    for t in range(len(model["state"]["_frames"])):
        frame = np.asarray(Image.open(io.BytesIO(held["_frames", t])).convert("RGB"))
        labels = np.frombuffer(zlib.decompress(held["_prediction", t]), np.uint8).reshape(model["state"]["_size"])
        yield Image.fromarray(overlay(frame, labels))


def _as_data(frames: list[Image.Image]) -> str:
    """Pictures as one WebP, a moving one if they are several, in an address that holds it."""
    times = [FIRST_MS] + [FRAME_MS] * (len(frames) - 1)
    frames[0].save(
        buffer := io.BytesIO(), "webp", save_all=True, append_images=frames[1:], duration=times, loop=0, quality=QUALITY
    )
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
