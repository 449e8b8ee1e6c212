"""The painter in a real browser, drawn on by mouse, finger and keys: on the page of `vosbook draw`, and in JupyterLab.

What is drawn is held against geometry, pixel by pixel; both the picture and what Python has of it.
"""

import base64
import statistics
import threading
import time
from collections.abc import Callable, Iterator

import nbformat
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from skimage.draw import polygon2mask

from vosbook.video.masks import read_mask
from vosbook.view.draw import Server
from vosbook.view.overlay import object_colour
from vosbook.view.painter import Painter

pytestmark = pytest.mark.browser

SIZE = 120, 160
BALL = (100, 50), 20  # centre (x, y) and radius
MOVE_MS, OPEN_MS = 50, 2000  # how long a stroke at 854x480 and a frame of 1080p may take

PIXELS = """canvas => {
  const {width, height} = canvas;
  const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  return btoa(Array.from(pixels, value => String.fromCharCode(value)).join(''));
}"""

# From each move of the pointer to the picture that shows it: the first task after the next frame was painted.
WATCH = """() => {
  window.answers = [];
  const channel = new MessageChannel();
  const waiting = [];
  channel.port1.onmessage = () => window.answers.push(performance.now() - waiting.shift());
  document.querySelector('.vos-stage').addEventListener('pointermove', event => {
    requestAnimationFrame(() => { waiting.push(event.timeStamp); channel.port2.postMessage(0); });
  });
}"""


def _frame(size=SIZE) -> np.ndarray:
    """An orange ball on a bluish ground, with noise."""
    y, x = np.mgrid[: size[0], : size[1]] * (SIZE[0] / size[0])
    ball = (x - BALL[0][0]) ** 2 + (y - BALL[0][1]) ** 2 <= BALL[1] ** 2
    ground = np.random.default_rng(0).integers(-10, 11, (*size, 3))
    return (np.where(ball[..., None], (220, 130, 30), (60, 90, 160)) + ground).astype(np.uint8)


class Drawing:
    """A painter on a page, as a user meets it. Points are (x, y) in pixels of the frame."""

    def __init__(self, page: Page, painter: Painter | None = None):
        self.page, self.painter = page, painter
        self.root = page.locator(".vos-painter").first
        self.root.locator(".vos-frame[data-drawn]").wait_for(timeout=60_000)
        self.stage = self.root.locator(".vos-stage")
        self.status = self.root.locator("output")

    def at(self, point: tuple[float, float]) -> tuple[float, float]:
        """Where a point of the frame is on the screen."""
        box = self.stage.bounding_box()
        scale = box["width"] / int(self.root.locator(".vos-frame").get_attribute("width"))
        return box["x"] + scale * point[0], box["y"] + scale * point[1]

    def drag(self, *points: tuple[float, float], steps: int = 4) -> None:
        self.stage.scroll_into_view_if_needed()
        self.page.mouse.move(*self.at(points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(point), steps=steps)
        self.page.mouse.up()

    def click(self, *points: tuple[float, float]) -> None:
        for point in points:
            self.page.mouse.click(*self.at(point))

    def shown(self) -> np.ndarray:
        """The labels that the picture shows, by their colours."""
        layer = self.root.locator(".vos-layer")
        size = [int(layer.get_attribute(side)) for side in ("height", "width")]
        pixels = np.frombuffer(base64.b64decode(layer.evaluate(PIXELS)), np.uint8).reshape(*size, 4)
        labels = np.zeros(size, np.uint8)
        for i in (1, 2, 3):
            labels[(pixels == (*object_colour(i), 255)).all(2)] = i
        assert ((pixels[..., 3] > 0) == (labels > 0)).all()
        return labels

    def labels(self) -> np.ndarray:
        """What is drawn, once Python has it as the picture shows it."""
        shown = self.shown()
        for _ in range(100):
            if np.array_equal(self.painter.labels, shown):
                return shown
            self.page.wait_for_timeout(20)
        raise AssertionError("Python has other labels than the picture")

    def pick(self, name: str) -> None:
        self.root.get_by_role("radio", name=name).click()

    def press(self, name: str) -> None:
        self.root.get_by_role("button", name=name).click()


@pytest.fixture
def served(tmp_path) -> Iterator:
    """Serves painters as `vosbook draw` does."""
    servers = []

    def serve(painter: Painter) -> str:
        server = Server(painter, tmp_path / "first.png")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        servers.append((server, thread))
        return server.address

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def drawing(page, served) -> Drawing:
    painter = Painter(_frame())
    painter.radius = 5
    page.goto(served(painter))
    return Drawing(page, painter)


def _stroke(a, b, radius, size=SIZE) -> np.ndarray:
    """Pixels whose centres are at most `radius` from the line a b."""
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    (ax, ay), (bx, by) = a, b
    length2 = (bx - ax) ** 2 + (by - ay) ** 2 or 1
    s = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length2, 0, 1)
    return (x - ax - s * (bx - ax)) ** 2 + (y - ay - s * (by - ay)) ** 2 <= radius**2


def _nearly(found: np.ndarray, want: np.ndarray, *, pixels: int) -> None:
    """The mouse is moved by whole screen pixels, so a rim may be off by a few."""
    wrong = (found != want).sum()
    assert wrong <= pixels, f"{wrong} pixels differ"


# ------------------------------------------------------------------------------------------------------ the mouse


def test_brush_eraser_undo_and_redo(drawing, page):
    drawing.drag((30, 40), (90, 70))
    first = drawing.labels()
    _nearly(first == 1, _stroke((30, 40), (90, 70), 5), pixels=12)

    drawing.press("Add object")
    drawing.drag((60, 20), (60, 100))
    second = drawing.labels()
    over = _stroke((60, 20), (60, 100), 5)
    _nearly(second == 2, over, pixels=12)
    _nearly(second == 1, (first == 1) & ~over, pixels=12)

    drawing.pick("eraser")
    drawing.drag((10, 60), (150, 60), steps=20)
    third = drawing.labels()
    gone = _stroke((10, 60), (150, 60), 5)
    _nearly(third > 0, (second > 0) & ~gone, pixels=12)
    expect(drawing.status).to_contain_text("object 2")

    for want in (second, first, np.zeros(SIZE, np.uint8)):
        drawing.press("Undo")
        assert np.array_equal(drawing.labels(), want)
    expect(drawing.root.get_by_role("button", name="Undo")).to_be_disabled()
    page.keyboard.press("Control+y")
    assert np.array_equal(drawing.labels(), first)
    page.keyboard.press("Control+Shift+Z")
    drawing.press("Redo")
    assert np.array_equal(drawing.labels(), third)
    drawing.press("Clear")
    assert not (drawing.labels() == 2).any() and (drawing.labels() == 1).any()
    drawing.pick("brush")
    page.keyboard.press("Control+z")
    drawing.click((5, 5))  # a new step: what was undone is gone
    expect(drawing.root.get_by_role("button", name="Redo")).to_be_disabled()
    drawing.labels()  # nothing is under way any more when the server goes


def test_a_stroke_that_leaves_the_frame(drawing):
    drawing.drag((150, 60), (200, 60))
    _nearly(drawing.labels() == 1, _stroke((150, 60), (200, 60), 5), pixels=12)


CORNERS = [(20, 20), (120, 30), (70, 60), (110, 105), (15, 90)]


def _polygon(points) -> np.ndarray:
    return polygon2mask(SIZE, np.array(points)[:, ::-1] - 0.5)


def test_polygon_by_its_corners(drawing, page):
    drawing.pick("polygon")
    drawing.click(*CORNERS)
    assert not drawing.labels().any()
    page.keyboard.press("Enter")
    _nearly(drawing.labels() == 1, _polygon(CORNERS), pixels=60)
    page.keyboard.press("Control+z")

    drawing.click(*CORNERS, (140, 100))
    page.keyboard.press("Backspace")  # the last corner
    drawing.click(CORNERS[0])  # the first: closes
    _nearly(drawing.labels() == 1, _polygon(CORNERS), pixels=60)
    page.keyboard.press("Control+z")

    drawing.click(*CORNERS[:3])
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    assert not drawing.labels().any()


def test_polygon_by_its_outline(drawing):
    drawing.pick("polygon")
    drawing.drag(*CORNERS, CORNERS[0], steps=12)
    _nearly(drawing.labels() == 1, _polygon(CORNERS), pixels=120)


def test_box_finds_the_ball(drawing):
    drawing.pick("box")
    drawing.drag((75, 25), (126, 76))
    expect(drawing.status).to_contain_text("found")
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    ball = (x - BALL[0][0]) ** 2 + (y - BALL[0][1]) ** 2 <= BALL[1] ** 2
    found = drawing.labels() == 1
    assert (found & ball).sum() / (found | ball).sum() > 0.95
    drawing.press("Undo")
    assert not drawing.labels().any()
    drawing.drag((1, 1), (4, 4))
    expect(drawing.status).to_contain_text("too small")


def test_magnified_strokes_lie_where_they_are_drawn(drawing, page):
    whole = drawing.stage.bounding_box()["width"]
    drawing.stage.hover()
    for _ in range(3):
        drawing.press("magnify")
    assert drawing.stage.bounding_box()["width"] == pytest.approx(1.5**3 * whole, rel=0.01)
    drawing.drag((70, 55), (85, 62))
    _nearly(drawing.labels() == 1, _stroke((70, 55), (85, 62), 5), pixels=6)
    page.keyboard.press("0")
    assert drawing.stage.bounding_box()["width"] == pytest.approx(whole, rel=0.01)
    page.mouse.move(*drawing.at((40, 30)))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    expect(drawing.stage).not_to_have_css("width", f"{whole}px")
    x, y = drawing.at((40, 30))  # the place under the pointer has stayed there
    page.mouse.click(x, y)
    assert drawing.labels()[30, 40] == 1


# ---------------------------------------------------------------------------------------------- keys and fingers


def test_drawing_with_keys_alone(drawing, page):
    drawing.root.focus()
    for key in ("n", "2", "]", "[", "ArrowUp", "ArrowLeft", " ", "ArrowRight", "ArrowRight", "ArrowDown", " "):
        page.keyboard.press(key)
    x, y = SIZE[1] / 2 - 2.5, SIZE[0] / 2 - 2.5
    want = _stroke((x, y), (x + 5, y), 5) | _stroke((x + 5, y), (x + 5, y + 2.5), 5)
    _nearly(drawing.labels() == 2, want, pixels=2)
    page.keyboard.press("ArrowDown")  # lifted: draws nothing
    _nearly(drawing.labels() == 2, want, pixels=2)
    page.keyboard.press("p")
    for key in (" ", *["ArrowRight"] * 9, " ", *["ArrowDown"] * 9, " ", "Enter"):
        page.keyboard.press(key)
    assert (drawing.labels() == 2).sum() > want.sum() + 50


def _touch(session, kind: str, *points: tuple[float, float]) -> None:
    fingers = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})


@pytest.fixture
def phone(browser: Browser, served) -> Iterator[Drawing]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    painter = Painter(_frame())
    painter.radius = 5
    page.goto(served(painter))
    yield Drawing(page, painter)
    context.close()


def test_a_finger_draws_and_two_magnify(phone):
    session = phone.page.context.new_cdp_session(phone.page)
    _touch(session, "touchStart", phone.at((30, 40)))
    for k in range(1, 7):
        _touch(session, "touchMove", phone.at((30 + 10 * k, 40 + 5 * k)))
    _touch(session, "touchEnd")
    stroke = phone.labels()
    _nearly(stroke == 1, _stroke((30, 40), (90, 70), 5), pixels=20)

    width = phone.stage.bounding_box()["width"]
    (ax, ay), (bx, by) = phone.at((70, 60)), phone.at((90, 60))
    _touch(session, "touchStart", (ax, ay))
    _touch(session, "touchStart", (ax, ay), (bx, by))
    for k in range(1, 6):
        _touch(session, "touchMove", (ax - 8 * k, ay), (bx + 8 * k, by))
    _touch(session, "touchEnd")
    assert phone.stage.bounding_box()["width"] > 2 * width
    assert np.array_equal(phone.labels(), stroke), "a pinch must not draw"


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_sticks_out(drawing, page, width):
    page.set_viewport_size({"width": width, "height": 844})
    drawing.press("help: keys")
    wider = page.evaluate("[...document.querySelectorAll('.vos-painter *')]"
                          ".filter(e => e.getBoundingClientRect().right > innerWidth).length")  # fmt: skip
    assert wider == 0


def test_controls_have_names(drawing):
    """What a screen reader announces."""
    assert drawing.root.get_attribute("aria-label") == "mask painter, a frame of 160 by 120 pixels"
    for control in drawing.root.locator("input, button").all():
        name = control.evaluate("e => e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent")
        assert name.strip(), control


# ---------------------------------------------------------------------------------------------------- the mask


def test_what_cannot_be_a_first_mask_is_said_and_what_can_is_saved(drawing, page, tmp_path):
    saved = page.locator("#saved")
    expect(drawing.status).to_contain_text("nothing is painted yet")
    page.get_by_role("button", name="Save").click()
    expect(saved).to_contain_text("holds no object")
    drawing.pick("polygon")
    drawing.drag((0.2, 0.2), (169, -9), (169, 129), (-9, 129), (-9, -9), (0.2, 0.2), steps=6)
    expect(drawing.status).to_contain_text("covers the whole frame")
    page.get_by_role("button", name="Save").click()
    expect(saved).to_contain_text("object 1 in every pixel")
    assert list(tmp_path.iterdir()) == []
    drawing.press("Undo")
    drawing.pick("brush")
    drawing.drag((30, 40), (90, 70))
    page.get_by_role("button", name="Save").click()
    expect(saved).to_contain_text("saved")
    assert np.array_equal(read_mask(tmp_path / "first.png"), drawing.labels())


def test_a_mask_to_begin_with(page, served):
    labels = np.zeros(SIZE, np.uint8)
    labels[20:50, 30:60] = 3
    page.goto(served(Painter(_frame(), labels=labels, names={3: "cat"})))
    drawing = Drawing(page)
    assert np.array_equal(drawing.shown(), labels)
    expect(drawing.root.get_by_role("radio", name="cat")).to_be_checked()
    expect(drawing.status).to_contain_text("cat 4.7 %")
    expect(drawing.root.get_by_role("button", name="Undo")).to_be_disabled()


# --------------------------------------------------------------------------------------------------- how fast


@pytest.fixture
def effort(browser) -> Callable[[], float]:
    """Milliseconds of the processor that the browser and this process, which serves the page, have taken so far.

    Where other work keeps the cores busy the clock runs on; this says what the painter itself asks for.
    """
    session = browser.new_browser_cdp_session()

    def spent() -> float:
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        return 1000 * (sum(process["cpuTime"] for process in processes) + time.process_time())

    yield spent
    session.detach()


def test_a_stroke_is_answered_in_time(page, served, effort):
    painter = Painter(_frame((480, 854)))
    painter.radius = 20
    page.goto(served(painter))
    drawing = Drawing(page, painter)
    page.evaluate(WATCH)
    before = effort()
    drawing.drag((100, 100), (700, 400), (150, 380), steps=30)
    page.wait_for_timeout(200)
    answers = page.evaluate("window.answers")
    assert len(answers) > 30
    median, processor = statistics.median(answers), (effort() - before) / len(answers)
    print(f"a stroke at 854x480: median {median:.1f} ms, slowest {max(answers):.1f}, of the processor {processor:.1f}")
    assert min(median, processor) < MOVE_MS


def test_a_large_frame_opens_in_time(page, served, effort):
    address = served(Painter(_frame((1080, 1920))))
    took, processor = [], []
    for _ in range(2):
        before = effort()
        page.goto(address, wait_until="commit")
        page.locator(".vos-frame[data-drawn]").wait_for()
        took.append(page.evaluate("performance.now()"))
        processor.append(effort() - before)
    print(f"a frame of 1080p opens in {min(took):.0f} ms, of the processor {min(processor):.0f}")
    assert min(*took, *processor) < OPEN_MS


# ------------------------------------------------------------------------------------------------- JupyterLab

CELLS = f"""
import numpy as np
from vosbook.view.painter import Painter
y, x = np.mgrid[:{SIZE[0]}, :{SIZE[1]}]
ball = (x - {BALL[0][0]}) ** 2 + (y - {BALL[0][1]}) ** 2 <= {BALL[1]} ** 2
noise = np.random.default_rng(0).integers(-10, 11, (*ball.shape, 3))
frame = (np.where(ball[..., None], (220, 130, 30), (60, 90, 160)) + noise).astype(np.uint8)
painter = Painter(frame)
painter.radius = 5
painter
"""


def test_jupyterlab(open_in_lab):
    ask = "print(np.bincount(painter.labels.ravel())[1:].tolist())"
    set_labels = "painter.labels = 3 * np.uint8(ball)"
    page = open_in_lab("painter", [nbformat.v4.new_code_cell(source) for source in (CELLS, ask)])
    drawing = Drawing(page)
    expect(page.locator(".vos-radius")).to_have_value("5")  # which the cell has set after the painter was made
    drawing.drag((30, 40), (60, 60))
    drawing.drag((30, 90), (60, 90))
    page.keyboard.press("Control+z")  # JupyterLab, if it got this key, would undo an edit of the cell
    stroke = drawing.shown()
    _nearly(stroke == 1, _stroke((30, 40), (60, 60), 5), pixels=12)
    page.keyboard.press("n")  # nor a cell's command
    assert _run(page, ask) == str([int((stroke == 1).sum())])

    drawing.pick("box")
    drawing.drag((75, 25), (126, 76))
    expect(drawing.status).to_contain_text("found")
    assert 1100 < (drawing.shown() == 2).sum() < 1400
    _run(page, set_labels)
    expect(drawing.root.get_by_role("radio", name="object 3")).to_be_visible()
    expect(drawing.status).to_contain_text("object 3 6")
    drawing.press("Undo")
    expect(drawing.status).to_contain_text("object 1")
    assert np.array_equal(drawing.shown() == 1, stroke == 1)


def _run(page: Page, code: str) -> str:
    """Put code into the last cell, run it, and return what it prints."""
    cell = page.locator(".jp-Cell").last
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(f"{code}; print('done')")
    page.keyboard.press("Control+Enter")
    output = cell.locator(".jp-OutputArea-output")
    expect(output).to_contain_text("done")
    return output.inner_text().replace("done", "").strip()
