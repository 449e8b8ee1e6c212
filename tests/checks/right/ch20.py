"""Right answers to the exercises of chapter 20 in other styles than the solution's: no check may refuse them."""

import math
from itertools import groupby, pairwise

import numpy as np
from scipy.ndimage import center_of_mass, shift

# ----------------------------------------------------------------------------------------------- Exercise 20.1


def line_and_two_discs(labels, a, b, radius, i):
    """What lies beside the line, and what lies in a disc around an end."""
    rows, columns = labels.shape
    x, y = np.arange(columns)[None] + 0.5, np.arange(rows)[:, None] + 0.5
    under = ((x - a[0]) ** 2 + (y - a[1]) ** 2 <= radius**2) | ((x - b[0]) ** 2 + (y - b[1]) ** 2 <= radius**2)
    length = math.dist(a, b)
    if length > 0:
        ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
        along, aside = (x - a[0]) * ux + (y - a[1]) * uy, (x - a[0]) * uy - (y - a[1]) * ux
        under |= (along >= 0) & (along <= length) & (abs(aside) <= radius)
    new = labels.copy()
    new[under] = i
    return new


def pixel_by_pixel(labels, a, b, radius, i):
    """Two loops, and the nearest point of the line for each centre."""
    new = labels.copy()
    length2 = (b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            x, y = column + 0.5, row + 0.5
            s = 0.0
            if length2:
                s = min(max(((x - a[0]) * (b[0] - a[0]) + (y - a[1]) * (b[1] - a[1])) / length2, 0.0), 1.0)
            if math.hypot(a[0] + s * (b[0] - a[0]) - x, a[1] + s * (b[1] - a[1]) - y) <= radius:
                new[row, column] = i
    return new


# ----------------------------------------------------------------------------------------------- Exercise 20.2


def by_changes(labels):
    """Neighbours that differ, with both ends put on."""
    flat = labels.reshape(-1)
    ends = np.r_[np.flatnonzero(flat[1:] != flat[:-1]) + 1, len(flat)]
    return np.c_[flat[ends - 1], np.diff(np.r_[0, ends])]


def grouped(labels):
    """itertools knows runs."""
    return np.array([(value, len(list(run))) for value, run in groupby(labels.flatten().tolist())], np.int32)


# ----------------------------------------------------------------------------------------------- Exercise 20.3


def of_scipy(masks):
    """Centres and shifts of scipy."""
    values = [0.0]
    for old, new in pairwise(masks):
        if old.any() and new.any():
            by = np.rint(np.subtract(center_of_mass(new), center_of_mass(old)))
            old = shift(old.astype(np.uint8), by, order=0, cval=0) > 0
        either = np.count_nonzero(old | new)
        values.append(1 - np.count_nonzero(old & new) / either if either else 0.0)
    return np.array(values)


def padded(masks):
    """Moves within a frame that is three times as large."""
    T, H, W = masks.shape
    values = np.zeros(T)
    for t in range(1, T):
        old, new = masks[t - 1], masks[t]
        if not old.any() and not new.any():
            continue
        if not old.any() or not new.any():
            values[t] = 1
            continue
        centres = [[axis.mean() for axis in np.nonzero(mask)] for mask in (old, new)]
        down, right = (int(np.rint(n - o)) for o, n in zip(*centres))
        large = np.pad(old, ((H, H), (W, W)))
        moved = large[H - down : 2 * H - down, W - right : 2 * W - right]
        values[t] = 1 - (moved & new).sum() / (moved | new).sum()
    return values


RIGHT = {
    "ex20-1": [line_and_two_discs, pixel_by_pixel],
    "ex20-2": [by_changes, grouped],
    "ex20-3": [of_scipy, padded],
}
