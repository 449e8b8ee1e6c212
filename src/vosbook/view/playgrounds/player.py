"""The one component of all playgrounds: sliders over states that were drawn beforehand.

A picture is SVG in layers, of which each follows some of the sliders, so that what does not change is kept once. A
sentence says what every state shows. Without JavaScript, as in print, the first state stands there and no slider.
"""

import base64
import html
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Slider:
    """A slider with one place for each of its values, which are shown beside it."""

    label: str
    values: Sequence[str]
    start: int = 0  # the place at which it stands at first


@dataclass(frozen=True)
class Layer:
    """A part of the picture, drawn for every state of the sliders that it follows; the last one's places come first."""

    by: tuple[int, ...]  # numbers of sliders; none for what never changes
    drawn: Sequence[str]  # SVG


@dataclass(frozen=True)
class Playground:
    """Sliders, a picture in layers from the lowest to the topmost, and words for every state of all the sliders."""

    size: tuple[int, int]  # width and height in units of the SVG; its text is 15 units high
    sliders: tuple[Slider, ...]
    layers: tuple[Layer, ...]
    words: Sequence[str]
    alt: str

    def __post_init__(self) -> None:
        for by, drawn in [*((layer.by, layer.drawn) for layer in self.layers), (range(len(self.sliders)), self.words)]:
            states = math.prod(len(self.sliders[k].values) for k in by)
            if len(drawn) != states:
                raise ValueError(f"the sliders {tuple(by)} have {states} states, of which {len(drawn)} are drawn")

    def html(self) -> str:
        """The playground as one element of HTML with its style and script, which needs nothing else."""
        picture = "".join(f"<g data-layer>{layer.drawn[self._start(layer.by)]}</g>" for layer in self.layers)
        width, height = self.size
        svg = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(self.alt)}">{picture}</svg>'
        words = html.escape(self.words[self._start(range(len(self.sliders)))])
        states = {
            "sliders": [slider.values for slider in self.sliders],
            "layers": [{"by": layer.by, "drawn": layer.drawn} for layer in self.layers],
            "words": self.words,
        }
        data = json.dumps(states, ensure_ascii=False).replace("</", r"<\/")  # nothing in it ends the script
        return (
            f"<style>{(HERE / 'player.css').read_text(encoding='utf-8')}</style>"
            '<div class="vos-playground">'
            f'<div class="vos-sliders" hidden>{"".join(map(_slider, self.sliders))}</div>{svg}'
            f'<p class="vos-words" aria-live="polite">{words}</p>'
            f'<script type="application/json">{data}</script>'
            f"<script>{(HERE / 'player.js').read_text(encoding='utf-8')}</script></div>"
        )

    def _start(self, by: Sequence[int]) -> int:
        place = 0
        for k in by:
            place = place * len(self.sliders[k].values) + self.sliders[k].start
        return place


def _slider(slider: Slider) -> str:
    # Firefox would keep a slider where it was before the page was loaded again, but for autocomplete. JupyterLab would
    # take the arrow keys for itself, but for the data attribute.
    value = html.escape(slider.values[slider.start])
    return (
        f"<label><span>{html.escape(slider.label)}</span>"
        f'<input type="range" min="0" max="{len(slider.values) - 1}" value="{slider.start}" autocomplete="off" '
        f'data-lm-suppress-shortcuts="true" aria-valuetext="{value}"><output>{value}</output></label>'
    )


# -------------------------------------------------------------------------------------------------- pieces of SVG


def text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = "currentColor") -> str:
    """Words whose baseline is at y; `anchor` is "start", "middle" or "end"."""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" style="fill:{colour}">{html.escape(words)}</text>'


def polyline(points: np.ndarray, *, colour: str, width: float = 2, dots: float = 0) -> str:
    """A line through points (n, 2), with a dot of radius `dots` at each."""
    places = [f"{x:.1f} {y:.1f}" for x, y in points]
    line = f'<path d="M{"L".join(places)}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
    if not dots:
        return line
    round_ends = "".join(f"M{place}h0" for place in places)  # one path, shorter than a circle for each
    return f'{line}<path d="{round_ends}" stroke="{colour}" stroke-width="{2 * dots}" stroke-linecap="round"/>'


def dot(place: np.ndarray, radius: float, *, colour: str) -> str:
    """A filled circle about a point (2,)."""
    return f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="{radius}" fill="{colour}"/>'


def box(x: float, y: float, width: float, height: float, *, fill: str = "none", line: str = "none") -> str:
    """A rectangle."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}" stroke="{line}" '
        'stroke-width="2"/>'
    )


def picture(pixels: np.ndarray, x: float, y: float, width: float) -> str:
    """An image, uint8 (H, W, 3) or with alpha (H, W, 4), at a place and of a width; in 32 colours, to be small."""
    image = Image.fromarray(pixels).quantize(32, Image.Quantize.FASTOCTREE)
    return _placed(image, x, y, width, "png")


def photograph(pixels: np.ndarray, x: float, y: float, width: float) -> str:
    """An image with many colours, uint8 (H, W, 3), at a place and of a width."""
    return _placed(Image.fromarray(pixels), x, y, width, "webp")


def _placed(image: Image.Image, x: float, y: float, width: float, kind: str) -> str:
    image.save(buffer := io.BytesIO(), format=kind, optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    size = f'width="{width:.0f}" height="{width * image.height / image.width:.0f}"'
    return f'<image x="{x:.0f}" y="{y:.0f}" {size} href="data:image/{kind};base64,{data}"/>'
