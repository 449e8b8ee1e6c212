"""The painter on a page of its own, for the command line: this machine's browser draws, and the mask becomes a file.

A small server on the loopback address stands in for the notebook. Its address holds a secret, so that no other page in
the browser can find it. What is drawn and not saved yet lies beside the file to come, as a draft.
"""

import base64
import json
import secrets
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from vosbook.errors import InputError
from vosbook.output import check_output_file, output_file
from vosbook.video.labels import object_ids
from vosbook.video.masks import write_mask
from vosbook.view.painter import Painter
from vosbook.view.scripts import together

GRACE = 15.0  # seconds that a page which has gone may take to come back, as it does when it is loaded again
PULSE = 1.0  # seconds between two signs of life to a page

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Draw the objects</title>
<style>{css}</style>
<body>
<main id="painter"></main>
<footer><button id="save" type="button">Save and close</button> <output id="saved"></output></footer>
<script type="module">
{script}
{page}
</script>
"""


def draft_of(out: Path) -> Path:
    """Where a drawing lies that has not been saved as `out` yet."""
    return out.with_name(f"{out.stem}.draft.png")


def check_target(out: Path, *, mask: Path | None) -> None:
    """InputError where `out` cannot be written, or a draft of it lies there that is not the `mask` to begin with."""
    check_output_file(out)
    draft = draft_of(out)
    if draft.exists() and not (mask is not None and mask.exists() and mask.samefile(draft)):
        raise InputError(f"{draft} holds what was drawn and not saved: go on with --mask {draft}, or remove it")


def draw(
    painter: Painter, out: Path, *, port: int = 0, show: Callable[[str], None], note: Callable[[str], None]
) -> None:
    """Serve the painter until its mask has been saved as `out`; `show` is told the address to open, `note` the rest.

    `port` 0 takes any that is free. InputError where the port is taken, or the page was closed and nothing saved.
    """
    with _serving(painter, out, port) as server:
        show(server.address)
        noted = None
        while not server.saved:
            server.handle_request()
            left = server.presence.left()
            if left not in (None, noted) and not server.saved:
                note(f"the page was closed: waiting {server.presence.grace:.0f} s for it to come back")
                noted = left
            if server.presence.has_gone():
                raise InputError(f"the page was closed before the mask was saved: {what_is_left(out)}")


def what_is_left(out: Path) -> str:
    """Where a drawing is that was not saved as `out`, in words."""
    draft = draft_of(out)
    if draft.exists():
        return f"what was drawn is in {draft}, go on with --mask {draft}"
    return "nothing was drawn, and nothing written"


@contextmanager
def _serving(painter: Painter, out: Path, port: int) -> Iterator["Server"]:
    try:
        server = Server(painter, out, port=port)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"port {port} cannot be used ({why}): choose another, or leave --port out") from error
    try:
        yield server
    finally:
        server.server_close()


@dataclass
class Presence:
    """Whether a page is open: each holds a connection for as long as it is."""

    grace: float  # seconds
    clock: Callable[[], float] = time.monotonic
    _pages: int = 0
    _left: float | None = None  # when the last page went
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def page(self) -> Iterator[None]:
        """For as long as a page is connected."""
        with self._lock:
            self._pages += 1
        try:
            yield
        finally:
            with self._lock:
                self._pages -= 1
                self._left = self.clock()

    def left(self) -> float | None:
        """When the last page went; None where one is there, or none has come yet."""
        with self._lock:
            return None if self._pages else self._left

    def has_gone(self) -> bool:
        """There was a page, and for the time of grace there has been none."""
        left = self.left()
        return left is not None and self.clock() - left > self.grace


class Server(ThreadingHTTPServer):
    timeout = 0.2  # seconds, after which `draw` looks whether the mask has been saved, or the page gone

    def __init__(self, painter: Painter, out: Path, *, port: int = 0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.painter, self.out, self.saved = painter, out, False
        self.presence = Presence(GRACE)
        self.secret = f"/{secrets.token_urlsafe(16)}/"
        self.address = f"http://127.0.0.1:{self.server_port}{self.secret}"
        self._lock = threading.Lock()  # every request has a thread, and the painter is one

    def page(self) -> str:
        """The painter's script without its last line, which exports `render`, and what stands in for the notebook."""
        script = self.painter._esm.rpartition("export default")[0]
        return PAGE.format(css=self.painter._css + together("draw.css"), script=script, page=together("draw.js"))

    def state(self) -> dict:
        """The widget's state; bytes as base64, under "bytes"."""
        with self._lock:
            return self._state()

    def take(self, what: str, body: bytes) -> dict:
        """Answer what the page posts: labels, a choice of tool or object, a question, or that the mask is done."""
        with self._lock:
            try:
                return self._take(what, body)
            except InputError as error:
                return {"text": str(error), "saved": False}

    def _state(self) -> dict:
        names = [name for name in self.painter.keys if name in Painter.class_own_traits()]
        values = {name: getattr(self.painter, name) for name in names}
        data = {name: base64.b64encode(value).decode() for name, value in values.items() if isinstance(value, bytes)}
        return {"values": {name: value for name, value in values.items() if name not in data}, "bytes": data}

    def _take(self, what: str, body: bytes) -> dict:
        if what == "labels":
            self.painter.drawn(body)
            self._keep_draft()
        elif what == "choice":
            self.painter.set_state(json.loads(body))
        elif what == "message":
            answer = self.painter.answer(json.loads(body))
            return {"text": answer, **self._state()}
        elif what == "save":
            self.painter.save(self.out)
            self._drop_draft()
            return {"text": f"saved as {self.out}: you can close this page", "saved": True}
        return {}

    def _keep_draft(self) -> None:
        labels = self.painter.labels
        if not object_ids(labels):
            return self._drop_draft()
        with output_file(draft_of(self.out)) as partial:
            write_mask(partial, labels)

    def _drop_draft(self) -> None:
        with suppress(OSError):
            draft_of(self.out).unlink()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A page that goes while it is answered is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        what = self.path.removeprefix(self.server.secret)
        if what == "":
            self._send(self.server.page(), "text/html; charset=utf-8")
        elif what == "state":
            self._send(json.dumps(self.server.state()), "application/json")
        elif what == "presence":
            self._hold()
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        if not self.path.startswith(self.server.secret):
            self.send_error(404)
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.server.take(self.path.removeprefix(self.server.secret), body)
        self._send(json.dumps(answer), "application/json")
        if answer.get("saved"):  # now that the page knows
            self.server.saved = True

    def _hold(self) -> None:
        """Keep the connection for as long as the page does: an event stream, of comments alone."""
        with self.server.presence.page():
            self._head("text/event-stream")
            while not self._has_closed():
                self.wfile.write(b":\n\n")

    def _has_closed(self) -> bool:
        """Whether the page has closed its end; the answer no takes a PULSE."""
        readable, _, _ = select.select([self.connection], [], [], PULSE)
        return bool(readable) and self.connection.recv(1) == b""

    def _send(self, text: str, kind: str) -> None:
        body = text.encode()
        self._head(kind, ("Content-Length", str(len(body))))
        self.wfile.write(body)

    def _head(self, kind: str, *more: tuple[str, str]) -> None:
        self.send_response(200)
        for header in (("Content-Type", kind), ("Cache-Control", "no-store"), *more):
            self.send_header(*header)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """The command line says what it has to say itself."""
