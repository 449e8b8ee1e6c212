"""What `vosbook draw` serves to the page, and when it ends. The page itself is for `tests/browser`."""

import json
import threading
import urllib.error
import urllib.request
import zlib

import numpy as np
import pytest
from patience import HANGS

from vosbook.video.masks import read_mask
from vosbook.view.draw import draw
from vosbook.view.painter import Painter

SIZE = 20, 30


@pytest.fixture
def drawing(tmp_path):
    """A painter that is being drawn on: its address, the thread that serves it, and the file to come."""
    told, ready = [], threading.Event()

    def say(address: str) -> None:
        told.append(address)
        ready.set()

    painter = Painter(np.full((*SIZE, 3), 90, np.uint8))
    thread = threading.Thread(target=draw, args=(painter, tmp_path / "first.png"), kwargs={"say": say})
    thread.start()
    ready.wait(20)
    yield told[0], thread, tmp_path / "first.png"
    if thread.is_alive():  # a test that failed
        _post(told[0], "labels", zlib.compress(np.eye(*SIZE, dtype=np.uint8).tobytes()))
        _post(told[0], "save", b"")
    thread.join(20)


def _get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=HANGS) as answer:
        return answer.read().decode()


def _post(address: str, what: str, body: bytes) -> dict:
    with urllib.request.urlopen(f"{address}{what}", data=body, timeout=HANGS) as answer:
        return json.load(answer)


def test_it_ends_when_the_mask_is_saved(drawing):
    address, thread, out = drawing
    state = json.loads(_get(f"{address}state"))
    assert state["values"]["_size"] == list(SIZE) and set(state["bytes"]) == {"_frame", "_labels"}
    refused = _post(address, "save", b"")
    assert not refused["saved"] and "holds no object" in refused["text"] and thread.is_alive()
    labels = np.eye(*SIZE, dtype=np.uint8) * np.uint8(2)
    _post(address, "labels", zlib.compress(labels.tobytes()))
    assert _post(address, "save", b"")["saved"]
    thread.join(20)
    assert not thread.is_alive() and np.array_equal(read_mask(out), labels)


def test_the_page_says_why_a_box_finds_nothing(drawing):
    address = drawing[0]
    answer = _post(address, "message", json.dumps({"object": 1, "box": [0, 0, 30, 20]}).encode())
    assert "whole frame" in answer["text"]


def test_nothing_is_served_to_those_who_do_not_know_the_address(drawing):
    root = drawing[0].rsplit("/", 2)[0]
    for what in ("/", "/state", "/wrong/state", "/wrong/"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            _get(root + what)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        _post(root, "/save", b"")
    page = _get(drawing[0])
    assert "<main" in page and "function fillPolygon" in page and "http" not in page.replace("http://www.w3.org", "")
