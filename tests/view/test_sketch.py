"""The kit of the drawings: labels, colours that can be read, and faults that it finds."""

import xml.etree.ElementTree as ET

import pytest

from vosbook.view.sketch import COLOURS, STYLE, Piece, Sketch, pieces, width_of


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" (WCAG 2)."""
    values = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted([luminance(a), luminance(b)])
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_measured_as_it_is_defined():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)  # the well-known grey


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", COLOURS)
def test_every_text_and_every_line_stands_out(name, mode):
    paper, ink = COLOURS["paper"][mode], COLOURS["ink"][mode]
    if name.endswith("-fill"):
        assert contrast(ink, COLOURS[name][mode]) >= 4.5
    elif name != "paper":
        assert contrast(COLOURS[name][mode], paper) >= (4.5 if name in ("ink", "muted") else 3)


def test_pages_in_the_dark_get_the_dark_colours():
    light, site, system, *_ = STYLE.split("}")
    assert all(f"--vos-{name}:{pair[0]}" in light for name, pair in COLOURS.items())
    assert all(f"--vos-{name}:{pair[1]}" in rule for name, pair in COLOURS.items() for rule in (site, system))
    assert "html[data-theme=dark] " in site and "body[data-jp-theme-light=false] " in site
    assert "prefers-color-scheme:dark" in system and "html:not([data-theme]) " in system


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("score", [Piece("score")]),
        ("$s_t$", [Piece("s", symbol=True), Piece("t", -1, symbol=True)]),
        ("at $t-1$", [Piece("at "), Piece("t", symbol=True), Piece("−"), Piece("1")]),
        ("$h_{space}$", [Piece("h", symbol=True), Piece("space", -1)]),
        ("$x^{2}$ is", [Piece("x", symbol=True), Piece("2", 1), Piece(" is")]),
        ("$x̃_t$", [Piece("x̃", symbol=True), Piece("t", -1, symbol=True)]),
        ("$κ̂$", [Piece("κ̂", symbol=True)]),
        ("$h_{t,i-1}$", [Piece("h", symbol=True), *[Piece(c, -1, symbol=c in "ti") for c in "t,i−1"]]),
    ],
)
def test_a_label_is_split_into_what_is_set_alike(label, expected):
    assert list(pieces(label)) == expected


def test_accents_take_no_room_and_subscripts_less():
    assert width_of("$x̃$", 15) == width_of("$x$", 15)
    assert width_of("$x_x$", 15) == pytest.approx(1.8 * width_of("$x$", 15), rel=0.05)  # letters have whole widths


def good() -> Sketch:
    sketch = Sketch(200)
    above, below = (
        sketch.box("image", 100, 10, 200, 40, "frame $x_t$"),
        sketch.box("trained", 100, 100, 200, 50, "layer"),
    )
    sketch.arrow(above.bottom(), below.top())
    return sketch


def test_a_good_sketch_has_no_faults():
    assert good().faults() == []


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda s: s.box("mask", 10, 160, 60, 30, "much too long"), "no room for the text 'much too long'"),
        (lambda s: s.note(380, 190, "outside"), "no room for the text 'outside'"),
        (lambda s: s.note(110, 30, "over"), "lies on a box"),
        (lambda s: (s.note(10, 170, "one"), s.note(12, 174, "two")), "'two' and 'one' overlap"),
        (lambda s: s.box("mask", 90, 90, 60, 30), "overlap"),
        (lambda s: s.box("mask", 350, 160, 60, 30), "leaves the picture"),
        (lambda s: s.arrow((200, 150), (200, 190)), "ends nowhere, at (200, 190)"),
        (lambda s: s.arrow((50, 60), s.boxes[0].left()), "ends nowhere, at (50, 60)"),
        (lambda s: s.arrow(s.boxes[0].left(), s.boxes[0].right()), "crosses Box"),
        (lambda s: s.note(190, 75, "amidst"), "crosses 'amidst'"),
    ],
)
def test_what_cannot_be_read_is_refused(spoil, fault):
    sketch = good()
    spoil(sketch)
    assert any(fault in found for found in sketch.faults()), sketch.faults()
    with pytest.raises(ValueError, match="cannot be read"):
        sketch.drawing("A sketch.")


def test_a_highlight_fills_its_part_alone_and_leaves_no_other():
    def drawn(highlight):
        sketch = Sketch(120, parts=("one", "two"), highlight=highlight)
        sketch.box("mask", 10, 10, 100, 40, "first", part="one")
        sketch.box("mask", 10, 60, 100, 40, "second", part="two")
        fills = [
            r.get("fill") for r in ET.fromstring(sketch.drawing("Two.").svg).iter("{http://www.w3.org/2000/svg}rect")
        ]
        return ["mask" in fill for fill in fills[1:]]

    assert (drawn(None), drawn("one"), drawn("two")) == ([True, True], [True, False], [False, True])
    with pytest.raises(ValueError, match="one of one, two, got 'three'"):
        Sketch(120, parts=("one", "two"), highlight="three")


def test_maps_lie_in_front_of_their_sheets_and_name_their_channels():
    sketch = Sketch(100)
    box = sketch.maps("features", 20, 10, 5, 4, cell=8, sheets=3, words="64 channels")
    assert (box.width, box.height) == (5 * 8 + 8, 4 * 8 + 8) and sketch.texts[0].label == "64 channels"
    root = ET.fromstring(sketch.drawing("Maps.").svg)
    places = [(float(r.get("x")), float(r.get("y"))) for r in list(root.iter("{http://www.w3.org/2000/svg}rect"))[1:]]
    assert places == [(28, 10), (24, 14), (20, 18)]  # the last one drawn is in front
