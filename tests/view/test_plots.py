"""Figures: what `show` puts on the page, and what the axes hold."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from vosbook.view import plots


@pytest.fixture
def shown(monkeypatch) -> list[dict]:
    bundles: list[dict] = []
    monkeypatch.setattr(plots, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def test_show_makes_a_figure_with_alt_text_and_caption(shown):
    plots.show(plots.score_curves({"a": [0, 1]}), alt='rises from "0" to 1', caption="J & F")
    page = shown[0]["text/html"]
    # without the browser's own margins of 40 px, which take a third of a phone's width in JupyterLab
    assert re.search(
        r'<figure class="vos-figure" style="margin:[^"]* 0 [^"]*"><img alt="rises from &quot;0&quot; to 1"', page
    )
    assert "<figcaption>J &amp; F</figcaption></figure>" in page
    assert shown[0]["text/plain"] == '[figure: rises from "0" to 1]'


def test_a_number_stands_before_the_caption_and_is_a_place_to_be_led_to(shown):
    plots.show(plots.score_curves({"a": [0, 1]}), alt="rises", caption="J & F", number="3.12")
    page = shown[0]["text/html"]
    assert page.startswith('<figure class="vos-figure" id="figure-3-12" ')
    assert "<figcaption><b>Figure 3.12</b> J &amp; F</figcaption></figure>" in page


@pytest.mark.parametrize(("photographs", "kind"), [(True, "WEBP"), (False, "PNG")])
def test_picture_is_as_wide_as_the_page_at_two_pixels_per_pixel(shown, photographs, kind):
    image = np.zeros((24, 48, 3), np.uint8)
    plots.show(plots.image_row([image], ["t"]) if photographs else plots.score_curves({"a": [0, 1]}), alt="x")
    data = re.search(r"base64,([^\"]+)", shown[0]["text/html"])[1]
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert picture.format == kind
        assert picture.width == 2 * plots.WIDTH * plots.PIXELS_PER_INCH


def test_show_wants_words():
    with pytest.raises(ValueError, match="in words"):
        plots.show(plots.score_curves({"a": [0, 1]}), alt=" ")


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3)), (6, (2, 3))])
def test_image_row_wraps(count, shape):
    image = np.zeros((24, 48, 3), np.uint8)
    figure = plots.image_row([image] * count, [str(i) for i in range(count)])
    grid = figure.axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == shape
    assert [panel.get_title() for panel in figure.axes[:count]] == [str(i) for i in range(count)]
    assert sum(bool(panel.images) for panel in figure.axes) == count


def test_image_row_limits():
    figure = plots.image_row([np.array([[0.0, 2.0]])], ["x"], limits=(-1, 3))
    assert figure.axes[0].images[0].get_clim() == (-1, 3)
    with pytest.raises(ValueError, match="1 images and 2 titles"):
        plots.image_row([np.zeros((2, 2))], ["a", "b"])


def test_score_curves_hold_the_scores():
    figure = plots.score_curves({"a": [1, 0.5, np.nan], "b": [0, 0.25, 1]}, y_label="F")
    panel = figure.axes[0]
    np.testing.assert_array_equal(panel.lines[0].get_ydata(), [1, 0.5, np.nan])
    np.testing.assert_array_equal(panel.lines[1].get_xdata(), [0, 1, 2])
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("frame", "F")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    styles = {(line.get_color(), line.get_linestyle()) for line in panel.lines}
    assert len({style[0] for style in styles}) == len({style[1] for style in styles}) == 2


POINTS = {"slow": (2.0, 0.9), "fast": (0.1, 0.5), "worse": (0.5, 0.4), "between": (0.4, 0.7)}


def test_the_front_is_what_no_other_beats_in_both():
    assert plots.front_of(POINTS) == ["fast", "between", "slow"]
    assert plots.front_of({"a": (1.0, 0.5), "b": (1.0, 0.6)}) == ["a", "b"]  # as fast, so none is faster and better


def test_quality_lies_over_time():
    panel = plots.quality_against_time(POINTS).axes[0]
    *markers, front = panel.lines
    assert {m.get_label(): (m.get_xdata()[0], m.get_ydata()[0]) for m in markers} == {
        name: (seconds, 100 * quality) for name, (seconds, quality) in POINTS.items()
    }
    assert len({m.get_marker() for m in markers}) == 4 and all(m.get_linestyle() == "None" for m in markers)
    assert list(front.get_xdata()) == [0.1, 0.4, 2.0] and list(front.get_ydata()) == [50, 70, 90]
    assert panel.get_xscale() == "log"
    panel.figure.canvas.draw()
    assert {"0.1", "0.2", "0.5", "1", "2"} <= {tick.get_text() for tick in panel.get_xticklabels()}
