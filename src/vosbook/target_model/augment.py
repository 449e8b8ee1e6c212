"""First-frame augmentation of FRTM (supplement, section 6): the target cut out, changed, and pasted elsewhere.

The parameters are the released code's. How far a grid centre is jittered, and along which axis the skew acts, is
stated nowhere and is our choice; so is that the scales of one frame's samples differ, so that never all of them shrink
the target. Over many seeds that is as good as drawing them independently (record `frtm_choices`).
"""

from dataclasses import dataclass

import cv2
import numpy as np

EMPTY_BACKGROUND = 128  # gray, where the target covers the whole frame and there is nothing to fill in from


@dataclass(frozen=True)
class AugmentConfig:
    """What is drawn for each sample, uniformly from the values listed."""

    angles: tuple[float, ...] = (5, 10, 20, 30, 45)  # degrees, either way
    flip: float = 1 / 5  # share of samples mirrored left to right
    scales: tuple[float, ...] = (0.5, 0.7, 1, 1.5, 2, 2.5)  # dealt like cards: none again before all have come
    skew: float = 0.1  # horizontal shear, either way
    skewed: float = 1 / 3  # share of samples that are sheared
    blurs: tuple[float, ...] = (0, 0, 0, 2)  # sigma of a Gaussian, pixels
    background_scales: tuple[float, ...] = (1, 1, 1.2)
    background_blurs: tuple[float, ...] = (0, 0, 1, 2, 5)
    jitter: float = 0.25  # of a grid cell, either way


def augment_first_frame(
    frame: np.ndarray, mask: np.ndarray, *, samples: int = 4, seed: int = 0, config: AugmentConfig = AugmentConfig()
) -> tuple[np.ndarray, np.ndarray]:
    """The frame and `samples` altered copies, with their masks.

    frame `uint8 (H, W, 3)` RGB, mask `bool (H, W)`, true on the target alone: void pixels are not. Returns
    `uint8 (1 + samples, H, W, 3)` and `bool (1 + samples, H, W)`; the first of each is what was given. The same seed
    gives the same samples. A copy in which nothing of the target is left in view is replaced by the frame as given.
    """
    if mask.dtype != bool or mask.shape != frame.shape[:2]:
        raise ValueError(f"mask must be bool {frame.shape[:2]}, got {mask.dtype} {mask.shape}")
    if not mask.any():
        raise ValueError("mask has no target pixel")
    generator = np.random.default_rng(seed)
    background = fill_target(frame, mask)
    images, masks = [frame], [mask]
    centres = _grid_centres(samples, mask.shape, config.jitter, generator)
    for centre, scale in zip(centres, _deal(config.scales, samples, generator)):
        pasted, pasted_mask = _paste(frame, mask, background, centre, scale, config, generator)
        visible = pasted_mask.any()
        images.append(pasted if visible else frame)
        masks.append(pasted_mask if visible else mask)
    return np.stack(images), np.stack(masks)


def fill_target(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The frame `uint8 (H, W, 3)` with the target's pixels filled in from around it (Telea's method, radius 1)."""
    if mask.all():
        return np.full_like(frame, EMPTY_BACKGROUND)
    return cv2.inpaint(frame, mask.astype(np.uint8), 1, cv2.INPAINT_TELEA)


def _deal(values: tuple[float, ...], samples: int, generator: np.random.Generator) -> list[float]:
    """As many of the values, in random order, each once before any comes again."""
    rounds = -(-samples // len(values))
    return [v for _ in range(rounds) for v in generator.permutation(values).tolist()][:samples]


def _grid_centres(
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


def _paste(
    frame: np.ndarray,
    mask: np.ndarray,
    background: np.ndarray,
    centre: tuple[float, float],
    scale: float,
    config: AugmentConfig,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """One sample: background and target altered separately, the target put with its middle at `centre` (x, y)."""
    size = mask.shape[1::-1]  # OpenCV's order, (W, H)
    zoom = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), 0, generator.choice(config.background_scales))
    below = cv2.warpAffine(background, zoom, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    below = _blur(below, generator.choice(config.background_blurs))

    move = _target_transform(mask, centre, scale, config, generator)
    above = cv2.warpAffine(frame, move, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    above = _blur(above, generator.choice(config.blurs))
    where = cv2.warpAffine(mask.astype(np.uint8), move, size, flags=cv2.INTER_NEAREST) > 0
    return np.where(where[..., None], above, below), where


def _target_transform(
    mask: np.ndarray,
    centre: tuple[float, float],
    scale: float,
    config: AugmentConfig,
    generator: np.random.Generator,
) -> np.ndarray:
    """A random affine map `(2, 3)` that takes the middle of the target's bounding box to `centre` (x, y)."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    middle = (columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2
    angle = np.deg2rad(generator.choice(config.angles) * generator.choice([-1, 1]))
    flip = -1 if generator.random() < config.flip else 1
    skew = config.skew * generator.choice([-1, 1]) if generator.random() < config.skewed else 0
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    linear = scale * turn @ np.array([[flip, skew], [0, 1]])
    return np.column_stack([linear, np.array(centre) - linear @ middle])


def _blur(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image
