"""The inspector in a real browser, with a kernel (JupyterLab) and without one (a page of the book's site).

In both: moving the slider, playing, switching an object off and jumping to the worst frame change the picture. What
the browser paints is held against `vosbook.view.overlay`, pixel by pixel.
"""

import nbformat
import numpy as np
import pytest
from material import FRAMES, VIDEO, WORST
from playwright.sync_api import Page, expect

from vosbook.view.overlay import ERROR_COLOURS, error_map, object_colour, overlay

pytestmark = pytest.mark.browser

PIXELS = """canvas => {
  const {width, height} = canvas;
  return Array.from(canvas.getContext('2d').getImageData(0, 0, width, height).data);
}"""


class Widget:
    """The first inspector on a page, as a user meets it."""

    def __init__(self, page: Page, *, frame: int = 0):
        self.page = page
        self.root = page.locator(".vos-inspector").first
        self.root.wait_for(timeout=60_000)
        self.picture = self.root.locator(".vos-picture")
        self.scrub = self.root.get_by_role("slider", name="frame")
        self.status = self.root.locator("output")
        self.shows(frame)

    def shows(self, t: int) -> None:
        """Wait until frame t is drawn."""
        expect(self.picture).to_have_attribute("data-drawn", str(t))
        expect(self.status).to_contain_text(f"frame {t} of 0 to {FRAMES - 1} (0000{t})")

    def pixels(self) -> np.ndarray:
        """What is on the canvas: uint8 (H, W, 3)."""
        height, width = (int(self.picture.get_attribute(side)) for side in ("height", "width"))
        return np.array(self.picture.evaluate(PIXELS), np.uint8).reshape(height, width, 4)[..., :3]

    def move_slider(self, control: str, value: float) -> None:
        self.root.get_by_role("slider", name=control).fill(str(value))

    def tick(self, label: str) -> None:
        self.root.get_by_label(label, exact=True).click()


@pytest.fixture(scope="module")
def video() -> dict:
    """The notebook's arrays: frames, truth, prediction."""
    made: dict = {}
    exec(VIDEO, made)
    return made


def _use(widget: Widget) -> None:
    """Slider, play, an object switched off, the worst frame: each changes the picture."""
    first = widget.pixels()
    widget.move_slider("frame", 3)
    widget.shows(3)
    assert (widget.pixels() != first).any()

    before = widget.pixels()
    widget.tick("bar")
    changed = (widget.pixels() != before).any(2)
    assert changed[52:70, 88:118].all() and not changed[:50].any(), "the bar, and nothing else, must disappear"
    widget.tick("bar")
    assert (widget.pixels() == before).all()

    widget.root.get_by_role("button", name="Worst").click()
    widget.shows(WORST)

    widget.root.get_by_role("button", name="Play").click()
    expect(widget.picture).not_to_have_attribute("data-drawn", str(WORST))
    widget.root.get_by_role("button", name="Pause").click()


# ------------------------------------------------------------------------------------------------- static site


@pytest.fixture
def static(page, static_page) -> Widget:
    page.goto(static_page)
    return Widget(page)


def test_static_page_works_without_kernel_and_network(static):
    _use(static)


def test_labels_and_errors_are_painted_exactly(static, video):
    """At full opacity nothing of the photograph is left inside, so colours can be compared for equality."""
    t = 4
    static.move_slider("frame", t)
    static.shows(t)
    static.move_slider("opacity", 1)
    static.tick("outlines")
    _equal_colours(static.pixels(), video["prediction"][t], {i: object_colour(i) for i in (1, 2)})
    static.tick("truth")
    _equal_colours(static.pixels(), video["truth"][t], {i: object_colour(i) for i in (1, 2)})
    static.tick("errors")
    _equal_colours(static.pixels(), error_map(video["prediction"][t], video["truth"][t]), ERROR_COLOURS)


def _equal_colours(picture: np.ndarray, labels: np.ndarray, colours: dict) -> None:
    for label, colour in colours.items():
        assert ((picture == colour).all(2) == (labels == label)).all(), (label, colour)


def test_outlines_lie_where_python_draws_them(static, video):
    labels = video["prediction"][0]
    rim = (overlay(np.zeros((*labels.shape, 3), np.uint8), labels, opacity=0) > 0).any(2)
    static.move_slider("opacity", 0)
    drawn = np.zeros_like(rim)
    for i in (1, 2):
        drawn |= (static.pixels() == object_colour(i)).all(2)
    assert (drawn == rim).all()


def test_keyboard(page, static):
    static.root.focus()
    path = [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", FRAMES - 1), ("Home", 0), ("w", WORST)]
    for key, t in path:
        page.keyboard.press(key)
        static.shows(t)
    before = static.pixels()
    page.keyboard.press("o")
    assert (static.pixels() != before).any()
    page.keyboard.press("e")
    expect(static.root.get_by_label("errors", exact=True)).to_be_checked()
    expect(static.root.locator(".vos-legend")).to_be_visible()
    page.keyboard.press("2")
    expect(static.root.get_by_label("bar", exact=True)).not_to_be_checked()
    page.keyboard.press(" ")
    expect(static.root.get_by_role("button", name="Pause")).to_be_visible()


def test_click_on_a_curve_jumps_there(static):
    curves = static.root.locator(".vos-curves")
    box = curves.bounding_box()
    curves.click(position={"x": box["width"] - 9, "y": 40})
    static.shows(FRAMES - 1)
    curves.click(position={"x": 30, "y": 40})
    static.shows(0)


def test_worst_frame_is_that_of_the_shown_objects(static, video):
    j = np.array(video["inspector"].scores[2]["J"])
    static.tick("square")
    static.root.get_by_role("button", name="Worst").click()
    static.shows(int(j.argmin()))


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out(page, static, width):
    page.set_viewport_size({"width": width, "height": 844})
    static.root.get_by_role("button", name="help: keys").click()
    wider = page.evaluate("[...document.querySelectorAll('.vos-inspector *')]"
                          ".filter(e => e.getBoundingClientRect().right > innerWidth).length")  # fmt: skip
    assert wider == 0


def test_controls_have_names(static):
    """What a screen reader announces."""
    assert static.root.get_attribute("aria-label") == f"mask inspector, {FRAMES} frames"
    assert static.scrub.get_attribute("aria-valuetext").startswith(f"frame 0 of 0 to {FRAMES - 1} (00000), J .")
    for control in static.root.locator("input, button").all():
        name = control.evaluate("e => e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent")
        assert name.strip(), control


# -------------------------------------------------------------------------------------------------- JupyterLab


def test_jupyterlab(open_in_lab, notebook):
    both_ways = nbformat.v4.new_code_cell('print("was", inspector.frame)\ninspector.frame = 1')
    page = open_in_lab("video", [*notebook.cells, both_ways])
    widget = Widget(page, frame=1)  # the last cell has set it
    _use(widget)

    widget.root.focus()
    page.keyboard.press("o")  # JupyterLab, if it got this key, would fold the output away
    expect(widget.root.get_by_label("outlines")).not_to_be_checked()
    expect(widget.picture).to_be_visible()
    page.keyboard.press("End")
    widget.shows(FRAMES - 1)
    page.locator(".jp-Cell").last.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".jp-Cell").last.locator(".jp-OutputArea-output")).to_have_text(f"was {FRAMES - 1}")
    widget.shows(1)
