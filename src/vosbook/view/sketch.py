"""A kit for drawings of machines, as SVG: boxes of a few kinds, small maps, arrows, labels with sub- and superscripts.

A drawing is 400 units wide, so that its letters stay legible on a phone, and as tall as it needs to be; it grows
downwards, as a page does. Places are (x, y) in these units, from the top left. `Sketch.drawing` refuses what one could
not read: text that leaves its box or the picture, things that lie upon each other, arrows that end nowhere.

    sketch = Sketch(200)
    frame = sketch.box("image", 125, 10, 150, 40, "frame $x_t$")
    layer = sketch.box("trained", 125, 90, 150, 50, "network", "3x3 convolution")
    sketch.arrow(frame.bottom(), layer.top())
    sketch.drawing("A frame goes into a network.")
"""

import html
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from vosbook.view.drawing import Drawing

WIDTH = 400  # units, of every drawing
ON_PAGE = 480  # pixels, the most that a drawing is enlarged to
TEXT, SMALL = 15.0, 13.0  # font sizes; on a phone, 360 pixels wide, nine tenths as many pixels
RAISED = 0.8  # font size of sub- and superscripts, as a share
LINE = 1.3  # distance of lines, in font sizes
MARGIN = 5  # units that text keeps from the border of its box

Kind = Literal["image", "features", "state", "mask", "trained", "online", "loss", "step", "outline"]
ArrowKind = Literal["flow", "time", "space", "learning"]
Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]
Rectangle = tuple[float, float, float, float]  # left, top, right, bottom

# For pages in the light and in the dark: what each kind is filled with, and its border.
COLOURS: dict[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#161b22"),
    "ink": ("#1c2430", "#e6edf3"),
    "muted": ("#4d5866", "#a9b4c0"),
    "image-fill": ("#e4e7ec", "#343b45"),
    "image-line": ("#6b7785", "#97a3b0"),
    "features-fill": ("#d6e6f8", "#17375c"),
    "features-line": ("#2f6eb0", "#6aa9e9"),
    "state-fill": ("#ffe9bf", "#4a3505"),
    "state-line": ("#a66a00", "#e0a83a"),
    "mask-fill": ("#d3efdc", "#123d24"),
    "mask-line": ("#1f8a4c", "#4fc27d"),
    "trained-fill": ("#e6def7", "#352a58"),
    "trained-line": ("#7452b8", "#a98ff0"),
    "online-fill": ("#ffd9cf", "#55210f"),
    "online-line": ("#c9472b", "#ff8a66"),
    "loss-fill": ("#f9d5e5", "#521a36"),
    "loss-line": ("#b02a6b", "#f07ab0"),
    "step-fill": ("#ffffff", "#161b22"),
    "step-line": ("#4d5866", "#a9b4c0"),
    "outline-line": ("#4d5866", "#a9b4c0"),
}

# Kinds differ by their shape too, not by colour alone: (corner radius, border's width, border's dashes).
SHAPES: dict[str, tuple[float, float, str]] = {
    "image": (0, 1.5, ""),
    "features": (0, 1.5, ""),
    "state": (16, 2, ""),
    "mask": (0, 1.5, ""),
    "trained": (6, 1.5, ""),
    "online": (6, 2.5, "6 3"),
    "loss": (16, 2, "2 3"),
    "step": (6, 1.5, ""),
    "outline": (0, 1.5, ""),  # not filled: what lies below shows
}

# Colour, width, dashes.
ARROWS: dict[str, tuple[str, float, str]] = {
    "flow": ("ink", 1.5, ""),
    "time": ("state-line", 2.6, ""),
    "space": ("features-line", 2.6, "7 3"),
    "learning": ("online-line", 2, "2 3"),
}

SANS = "system-ui,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
SERIF = "'STIX Two Text',Cambria,Georgia,'Times New Roman',serif"


# ------------------------------------------------------------------------------------------------------------ labels


@dataclass(frozen=True)
class Piece:
    """Letters of a label that are set alike."""

    text: str
    raised: int = 0  # -1 in a subscript, 1 in a superscript
    symbol: bool = False  # a mathematical symbol, in italics


def pieces(label: str) -> Iterator[Piece]:
    """Split a label such as "score $s_{t-1}$": between dollars stand symbols, `_` lowers and `^` raises what follows.

    Words of three letters and more are set upright between dollars, too, as in $h_{space}$.
    """
    for n, part in enumerate(label.split("$")):
        if n % 2 == 0:
            yield from [Piece(part)] if part else []
            continue
        for mark, group, one, run in re.findall(r"([_^])(?:\{([^}]*)\}|(.))|([^_^]+)", part):
            raised = {"_": -1, "^": 1, "": 0}[mark]
            for text in re.findall(r"[^\W\d_]{3,}|.[\u0300-\u036f]*", group or one or run):
                yield Piece(text.replace("-", "−"), raised, symbol=len(text) < 3 and text[0].isalpha())


@lru_cache(maxsize=4096)
def _width(text: str, size: float, *, symbol: bool) -> float:
    """Of letters in a wide typeface: on a page they are rather narrower."""
    font = FontProperties(family="serif" if symbol else "sans", style="italic" if symbol else "normal", size=size)
    letters = re.sub("[\u0300-\u036f]", "", text)  # accents take no room
    return text_to_path.get_text_width_height_descent(letters, font, ismath=False)[0]


def width_of(label: str, size: float) -> float:
    """How wide a label is at most, in units."""
    return sum(_width(p.text, size * (RAISED if p.raised else 1), symbol=p.symbol) for p in pieces(label))


def _spans(label: str, size: float) -> str:
    """A label as `<tspan>` elements."""
    spans, height = [], 0
    for p in pieces(label):
        shift = f' dy="{(height - p.raised) * 0.3 * size:.1f}"' if p.raised != height else ""
        small = f' font-size="{size * RAISED:.1f}"' if p.raised else ""
        font = f' font-family="{SERIF}" font-style="italic"' if p.symbol else ""
        spans.append(f"<tspan{shift}{small}{font}>{html.escape(p.text)}</tspan>")
        height = p.raised
    return "".join(spans)


# ------------------------------------------------------------------------------------------------------------- parts


@dataclass(frozen=True)
class Box:
    """A box that was drawn, for arrows to begin and end at. `share` says how far along the side, 0 to 1."""

    x: float
    y: float
    width: float
    height: float

    def top(self, share: float = 0.5) -> Point:
        return self.x + share * self.width, self.y

    def bottom(self, share: float = 0.5) -> Point:
        return self.x + share * self.width, self.y + self.height

    def left(self, share: float = 0.5) -> Point:
        return self.x, self.y + share * self.height

    def right(self, share: float = 0.5) -> Point:
        return self.x + self.width, self.y + share * self.height

    @property
    def rectangle(self) -> Rectangle:
        return self.x, self.y, self.x + self.width, self.y + self.height


@dataclass(frozen=True)
class Text:
    """A line of text that was written, and the box that it stands in."""

    label: str
    rectangle: Rectangle
    box: Box | None


def colour(name: str) -> str:
    """A colour of `COLOURS` as a value of CSS: a variable, and what it is on a page that does not set it."""
    return f"var(--vos-{name},{COLOURS[name][0]})"


# ------------------------------------------------------------------------------------------------------------ sketch


class Sketch:
    """A drawing in the making."""

    def __init__(self, height: float, *, parts: Iterable[str] = (), highlight: str | None = None):
        """`parts` may be highlighted, one at a time: then only its boxes are filled. ValueError for another one."""
        if highlight is not None and highlight not in parts:
            raise ValueError(f"highlight must be one of {', '.join(parts) or 'none here'}, got {highlight!r}")
        self.height, self.highlight = height, highlight
        self.boxes: list[Box] = []
        self.texts: list[Text] = []
        self.arrows: list[tuple[Point, ...]] = []
        self._below: list[str] = []  # regions, under all else
        self._svg: list[str] = []

    def box(
        self, kind: Kind, x: float, y: float, width: float, height: float, *lines: str, part: str | None = None
    ) -> Box:
        """A box with its text: the first line in full size, the others smaller. `part` is what may be highlighted."""
        box = Box(x, y, width, height)
        self.boxes.append(box)
        self._svg.append(self._rectangle(kind, box, part))
        sizes = [TEXT, *[SMALL] * (len(lines) - 1)][: len(lines)]
        heights = [size * LINE + 3 * ("_" in line) for line, size in zip(lines, sizes)]  # subscripts need a little more
        top = y + (height - sum(heights)) / 2
        for line, size, tall in zip(lines, sizes, heights):
            self._write(x + width / 2, top + size * LINE / 2, line, size, "ink", "middle", box)
            top += tall
        return box

    def operation(self, x: float, y: float, sign: str) -> Box:
        """A small circle around (x, y) with a sign: two things are multiplied or added, place by place."""
        box = Box(x - 13, y - 13, 26, 26)
        self.boxes.append(box)
        self._svg.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="13" fill="{colour("step-fill")}" stroke="{colour("step-line")}" '
            'stroke-width="1.5"/>'
        )
        self._write(x, y, sign, TEXT, "ink", "middle", box)
        return box

    def _rectangle(self, kind: Kind, box: Box, part: str | None) -> str:
        radius, line, dashes = SHAPES[kind]
        lit = self.highlight is not None and part == self.highlight
        hollow = self.highlight is not None and not lit
        fill = "none" if kind == "outline" else colour("paper" if hollow else f"{kind}-fill")
        return (
            f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="{radius:g}" '
            f'fill="{fill}" stroke="{colour(f"{kind}-line")}" stroke-width="{line + 2 * lit:g}"'
            + (f' stroke-dasharray="{dashes}"/>' if dashes else "/>")
        )

    def maps(
        self, kind: Kind, x: float, y: float, columns: int, rows: int, *, cell: float = 8, sheets: int = 3, words: str
    ) -> Box:
        """Maps as a grid of cells upon some sheets that peep out behind it, with `words`, their channels, below."""
        peep = 4 * (sheets - 1)
        box = Box(x, y, columns * cell + peep, rows * cell + peep)
        self.boxes.append(box)
        for n in reversed(range(sheets)):
            self._svg.append(self._rectangle(kind, Box(x + 4 * n, y + peep - 4 * n, columns * cell, rows * cell), None))
        upright = (f"M{x + n * cell:g} {y + peep:g}v{rows * cell:g}" for n in range(1, columns))
        level = (f"M{x:g} {y + peep + n * cell:g}h{columns * cell:g}" for n in range(1, rows))
        line = colour(f"{kind}-line")
        self._svg.append(f'<path d="{"".join((*upright, *level))}" stroke="{line}" stroke-width=".6" fill="none"/>')
        self.note(x + box.width / 2, y + box.height + SMALL * LINE / 2 + 1, words, anchor="middle")
        return box

    def region(self, x: float, y: float, width: float, height: float, title: str) -> None:
        """A dashed line around parts that belong together, with a title in its top left corner."""
        self._below.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8" fill="none" '
            f'stroke="{colour("muted")}" stroke-dasharray="4 4"/>'
        )
        self.note(x + 8, y + SMALL * LINE / 2 + 4, title)

    def patch(self, kind: Kind, x: float, y: float, width: float, height: float) -> None:
        """A patch of a kind's colour under all boxes, such as the part of a region that a mask covers."""
        self._below.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{colour(f"{kind}-fill")}"/>'
        )

    def note(self, x: float, y: float, *lines: str, anchor: Anchor = "start") -> None:
        """Small text outside the boxes; `y` is the middle of the first line."""
        for n, line in enumerate(lines):
            self._write(x, y + n * SMALL * LINE, line, SMALL, "muted", anchor, None)

    def arrow(self, *points: Point, kind: ArrowKind = "flow", both: bool = False) -> None:
        """An arrow along some points, from the first to the last; with a head at `both` ends, if asked for."""
        name, width, dashes = ARROWS[kind]
        self.arrows.append(points)
        line = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._svg.append(
            f'<polyline points="{line}" fill="none" stroke="{colour(name)}" stroke-width="{width:g}" '
            f'stroke-linejoin="round"' + (f' stroke-dasharray="{dashes}"/>' if dashes else "/>")
        )
        ends = [(points[-2], points[-1])] + ([(points[1], points[0])] if both else [])
        self._svg += [self._head(before, tip, colour(name), 5 + width) for before, tip in ends]

    def down(self, *boxes: Box, kind: ArrowKind = "flow") -> None:
        """An arrow from the middle of each box to the one below it."""
        for above, below in pairwise(boxes):
            self.arrow(above.bottom(), below.top(), kind=kind)

    @staticmethod
    def _head(before: Point, tip: Point, fill: str, size: float) -> str:
        angle = math.degrees(math.atan2(tip[1] - before[1], tip[0] - before[0]))
        place = f"translate({tip[0]:g} {tip[1]:g}) rotate({angle:.0f})"
        return f'<path d="M0 0L{-size:g} {size / 2:g}V{-size / 2:g}Z" fill="{fill}" transform="{place}"/>'

    def _write(self, x: float, y: float, label: str, size: float, ink: str, anchor: Anchor, box: Box | None) -> None:
        wide = width_of(label, size)
        left = x - {"start": 0, "middle": 0.5, "end": 1}[anchor] * wide
        below = 0.75 if "_" in label else 0.55
        self.texts.append(Text(label, (left, y - 0.55 * size, left + wide, y + below * size), box))
        self._svg.append(
            f'<text x="{x:g}" y="{y + 0.35 * size:.1f}" font-size="{size:g}" text-anchor="{anchor}" '
            f'fill="{colour(ink)}">{_spans(label, size)}</text>'
        )

    def faults(self) -> list[str]:
        """What a reader would stumble over, in words; empty for a drawing that is good."""
        return [*_faults_of_texts(self), *_faults_of_boxes(self), *_faults_of_arrows(self)]

    def drawing(self, alt: str) -> Drawing:
        """The drawing with `alt`, what it shows in whole sentences. ValueError where it has faults.

        A highlight is told in a further sentence.
        """
        if faults := self.faults():
            raise ValueError("this drawing cannot be read:\n" + "\n".join(faults))
        paper = f'<rect width="{WIDTH}" height="{self.height:g}" rx="8" fill="{colour("paper")}"/>'
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="vos-drawing" viewBox="0 0 {WIDTH} {self.height:g}" '
            f'font-family="{SANS}" aria-hidden="true"><style>{STYLE}</style>'
            f"{paper}{''.join(self._below)}{''.join(self._svg)}</svg>"
        )
        lit = f" Highlighted here: {self.highlight.replace('_', ' ')}." if self.highlight else ""
        return Drawing(svg, alt + lit, width=ON_PAGE)


# ------------------------------------------------------------------------------------------------------------ faults


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _inside(inner: Rectangle, outer: Rectangle) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def _grown(r: Rectangle, by: float) -> Rectangle:
    return r[0] - by, r[1] - by, r[2] + by, r[3] + by


def _faults_of_texts(sketch: Sketch) -> Iterator[str]:
    page = (0.0, 0.0, float(WIDTH), sketch.height)
    for n, text in enumerate(sketch.texts):
        room = page if text.box is None else _grown(text.box.rectangle, -MARGIN / 2)
        if not _inside(text.rectangle, room):
            left, top, right, bottom = text.rectangle
            over = max(room[0] - left, room[1] - top, right - room[2], bottom - room[3])
            yield f"no room for the text {text.label!r}, by {over:.1f} units or less"
        for other in sketch.texts[:n]:
            if _overlap(text.rectangle, other.rectangle):
                yield f"the texts {text.label!r} and {other.label!r} overlap"
        if any(_overlap(text.rectangle, box.rectangle) for box in sketch.boxes if box != text.box):
            yield f"the text {text.label!r} lies on a box that is not its own"


def _faults_of_boxes(sketch: Sketch) -> Iterator[str]:
    page = (0.0, 0.0, float(WIDTH), sketch.height)
    for n, box in enumerate(sketch.boxes):
        if not _inside(box.rectangle, page):
            yield f"{box} leaves the picture"
        for other in sketch.boxes[:n]:
            if _overlap(box.rectangle, other.rectangle):
                yield f"{box} and {other} overlap"


def _faults_of_arrows(sketch: Sketch) -> Iterator[str]:
    for points in sketch.arrows:
        for end in (points[0], points[-1]):
            spot = (*end, *end)
            beside = any(_overlap(_grown(spot, 1), box.rectangle) for box in sketch.boxes)
            beside |= any(_overlap(_grown(spot, 8), text.rectangle) for text in sketch.texts if text.box is None)
            if not beside:
                yield f"the arrow {points} ends nowhere, at {end}"
        yield from (f"the arrow {points} crosses {what}" for what in _crossed(points, sketch))


def _crossed(points: tuple[Point, ...], sketch: Sketch) -> set[str]:
    """Boxes and texts that lie under an arrow."""
    under = {str(box): _grown(box.rectangle, -1) for box in sketch.boxes}
    under |= {repr(text.label): text.rectangle for text in sketch.texts if text.box is None}
    spots = [spot for a, b in pairwise(points) for spot in _along(a, b)][2:-2]  # its ends may touch
    return {what for spot in spots for what, r in under.items() if _overlap((*spot, *spot), r)}


def _along(a: Point, b: Point, step: float = 2.0) -> Iterator[Point]:
    count = max(1, int(math.dist(a, b) / step))
    return ((a[0] + (b[0] - a[0]) * n / count, a[1] + (b[1] - a[1]) * n / count) for n in range(count + 1))


# ------------------------------------------------------------------------------------------------------------ colours


def _variables(mode: int) -> str:
    return ";".join(f"--vos-{name}:{values[mode]}" for name, values in COLOURS.items())


# The site's theme, JupyterLab's and VS Code's; where there is none of them, what the reader's system prefers. All
# drawings of a page carry the same style, and no ids: so they cannot disturb each other.
STYLE = (
    ".vos-drawing{display:block;width:100%;height:auto;" + _variables(0) + "}"
    "html[data-theme=dark] .vos-drawing,body[data-jp-theme-light=false] .vos-drawing,"
    "body[data-vscode-theme-kind*=dark] .vos-drawing{" + _variables(1) + "}"
    "@media screen and (prefers-color-scheme:dark){html:not([data-theme]) "
    "body:not([data-jp-theme-light],[data-vscode-theme-kind]) .vos-drawing{" + _variables(1) + "}}"
)
