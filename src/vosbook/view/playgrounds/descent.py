"""Steepest descent and conjugate gradient on the same quadratic, step by step."""

from itertools import product

import numpy as np
import torch

from vosbook.target_model.gauss_newton import conjugate_gradient
from vosbook.view.playgrounds.player import Layer, Playground, Slider, dot, polyline, text

CONDITIONS = (1, 3, 10, 30, 100)
STEPS = range(11)
NOTHING = 1e-12  # of the value at the start: what rounding leaves
TURN = np.deg2rad(25)
SLANT = 2.5  # of the gradient at the start, in the matrix's own axes: near 1 steepest descent is slowest
LONGEST, TALLEST = 2.7, 1.9  # half axes of the outermost contour: it keeps within the map
CENTRE, SCALE = np.array([230.0, 160.0]), 75.0  # of the map, in the picture
LEVELS = (1.0, 0.5, 0.2, 0.05)  # of the contours: shares of the value at the start
LOSS_TOP, LOSS_HEIGHT, DECADES = 345.0, 120.0, 6  # of the plot under the map


def descent() -> Playground:
    """Both methods' ways to the minimum of x^T A x / 2 with two unknowns, and the value that is left, by steps.

    Sliders: the condition number of A, its largest eigenvalue over its smallest, and the number of steps. Steepest
    descent goes to the minimum along the gradient each time (exact line search).
    """
    quadratics = {condition: _Quadratic(condition) for condition in CONDITIONS}
    states = [(quadratics[condition], n) for condition, n in product(CONDITIONS, STEPS)]
    return Playground(
        size=(460, 500),
        sliders=(
            Slider("condition number", [str(c) for c in CONDITIONS], start=3),
            Slider("steps", [str(n) for n in STEPS], start=3),
        ),
        layers=(
            Layer((), [_frame()]),
            Layer((0,), [_contours(quadratic) for quadratic in quadratics.values()]),
            Layer((0, 1), [_drawn(*state) for state in states]),
        ),
        words=[_words(*state) for state in states],
        alt="Level lines of a quadratic function of two unknowns, ellipses that are the longer the larger the "
        "condition number, with two ways from a point to the minimum: steepest descent zigzags across the valley, "
        "conjugate gradient arrives with its second step. Below, the value that is left after each step, on a "
        "logarithmic axis.",
    )


class _Quadratic:
    """x^T A x / 2 with eigenvalues 1 and `condition`, a point to start at, and both methods' ways from it."""

    def __init__(self, condition: float):
        self.condition = condition
        turn = np.array([[np.cos(TURN), -np.sin(TURN)], [np.sin(TURN), np.cos(TURN)]])
        self.a = turn @ np.diag([1.0, condition]) @ turn.T  # (2, 2)
        start = turn @ [-1.0, SLANT / condition]
        self.half_axis = min(LONGEST, TALLEST * condition**0.5)  # of the contour through the start, its longer one
        self.start = start * self.half_axis / (start @ self.a @ start) ** 0.5
        self.down, self.conjugate = self._down(), self._conjugate()  # each (steps, 2)

    def value(self, x: np.ndarray) -> float:
        """What is left at x of the value at the start, a share."""
        return float(x @ self.a @ x) / self.half_axis**2

    def _down(self) -> np.ndarray:
        way = [self.start]
        while len(way) < len(STEPS):
            g = self.a @ way[-1]
            length = (g @ g) / (g @ self.a @ g) if self.value(way[-1]) > NOTHING else 0  # arrived, it stays
            way.append(way[-1] - length * g)
        return np.stack(way)

    def _conjugate(self) -> np.ndarray:
        a, b = torch.from_numpy(self.a), (torch.from_numpy(-self.a @ self.start),)
        moves = [conjugate_gradient(lambda p: (a @ p[0],), b, iterations=n)[0].numpy() for n in range(3)]
        return np.stack([self.start + moves[min(n, 2)] for n in STEPS])  # with two unknowns two steps are enough


def _in_map(points: np.ndarray) -> np.ndarray:
    return CENTRE + SCALE * points * [1, -1]


def _in_plot(step: int, value: float) -> tuple[float, float]:
    decades = min(DECADES, -np.log10(max(value, 10.0**-DECADES)))
    return 60 + 39 * step, LOSS_TOP + LOSS_HEIGHT * decades / DECADES


def _contours(quadratic: _Quadratic) -> str:
    """Ellipses: where the value is one of LEVELS, in shares of that at the start."""
    stretch = quadratic.half_axis * np.linalg.inv(np.linalg.cholesky(quadratic.a).T)
    angles = np.linspace(0, 2 * np.pi, 61)
    ellipse = (stretch @ [np.cos(angles), np.sin(angles)]).T  # (61, 2)
    rings = [_in_map(level**0.5 * ellipse) for level in LEVELS]
    return "".join(polyline(ring, colour="var(--thin)", width=1.5) for ring in rings)


def _frame() -> str:
    left, bottom = 60, LOSS_TOP + LOSS_HEIGHT
    marks = [text(left - 8, LOSS_TOP + LOSS_HEIGHT * k / DECADES + 5, f"1e-{k}" if k else "1", anchor="end")
             for k in (0, 3, 6)]  # fmt: skip
    axes = polyline(np.array([[left, LOSS_TOP - 6], [left, bottom], [left + 395, bottom]]), colour="var(--thin)")
    steps = [text(left + 39 * n, bottom + 20, str(n), anchor="middle") for n in STEPS[::2]]
    legend = text(0, 16, "steepest descent", colour="var(--two)") + text(
        460, 16, "conjugate gradient", anchor="end", colour="var(--one)"
    )
    title = text(left + 395, LOSS_TOP, "value left, by steps", anchor="end")
    return f"{axes}{''.join(marks)}{''.join(steps)}{legend}{title}"


def _drawn(quadratic: _Quadratic, n: int) -> str:
    parts = []
    for way, colour, width in ((quadratic.down, "var(--two)", 2), (quadratic.conjugate, "var(--one)", 4)):
        values = np.array([_in_plot(step, quadratic.value(x)) for step, x in enumerate(way[: n + 1])])
        parts += [polyline(points, colour=colour, width=width, dots=4) for points in (_in_map(way[: n + 1]), values)]
    return "".join(parts) + dot(CENTRE, 5, colour="currentColor")


def _words(quadratic: _Quadratic, n: int) -> str:
    down, conjugate = (_left(quadratic.value(way[n])) for way in (quadratic.down, quadratic.conjugate))
    steps = "1 step" if n == 1 else f"{n} steps"
    return f"Condition number {quadratic.condition}, {steps}: steepest descent {down}; conjugate gradient {conjugate}."


def _left(value: float) -> str:
    return "is there" if value < NOTHING else f"has {100 * value:.3g} % of the value left"
