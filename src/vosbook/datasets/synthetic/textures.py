"""Photographs and textures: those that scikit-image's wheel carries, so nothing is ever downloaded."""

from functools import cache
from importlib.resources import as_file, files

import cv2
import numpy as np

from vosbook.datasets.synthetic.dice import Dice
from vosbook.video.images import read_image

PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "camera.png")
GROUNDS = ("brick.png", "coins.png", "grass.png", "gravel.png", "ihc.png", "moon.png", "hubble_deep_field.jpg")


@cache
def photograph(name: str) -> np.ndarray:
    """One of scikit-image's pictures, uint8 (H, W, 3) RGB, the longer side at most 720 pixels. Do not change it."""
    with as_file(files("skimage") / "data" / name) as path:
        image = read_image(path)
    shrink = 720 / max(image.shape[:2])
    if shrink < 1:
        size = (round(image.shape[1] * shrink), round(image.shape[0] * shrink))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    image.setflags(write=False)
    return image


def hue(dice: Dice, *, light: tuple[float, float] = (0.35, 0.95)) -> np.ndarray:
    """A vivid colour, float (3,) in 0..255."""
    high, low = dice.uniform(*light), dice.uniform(0.05, 0.25)
    levels = [high, low + (high - low) * dice.random(), low]
    return 255.0 * np.array(dice.shuffled(levels))


def background(dice: Dice) -> np.ndarray:
    """A photograph or a textured ground, at times mirrored or tinted: uint8 (H, W, 3)."""
    name = dice.choice(PHOTOGRAPHS + PHOTOGRAPHS + GROUNDS)
    image = photograph(name)
    if dice.chance(0.5):
        image = image[:, ::-1]
    tint = np.ones(3)
    if (image[..., 0] == image[..., 1]).all():  # a gray picture
        tint = 0.55 + 0.45 * hue(dice, light=(0.8, 1.0)) / 255
    elif dice.chance(0.25):
        tint = np.array([dice.uniform(0.8, 1) for _ in "rgb"])
    return np.rint(image * tint).astype(np.uint8)


def material(dice: Dice, size: int, *, vivid: float) -> np.ndarray:
    """A square of texture, uint8 (size, size, 3), from a crop of a photograph.

    It keeps its colours (channels shuffled), or with the chance `vivid` lends its relief to one bright colour.
    """
    image = photograph(dice.choice(GROUNDS + PHOTOGRAPHS))
    side = dice.integer(70, 200)
    top, left = dice.integer(0, image.shape[0] - side), dice.integer(0, image.shape[1] - side)
    crop = cv2.resize(image[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_LINEAR)
    if not dice.chance(vivid):
        return crop[..., dice.shuffled([0, 1, 2])]
    relief = crop.mean(axis=2, keepdims=True)
    relief = (relief - relief.mean()) * dice.uniform(0.5, 0.9)
    return np.rint(np.clip(hue(dice) + relief, 8, 247)).astype(np.uint8)
