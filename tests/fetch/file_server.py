"""A real HTTP server on the loopback address, with the faults that real ones have."""

import os
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

os.environ["no_proxy"] = ",".join(filter(None, [os.environ.get("no_proxy"), "127.0.0.1"]))


@dataclass
class Site:
    """What a server offers, and how it misbehaves. `log` holds (path, Range, If-Range) of every request."""

    files: dict[str, bytes] = field(default_factory=dict)  # by path, "/a.zip"
    etag: str | None = '"one"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # bytes of the body after which the next answers end
    status: dict[str, list[int]] = field(default_factory=dict)  # by path: what the next requests are answered instead
    length: int | None = None  # Content-Length, where it is to be another than the truth
    states_length: bool = True
    headers: dict[str, str] = field(default_factory=dict)  # with an answer other than 200 and 206
    log: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    url: str = ""


@contextmanager
def serve(site: Site):
    """The site on a free port of 127.0.0.1, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            _answer(self, site)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, site: Site) -> None:
    wanted = request.headers.get("Range")
    site.log.append((request.path, wanted, request.headers.get("If-Range")))
    if site.status.get(request.path):
        return _refuse(request, site, site.status[request.path].pop(0))
    if request.path not in site.files:
        return _refuse(request, site, 404)
    whole = site.files[request.path]
    body, partly = whole, wanted and site.ranges and request.headers.get("If-Range") in (None, site.etag)
    if partly:
        first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted).groups()
        body = whole[int(first) : int(last) + 1 if last else None]
        if not body:
            return _refuse(request, site, 416)
    request.send_response(206 if partly else 200)
    if partly:
        request.send_header("Content-Range", f"bytes {first}-{int(first) + len(body) - 1}/{len(whole)}")
    if site.states_length:
        request.send_header("Content-Length", str(len(body) if site.length is None else site.length))
    if site.etag:
        request.send_header("ETag", site.etag)
    request.end_headers()
    request.wfile.write(body[: site.cuts.pop(0)] if site.cuts else body)
    request.close_connection = True


def _refuse(request: BaseHTTPRequestHandler, site: Site, code: int) -> None:
    request.send_response(code)
    for name, value in site.headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", "0")
    request.end_headers()
