"""Figures of one size and one look, shown with a text for readers who cannot see them."""

import base64
import html
import io
from collections.abc import Mapping, Sequence

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from vosbook.view.overlay import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION

WIDTH = 6.0  # inches, of every figure
PIXELS_PER_INCH = 104  # on the page: a figure is 624 px wide at most; a phone shrinks it to about 360 px
# 12 points in a figure 6 inches (432 points) wide are still 10 px on a phone.
FONT_SIZE = 12

# The darkest first; yellow is left out, since a thin line on white cannot carry it.
LINE_COLOURS = tuple("#{:02x}{:02x}{:02x}".format(*c) for c in (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY))
MARKERS = "osD^vP*X<>"
LINE_STYLES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)))  # lines also differ without colour


def style() -> None:
    """Give all later matplotlib figures the book's look: type sizes, colours, thin axes, a light grid."""
    matplotlib.rcParams.update(
        {
            "font.size": FONT_SIZE,
            "axes.titlesize": FONT_SIZE,
            "axes.labelsize": FONT_SIZE,
            "xtick.labelsize": FONT_SIZE - 1,
            "ytick.labelsize": FONT_SIZE - 1,
            "legend.fontsize": FONT_SIZE - 1,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=LINE_COLOURS, linestyle=LINE_STYLES),
            "grid.color": "#dddddd",
            "lines.linewidth": 2,
            "image.interpolation": "nearest",
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
        }
    )


def new_figure(rows: int = 1, columns: int = 1, *, height: float = 3.0) -> tuple[Figure, np.ndarray]:
    """A figure of the book's width and `height` inches in all. Returns it and its axes, an array (rows, columns)."""
    style()
    figure = Figure(figsize=(WIDTH, height), layout="constrained")  # apart from pyplot: nothing stays open
    return figure, figure.subplots(rows, columns, squeeze=False)


def show(fig: Figure, *, alt: str, caption: str | None = None, number: str | None = None) -> None:
    """Display a figure as `<figure>` with `alt`, what the picture shows in words, and a caption under it.

    `number`, such as "12.3", is put before the caption as "Figure 12.3", and the text can be led here by it. Works
    alike in JupyterLab and in the printed site. ValueError if `alt` is empty.
    """
    if not alt.strip():
        raise ValueError("alt must say in words what the figure shows")
    image_type, image = _encode(fig)
    width = round(fig.get_figwidth() * PIXELS_PER_INCH)
    picture = (
        f'<img alt="{html.escape(alt)}" src="data:image/{image_type};base64,{base64.b64encode(image).decode()}" '
        f'style="width:{width}px;max-width:100%;height:auto">'
    )
    display({"text/html": framed(picture, caption, number), "text/plain": f"[figure: {alt}]"}, raw=True)
    plt.close(fig)  # where the figure came from pyplot, the notebook would show it a second time


def framed(picture: str, caption: str | None, number: str | None) -> str:
    """`picture`, HTML, as `<figure>` with its number and caption; a number is also the place that links lead to."""
    place = f' id="figure-{number.replace(".", "-")}"' if number else ""
    label = f"<b>Figure {number}</b> " if number else ""
    text = f"<figcaption>{label}{html.escape(caption or '')}</figcaption>" if caption or number else ""
    return f'<figure class="vos-figure"{place} style="margin:0.25rem 0 0.75rem">{picture}{text}</figure>'


def _encode(fig: Figure) -> tuple[str, bytes]:
    """The figure as (type, bytes): photographs as WebP, a tenth of the size; drawings as PNG, exact."""
    image_type = "webp" if any(axes.images for axes in fig.axes) else "png"
    options = {"quality": 88} if image_type == "webp" else {"optimize": True}
    buffer = io.BytesIO()
    fig.savefig(buffer, format=image_type, dpi=2 * PIXELS_PER_INCH, pil_kwargs=options)
    return image_type, buffer.getvalue()


def image_row(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    *,
    columns: int | None = None,
    limits: tuple[float, float] | None = None,
    colour_map: str = "viridis",
) -> Figure:
    """Pictures side by side, each under its title; more than three wrap, to stay legible on a phone.

    `images` are uint8 or float in 0..1 (H, W, 3), or (H, W) drawn through `colour_map` between `limits`, None being
    each image's own smallest and largest value.
    """
    if len(images) != len(titles) or not images:
        raise ValueError(f"one title for each image: got {len(images)} images and {len(titles)} titles")
    columns = columns or (2 if len(images) == 4 else min(3, len(images)))
    rows = -(-len(images) // columns)
    tallest = max(image.shape[0] / image.shape[1] for image in images)
    title_height = 0.3
    figure, axes = new_figure(rows, columns, height=rows * (tallest * WIDTH / columns + title_height))
    low, high = limits or (None, None)
    for panel, image, title in zip(axes.flat, images, titles):
        panel.imshow(image, vmin=low, vmax=high, cmap=colour_map)
        panel.set_title(title)
    for panel in axes.flat:
        panel.axis("off")
    return figure


def score_curves(
    scores: Mapping[str, Sequence[float]], *, y_label: str = "J", x_label: str = "frame", height: float = 2.8
) -> Figure:
    """One line for each name: a score in 0..1 for every frame, NaN leaving a gap."""
    figure, axes = new_figure(height=height)
    panel: Axes = axes[0, 0]
    for name, values in scores.items():
        panel.plot(np.arange(len(values)), np.asarray(values, float), label=name)
    panel.set(xlabel=x_label, ylabel=y_label, ylim=(-0.02, 1.02))
    if len(scores) > 1:
        figure.legend(loc="outside upper center", ncols=min(3, len(scores)))
    return figure


def quality_against_time(
    points: Mapping[str, tuple[float, float]],
    *,
    x_label: str = "seconds a frame",
    y_label: str = "J&F in %",
    height: float = 3.8,
) -> Figure:
    """A marker for each name at (seconds a frame, quality in 0..1), the seconds on a logarithmic axis.

    A dotted line joins the `front_of` them. Colours and markers start over after six and ten names.
    """
    figure, axes = new_figure(height=height)
    panel: Axes = axes[0, 0]
    for n, (name, (seconds, quality)) in enumerate(points.items()):
        panel.plot(seconds, 100 * quality, MARKERS[n % len(MARKERS)], markersize=9, linestyle="none", label=name)
    line = [points[name] for name in front_of(points)]
    panel.plot([seconds for seconds, _ in line], [100 * quality for _, quality in line], color="gray", linestyle=":")
    panel.set(xscale="log", xlabel=x_label, ylabel=y_label)
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter("{x:g}")
    panel.xaxis.set_minor_formatter(NullFormatter())
    figure.legend(loc="outside upper center", ncols=min(3, len(points)))
    return figure


def front_of(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Those of some (seconds, quality) that no other is both faster and better than, from the fastest on."""
    return sorted(
        (
            name
            for name, (seconds, quality) in points.items()
            if not any(other < seconds and better > quality for other, better in points.values())
        ),
        key=lambda name: points[name],
    )
