"""Playgrounds as a reader uses them: with the keys, on a page without a kernel, and in JupyterLab."""

from pathlib import Path

import nbformat
import pytest
from material import serve
from playwright.sync_api import Page, expect

from vosbook.view.playgrounds.forgetting import FRAMES, RATES, forgetting

pytestmark = pytest.mark.browser

CODE = """from vosbook.view.drawing import draw
from vosbook.view.playgrounds.forgetting import forgetting

draw(forgetting(), number="6.1", caption="A memory.")"""


def _try_out(page: Page) -> None:
    """The sliders start where they should; the arrow keys move words and picture; the ends hold."""
    playground, words = page.locator(".vos-playground"), page.locator(".vos-words")
    frames = playground.get_by_label("frames inserted")
    said = forgetting().words
    at = RATES.index(0.1) * len(FRAMES)
    start = int(frames.input_value())
    expect(words).to_have_text(said[at + start])
    before = playground.locator("g[data-layer]").last.inner_html()
    frames.focus()
    page.keyboard.press("ArrowRight")
    expect(words).to_have_text(said[at + start + 1])
    expect(frames).to_have_attribute("aria-valuetext", str(FRAMES[start + 1]))
    assert playground.locator("g[data-layer]").last.inner_html() != before
    page.keyboard.press("Home")
    expect(words).to_have_text(said[at])
    playground.get_by_label("update rate").focus()
    page.keyboard.press("End")
    expect(words).to_have_text(said[(len(RATES) - 1) * len(FRAMES)])


def test_a_playground_works_on_a_page_alone_and_fits_a_phone(page, tmp_path: Path):
    (tmp_path / "index.html").write_text(f'<!doctype html><meta name="viewport" content="width=device-width">'
                                         f'<meta charset="utf-8">{forgetting().html()}', encoding="utf-8")  # fmt: skip
    page.set_viewport_size({"width": 390, "height": 844})
    with serve(tmp_path) as address:
        page.goto(f"{address}/index.html")
        _try_out(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_playground_works_in_jupyterlab(open_in_lab):
    page = open_in_lab("playground", [nbformat.v4.new_code_cell(CODE)])
    page.locator(".vos-playground .vos-sliders").wait_for()
    _try_out(page)
