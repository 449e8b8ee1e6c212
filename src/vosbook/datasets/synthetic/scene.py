"""The recipe of a sequence: everything that is decided before a pixel is painted.

Lengths are in units of the frame's height H, times in frames, so a seed gives the same scene at every resolution.
"""

from dataclasses import dataclass
from math import hypot, pi

import numpy as np

from vosbook.datasets.synthetic.dice import Curve, Dice, constant
from vosbook.datasets.synthetic.shapes import CATEGORIES, SEEN, UNSEEN, bush, post
from vosbook.datasets.synthetic.sprite import DEFORMATIONS, Deformation, Sprite, make_sprite
from vosbook.datasets.synthetic.textures import background

# What may happen in a sequence; each is drawn by chance. Leave a name out of `SyntheticConfig.effects` to rule it out.
EFFECTS = ("bend", "blur", "camera", "leave", "light", "occluder", "ripple", "scale", "shake", "spin")
Point = tuple[float, float]
SPLITS = {"all": tuple(CATEGORIES), "seen": SEEN, "unseen": UNSEEN}


@dataclass(frozen=True)
class SyntheticConfig:
    """What the sequences are like."""

    size: tuple[int, int] = (240, 432)  # (H, W) in pixels
    frames: int = 24
    objects: tuple[int, int] = (1, 5)  # fewest and most
    split: str = "all"  # which categories: "all", "seen" or "unseen"
    late: float = 0.0  # chance that an object, the first excepted, enters the view later
    effects: tuple[str, ...] = EFFECTS

    def __post_init__(self):
        if min(self.size) < 32 or self.frames < 1:
            raise ValueError(f"frames must be at least 32x32 pixels and at least one: {self.size}, {self.frames}")
        if not 1 <= self.objects[0] <= self.objects[1] <= 5:
            raise ValueError(f"objects must be (fewest, most) within 1..5, got {self.objects}")
        if self.split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {self.split!r}")
        if unknown := set(self.effects) - set(EFFECTS):
            raise ValueError(f"unknown effects {sorted(unknown)}: there are {', '.join(EFFECTS)}")


@dataclass(frozen=True)
class Actor:
    """Something that moves through the scene: an object, or (id 0) what stands in front of the objects."""

    id: int
    category: str | None
    sprite: Sprite
    place: Curve  # centre (x, y) from the view's upper left corner, before the camera moves
    radius: Curve  # half side of the sprite's square
    angle: Curve  # radians
    mirrored: bool
    bend: Deformation
    late: bool = False  # enters the view after the first frame


@dataclass(frozen=True)
class Camera:
    """A smooth pan, zoom and roll, and a shake on top. Rippling water, haze or leaves move the ground alone."""

    pan: Curve  # (x, y)
    zoom: Curve
    roll: Curve  # radians
    shake: float  # amplitude
    shake_phase: float
    ripple: float  # amplitude


@dataclass(frozen=True)
class Light:
    """Brightness per channel over time, and a patch of shade (or sun) that drifts over the picture."""

    gain: Curve  # (r, g, b)
    patch: Curve  # (x, y, radius)
    depth: float  # what the patch takes from the brightness at its centre; negative brightens


@dataclass(frozen=True)
class Scene:
    """The whole recipe."""

    background: np.ndarray  # uint8 (h, w, 3)
    actors: tuple[Actor, ...]  # from the farthest to the nearest
    camera: Camera
    light: Light
    shutter: float  # exposure in frames: 0 is a sharp picture, 1 blurs over the whole way to the next frame


def draw_scene(dice: Dice, config: SyntheticConfig) -> Scene:
    """Decide everything, in a fixed order."""
    wide = config.size[1] / config.size[0]
    count = dice.integer(*config.objects)
    starts: list[Point] = []
    for _ in range(count):
        starts.append(_apart(dice, starts, wide))
    actors = dice.shuffled([_object(dice, i + 1, start, count, wide, config) for i, start in enumerate(starts)])
    if "occluder" in config.effects and dice.chance(0.4):
        actors.append(_occluder(dice, starts, wide))
    blur = "blur" in config.effects and dice.chance(0.4)
    return Scene(
        background=background(dice),
        actors=tuple(actors),
        camera=_camera(dice, config),
        light=_light(dice, wide, config),
        shutter=dice.uniform(0.5, 0.9) if blur else 0.0,
    )


def _apart(dice: Dice, others: list[Point], wide: float) -> Point:
    """Of some random points in view, the one that is farthest from its nearest other."""
    points = [(dice.uniform(0.22, wide - 0.22), dice.uniform(0.25, 0.75)) for _ in range(12)]
    return max(points, key=lambda p: min((hypot(p[0] - x, p[1] - y) for x, y in others), default=0))


def _knots(config: SyntheticConfig, every: float) -> int:
    return 2 + int(np.ceil(config.frames / every))


def _object(dice: Dice, i: int, start: Point, count: int, wide: float, config: SyntheticConfig) -> Actor:
    category = dice.choice(SPLITS[config.split])
    radius = dice.uniform(0.26, 0.54) * (1.0, 0.9, 0.8, 0.7, 0.64)[count - 1]
    late = i > 1 and dice.chance(config.late)
    place = _path(dice, start, radius, wide, config, late=late)
    sprite = make_sprite(CATEGORIES[category](dice), dice)
    return Actor(
        id=i,
        category=category,
        sprite=sprite,
        place=place,
        radius=_sizes(dice, radius, config),
        angle=_angles(dice, config),
        mirrored=bool(place.knots[-1, 0] < place.knots[0, 0]),
        bend=_bend(dice, category, config),
        late=late,
    )


def _path(dice: Dice, start: Point, radius: float, wide: float, config: SyntheticConfig, *, late: bool) -> Curve:
    """Waypoints in view; one may lie outside, and what comes late begins there."""
    every = min(dice.uniform(6, 14), max(2.0, config.frames / 3))
    step = dice.choice([0.1, 0.2, 0.35, 0.6])  # of the way to the next goal: some objects linger, some are fast
    points = [np.array(start)]
    for _ in range(_knots(config, every) - 1):
        goal = np.array([dice.uniform(0.1, 0.9) * wide, dice.uniform(0.15, 0.85)])
        points.append(points[-1] + step * (goal - points[-1]))
    outside = np.array([dice.choice([-1.2 * radius, wide + 1.2 * radius]), dice.uniform(0.2, 0.8)])
    leaves, gone = dice.chance(0.25), dice.integer(1, len(points) - 2)
    if late:
        wait = dice.integer(1, len(points) - 2)
        points = [*[outside] * wait, *points[:-wait]]
    elif leaves and "leave" in config.effects:
        points[gone] = outside  # the next waypoint is in view: the object returns
    return Curve(np.array(points), every)


def _sizes(dice: Dice, radius: float, config: SyntheticConfig) -> Curve:
    every = dice.uniform(10, 18)
    far = dice.uniform(0.5, 0.9) if "scale" in config.effects and dice.chance(0.5) else dice.uniform(0.9, 1.0)
    knots = [radius * dice.choice([1.0, far]) for _ in range(_knots(config, every))]
    return Curve(np.array(knots)[:, None], every)


def _angles(dice: Dice, config: SyntheticConfig) -> Curve:
    every = dice.uniform(8, 14)
    most = dice.uniform(0.5, 1.8) if "spin" in config.effects and dice.chance(0.3) else 0.15
    start = dice.uniform(-0.3, 0.3)
    turns = [dice.uniform(-most, most) for _ in range(_knots(config, every) - 1)]
    return Curve(np.cumsum([start, *turns])[:, None], every)


def _bend(dice: Dice, category: str, config: SyntheticConfig) -> Deformation:
    kind = DEFORMATIONS.get(category, "none") if "bend" in config.effects else "none"
    most = {"swim": 0.13, "bend": 0.3, "flap": 0.26, "wobble": 0.08, "none": 0.0}[kind]
    amplitude = most * dice.uniform(0.5, 1.0)
    return Deformation(kind, amplitude, dice.uniform(9, 18), dice.uniform(0, 2 * pi))


def _occluder(dice: Dice, starts: list[Point], wide: float) -> Actor:
    """A post or a bush, away from where the objects start."""
    places = [dice.uniform(0.2, 0.8) * wide for _ in range(12)]
    x = max(places, key=lambda place: min(abs(place - start) for start, _ in starts))
    if dice.chance(0.5):
        parts, place, radius = post(), constant(x, 0.5), constant(0.8)
    else:
        parts, place, radius = bush(dice), constant(x, 0.85), constant(dice.uniform(0.35, 0.5))
    return Actor(0, None, make_sprite(parts, dice, vivid=0.0), place, radius, constant(0.0), False, Deformation())


def _camera(dice: Dice, config: SyntheticConfig) -> Camera:
    every = dice.uniform(10, 18)
    moving = "camera" in config.effects and dice.chance(0.6)
    far = dice.uniform(0.05, 0.2) if moving else 0.0
    count = _knots(config, every) - 1  # after the first: a sequence begins with all that starts in view in view
    pan = [[0.0, 0.0], *([dice.uniform(-far, far), dice.uniform(-far, far) / 2] for _ in range(count))]
    zoom = [[1.0], *([1 + far * dice.uniform(-0.6, 1.2)] for _ in range(count))]
    roll = [[0.0], *([far * dice.uniform(-0.5, 0.5)] for _ in range(count))]
    return Camera(
        pan=Curve(np.array(pan), every),
        zoom=Curve(np.array(zoom), every),
        roll=Curve(np.array(roll), every),
        shake=dice.uniform(0.006, 0.014) if "shake" in config.effects and dice.chance(0.3) else 0.0,
        shake_phase=dice.uniform(0, 2 * pi),
        ripple=dice.uniform(0.005, 0.012) if "ripple" in config.effects and dice.chance(0.2) else 0.0,
    )


def _light(dice: Dice, wide: float, config: SyntheticConfig) -> Light:
    every = dice.uniform(10, 20)
    changing = "light" in config.effects and dice.chance(0.5)
    far = dice.uniform(0.15, 0.45) if changing else 0.0
    gains = []
    for _ in range(_knots(config, every)):
        level = 1 + far * dice.uniform(-1.0, 0.6)
        gains.append([level * (1 + 0.25 * far * dice.uniform(-1, 1)) for _ in "rgb"])
    patches = [[dice.uniform(0, wide), dice.uniform(0, 1), dice.uniform(0.3, 0.6)] for _ in gains]
    depth = dice.choice([0.5, 0.35, -0.35]) if "light" in config.effects and dice.chance(0.35) else 0.0
    return Light(Curve(np.array(gains), every), Curve(np.array(patches), every), depth)
