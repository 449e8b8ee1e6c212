"""Drawings of machines: SVG that reads on a phone and in dark mode, displayed as figures with their words."""

import html
from dataclasses import dataclass

from IPython.display import display

from vosbook.view.plots import framed


@dataclass(frozen=True)
class Drawing:
    """A picture as SVG, and what it shows in words. Its colours are variables of CSS, so that they suit the page."""

    svg: str  # one <svg> element with a viewBox, without width and height
    alt: str
    width: int = 720  # pixels; less where the page is narrower


def draw(drawing: Drawing, *, number: str | None = None, caption: str | None = None) -> None:
    """Display a drawing as `<figure>`, with its number and caption under it, as `plots.show` does a plot."""
    words = html.escape(drawing.alt)
    style = f"max-width:{drawing.width}px;margin:auto"
    picture = f'<div role="img" aria-label="{words}" style="{style}">{drawing.svg}</div>'
    display({"text/html": framed(picture, caption, number), "text/plain": f"[figure: {drawing.alt}]"}, raw=True)
