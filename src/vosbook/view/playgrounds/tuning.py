"""Quality against the steps of tuning, as a record has it."""

from collections.abc import Mapping

import numpy as np

from vosbook.view.playgrounds.player import Layer, Playground, Slider, dot, polyline, text

LEFT, BOTTOM, WIDTH, HEIGHT = 46, 290, 400, 250
COLOURS = ("var(--one)", "var(--two)", "var(--three)")
Curves = Mapping[str, Mapping[str, Mapping[str, float]]]


def tuning(curves: Curves, *, measure: str = "J&F") -> Playground:
    """Quality by steps for up to three ways to start. Sliders: the steps, and what was segmented.

    `curves[start][name][steps]` is a quality in 0..1: `name` is a sequence, or "mean" for all; `steps` is written as in
    a record, "0", "10", ... Every start has the same names and steps. ValueError where not, or for more than three.
    """
    starts = list(curves)
    names = list(curves[starts[0]])
    steps = list(curves[starts[0]][names[0]])
    if len(starts) > len(COLOURS) or any(list(by) != steps for of in curves.values() for by in of.values()):
        raise ValueError(f"at most {len(COLOURS)} starts, with the same names and steps in each: got {starts}")
    if any(list(of) != names for of in curves.values()):
        raise ValueError(f"the starts {starts} have different names")
    return Playground(
        size=(470, 345),
        sliders=(Slider("steps of tuning", steps, start=len(steps) // 2), Slider("on", names)),
        layers=(
            Layer((), [_axes(steps, measure) + _legend(starts)]),
            Layer((1,), [_lines(curves, name, steps) for name in names]),
            Layer((0, 1), [_dots(curves, name, steps, n) for n in range(len(steps)) for name in names]),
        ),
        words=[_words(curves, name, n, measure) for n in steps for name in names],
        alt=f"{measure} against the steps of tuning, a line for each way to start: {', '.join(starts)}. Larger dots "
        "mark the chosen number of steps.",
    )


def _x(steps: list[str], place: int) -> float:
    """Evenly spaced, since the steps of a record grow about geometrically."""
    return LEFT + 20 + (WIDTH - 40) * place / max(1, len(steps) - 1)


def _points(by: Mapping[str, float], steps: list[str]) -> np.ndarray:
    return np.array([(_x(steps, place), BOTTOM - HEIGHT * by[n]) for place, n in enumerate(steps)])


def _axes(steps: list[str], measure: str) -> str:
    frame = np.array([[LEFT, BOTTOM - HEIGHT], [LEFT, BOTTOM], [LEFT + WIDTH, BOTTOM]])
    marks = [text(LEFT - 6, BOTTOM - HEIGHT * v + 5, f"{v:g}", anchor="end") for v in (0, 0.5, 1)]
    ticks = [text(_x(steps, place), BOTTOM + 18, n, anchor="middle") for place, n in enumerate(steps)]
    names = text(4, 20, measure) + text(LEFT + WIDTH, BOTTOM + 38, "steps of tuning", anchor="end")
    return polyline(frame, colour="var(--thin)") + "".join(marks + ticks) + names


def _legend(starts: list[str]) -> str:
    lines = enumerate(zip(starts, COLOURS))
    return "".join(text(LEFT + WIDTH, BOTTOM - 18 - 22 * k, name, anchor="end", colour=c) for k, (name, c) in lines)


def _lines(curves: Curves, name: str, steps: list[str]) -> str:
    lines = [polyline(_points(of[name], steps), colour=COLOURS[k], dots=4) for k, of in enumerate(curves.values())]
    return "".join(lines)


def _dots(curves: Curves, name: str, steps: list[str], place: int) -> str:
    lines = [dot(_points(of[name], steps)[place], 9, colour=COLOURS[k]) for k, of in enumerate(curves.values())]
    return "".join(lines)


def _words(curves: Curves, name: str, n: str, measure: str) -> str:
    values = ", ".join(f"{100 * of[name][n]:.1f} % from {start}" for start, of in curves.items())
    return f"{name}, {n} steps of tuning: {measure} {values}."
