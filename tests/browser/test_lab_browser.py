"""JupyterLab as `make lab` starts it: a chapter, a Python file, opens as a notebook whose cells find the book."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from pipeline.chapters import BOOK
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def chapter(lab):
    """The address of a chapter in a copy of the book's folder, as the site links to it."""
    address, place = lab
    for name in ("09_conv_lstm.py", "jupytext.toml"):
        shutil.copy(BOOK / name, place)
    shutil.copytree(BOOK / "checks", place / "checks", dirs_exist_ok=True)
    return f"{address}/lab/tree/09_conv_lstm.py"


def test_the_settings_that_make_a_chapter_a_notebook_are_installed():
    """`make` copies them; JupyterLab reads them there."""
    installed = Path(sys.prefix) / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    assert json.loads(installed.read_text("utf-8")) == json.loads((BOOK / "overrides.json").read_text("utf-8"))


def test_a_chapter_opens_as_a_notebook_and_its_first_cells_run(page, chapter):
    page.goto(chapter, timeout=90_000)
    cells = page.locator(".jp-Notebook .jp-Cell")
    expect(cells.first).to_contain_text("ConvLSTM", timeout=120_000)
    page.get_by_text("(ipykernel) | Idle").wait_for(timeout=120_000)
    imports = page.locator(".jp-Notebook .jp-CodeCell").nth(1)  # folded, as the parameters before them
    imports.locator(".jp-InputPlaceholder").click()
    expect(imports).to_contain_text("from checks import ch09")
    imports.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(imports.locator(".jp-InputPrompt")).to_have_text("[1]:", timeout=120_000)
    expect(imports.locator(".jp-OutputArea-output")).to_have_count(0)  # no error, and nothing else
