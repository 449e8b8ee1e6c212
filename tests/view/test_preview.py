"""The preview of a run: what it shows, how often, and that the last frame stays."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from vosbook.view import preview as room
from vosbook.view.overlay import overlay
from vosbook.view.preview import Preview


@pytest.fixture
def shown(monkeypatch) -> list[dict]:
    """What the notebook would show, one entry for each new state; time passes by `INTERVAL` / 2 a look."""
    states: list[dict] = []

    class Handle:
        def update(self, bundle, raw):
            states.append(bundle)

    def display(bundle, *, raw, display_id):
        assert not states, "one output, which is updated"
        states.append(bundle)
        return Handle()

    clock = iter(np.arange(0, 1000, room.INTERVAL / 4))
    monkeypatch.setattr(room, "display", display)
    monkeypatch.setattr(room.time, "perf_counter", lambda: float(next(clock)))
    return states


def _picture(bundle: dict) -> np.ndarray:
    data = re.search(r"base64,([^\"]+)", bundle["text/html"])[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_the_last_frame_stays_and_few_are_shown(shown):
    preview = Preview(20)
    labels = np.zeros((30, 40), np.uint8)
    labels[5:20, 5:20] = 2
    frames = [np.full((30, 40, 3), 10 * t, np.uint8) for t in range(20)]
    for frame in frames:
        preview(frame, labels)
    assert 3 <= len(shown) <= 8
    assert shown[0]["text/plain"] == "1 of 20 frames"
    assert shown[-1]["text/plain"].startswith("20 of 20 frames, ")
    assert 'value="20" max="20"' in shown[-1]["text/html"]
    assert np.abs(_picture(shown[-1]).astype(int) - overlay(frames[-1], labels)).mean() < 12


def test_rate_and_rest(shown):
    preview = Preview(100)
    preview.done = 1
    assert preview.describe(5.0) == "1 of 100 frames"  # four of the five seconds went into learning
    preview.done = 11
    assert preview.describe(7.0) == "11 of 100 frames, 5.0 a second, 18 s left"


def test_a_large_frame_is_sent_small(shown):
    Preview(1)(np.zeros((1080, 1920, 3), np.uint8), np.zeros((1080, 1920), np.uint8))
    assert _picture(shown[-1]).shape == (270, 480, 3)
