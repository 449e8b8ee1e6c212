"""What `vosbook draw` serves to the page, and when it ends. The page itself is for `tests/browser`."""

import errno
import json
import socket
import struct
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from patience import HANGS

from vosbook.errors import InputError
from vosbook.video.masks import read_mask, write_mask
from vosbook.view import draw as room
from vosbook.view import painter as painters
from vosbook.view.draw import Presence, check_target, draft_of, draw
from vosbook.view.painter import Painter

SIZE = 20, 30
LABELS = np.eye(*SIZE, dtype=np.uint8) * np.uint8(2)


@dataclass
class Drawing:
    """`draw` at work in a thread, as its page sees it."""

    out: Path
    port: int = 0
    address: str = ""
    notes: list[str] = field(default_factory=list)
    error: InputError | None = None

    def __post_init__(self):
        self._ready = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        assert self._ready.wait(HANGS)

    def _run(self) -> None:
        painter = Painter(np.full((*SIZE, 3), 90, np.uint8))
        try:
            draw(painter, self.out, port=self.port, show=self._show, note=self.notes.append)
        except InputError as error:
            self.error = error
        self._ready.set()

    def _show(self, address: str) -> None:
        self.address = address
        self._ready.set()

    def get(self, what: str = "") -> str:
        with urllib.request.urlopen(f"{self.address}{what}", timeout=HANGS) as answer:
            return answer.read().decode()

    def post(self, what: str, body: bytes = b"") -> dict:
        with urllib.request.urlopen(f"{self.address}{what}", data=body, timeout=HANGS) as answer:
            return json.load(answer)

    def paint(self, labels: np.ndarray = LABELS) -> dict:
        return self.post("labels", zlib.compress(labels.tobytes()))

    def open_page(self) -> socket.socket:
        """The connection that a page holds."""
        place = urllib.parse.urlsplit(self.address)
        page = socket.create_connection((place.hostname, place.port), timeout=HANGS)
        page.sendall(f"GET {place.path}presence HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
        assert b"text/event-stream" in page.recv(1000)
        return page

    def ended(self, seconds: float = HANGS) -> bool:
        self.thread.join(seconds)
        return not self.thread.is_alive()


@pytest.fixture
def begin(tmp_path):
    """Begins drawings; those that a test leaves open are saved elsewhere."""
    drawings = []

    def begin_one(out: Path = tmp_path / "first.png", **options) -> Drawing:
        drawings.append(Drawing(out, **options))
        return drawings[-1]

    yield begin_one
    for drawing in drawings:
        if not drawing.ended(0.5):
            drawing.out.parent.mkdir(exist_ok=True)
            drawing.paint()
            drawing.post("save")
            assert drawing.ended()


@pytest.fixture
def drawing(begin) -> Drawing:
    return begin()


def test_it_ends_when_the_mask_is_saved(drawing):
    state = json.loads(drawing.get("state"))
    assert state["values"]["_size"] == list(SIZE) and set(state["bytes"]) == {"_frame", "_labels"}
    refused = drawing.post("save")
    assert not refused["saved"] and "holds no object" in refused["text"] and drawing.thread.is_alive()
    drawing.paint()
    assert drawing.post("save")["saved"]
    assert drawing.ended() and np.array_equal(read_mask(drawing.out), LABELS)
    assert drawing.error is None and [file.name for file in drawing.out.parent.iterdir()] == ["first.png"]


def test_what_is_chosen_is_there_when_the_page_is_loaded_again(drawing):
    objects = [{"id": 1, "name": "object 1"}, {"id": 2, "name": "object 2"}]
    drawing.post("choice", json.dumps({"_objects": objects, "object": 2, "tool": "polygon", "radius": 3.5}).encode())
    values = json.loads(drawing.get("state"))["values"]
    assert (values["object"], values["tool"], values["radius"]) == (2, "polygon", 3.5)
    assert values["_objects"] == objects


def test_the_page_says_why_a_box_finds_nothing(drawing):
    question = {"object": 1, "box": [0, 0, 30, 20], "sure": [0, 600]}
    assert "whole frame" in drawing.post("message", json.dumps(question).encode())["text"]


def test_nothing_is_served_to_those_who_do_not_know_the_address(drawing):
    root = drawing.address.rsplit("/", 2)[0]
    for what in ("/", "/state", "/wrong/state", "/wrong/", "/presence"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(root + what, timeout=HANGS)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{root}/save", data=b"", timeout=HANGS)
    page = drawing.get()
    assert "<main" in page and "function fillPolygon" in page and "http" not in page.replace("http://www.w3.org", "")


# ----------------------------------------------------------------------------------------------- saves that fail


def test_a_save_that_fails_keeps_the_old_mask_and_can_be_tried_again(drawing, monkeypatch, capfd):
    old = np.full(SIZE, 7, np.uint8)
    write_mask(drawing.out, old)
    drawing.paint()

    def write_half(path: Path, labels: np.ndarray) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full_disk:
        full_disk.setattr(painters, "write_mask", write_half)
        answer = drawing.post("save")
    assert not answer["saved"] and "No space left" in answer["text"] and drawing.thread.is_alive()
    assert np.array_equal(read_mask(drawing.out), old)
    assert sorted(file.name for file in drawing.out.parent.iterdir()) == ["first.draft.png", "first.png"]
    assert drawing.post("save")["saved"] and drawing.ended()
    assert np.array_equal(read_mask(drawing.out), LABELS)
    assert capfd.readouterr().err == ""


def test_a_folder_that_is_gone_is_said_while_drawing_and_at_the_save(begin, tmp_path, capfd):
    drawing = begin(tmp_path / "gone" / "first.png")  # checked before the page opens, in `check_target`
    assert "its folder does not exist" in drawing.paint()["text"]
    answer = drawing.post("save")
    assert not answer["saved"] and "its folder does not exist" in answer["text"]
    (tmp_path / "gone").mkdir()
    assert drawing.post("save")["saved"] and drawing.ended()
    assert np.array_equal(read_mask(drawing.out), LABELS) and capfd.readouterr().err == ""


# ---------------------------------------------------------------------------------------------------- the draft


def test_what_is_drawn_lies_beside_until_it_is_saved(drawing):
    draft = draft_of(drawing.out)
    assert not draft.exists()
    drawing.paint()
    assert np.array_equal(read_mask(draft), LABELS) and draft.name == "first.draft.png"
    drawing.paint(np.zeros(SIZE, np.uint8))  # all was taken back
    assert not draft.exists()
    drawing.paint()
    assert drawing.post("save")["saved"] and not draft.exists()


def test_a_draft_is_not_drawn_over(tmp_path):
    out = tmp_path / "first.png"
    check_target(out, mask=None)
    write_mask(draft_of(out), LABELS)
    for mask in (None, tmp_path / "other.png"):
        with pytest.raises(InputError, match=r"--mask \S*first\.draft\.png, or remove it"):
            check_target(out, mask=mask)
    check_target(out, mask=draft_of(out))


# ------------------------------------------------------------------------------------------- pages that come and go


def test_a_page_that_is_closed_ends_the_command(begin, monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(room, "GRACE", 0.5)
    drawing = begin()
    drawing.open_page().close()
    assert drawing.ended() and "nothing was drawn" in str(drawing.error)
    assert len(drawing.notes) == 1 and "the page was closed" in drawing.notes[0]
    assert list(tmp_path.iterdir()) == []

    drawing = begin()
    page = drawing.open_page()
    drawing.paint()
    page.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a browser that crashes
    page.close()
    assert drawing.ended() and "--mask" in str(drawing.error) and "first.draft.png" in str(drawing.error)
    assert np.array_equal(read_mask(draft_of(drawing.out)), LABELS)
    assert capfd.readouterr().err == ""


def test_a_page_that_comes_back_goes_on(begin, monkeypatch):
    monkeypatch.setattr(room, "GRACE", 5.0)
    monkeypatch.setattr(room, "PULSE", 0.1)
    drawing = begin()
    time.sleep(0.5)  # nobody has opened it: it waits
    for _ in range(3):
        page = drawing.open_page()
        time.sleep(0.2)
        page.close()
        time.sleep(0.4)
    page = drawing.open_page()
    assert not drawing.ended(6)
    drawing.paint()
    assert drawing.post("save")["saved"] and drawing.ended() and drawing.error is None
    page.close()


def test_presence_counts_pages_and_waits():
    now = [0.0]
    presence = Presence(10.0, clock=lambda: now[0])
    now[0] = 100.0
    assert presence.left() is None and not presence.has_gone()  # nobody has come yet
    with presence.page():
        with presence.page():
            now[0] = 150.0
        now[0] = 200.0
        assert presence.left() is None and not presence.has_gone()  # one is there still
    now[0] = 209.0
    assert presence.left() == 200.0 and not presence.has_gone()
    with presence.page():
        now[0] = 300.0
    now[0] = 310.0
    assert not presence.has_gone()
    now[0] = 310.1
    assert presence.has_gone()


# ----------------------------------------------------------------------------------------------------- the port


def test_a_port_can_be_chosen(begin):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    drawing = begin(port=port)
    assert urllib.parse.urlsplit(drawing.address).port == port and "<main" in drawing.get()
    second = begin(port=port)
    assert second.ended() and f"port {port} cannot be used (Address already in use)" in str(second.error)
