"""Where a method goes wrong: which pixels, on which kinds of sequence, and when (Maninis et al., TPAMI 2018).

The paper's misclassified-pixels analysis (Figure 10), attributes (Table 4) and quality over time (Figure 11).
"""

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass
from math import hypot

import cv2
import numpy as np

# Of the diagonal: a false positive is close up to here (20 px at 480x854). The paper gives no number, and its text fits
# every distance: the order of its methods is the same at all that the run `evaluate_official` tries.
CLOSE = 0.02


@dataclass(frozen=True)
class PixelErrors:
    """Shares of a frame's pixels, each in 0..1."""

    fp_close: float  # false positives near the object: its contour is not exact
    fp_far: float  # false positives elsewhere: something else was taken for the object
    fn: float  # false negatives: a part of the object was missed


def pixel_errors(prediction: np.ndarray, truth: np.ndarray, *, close: float = CLOSE) -> PixelErrors:
    """Tell the wrong pixels of two masks bool (H, W) apart. Where the truth is empty, every false positive is far.

    `close` is a distance from the true object in diagonals of the frame.
    """
    wrong, missed = prediction & ~truth, truth & ~prediction
    if wrong.any() and truth.any():
        distance = cv2.distanceTransform((~truth).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)  # to the truth
        far = np.count_nonzero(wrong & (distance > close * hypot(*truth.shape)))
    else:
        far = np.count_nonzero(wrong)
    near = np.count_nonzero(wrong) - far
    return PixelErrors(*(float(count / wrong.size) for count in (near, far, np.count_nonzero(missed))))


def attribute_gains(
    scores: Mapping[str, float], attributes: Mapping[str, Iterable[str]]
) -> dict[str, tuple[float, float | None]]:
    """For every attribute, the mean of the sequences that have it, and by how much the mean of the others is higher.

    `scores` and `attributes` go by sequence. The gain is None where all sequences have the attribute.
    """
    found = {}
    for tag in sorted({tag for name in scores for tag in attributes.get(name, ())}):
        having = [score for name, score in scores.items() if tag in attributes.get(name, ())]
        others = [score for name, score in scores.items() if tag not in attributes.get(name, ())]
        mean = float(np.mean(having))
        found[tag] = mean, float(np.mean(others)) - mean if others else None
    return found


def over_time(curves: Iterable[Many[float]], *, points: int = 101) -> np.ndarray:
    """Mean of curves of any length, each stretched to 0..100 % of its video: float64 (points,). Figure 11.

    The paper says no more than that lengths are normalised; between frames we interpolate linearly. Of the scored
    frames of the published masks the lowest points are then .810 (OSVOS-S), .810 (OnAVOS) and .696 (OSVOS), where the
    paper gives .820, .810 and, of OSVOS and MSK, .737 and .698 without saying which is which. The lowest point depends
    on `points`: between 11 and 201 of them it moves by 1.6, 2.3 and 2.3 points.
    """
    stretched = [np.interp(np.linspace(0, len(c) - 1, points), np.arange(len(c)), c) for c in curves]
    return np.mean(stretched, axis=0)
