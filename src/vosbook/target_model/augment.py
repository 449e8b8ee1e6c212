"""First-frame augmentation of FRTM (supplement, section 6): the target cut out, changed, and pasted elsewhere.

The lists of values are the released code's. How they are drawn, where the target is put and how it is pasted is stated
nowhere in the paper. There are two sets of rules for that: ours, and the released code's (`RELEASED`), read off it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import cv2
import numpy as np

EMPTY_BACKGROUND = 128  # gray, where the target covers the whole frame and there is nothing to fill in from
LEAST_SIDE = 10  # pixels: the released code enlarges a target whose box would have a shorter side


@dataclass(frozen=True)
class AugmentConfig:
    """What is drawn for each sample, from the values listed, and by whose rules."""

    angles: tuple[float, ...] = (5, 10, 20, 30, 45)  # degrees, either way
    flip: float = 1 / 5  # share of samples mirrored left to right
    scales: tuple[float, ...] = (0.5, 0.7, 1, 1.5, 2, 2.5)
    skew: float = 0.1  # shear
    skewed: float = 1 / 3  # share of samples that are sheared
    blurs: tuple[float, ...] = (0, 0, 0, 2)  # pixels
    background_scales: tuple[float, ...] = (1, 1, 1.2)
    background_blurs: tuple[float, ...] = (0, 0, 1, 2, 5)
    jitter: float = 0.25  # of a grid cell: the most, either way (ours); the standard deviation (released)
    rules: Literal["ours", "released"] = "ours"

    def __post_init__(self) -> None:
        if self.rules not in ("ours", "released"):
            raise ValueError(f'rules are "ours" or "released", got {self.rules!r}')


RELEASED = AugmentConfig(jitter=1 / 8, rules="released")


Blur = float | np.ndarray  # sigma of a Gaussian in pixels, 0 for none; or a kernel that sums to one


class Change(NamedTuple):
    """How one sample differs from the frame."""

    centre: tuple[float, float]  # (x, y) in pixels, to which the middle of the target's box goes
    linear: np.ndarray  # (2, 2), the target's turn, scale, mirror and shear
    blur: Blur  # of the target
    background_scale: float
    background_blur: Blur


def augment_first_frame(
    frame: np.ndarray, mask: np.ndarray, *, samples: int = 4, seed: int = 0, config: AugmentConfig = AugmentConfig()
) -> tuple[np.ndarray, np.ndarray]:
    """The frame and `samples` altered copies, with their masks.

    frame `uint8 (H, W, 3)` RGB, mask `bool (H, W)`, true on the target alone: void pixels are not. Returns
    `uint8 (1 + samples, H, W, 3)` and `bool (1 + samples, H, W)`; the first of each is what was given. The same seed
    gives the same samples. A copy in which nothing of the target is left in view is replaced: by the frame as given
    (our rules), or by another draw (the released ones).
    """
    if mask.dtype != bool or mask.shape != frame.shape[:2]:
        raise ValueError(f"mask must be bool {frame.shape[:2]}, got {mask.dtype} {mask.shape}")
    if not mask.any():
        raise ValueError("mask has no target pixel")
    generator = np.random.default_rng(seed)
    paste = {"ours": _paste_our_way, "released": _paste_released_way}[config.rules]
    copies = list(paste(frame, mask, samples, config, generator))
    images, masks = zip((frame, mask), *copies)
    return np.stack(images), np.stack(masks)


def fill_target(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The frame `uint8 (H, W, 3)` with the target's pixels filled in from around it (Telea's method, radius 1)."""
    if mask.all():
        return np.full_like(frame, EMPTY_BACKGROUND)
    return cv2.inpaint(frame, mask.astype(np.uint8), 1, cv2.INPAINT_TELEA)


# ------------------------------------------------------------------------------------------------------- our rules


def _paste_our_way(
    frame: np.ndarray, mask: np.ndarray, samples: int, config: AugmentConfig, generator: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """A hard cut; what a warp takes from beyond the frame is mirrored."""
    background = fill_target(frame, mask)
    for change in _our_changes(mask.shape, samples, config, generator):
        below, move = _background(background, change, cv2.BORDER_REFLECT), _move(mask, change)
        above = cv2.warpAffine(
            frame, move, mask.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )  # OpenCV's sizes are (W, H)
        above, where = _blurred(above, change.blur), _warped(mask, move)
        yield (np.where(where[..., None], above, below), where) if where.any() else (frame, mask)


def _our_changes(
    size: tuple[int, int], samples: int, config: AugmentConfig, generator: np.random.Generator
) -> Iterator[Change]:
    """Everything is drawn independently, but for the scales of one frame's copies, which differ.

    So never all of them shrink the target. Over many seeds that is as good as independent scales (record
    `frtm_choices`).
    """
    centres = _square_grid(samples, size, config.jitter, generator)
    for centre, scale in zip(centres, _deal(config.scales, samples, generator)):
        background_scale = generator.choice(config.background_scales)
        background_blur = generator.choice(config.background_blurs)
        angle = generator.choice(config.angles) * generator.choice([-1, 1])
        mirror = -1 if generator.random() < config.flip else 1
        skew = config.skew * generator.choice([-1, 1]) if generator.random() < config.skewed else 0
        linear = scale * _turn(angle) @ np.array([[mirror, skew], [0, 1]])
        yield Change(centre, linear, generator.choice(config.blurs), background_scale, background_blur)


def _deal(values: tuple[float, ...], samples: int, generator: np.random.Generator) -> list[float]:
    """As many of the values, in random order, each once before any comes again."""
    rounds = -(-samples // len(values))
    return [v for _ in range(rounds) for v in generator.permutation(values).tolist()][:samples]


def _square_grid(
    samples: int, size: tuple[int, int], jitter: float, generator: np.random.Generator
) -> list[tuple[float, float]]:
    """(x, y) of `samples` different cells of the smallest square grid that has so many, each moved a little."""
    n = int(np.ceil(np.sqrt(samples)))
    cells = generator.permutation(n * n)[:samples]
    moved = generator.uniform(-jitter, jitter, (samples, 2))
    height, width = size
    return [
        ((cell % n + 0.5 + dx) / n * width, (cell // n + 0.5 + dy) / n * height) for cell, (dx, dy) in zip(cells, moved)
    ]


# -------------------------------------------------------------------------------------------- the released code's rules


def _paste_released_way(
    frame: np.ndarray, mask: np.ndarray, samples: int, config: AugmentConfig, generator: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """A soft cut: the target's colours, black around it, are pasted by a warped mask; beyond the frame all is black.

    The target's edge is weighted twice so, once in its colours and once by the mask, which leaves a dark seam.
    """
    cross = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2, 2))
    background = fill_target(frame, cv2.dilate(mask.astype(np.uint8), cross) > 0)
    cut = np.dstack([frame * mask[..., None], np.where(mask, 255, 0)]).astype(np.float32)  # (H, W, 4): RGB, alpha
    found = 0
    while found < samples:
        for change in _released_changes(mask, samples, config, generator):
            move = _move(mask, change)
            where = _warped(mask, move)
            if not where.any() or found == samples:
                continue
            found += 1
            below = _background(background.astype(np.float32), change, cv2.BORDER_CONSTANT)
            above = cv2.warpAffine(cut, move, mask.shape[::-1], flags=cv2.INTER_CUBIC).clip(0, 255)
            above = _blurred(above, change.blur)
            alpha = above[..., 3:] / 255
            yield (above[..., :3] * alpha + below * (1 - alpha)).clip(0, 255).astype(np.uint8), where


def _released_changes(
    mask: np.ndarray, samples: int, config: AugmentConfig, generator: np.random.Generator
) -> Iterator[Change]:
    """Every list is dealt without repetition, on its own. The frame counts as a sample when the grid is laid out."""
    angles = tuple(sign * angle for angle in config.angles for sign in (1, -1))
    dealt = zip(
        _frame_grid(samples + 1, mask.shape, config.jitter, generator),
        _deal(angles, samples, generator),
        _deal(_flags(config.flip), samples, generator),
        _deal(config.scales, samples, generator),
        _deal(_flags(config.skewed), samples, generator),
        _deal(config.blurs, samples, generator),
        _deal((0, 45, 90, 135), samples, generator),
        _deal(config.background_scales, samples, generator),
        _deal(config.background_blurs, samples, generator),
        _deal((0, 45, 90, 135), samples, generator),
    )
    for centre, angle, flip, scale, skewed, blur, blur_angle, below_scale, below_blur, below_angle in dealt:
        skew = config.skew * skewed
        shear = np.array([[1, skew], [skew, 1]])  # along both axes
        linear = _fitting(scale, mask) * shear @ _turn(angle) @ np.diag([1 - 2 * flip, 1])
        kernel, below_kernel = _directional(blur, blur_angle), _directional(below_blur, below_angle)
        yield Change(centre, linear, kernel, below_scale, below_kernel)


def _flags(share: float) -> tuple[int, ...]:
    """A list with one 1, which is the `share` of it: (0, 0, 1) for a third."""
    return (*[0] * (round(1 / share) - 1), 1) if share else (0,)


def _frame_grid(
    samples: int, size: tuple[int, int], jitter: float, generator: np.random.Generator
) -> list[tuple[float, float]]:
    """(x, y) of `samples` different cells of a grid of the frame's shape, 2x4 for five at 480x854, each moved a little.

    `jitter`: standard deviation of the move, as a share of the cell.
    """
    height, width = size
    rows = int(np.ceil(np.sqrt(samples * height / width)))
    columns = int(np.ceil(rows * width / height))
    cells = generator.permutation(rows * columns)[:samples]
    moved = generator.normal(0, jitter, (samples, 2))
    return [
        ((cell % columns + 0.5 + dx) / columns * width, (cell // columns + 0.5 + dy) / rows * height)
        for cell, (dx, dy) in zip(cells, moved)
    ]


def _fitting(scale: float, mask: np.ndarray) -> float:
    """The scale, but the target's box stays within the frame's size, and its sides at least 10 pixels long."""
    rows, columns = _box(mask)
    sides = np.array([rows[1] - rows[0] + 1, columns[1] - columns[0] + 1])
    if (scale * sides > mask.shape).any():
        scale = (np.array(mask.shape) / sides).min()
    if (scale * sides < LEAST_SIDE).any():
        scale = (LEAST_SIDE / sides).max()
    return float(scale)


def _directional(size: float, angle: float) -> Blur:
    """A Gaussian along one direction (degrees): variances `size` along it and .1 across; 0 where there is no blur."""
    if not size:
        return 0.0
    covariance = _turn(angle) @ np.diag([size, 0.1]) @ _turn(angle).T
    radius = int(size / 2 + 0.5) // 2 * 2 + 1  # the next odd number
    span = np.arange(-radius, radius + 1)
    points = np.stack(np.meshgrid(span, span))  # (2, k, k): x, y
    distance = (points * np.tensordot(np.linalg.inv(covariance), points, axes=1)).sum(axis=0)
    kernel = np.exp(-distance / 2)
    return (kernel / kernel.sum()).astype(np.float32)


# ------------------------------------------------------------------------------------------------------------ both


def _background(image: np.ndarray, change: Change, border: int) -> np.ndarray:
    height, width = image.shape[:2]
    zoom = cv2.getRotationMatrix2D((width / 2, height / 2), 0, change.background_scale)
    warped = cv2.warpAffine(image, zoom, (width, height), flags=cv2.INTER_CUBIC, borderMode=border)
    return _blurred(warped, change.background_blur)


def _move(mask: np.ndarray, change: Change) -> np.ndarray:
    """The affine map `(2, 3)` that takes the middle of the target's bounding box to the change's centre (x, y)."""
    rows, columns = _box(mask)
    middle = sum(columns) / 2, sum(rows) / 2
    return np.column_stack([change.linear, np.array(change.centre) - change.linear @ middle])


def _box(mask: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last row, first and last column, of the target."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (int(rows[0]), int(rows[-1])), (int(columns[0]), int(columns[-1]))


def _turn(angle: float) -> np.ndarray:
    """Rotation (2, 2) by an angle in degrees."""
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return np.array([[cos, sin], [-sin, cos]])


def _warped(mask: np.ndarray, move: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(mask.astype(np.uint8), move, mask.shape[::-1], flags=cv2.INTER_NEAREST) > 0


def _blurred(image: np.ndarray, blur: Blur) -> np.ndarray:
    if isinstance(blur, np.ndarray):
        return cv2.filter2D(image, -1, blur, borderType=cv2.BORDER_CONSTANT)
    return cv2.GaussianBlur(image, (0, 0), blur) if blur else image
