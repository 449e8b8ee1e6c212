"""Drawings are figures like any other."""

from vosbook.view import drawing
from vosbook.view.drawing import Drawing, draw


def test_a_drawing_is_a_figure_with_its_words_number_and_caption(monkeypatch):
    shown: list[dict] = []
    monkeypatch.setattr(drawing, "display", lambda bundle, raw: shown.append(bundle))
    draw(Drawing("<svg></svg>", 'a box called "S"'), number="12.1", caption="S & D")
    page = shown[0]["text/html"]
    assert page.startswith('<figure class="vos-figure" id="figure-12-1" ')
    assert '<div role="img" aria-label="a box called &quot;S&quot;" ' in page and "<svg></svg></div>" in page
    assert "<figcaption><b>Figure 12.1</b> S &amp; D</figcaption></figure>" in page
    assert shown[0]["text/plain"] == '[figure: a box called "S"]'
