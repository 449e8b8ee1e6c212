"""An object as a picture: its parts painted with textures and shaded, and the warps that move and bend it.

All pixels are made by integer arithmetic from positions rounded to 1/32 pixel, so that two machines whose sines differ
in the last bit still make the same picture.
"""

from dataclasses import dataclass
from functools import cached_property
from math import cos, pi, sin

import cv2
import numpy as np

from vosbook.datasets.synthetic.dice import Dice
from vosbook.datasets.synthetic.shapes import Part
from vosbook.datasets.synthetic.textures import material

SIDE = 512  # pixels of the finest picture, for the square from -1 to 1
FRACTION = 32  # positions are rounded to 1/32 pixel


@dataclass(frozen=True)
class Sprite:
    """An object facing right on the square from -1 to 1: `rgba` uint8 (SIDE, SIDE, 4), colour times opacity."""

    rgba: np.ndarray

    @cached_property
    def levels(self) -> list[np.ndarray]:
        """The picture at SIDE, SIDE/2, ..., 16 pixels, each the mean of the one before."""
        levels = [self.rgba]
        while (side := len(levels[-1]) // 2) >= 16:
            levels.append(cv2.resize(levels[-1], (side, side), interpolation=cv2.INTER_AREA))
        return levels

    def at_scale(self, radius: float) -> np.ndarray:
        """The level to draw from when the square's half side is `radius` pixels: one to two of its pixels for each."""
        k = 0
        while k + 1 < len(self.levels) and len(self.levels[k + 1]) >= 2 * radius:
            k += 1
        return self.levels[k]


def _fill(outline: np.ndarray, side: int, value: int, canvas: np.ndarray) -> None:
    """Paint a polygon, given on the square from -1 to 1, into `canvas` (side, side) uint8."""
    corners = np.rint((outline + 1) * (side / 2 * 16)).astype(np.int32)  # in 1/16 pixels
    cv2.fillPoly(canvas, [corners], value, lineType=cv2.LINE_8, shift=4)


def make_sprite(parts: list[Part], dice: Dice, *, vivid: float = 0.55) -> Sprite:
    """Paint the parts in order, each with the texture of its kind, and shade the whole like something round.

    `vivid` is the chance that a texture has one bright colour instead of a photograph's.
    """
    fine = 2 * SIDE
    kinds = ("hole", "body", "second", "light", "dark")  # the value each is painted with
    painted = np.zeros((fine, fine), np.uint8)
    for part in parts:
        _fill(part.outline, fine, kinds.index(part.kind), painted)
    light, dark = np.array([238, 236, 226]), np.array([34, 32, 38])
    plain = [np.broadcast_to(c.astype(np.uint8), (SIDE, SIDE, 3)) for c in (light, dark)]
    textures = [np.zeros((SIDE, SIDE, 3), np.uint8), *(material(dice, SIDE, vivid=vivid) for _ in range(2)), *plain]
    coarse = painted[::2, ::2]
    rgb = np.zeros((SIDE, SIDE, 3), np.uint8)
    for value, texture in enumerate(textures):
        np.copyto(rgb, texture, where=(coarse == value)[..., None])
    alpha = cv2.resize(np.where(painted > 0, 255, 0).astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return Sprite(_premultiplied(_shaded(_spread(rgb, coarse > 0), alpha), alpha))


def _spread(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Carry colours one pixel outwards, so that the half-covered rim does not darken."""
    wide = cv2.dilate(rgb, np.ones((3, 3), np.uint8))
    return np.where(known[..., None], rgb, wide)


def _shaded(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Light from the upper left on a surface that falls off towards the rim."""
    small = cv2.resize(alpha, (SIDE // 4, SIDE // 4), interpolation=cv2.INTER_AREA)
    height = cv2.GaussianBlur(small, (0, 0), SIDE / 96)  # of uint8: OpenCV blurs and resizes it in fixed point
    slope = cv2.Sobel(height, cv2.CV_16S, 1, 0) + cv2.Sobel(height, cv2.CV_16S, 0, 1)
    change = cv2.resize((np.clip(slope, -110, 70) + 128).astype(np.uint8), (SIDE, SIDE))
    gain = change.astype(np.uint16) + 128  # 256 is "as it is"
    return np.minimum((rgb * gain[..., None].astype(np.uint32)) >> 8, 255).astype(np.uint8)


def _premultiplied(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    a = alpha[..., None].astype(np.int32)
    return np.concatenate([((rgb * a + 127) // 255).astype(np.uint8), alpha[..., None]], axis=2)


# ------------------------------------------------------------------------------------------------- deformation

DEFORMATIONS = {
    "bird": "flap",
    "butterfly": "flap",
    "fish": "swim",
    "worm": "swim",
    "leaf": "bend",
    "turtle": "wobble",
    "rocket": "bend",
}  # the rest (car, mug, key) are rigid


@dataclass(frozen=True)
class Deformation:
    """A motion that is not rigid, in the object's own coordinates; `kind` "none" leaves the object as it is."""

    kind: str = "none"
    amplitude: float = 0.0  # in units of the object's half side
    period: float = 12.0  # frames
    phase: float = 0.0

    def undo(self, u: np.ndarray, v: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """Where on the undeformed object the point (u, v) of the deformed one at frame t comes from."""
        angle = 2 * pi * t / self.period + self.phase
        if self.kind == "swim":  # a wave that runs from head to tail and grows on the way
            return u, v + self.amplitude * (0.9 - 0.7 * u) * np.sin(angle + 3 * u)
        if self.kind == "bend":
            return u, v + self.amplitude * sin(angle) * (u * u - 0.3)
        if self.kind == "flap":  # about the body's axis: wings shorten and tip
            fold = 1 - self.amplitude * (1 + sin(angle))
            return u / fold, v + 0.5 * self.amplitude * sin(angle) * abs(u)
        if self.kind == "wobble":
            return u + self.amplitude * np.sin(angle + 3 * v), v + self.amplitude * np.sin(angle + 3 * u)
        return u, v


# ------------------------------------------------------------------------------------------------------- warps


@dataclass(frozen=True)
class Pose:
    """Where an object is in the frame at one moment."""

    x: float  # centre in pixels from the left, pixel centres at whole numbers
    y: float
    radius: float  # half side of its square, in pixels
    angle: float  # radians, clockwise on the screen
    mirrored: bool = False


def sample(image: np.ndarray, x: np.ndarray, y: np.ndarray, *, border: int) -> np.ndarray:
    """Bilinear values of `image` (h, w, C) at positions x, y (H, W) in pixels, rounded to 1/32: uint8 (H, W, C)."""
    x, y = (np.rint(np.clip(p, -1e3, 3e4) * FRACTION).astype(np.int32) for p in (x, y))
    whole = np.stack([x >> 5, y >> 5], axis=-1).astype(np.int16)
    part = ((y & 31) * FRACTION + (x & 31)).astype(np.uint16)
    return cv2.remap(image, whole, part, cv2.INTER_LINEAR, borderMode=border)


REACH = 1.45  # a deformed and turned object stays within this many half sides of its centre


def draw(sprite: Sprite, pose: Pose, bend: Deformation, t: float) -> tuple[np.ndarray, int, int]:
    """The object at frame t: uint8 (h, w, 4), colour times opacity, and the row and column of its upper left corner."""
    reach = int(np.ceil(REACH * pose.radius))
    left, top = int(np.floor(pose.x)) - reach, int(np.floor(pose.y)) - reach
    steps = np.arange(2 * reach + 2, dtype=np.float64)
    dx = (steps[None, :] + (left - pose.x)) / pose.radius  # (1, w)
    dy = (steps[:, None] + (top - pose.y)) / pose.radius  # (h, 1)
    u = dx * cos(pose.angle) + dy * sin(pose.angle)  # (h, w): the object's own coordinates
    v = dy * cos(pose.angle) - dx * sin(pose.angle)
    u, v = bend.undo(-u if pose.mirrored else u, v, t)
    level = sprite.at_scale(pose.radius)
    half = len(level) / 2
    return sample(level, (u + 1) * half - 0.5, (v + 1) * half - 0.5, border=cv2.BORDER_CONSTANT), top, left
