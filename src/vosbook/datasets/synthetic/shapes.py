"""The shape categories: outlines of their parts, on the square from -1 to 1, x right, y down, facing right.

A shape is a list of parts, painted in order. A part's `kind` says what it is made of: "body" and "second" get a
texture each, "light" and "dark" are plain, and "hole" cuts through to whatever lies behind the object.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from vosbook.datasets.synthetic.dice import Dice

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Part:
    """A closed polygon (V, 2) and what it is made of."""

    outline: np.ndarray
    kind: str


def polygon(kind: str, points: Points) -> Part:
    return Part(np.array(points, float), kind)


def smooth(kind: str, points: Points, *, steps: int = 12) -> Part:
    """A closed curve through the points (Catmull-Rom), `steps` vertices from each to the next."""
    p = np.array(points, float)  # (K, 2)
    a, b, c, d = (np.roll(p, shift, axis=0)[:, None] for shift in (1, 0, -1, -2))  # (K, 1, 2)
    u = (np.arange(steps) / steps)[None, :, None]  # (1, steps, 1)
    curve = b + 0.5 * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a)))
    return Part(curve.reshape(-1, 2), kind)


def ellipse(kind: str, x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> Part:
    """An ellipse about (x, y); `turn` in radians."""
    ring = [(rx * cos(a), ry * sin(a)) for a in np.arange(48) * (2 * pi / 48)]
    return polygon(kind, [(x + u * cos(turn) - v * sin(turn), y + u * sin(turn) + v * cos(turn)) for u, v in ring])


def line(kind: str, x0: float, y0: float, x1: float, y1: float, width: float) -> Part:
    """A straight bar from (x0, y0) to (x1, y1)."""
    along = np.array([x1 - x0, y1 - y0])
    across = np.array([-along[1], along[0]]) * (width / 2 / np.hypot(*along))
    start, end = np.array([x0, y0]), np.array([x1, y1])
    return Part(np.array([start + across, end + across, end - across, start - across]), kind)


def eye(x: float, y: float, r: float) -> list[Part]:
    return [ellipse("light", x, y, r, r), ellipse("dark", x + 0.3 * r, y, 0.55 * r, 0.55 * r)]


# fmt: off
def _fish(dice: Dice) -> list[Part]:
    h = dice.uniform(0.36, 0.54)
    fork = dice.uniform(0.3, 0.5)
    return [
        smooth("second", [(-0.45, 0), (-0.8, -fork), (-0.98, -fork), (-0.82, 0), (-0.98, fork), (-0.8, fork)]),
        smooth("second", [(0.3, -0.7 * h), (-0.05, -h - 0.3), (-0.4, -h - 0.22), (-0.4, -0.3 * h)]),
        smooth("second", [(0.15, 0.7 * h), (-0.1, h + 0.25), (-0.3, h + 0.2), (-0.25, 0.4 * h)]),
        smooth("body", [(0.92, 0.02), (0.5, -0.8 * h), (0, -h), (-0.45, -0.5 * h), (-0.62, 0), (-0.45, 0.5 * h),
                        (0, h), (0.5, 0.75 * h)]),
        smooth("second", [(0.12, -0.95 * h), (0.24, 0), (0.12, 0.95 * h), (-0.02, 0.9 * h), (0.08, 0),
                          (-0.02, -0.9 * h)]),
        *eye(0.58, -0.15 * h, 0.1),
    ]


def _bird(dice: Dice) -> list[Part]:
    wing = dice.uniform(0.55, 0.85)
    fat = dice.uniform(0.24, 0.32)
    return [
        line("dark", 0.0, 0.3, 0.05, 0.78, 0.06),
        line("dark", 0.16, 0.3, 0.22, 0.76, 0.06),
        polygon("second", [(-0.4, 0.0), (-0.98, -0.12), (-0.95, 0.16), (-0.4, 0.24)]),
        polygon("dark", [(0.62, -0.32), (0.96, -0.18), (0.62, -0.1)]),
        ellipse("body", -0.02, 0.12, 0.56, fat, -0.15),
        ellipse("body", 0.48, -0.2, 0.25, 0.24),
        smooth("second", [(0.26, 0.06), (0.05, -0.5 * wing), (-0.45, -wing), (-0.62, -wing + 0.1), (-0.42, -0.1),
                          (-0.2, 0.2)]),
        *eye(0.55, -0.26, 0.08),
    ]


def _car(dice: Dice) -> list[Part]:
    roof = dice.uniform(0.42, 0.58)
    back = dice.uniform(-0.75, -0.5)
    wheels = [ellipse("dark", x, 0.27, 0.21, 0.21) for x in (-0.52, 0.52)]
    hubs = [ellipse("light", x, 0.27, 0.09, 0.09) for x in (-0.52, 0.52)]
    return [
        smooth("body", [(-0.96, 0.25), (-0.95, -0.05), (back, -0.15), (back + 0.25, -roof), (0.25, -roof),
                        (0.58, -0.12), (0.93, -0.02), (0.97, 0.26), (0.5, 0.3), (-0.5, 0.3)]),
        polygon("light", [(back + 0.12, -0.14), (back + 0.3, -roof + 0.09), (-0.1, -roof + 0.09), (-0.1, -0.14)]),
        polygon("light", [(-0.02, -0.14), (-0.02, -roof + 0.09), (0.22, -roof + 0.09), (0.46, -0.14)]),
        line("second", -0.92, 0.1, 0.94, 0.1, 0.1),
        *wheels,
        *hubs,
    ]


def _leaf(dice: Dice) -> list[Part]:
    h = dice.uniform(0.34, 0.5)
    veins = [line("second", x, 0, x + 0.28, side * h * 0.75, 0.04) for x in (-0.45, -0.15, 0.15) for side in (-1, 1)]
    return [
        line("second", -0.98, 0.12, -0.6, 0, 0.07),
        smooth("body", [(0.96, 0), (0.4, -0.85 * h), (-0.2, -h), (-0.7, -0.25 * h), (-0.72, 0.25 * h), (-0.2, h),
                        (0.4, 0.85 * h)]),
        line("second", -0.65, 0, 0.85, 0, 0.06),
        *veins,
    ]


def _mug(dice: Dice) -> list[Part]:
    tall = dice.uniform(0.55, 0.78)
    ring = dice.uniform(0.34, 0.44)
    return [
        ellipse("body", 0.42, 0, 0.5, ring),
        ellipse("hole", 0.44, 0, 0.3, ring - 0.17),
        polygon("body", [(-0.72, -tall), (0.4, -tall), (0.34, tall - 0.08), (0.22, tall), (-0.54, tall),
                         (-0.66, tall - 0.08)]),
        polygon("second", [(-0.7, -0.25), (0.38, -0.25), (0.36, 0.25), (-0.68, 0.25)]),
        ellipse("light", -0.16, -tall, 0.56, 0.16),
        ellipse("dark", -0.16, -tall, 0.46, 0.11),
    ]


def _butterfly(dice: Dice) -> list[Part]:
    up, low = dice.uniform(0.75, 0.95), dice.uniform(0.55, 0.8)
    parts = [line("dark", 0.02 * s, -0.35, 0.22 * s, -0.8, 0.035) for s in (-1, 1)]
    for s in (-1, 1):
        parts += [
            smooth("second", [(0.05 * s, 0.0), (0.55 * s, 0.12), (0.75 * s, 0.45), (0.45 * s, low), (0.12 * s, 0.4)]),
            smooth("body", [(0.05 * s, 0.05), (0.2 * s, -0.5), (0.7 * s, -up), (0.96 * s, -0.55), (0.7 * s, 0.05)]),
            ellipse("light", 0.66 * s, -0.45, 0.14, 0.17),
            ellipse("dark", 0.48 * s, 0.36, 0.1, 0.12),
        ]
    return [*parts, ellipse("dark", 0, 0.05, 0.08, 0.45), ellipse("dark", 0, -0.4, 0.1, 0.11)]


def _worm(dice: Dice) -> list[Part]:
    wave, thick = dice.uniform(0.16, 0.3), dice.uniform(0.13, 0.19)
    x = np.linspace(-0.9, 0.72, 40)
    middle = np.stack([x, wave * np.sin(4.2 * x)], axis=1)  # (40, 2)
    across = np.stack([-np.gradient(middle[:, 1]), np.gradient(middle[:, 0])], axis=1)
    across *= (thick * np.linspace(0.45, 1, 40) / np.hypot(*across.T))[:, None]
    left, right = middle + across, middle - across
    rings = [Part(np.concatenate([left[i : i + 3], right[i : i + 3][::-1]]), "second") for i in range(4, 36, 6)]
    head_x, head_y = middle[-1]
    return [
        Part(np.concatenate([left, right[::-1]]), "body"),
        *rings,
        ellipse("body", head_x, head_y, 0.26, 0.22),
        *eye(head_x + 0.08, head_y - 0.06, 0.075),
    ]


def _turtle(dice: Dice) -> list[Part]:
    leg = dice.uniform(0.2, 0.28)
    legs = [ellipse("body", x, y, leg, 0.15, turn) for x, y, turn in
            [(0.45, -0.52, -0.9), (0.45, 0.52, 0.9), (-0.45, -0.5, 0.9), (-0.45, 0.5, -0.9)]]
    plates = [ellipse("body", 0.36 * cos(a), 0.3 * sin(a), 0.13, 0.12) for a in np.arange(6) * pi / 3]
    return [
        polygon("body", [(-0.55, -0.1), (-0.95, 0), (-0.55, 0.1)]),
        *legs,
        ellipse("body", 0.78, 0, 0.22, 0.16),
        ellipse("second", 0, 0, 0.66, 0.54),
        *plates,
        ellipse("body", 0, 0, 0.15, 0.13),
        ellipse("dark", 0.88, -0.07, 0.04, 0.04),
        ellipse("dark", 0.88, 0.07, 0.04, 0.04),
    ]


def _rocket(dice: Dice) -> list[Part]:
    h = dice.uniform(0.2, 0.28)
    fin = dice.uniform(0.25, 0.35)
    return [
        smooth("light", [(-0.55, -0.6 * h), (-0.98, 0), (-0.55, 0.6 * h)]),
        polygon("second", [(-0.15, -h), (-0.45, -h - fin), (-0.72, -h - fin), (-0.6, -0.5 * h)]),
        polygon("second", [(-0.15, h), (-0.45, h + fin), (-0.72, h + fin), (-0.6, 0.5 * h)]),
        smooth("body", [(0.97, 0), (0.55, -0.8 * h), (0, -h), (-0.6, -0.8 * h), (-0.66, 0), (-0.6, 0.8 * h), (0, h),
                        (0.55, 0.8 * h)]),
        line("second", -0.42, -h, -0.42, h, 0.1),
        ellipse("dark", 0.3, 0, 0.14, 0.14),
        ellipse("light", 0.3, 0, 0.1, 0.1),
    ]


def _key(dice: Dice) -> list[Part]:
    r = dice.uniform(0.36, 0.44)
    teeth = [line("body", x, 0, x, dice.uniform(0.24, 0.38), 0.13) for x in (0.5, 0.68, 0.86)]
    return [
        line("body", -0.3, 0, 0.95, 0, 0.19),
        *teeth,
        ellipse("body", -0.53, 0, r, r),
        ellipse("second", -0.53, 0, r - 0.07, r - 0.07),
        ellipse("hole", -0.53, 0, r - 0.17, r - 0.17),
        line("second", -0.1, 0, 0.1, 0, 0.24),
    ]

# fmt: on

CATEGORIES: dict[str, Callable[[Dice], list[Part]]] = {
    "bird": _bird,
    "butterfly": _butterfly,
    "car": _car,
    "fish": _fish,
    "leaf": _leaf,
    "mug": _mug,
    "worm": _worm,
    "key": _key,
    "rocket": _rocket,
    "turtle": _turtle,
}
UNSEEN = ("key", "rocket", "turtle")  # held out: no training sequence shows them
SEEN = tuple(name for name in CATEGORIES if name not in UNSEEN)


def post() -> list[Part]:
    """Something tall that stands in front of everything: a post, wider at its foot. It is no object."""
    return [polygon("body", [(-0.13, -1), (0.13, -1), (0.18, 1), (-0.18, 1)])]


def bush(dice: Dice) -> list[Part]:
    """A bush that stands in front of everything. It is no object."""
    leaves = [(dice.uniform(-0.6, 0.6), dice.uniform(-0.3, 0.8), dice.uniform(-pi, pi)) for _ in range(36)]
    blades = [ellipse(dice.choice(["body", "second"]), x, y, 0.34, 0.12, turn) for x, y, turn in leaves]
    return [ellipse("body", 0, 0.6, 0.6, 0.4), *blades]
