"""Views: a frame looked at anew, mirrored, sheared, turned, zoomed, shifted and in another light, all at random.

Everything that learns from a frame and its mask in more than one way draws its views here: the clips of recurrent
networks, single frames, and the one frame that a network is tuned on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

BORDER = (124, 116, 104)  # what lies beyond the frame: ImageNet's mean colour, zero after a backbone's normalisation
ATTEMPTS = 10  # at a map that is accepted


@dataclass(frozen=True)
class ViewConfig:
    """What is drawn for every view. As it stands, a frame is seen as it is."""

    flip: float = 0.0  # share of the views that are mirrored
    rotation: float = 0.0  # degrees, either way
    translation: float = 0.0  # of the frame's width and height, either way
    shear: float = 0.0  # either way, along x
    zoom: tuple[float, float] = (1.0, 1.0)
    light: float = 0.0  # change of each colour's brightness, either way
    min_pixels: int = 1  # of an object that is in view, at the view's size

    def __post_init__(self) -> None:
        if not 0 < self.zoom[0] <= self.zoom[1]:
            raise ValueError(f"zoom is (least, most), over 0, got {self.zoom}")


# Of clips, with ranges of RVOS's code; of single frames, as OSVOS's; and of a frame whose mask was given for learning.
CLIP_VIEWS = ViewConfig(flip=0.5, rotation=10.0, translation=0.1, shear=0.1, zoom=(0.7, 1.4), min_pixels=100)
STILL_VIEWS = ViewConfig(flip=0.5, rotation=30.0, zoom=(0.75, 1.25), min_pixels=100)
GIVEN_VIEWS = replace(STILL_VIEWS, min_pixels=1)


def draw_view(
    frame: np.ndarray,
    mask: np.ndarray,
    views: ViewConfig,
    generator: np.random.Generator,
    *,
    size: tuple[int, int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """A random view of a frame `uint8 (h, w, 3)` and its mask `uint8 (h, w)`, of `size` (H, W); None: the frame's own.

    The object stays in view, unless it is too small from the start.
    """
    size = size or mask.shape

    def keeps_object(move: np.ndarray) -> bool:
        return bool(np.count_nonzero(warp_labels(mask, move, size)) >= views.min_pixels)

    move = draw_map(views, generator, size=size, accept=keeps_object)
    return warp_image(cv2.LUT(frame, draw_light(views, generator)), move, size), warp_labels(mask, move, size)


def draw_map(
    views: ViewConfig, generator: np.random.Generator, *, size: tuple[int, int], accept: Callable[[np.ndarray], bool]
) -> np.ndarray:
    """The first of `draw_affine`'s maps that `accept` takes; after ten that it does not, the one that moves nothing."""
    for _ in range(ATTEMPTS):
        move = draw_affine(views, generator, size=size)
        if accept(move):
            return move
    return np.eye(2, 3)


def draw_light(views: ViewConfig, generator: np.random.Generator) -> np.ndarray:
    """A table `uint8 (256, 1, 3)` for `cv2.LUT`: what the brightness 0..255 of each colour is changed to."""
    factors = 1 + generator.uniform(-views.light, views.light, 3)
    return np.clip(np.arange(256)[:, None, None] * factors + 0.5, 0, 255).astype(np.uint8)


def draw_affine(views: ViewConfig, generator: np.random.Generator, *, size: tuple[int, int]) -> np.ndarray:
    """A random map `(2, 3)` of points (x, y): mirror, shear, turn and zoom about the middle of the frame, then shift.

    Points are counted from the middle, in half widths and half heights, so the map suits any size of the frame; angles
    are true at `size` (H, W).
    """
    angle = np.deg2rad(generator.uniform(-views.rotation, views.rotation))
    shear = generator.uniform(-views.shear, views.shear)
    zoom = generator.uniform(*views.zoom)
    shift = 2 * generator.uniform(-views.translation, views.translation, 2)
    mirror = -1 if generator.random() < views.flip else 1
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = zoom * turn @ np.array([[1, shear], [0, 1]]) @ np.diag([mirror, 1])
    pixels = np.array(size[::-1])  # (W, H): in pixels, the frame has its shape
    return np.column_stack([linear * pixels[None] / pixels[:, None], shift])


def warp_image(image: np.ndarray, move: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an image `uint8 (h, w, 3)` to `size` (H, W) and move it; what comes into view is `BORDER`."""
    if any(n_in > n_out for n_in, n_out in zip(image.shape, size)):  # first averaged, or pixels would be skipped
        image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    pixels = _in_pixels(move, image.shape[:2], size)
    return cv2.warpAffine(image, pixels, size[::-1], flags=cv2.INTER_LINEAR, borderValue=BORDER)


def warp_labels(labels: np.ndarray, move: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`warp_image` for labels `uint8 (h, w)`: the nearest pixel's id, 0 where nothing was."""
    pixels = _in_pixels(move, labels.shape, size)
    return cv2.warpAffine(labels, pixels, size[::-1], flags=cv2.INTER_NEAREST)


def _in_pixels(move: np.ndarray, size_in: tuple[int, int], size_out: tuple[int, int]) -> np.ndarray:
    """The map from pixels of one size to those of another, `(2, 3)`; as in OpenCV, pixel 0 has its middle at 0."""
    whole = np.linalg.inv(_centred(size_out)) @ np.vstack([move, [0, 0, 1]]) @ _centred(size_in)
    return whole[:2]


def _centred(size: tuple[int, int]) -> np.ndarray:
    """From pixel numbers (x, y, 1) to points of a frame whose sides are 2, `(3, 3)`."""
    height, width = size
    return np.array([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1]])
