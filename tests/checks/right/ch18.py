"""Right answers to the exercises of chapter 18 in other styles than the solution's: no check may refuse them."""

from math import comb, floor

import numpy as np

# ------------------------------------------------------------------------------------------------ Exercise 18.2


def frame_after_frame(first_a, later_a, first_b, later_b):
    """Adds frames until a has caught up."""
    if later_a >= later_b and first_a >= first_b:
        return None
    a, b, frames = first_a, first_b, 1
    while not a < b:
        a, b, frames = a + later_a, b + later_b, frames + 1
    return frames


def lines_that_meet(first_a, later_a, first_b, later_b):
    """Where the two straight lines meet, and one further. A numpy number."""
    if first_a < first_b:
        return np.int64(1)
    if not later_a < later_b:
        return None
    meet = 1 + (first_a - first_b) / (later_b - later_a)
    return np.int64(floor(meet) + 1)


# ------------------------------------------------------------------------------------------------ Exercise 18.3


def method_by_method(seconds, quality):
    """Two loops."""
    stays = np.ones(len(seconds), bool)
    for n in range(len(seconds)):
        for k in range(len(seconds)):
            no_worse = seconds[k] <= seconds[n] and quality[k] >= quality[n]
            if no_worse and (seconds[k] != seconds[n] or quality[k] != quality[n]):
                stays[n] = False
    return stays


def best_so_far(seconds, quality):
    """Sorts, and goes along by equal seconds."""
    answer, best = np.zeros(len(seconds), dtype=bool), -np.inf
    for s in np.unique(seconds):
        here = seconds == s
        most = quality[here].max()
        if most > best:
            answer |= here & (quality == most)
            best = most
    return answer


# ------------------------------------------------------------------------------------------------ Exercise 18.1


def twice_one_tail(n, lost):
    """Twice the smaller tail, at most 1."""
    fewer = lost if 2 * lost <= n else n - lost
    return min(1.0, 2 * sum(comb(n, k) for k in range(fewer + 1)) / 2**n)


def by_distance(n, lost):
    """Counts results that are as far from the middle."""
    ways = np.array([comb(n, k) / 2**n for k in range(n + 1)])
    return ways[abs(2 * np.arange(n + 1) - n) >= abs(2 * lost - n)].sum()


RIGHT = {
    "ex18-1": [frame_after_frame, lines_that_meet],
    "ex18-2": [method_by_method, best_so_far],
    "ex18-3": [twice_one_tail, by_distance],
}
