"""A real Chromium, and the two places where the inspector must work: JupyterLab with a kernel, a page without one."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from material import VIDEO, need_javascript, serve, unavailable, watched_page
from nbclient import NotebookClient
from pipeline.pdf import find_chromium
from playwright.sync_api import Browser, Page, expect, sync_playwright

from vosbook.errors import InputError

BOOK = Path(__file__).parents[2] / "book"
sys.path.insert(0, str(BOOK))

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        path = find_chromium()
    except InputError as error:
        unavailable(str(error))
    expect.set_options(timeout=20_000)  # where other work keeps the cores busy
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with watched_page(browser) as page:
        yield page


@pytest.fixture(scope="session")
def notebook() -> nbformat.NotebookNode:
    cells = [
        nbformat.v4.new_markdown_cell("# A video"),
        nbformat.v4.new_code_cell(VIDEO),
        nbformat.v4.new_code_cell("inspector"),
    ]
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


# ------------------------------------------------------------------------------------------------------ places


@pytest.fixture(scope="session")
def static_page(notebook, browser, tmp_path_factory) -> Iterator[str]:
    """The address of a page that the book's own pipeline and `conf.py` made of the executed notebook."""
    from pipeline import site

    build = BOOK.parent / "build"
    site.vendor(build, BOOK, print)
    need_javascript(build)
    place = tmp_path_factory.mktemp("site")
    (place / "source").mkdir()
    for name in ("vendor", "npm"):
        (place / name).symlink_to(build / name)
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(place)}}).execute()
    nbformat.write(notebook, place / "source" / "index.ipynb")
    assert site.render(place, book=BOOK, say=print), "Sphinx warned: see above"
    with serve(place / "html") as address:
        yield f"{address}/index.html"


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """A JupyterLab of its own: its address, and the folder that it serves."""
    place = tmp_path_factory.mktemp("lab")
    port = _free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
               "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--LabApp.news_url=None",
               "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
           "JUPYTERLAB_WORKSPACES_DIR")  # fmt: skip
    environment = os.environ | {name: str(place / name) for name in own}
    log = (place / "log").open("w")
    server = subprocess.Popen(command, cwd=place, env=environment, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/api", server, place / "log")
        yield address, place
    finally:
        server.terminate()
        server.wait(90)
        log.close()


@pytest.fixture
def open_in_lab(page, lab) -> Callable[[str, list], Page]:
    """Opens cells as a notebook of JupyterLab and runs them all."""

    def open_cells(name: str, cells: list) -> Page:
        address, place = lab
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), place / f"{name}.ipynb")
        page.goto(f"{address}/doc/tree/{name}.ipynb")
        page.get_by_text("(ipykernel) | Idle").wait_for(timeout=180_000)  # any earlier, and Run All loses cells
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        return page

    return open_cells


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(address: str, server: subprocess.Popen, log: Path, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.3)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")
