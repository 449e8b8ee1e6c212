"""Right answers to the exercises of chapter 16 in other styles than the solution's: no check may refuse them."""

import numpy as np
from scipy.ndimage import convolve1d, gaussian_filter

from vosbook.metrics.region import jaccard

# ------------------------------------------------------------------------------------------------ Exercise 16.3


def of_scipy(mask, sigma):
    """One call, with the radius that is asked for."""
    spread = sigma * len(mask)
    return gaussian_filter(mask * 1.0, spread, mode="nearest", radius=int(np.ceil(4 * spread)))


def shifted_and_added(mask, sigma):
    """Adds shifted copies, columns before rows, in single precision."""
    spread = sigma * mask.shape[0]
    radius = int(np.ceil(4 * spread))
    kernel = np.exp(-((np.arange(-radius, radius + 1) / spread) ** 2) / 2)
    w = convolve1d(mask.astype(np.float32), kernel / kernel.sum(), axis=1, mode="nearest")
    padded = np.pad(w, ((radius, radius), (0, 0)), mode="edge")
    return sum(k * padded[n : n + len(mask)] for n, k in enumerate(kernel / kernel.sum()))


# ------------------------------------------------------------------------------------------------ Exercise 16.1


def with_a_union(masks, y, least_gain):
    """Keeps the union, and leaves the loop from within."""
    union, best, order, left = np.zeros(y.shape, bool), 0, [], list(range(len(masks)))
    while left:
        best_n, best_j = None, -1
        for n in left:
            j = jaccard(union | masks[n], y)
            if j > best_j:
                best_n, best_j = n, j
        if best_j - best < least_gain:
            return order
        order.append(best_n)
        left.remove(best_n)
        union, best = union | masks[best_n], best_j
    return order


def all_at_once(masks, y, least_gain):
    """J of all unions in one go; what is taken cannot be taken again."""
    taken, union, now = [], np.zeros_like(y), 0.0
    for _ in masks:
        unions = masks | union
        area = (unions | y).sum(axis=(1, 2))
        j = np.where(area > 0, (unions & y).sum(axis=(1, 2)) / np.maximum(area, 1), 1.0)
        j[taken] = -1
        n = int(j.argmax())
        if not j[n] >= now + least_gain:
            break
        taken, union, now = [*taken, n], unions[n], j[n]
    return taken


# ------------------------------------------------------------------------------------------------ Exercise 16.2


def sorted_pool(masks, categories, wanted, m, least_overlap):
    """Sorts those that may be taken."""
    wanted, left, taken = [*wanted], m.copy(), []
    while wanted:
        pool = []
        for n in range(len(masks)):
            inside = np.count_nonzero(masks[n] & left)
            if n in taken or categories[n] not in wanted or inside == 0:
                continue
            if inside / masks[n].sum() >= least_overlap:
                pool.append((-jaccard(masks[n], left), n))
        if not pool:
            break
        n = min(pool)[1]
        taken += [n]
        wanted.pop(wanted.index(categories[n]))
        left = left & ~masks[n]
    return taken


def counted(masks, categories, wanted, m, least_overlap):
    """Counts how many of each category are still wanted."""
    count = {name: wanted.count(name) for name in wanted}
    rest, taken, j = np.array(m), [], [0.0]
    while j:
        shared = [int((mask & rest).sum()) for mask in masks]
        j = {
            n: jaccard(masks[n], rest)
            for n in range(len(masks))
            if count.get(categories[n], 0) > 0 and shared[n] >= max(1, least_overlap * masks[n].sum())
        }
        if j:
            best = max(j, key=j.get)
            taken.append(best)
            count[categories[best]] -= 1
            rest[masks[best]] = False
    return taken


RIGHT = {
    "ex16-1": [of_scipy, shifted_and_added],
    "ex16-2": [with_a_union, all_at_once],
    "ex16-3": [sorted_pool, counted],
}
