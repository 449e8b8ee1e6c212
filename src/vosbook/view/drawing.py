"""Drawings of machines: SVG that reads on a phone and in dark mode, displayed as figures with their words."""

import html
from dataclasses import dataclass
from typing import Protocol

from IPython.display import display

from vosbook.view.plots import framed


@dataclass(frozen=True)
class Drawing:
    """A picture as SVG, and what it shows in words. Its colours are variables of CSS, so that they suit the page."""

    svg: str  # one <svg> element with a viewBox, without width and height
    alt: str
    width: int = 720  # pixels; less where the page is narrower

    def html(self) -> str:
        """The picture as one element of HTML, named by its words."""
        words = html.escape(self.alt)
        style = f"max-width:{self.width}px;margin:auto"
        return f'<div role="img" aria-label="{words}" style="{style}">{self.svg}</div>'


class Picture(Protocol):
    """What `draw` displays: a drawing, or a playground."""

    @property
    def alt(self) -> str: ...

    def html(self) -> str: ...


def draw(picture: Picture, *, number: str | None = None, caption: str | None = None) -> None:
    """Display a picture as `<figure>`, with its number and caption under it, as `plots.show` does a plot."""
    page = framed(picture.html(), caption, number)
    display({"text/html": page, "text/plain": f"[figure: {picture.alt}]"}, raw=True)
