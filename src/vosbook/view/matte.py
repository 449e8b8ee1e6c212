"""Soft edges for a hard mask: how much of each pixel is the object's, and of what colour that part is.

The share, alpha, is a guided filter's (He, Sun, Tang: "Guided Image Filtering", TPAMI 2013): around every pixel it is
taken for a linear function of the three colours, the one that is nearest to the mask. Hair and blur at the rim then
follow the picture. The colours are those of Forte ("Approximate Fast Foreground Colour Estimation", ICIP 2021): object
and ground are averaged around each pixel, each by its share, and what the two together do not explain is the object's.
Shares are squared here, so that pixels of one alone count for more.
"""

import cv2
import numpy as np

RIM = 1 / 60  # of the shorter side: how far from the mask's edge a pixel can be shared
SMOOTH = 1e-4  # of colours in 0..1: steps in the picture that are smaller are no edge


def soft_alpha(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The object's share of every pixel, float32 (H, W) in 0..1; `frame` uint8 (H, W, 3), `mask` bool (H, W).

    Far from the mask's edge it is 1 inside and 0 outside.
    """
    alpha = np.zeros(mask.shape, np.float32)
    if mask.any():
        radius = rim_of(mask.shape)
        rows, columns = (_reach(np.flatnonzero(mask.any(axis=axis)), 3 * radius) for axis in (1, 0))
        alpha[rows, columns] = _soft_alpha(frame[rows, columns], mask[rows, columns], radius)
    return alpha


def _reach(there: np.ndarray, margin: int) -> slice:
    """The part of an axis that holds the places `there`, (N,) rising, and a margin on both sides."""
    return slice(max(0, there[0] - margin), there[-1] + margin + 1)


def _soft_alpha(frame: np.ndarray, mask: np.ndarray, radius: int) -> np.ndarray:
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5) > radius
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) > radius
    alpha = np.clip(_guided(frame.astype(np.float32) / 255, mask.astype(np.float32), radius), 0, 1)
    return np.where(inside, 1, np.where(outside, 0, alpha)).astype(np.float32)


def own_colours(frame: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The frame uint8 (H, W, 3) as it would be without the ground that shows through where alpha (H, W) is below 1."""
    radius = 3 * rim_of(alpha.shape)  # beyond the rim, where pixels are of one alone
    image, share = frame.astype(np.float32), alpha[..., None]  # (H, W, 3), (H, W, 1)
    mine = _mean_by(image, share**2, radius)
    ground = _mean_by(image, (1 - share) ** 2, radius)
    rest = image - share * mine - (1 - share) * ground
    return np.clip(np.rint(mine + share * rest), 0, 255).astype(np.uint8)


def rim_of(size: tuple[int, ...]) -> int:
    """Pixels, for a frame of `size` (H, W)."""
    return max(2, round(min(size) * RIM))


def _box(image: np.ndarray, radius: int) -> np.ndarray:
    side = 2 * radius + 1
    return cv2.blur(image, (side, side), borderType=cv2.BORDER_REFLECT)


def _mean_by(image: np.ndarray, share: np.ndarray, radius: int) -> np.ndarray:
    """The mean colour around each pixel, each pixel counted by its share."""
    weight = _box(share[..., 0], radius)[..., None]
    return _box(image * share, radius) / np.maximum(weight, 1e-6)


def _guided(guide: np.ndarray, p: np.ndarray, radius: int) -> np.ndarray:
    """The guided filter of p (H, W) by colours, float32 (H, W, 3)."""
    mean, mean_p = _box(guide, radius), _box(p, radius)
    covariance = _box(guide * p[..., None], radius) - mean * mean_p[..., None]  # (H, W, 3)
    h, w = p.shape
    second = _box((guide[..., :, None] * guide[..., None, :]).reshape(h, w, 9), radius).reshape(h, w, 3, 3)
    spread = second - mean[..., :, None] * mean[..., None, :] + SMOOTH * np.eye(3, dtype=np.float32)
    a = np.linalg.solve(spread, covariance[..., None])[..., 0]  # (H, W, 3)
    b = mean_p - (a * mean).sum(axis=2)
    return (_box(a, radius) * guide).sum(axis=2) + _box(b, radius)
