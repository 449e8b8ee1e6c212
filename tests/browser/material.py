"""What the browser is given: a small video as a notebook cell, and a server for built pages."""

import contextlib
import functools
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request

# A square moves to the right; the prediction stays behind, and at WORST it is lost. A second object stands still.
FRAMES, WORST = 8, 5
VIDEO = f"""
import numpy as np
from vosbook.view.inspector import Inspector

T, WORST = {FRAMES}, {WORST}
rng = np.random.default_rng(0)
frames, truth, prediction = [], [], []
for t in range(T):
    frames.append(rng.integers(60, 90, (72, 128, 3), dtype=np.uint8))
    true = np.zeros((72, 128), np.uint8)
    true[20:50, 10 + 8 * t:40 + 8 * t] = 1
    true[52:70, 90:120] = 2
    found = np.roll(true, -2 - t % 3, 1)
    if t == WORST:
        found[found == 1] = 0
    truth.append(true)
    prediction.append(found)
inspector = Inspector(frames, truth=truth, prediction=prediction, names={{1: "square", 2: "bar"}},
                      frame_names=[f"{{t:05d}}" for t in range(T)])
"""


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The folder over HTTP, on this machine alone."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


HERE = ("http://127.0.0.1:", "data:", "blob:")


@contextlib.contextmanager
def watched_page(browser: Browser) -> Iterator[Page]:
    """A fresh tab. Whatever asks for another machine fails the test, and so does an error in a script.

    Requests are watched, not taken over: a page whose requests are taken over has no cache. (No other machine is found:
    see the browser's flags.)
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(120_000)
    trouble: list[str] = []

    def watch(request: Request) -> None:
        if not request.url.startswith(HERE):
            trouble.append(f"asked for {request.url}")

    page.on("request", watch)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    yield page
    context.close()
    assert trouble == []


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


def unavailable(reason: str) -> None:
    """Say loudly what was not tested; where everything should be installed (CI), that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(f"BROWSER TESTS NOT RUN. {reason}")


def need_javascript(build: Path) -> None:
    """A page that fetches its scripts from elsewhere cannot be tested without a network."""
    if not (build / "vendor" / "embed-amd.js").is_file():
        unavailable("The site's JavaScript is missing: install npm, which must reach its registry")
