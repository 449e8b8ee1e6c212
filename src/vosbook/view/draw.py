"""The painter on a page of its own, for the command line: this machine's browser draws, and the mask becomes a file.

A small server on the loopback address stands in for the notebook. Its address holds a secret, so that no other page in
the browser can find it.
"""

import base64
import json
import secrets
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from vosbook.errors import InputError
from vosbook.view.painter import Painter, unpacked
from vosbook.view.scripts import HERE

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Draw the objects</title>
<style>{css}</style>
<body>
<main id="painter"></main>
<p><button id="save" type="button">Save and close</button> <output id="saved"></output></p>
<script type="module">
{script}
{page}
</script>
"""


def draw(painter: Painter, out: Path, *, say: Callable[[str], None]) -> None:
    """Serve the painter until its mask has been saved as `out`. `say` is told the address to open."""
    server = Server(painter, out)
    say(server.address)
    try:
        while not server.saved:
            server.handle_request()
    finally:
        server.server_close()


class Server(ThreadingHTTPServer):
    timeout = 0.2  # seconds, after which `draw` looks whether the mask has been saved

    def __init__(self, painter: Painter, out: Path):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.painter, self.out, self.saved = painter, out, False
        self.secret = f"/{secrets.token_urlsafe(16)}/"
        self.address = f"http://127.0.0.1:{self.server_port}{self.secret}"

    def page(self) -> str:
        """The painter's script without its last line, which exports `render`, and what stands in for the notebook."""
        script = self.painter._esm.rpartition("export default")[0]
        css = self.painter._css + (HERE / "draw.css").read_text(encoding="utf-8")
        return PAGE.format(css=css, script=script, page=(HERE / "draw.js").read_text(encoding="utf-8"))

    def state(self) -> dict:
        """The widget's state; bytes as base64, under "bytes"."""
        names = [name for name in self.painter.keys if name in Painter.class_own_traits()]
        values = {name: getattr(self.painter, name) for name in names}
        data = {name: base64.b64encode(value).decode() for name, value in values.items() if isinstance(value, bytes)}
        return {"values": {name: value for name, value in values.items() if name not in data}, "bytes": data}

    def take(self, what: str, body: bytes) -> dict:
        """Answer what the page posts: labels, a message to the painter, or that the mask is done."""
        if what == "labels":
            self.painter.labels = unpacked(body, self.painter.frame.shape[:2])
        elif what == "message":
            return {"text": self.painter.answer(json.loads(body)), **self.state()}
        elif what == "save":
            try:
                self.painter.save(self.out)
            except InputError as error:
                return {"text": str(error), "saved": False}
            return {"text": f"saved as {self.out}: you can close this page", "saved": True}
        return {}


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        what = self.path.removeprefix(self.server.secret)
        if what == "":
            self._send(self.server.page(), "text/html; charset=utf-8")
        elif what == "state":
            self._send(json.dumps(self.server.state()), "application/json")
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

    def _send(self, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """The command line says what it has to say itself."""
