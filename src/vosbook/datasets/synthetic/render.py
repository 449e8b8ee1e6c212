"""From a recipe to pixels: background, shadows, objects from back to front, light, and the sensor's noise."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import cos, hypot, pi, sin

import cv2
import numpy as np

from vosbook.datasets.synthetic.dice import Dice
from vosbook.datasets.synthetic.scene import Actor, Camera, Light, Scene
from vosbook.datasets.synthetic.sprite import Pose, draw, sample

HALF = 128  # opacity from which a pixel belongs to the object
MARGIN = 1.3  # the background covers this many times the view, so that the camera can move
MOST_EXPOSURES = 7


@dataclass(frozen=True)
class Seen:
    """What is known of one object in one frame; the attribute tags are made of it."""

    whole: int  # area in pixels, hidden and outside parts included
    inside: int  # of that, within the view
    visible: int  # of that, not hidden by something nearer: what the mask shows
    box: tuple[float, float]  # height and width of the whole object
    centre: tuple[float, float]  # (x, y) of the object's own centre
    angle: float  # radians
    blur: float  # way it goes during the exposure, in pixels


@dataclass(frozen=True)
class Picture:
    """One rendered frame."""

    frame: np.ndarray  # uint8 (H, W, 3)
    labels: np.ndarray  # uint8 (H, W)
    seen: dict[int, Seen]  # by object id


@dataclass(frozen=True)
class View:
    """The camera at one moment: scene coordinates, in heights, to pixels."""

    height: int
    width: int
    x: float  # the scene's point in the middle of the picture
    y: float
    zoom: float
    roll: float

    @property
    def scale(self) -> float:
        """Pixels for one unit of the scene."""
        return self.height * self.zoom

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        dx, dy = (x - self.x) * self.scale, (y - self.y) * self.scale
        c, s = cos(self.roll), sin(self.roll)
        return c * dx - s * dy + (self.width - 1) / 2, s * dx + c * dy + (self.height - 1) / 2


def view_at(camera: Camera, t: float, size: tuple[int, int]) -> View:
    height, width = size
    pan_x, pan_y = camera.pan(t)
    phase = camera.shake_phase
    shake_x = camera.shake * (sin(2.1 * t + phase) + sin(2.9 * t + 2 * phase))
    shake_y = camera.shake * (sin(2.5 * t + 3 * phase) + sin(1.7 * t + phase))
    middle = width / height / 2
    return View(height, width, middle + pan_x + shake_x, 0.5 + pan_y + shake_y, *camera.zoom(t), *camera.roll(t))


def pose_at(actor: Actor, camera: Camera, t: float, size: tuple[int, int]) -> Pose:
    view = view_at(camera, t, size)
    x, y = view.pixel(*actor.place(t))
    return Pose(x, y, float(actor.radius(t)[0]) * view.scale, float(actor.angle(t)[0]) + view.roll, actor.mirrored)


def render(scene: Scene, frames: int, size: tuple[int, int], dice: Dice) -> Iterator[Picture]:
    """The frames one after the other. `dice` makes the sensor's noise."""
    ground = _ground(scene.background, size)
    grain = dice.noise(size[0] + 64, size[1] + 64)
    for t in range(frames):
        moments = _exposures(_camera_blur(scene, t, size), scene, t)
        frame = _mean([_ground_at(ground, scene.camera, moment, size) for moment in moments])
        labels = np.zeros(size, np.uint8)
        seen = {}
        for actor in scene.actors:
            facts = _paint(frame, labels, actor, scene, t)
            if actor.id:
                seen[actor.id] = facts
        counts = np.bincount(labels.ravel(), minlength=256)
        seen = {i: replace(facts, visible=int(counts[i])) for i, facts in sorted(seen.items())}
        frame = _lit(frame, scene.light, t)
        top, left = dice.integer(0, 64), dice.integer(0, 64)
        noise = grain[top : top + size[0], left : left + size[1], None] // 4
        yield Picture(np.clip(frame + noise.astype(np.int16), 0, 255).astype(np.uint8), labels, seen)


# ---------------------------------------------------------------------------------------------------- exposure


def _exposures(way: float, scene: Scene, t: float) -> list[float]:
    """The moments whose pictures are averaged to blur something that goes `way` pixels while the shutter is open."""
    count = min(MOST_EXPOSURES, 1 + int(way / 1.5))
    if count == 1:
        return [t]
    return [t + scene.shutter * (k / (count - 1) - 0.5) for k in range(count)]


def _camera_blur(scene: Scene, t: float, size: tuple[int, int]) -> float:
    """Pixels that the scene's middle goes during the exposure."""
    if not scene.shutter:
        return 0.0
    middle = size[1] / size[0] / 2, 0.5
    ends = [view_at(scene.camera, t + side * scene.shutter / 2, size).pixel(*middle) for side in (-1, 1)]
    return hypot(ends[1][0] - ends[0][0], ends[1][1] - ends[0][1])


def _mean(pictures: list[np.ndarray]) -> np.ndarray:
    if len(pictures) == 1:
        return pictures[0]
    total = np.zeros(pictures[0].shape, np.int32)
    for picture in pictures:
        total += picture
    return ((total + len(pictures) // 2) // len(pictures)).astype(np.uint8)


# -------------------------------------------------------------------------------------------------- background


def _ground(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The photograph at the scale at which it covers the view and its margin."""
    scale = MARGIN * max(size[0] / image.shape[0], size[1] / image.shape[1])
    shape = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    return cv2.resize(image, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _ground_at(ground: np.ndarray, camera: Camera, t: float, size: tuple[int, int]) -> np.ndarray:
    """What the camera sees of the background at frame t: uint8 (H, W, 3)."""
    view = view_at(camera, t, size)
    dx = (np.arange(size[1]) - (size[1] - 1) / 2)[None, :] / view.zoom  # (1, W)
    dy = (np.arange(size[0]) - (size[0] - 1) / 2)[:, None] / view.zoom  # (H, 1)
    c, s = cos(view.roll), sin(view.roll)
    middle_x = ground.shape[1] / 2 + (view.x - size[1] / size[0] / 2) * size[0]
    middle_y = ground.shape[0] / 2 + (view.y - 0.5) * size[0]
    x, y = c * dx + s * dy + middle_x, c * dy - s * dx + middle_y  # (H, W)
    if camera.ripple:
        wave = 2 * pi / (0.35 * size[0])
        x = x + camera.ripple * size[0] * np.sin(wave * y + 0.5 * t)
    return sample(ground, x, y, border=cv2.BORDER_REFLECT_101)


# ----------------------------------------------------------------------------------------------------- objects


def _paint(frame: np.ndarray, labels: np.ndarray, actor: Actor, scene: Scene, t: int) -> Seen:
    """Paint an actor and its shadow into `frame` and its id into `labels`, in place.

    Returns what is known of it before others may hide it.
    """
    size = labels.shape
    poses = [pose_at(actor, scene.camera, t + side * scene.shutter / 2, size) for side in (-1, 1)]
    blur = hypot(poses[1].x - poses[0].x, poses[1].y - poses[0].y)
    now = pose_at(actor, scene.camera, t, size)
    sharp, top, left = draw(actor.sprite, now, actor.bend, t)
    solid = sharp[..., 3] >= HALF
    layers = [draw(actor.sprite, pose_at(actor, scene.camera, e, size), actor.bend, e)
              for e in _exposures(blur, scene, t)]  # fmt: skip
    picture, p_top, p_left = layers[0] if len(layers) == 1 else _averaged(layers)
    _shadow(frame, picture[..., 3], p_top, p_left, shift=max(1, round(0.06 * now.radius)))
    here, there = _overlap(size, picture.shape, p_top, p_left)
    frame[here] = over(frame[here], picture[there])
    here, there = _overlap(size, sharp.shape, top, left)
    labels[here][solid[there]] = actor.id
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    box = (float(rows[-1] - rows[0] + 1), float(columns[-1] - columns[0] + 1)) if len(rows) else (0.0, 0.0)
    whole, inside = int(solid.sum()), int(solid[there].sum())
    return Seen(whole, inside, inside, box, (now.x, now.y), now.angle, blur)


def _averaged(layers: list[tuple[np.ndarray, int, int]]) -> tuple[np.ndarray, int, int]:
    """The mean of pictures at different places, on the box that holds them all."""
    top, left = min(y for _, y, _ in layers), min(x for _, _, x in layers)
    bottom, right = max(y + p.shape[0] for p, y, _ in layers), max(x + p.shape[1] for p, _, x in layers)
    total = np.zeros((bottom - top, right - left, 4), np.int32)
    for picture, y, x in layers:
        total[y - top : y - top + picture.shape[0], x - left : x - left + picture.shape[1]] += picture
    return ((total + len(layers) // 2) // len(layers)).astype(np.uint8), top, left


def _overlap(size: tuple[int, int], shape: tuple[int, ...], top: int, left: int) -> tuple[tuple, tuple]:
    """Where a box at (top, left) meets the frame: as slices of the frame, and as slices of the box."""
    y0, x0 = min(max(top, 0), size[0]), min(max(left, 0), size[1])
    y1, x1 = max(min(top + shape[0], size[0]), y0), max(min(left + shape[1], size[1]), x0)
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))


def over(ground: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Porter and Duff's "over": `picture` uint8 (h, w, 4), colour times opacity, on `ground` uint8 (h, w, 3)."""
    clear = 255 - picture[..., 3:].astype(np.int32)
    return np.minimum(picture[..., :3] + (ground * clear + 127) // 255, 255).astype(np.uint8)


def _shadow(frame: np.ndarray, alpha: np.ndarray, top: int, left: int, *, shift: int) -> None:
    """A soft shadow below and to the right: it takes up to a third of the light."""
    soft = cv2.blur(alpha, (2 * shift + 1, 2 * shift + 1))
    here, there = _overlap(frame.shape[:2], alpha.shape, top + shift, left + shift)
    keep = 255 * 3 - soft[there][..., None].astype(np.int32)
    frame[here] = frame[here] * keep // (255 * 3)


# ------------------------------------------------------------------------------------------------------- light


def _lit(frame: np.ndarray, light: Light, t: int) -> np.ndarray:
    """The frame under the light of moment t: int16 (H, W, 3), not yet clipped."""
    gain = np.rint(256 * light.gain(t)).astype(np.int32)  # (3,); 256 is "as it is"
    if not light.depth:
        return ((frame * gain) >> 8).astype(np.int16)
    height, width = frame.shape[:2]
    x, y, radius = light.patch(t) * height
    far = ((np.arange(width) - x) ** 2)[None, :] + ((np.arange(height) - y) ** 2)[:, None]  # (H, W)
    patch = np.rint(256 * (1 - light.depth / (1 + (far / radius**2) ** 2))).astype(np.int32)
    return ((frame * ((gain * patch[..., None]) >> 8)) >> 8).astype(np.int16)
