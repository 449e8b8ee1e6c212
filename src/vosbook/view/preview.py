"""A look at a run while it goes on: the newest frame with its masks, a bar, and how long the rest will take."""

import base64
import time

import numpy as np
from IPython.display import display

from vosbook.view.live import INTERVAL, jpeg
from vosbook.view.overlay import overlay


class Preview:
    """Call it with each of `count` frames, uint8 (H, W, 3), and its labels, uint8 (H, W).

    It shows itself under the notebook's cell with the first call, and is brought up to date a few times a second;
    the last frame is always shown, and stays. It fits `segment_video(watch=...)`.
    """

    def __init__(self, count: int):
        self.count = count
        self.done = 0
        self._handle = None
        self._begun = self._shown = time.perf_counter()

    def __call__(self, frame: np.ndarray, labels: np.ndarray) -> None:
        self.done += 1
        now = time.perf_counter()
        if self._handle is None:
            self._handle = display(self._bundle(frame, labels, now), raw=True, display_id=True)
        elif self.done == self.count or now - self._shown > INTERVAL:
            self._handle.update(self._bundle(frame, labels, now), raw=True)
        else:
            return
        self._shown = time.perf_counter()

    def describe(self, now: float) -> str:
        """How far the run is, and how fast. The first frame is left out of the rate: a method learns from it."""
        text = f"{self.done} of {self.count} frames"
        if self.done < 2:
            self._begun = now
            return text
        rate = (self.done - 1) / max(now - self._begun, 1e-9)
        left = (self.count - self.done) / rate
        return f"{text}, {rate:.1f} a second" + (f", {left:.0f} s left" if left >= 1 else "")

    def _bundle(self, frame: np.ndarray, labels: np.ndarray, now: float) -> dict[str, str]:
        text = self.describe(now)
        image = base64.b64encode(jpeg(overlay(frame, labels))).decode()
        page = (
            f'<figure class="vos-figure" style="margin:0.25rem 0">'
            f'<img alt="The newest frame with its masks: {text}" src="data:image/jpeg;base64,{image}" '
            f'style="max-width:100%;height:auto"><figcaption>'
            f'<progress value="{self.done}" max="{self.count}" aria-label="frames done"></progress> {text}'
            "</figcaption></figure>"
        )
        return {"text/html": page, "text/plain": text}
