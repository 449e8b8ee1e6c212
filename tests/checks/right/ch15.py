"""Right answers to the exercises of chapter 15 in other styles than the solution's: no check may refuse them."""

from itertools import product

import numpy as np
from scipy import ndimage
from skimage.measure import label

# ------------------------------------------------------------------------------------------------ ex15-1


def number_by_number(mask, superpixels):
    """A loop over superpixels, and a mean."""
    answer = np.zeros_like(mask)
    for i in np.unique(superpixels):
        here = superpixels == i
        answer[here] = mask[here].mean() > 0.5
    return answer


def numbered_anew(mask, superpixels):
    """Counts votes of 1 and -1."""
    _, number = np.unique(superpixels.ravel(), return_inverse=True)
    votes = np.zeros(number.max() + 1, int)
    np.add.at(votes, number.ravel(), np.where(mask.ravel(), 1, -1))
    return (votes > 0)[number].reshape(mask.shape)


def counted_together_in_64_bits(mask, superpixels):
    """Both kinds of pixels at once, by the number 2 s + m in a type that holds it."""
    number = 2 * superpixels.astype(np.int64) + mask
    counts = np.bincount(number.ravel(), minlength=int(number.max()) + 2)
    return (counts[1::2][superpixels] > counts[::2][superpixels]).astype(bool)


# ------------------------------------------------------------------------------------------------ ex15-2


def merged_from_the_lowest_on(n, pairs, heights):
    """Kruskal's way: two groups that merge are as far apart as the border."""
    d, group = np.zeros((n, n)), np.arange(n)
    for e in np.argsort(heights, kind="stable"):
        a, b = group[pairs[e][0]], group[pairs[e][1]]
        if a != b:
            one, two = np.flatnonzero(group == a), np.flatnonzero(group == b)
            d[np.ix_(one, two)] = d[np.ix_(two, one)] = heights[e]
            group[two] = a
    return d


def until_nothing_changes(n, pairs, heights):
    """Relaxes borders again and again."""
    d = [[0.0 if i == j else float("inf") for j in range(n)] for i in range(n)]
    changed = True
    while changed:
        changed = False
        for (a, b), height in zip(pairs, heights):
            for i in range(n):
                for s, t in ((a, b), (b, a)):
                    way = max(d[i][s], height)
                    if way < d[i][t]:
                        d[i][t], changed = way, True
    return d


# ------------------------------------------------------------------------------------------------ ex15-3


def outline_by_shifts(mask, snapped, at_contour, share):
    """Finds the outline by shifting, and counts by component."""
    padded = np.pad(mask, 1, constant_values=True)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    outline, component = mask & ~inner, label(mask, connectivity=2)
    length = np.bincount(component[outline], minlength=component.max() + 1)
    matched = np.bincount(component[outline & at_contour], minlength=component.max() + 1)
    good = matched > share * length
    good[0] = False
    return snapped | good[component]


def flooded(mask, snapped, at_contour, share):
    """Collects a component pixel by pixel."""
    H, W = mask.shape
    answer, todo = snapped.tolist(), {(y, x) for y, x in product(range(H), range(W)) if mask[y, x]}
    while todo:
        new, part = [todo.pop()], []
        while new:
            y, x = new.pop()
            part.append((y, x))
            near = {(y + a, x + b) for a in (-1, 0, 1) for b in (-1, 0, 1)} & todo
            todo -= near
            new += near
        edge = []
        for y, x in part:
            beside = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            if any(0 <= b < H and 0 <= a < W and not mask[b, a] for b, a in beside):
                edge.append(at_contour[y, x])
        if edge and sum(edge) / len(edge) > share:
            for y, x in part:
                answer[y][x] = True
    return np.array(answer)


def counted_by_component(mask, snapped, at_contour, share):
    """A minimum filter for the outline, and one count for all components."""
    part, n = ndimage.label(mask, np.ones((3, 3)))
    cross = ndimage.generate_binary_structure(2, 1)
    outline = mask & ~ndimage.minimum_filter(mask.astype(np.uint8), footprint=cross, mode="nearest").astype(bool)
    edge = np.bincount(part[outline], minlength=n + 1)
    hit = np.bincount(part[outline & at_contour], minlength=n + 1)
    return snapped | ((edge > 0) & (hit / np.maximum(edge, 1) > share))[part]


# ------------------------------------------------------------------------------------------------ ex15-4


def one_superpixel_after_another(mask, superpixels, q):
    """Writes into a copy what is clear."""
    answer = mask.copy()
    for i in np.unique(superpixels):
        here = superpixels == i
        inside = np.count_nonzero(mask[here])
        outside = np.count_nonzero(here) - inside
        if inside > q * (inside + outside):
            answer[here] = True
        elif outside >= q * (inside + outside):
            answer[here] = False
    return answer


def by_the_shares(mask, superpixels, q):
    """A share for every pixel, from numbers without gaps."""
    _, number = np.unique(superpixels, return_inverse=True)
    number = number.reshape(mask.shape)
    covered = (np.bincount(number.ravel(), mask.ravel()) / np.bincount(number.ravel()))[number]
    return np.where(covered > q, True, np.where(1 - covered >= q, False, mask))


RIGHT = {
    "ex15-1": [number_by_number, numbered_anew, counted_together_in_64_bits],
    "ex15-2": [merged_from_the_lowest_on, until_nothing_changes],
    "ex15-3": [outline_by_shifts, flooded, counted_by_component],
    "ex15-4": [one_superpixel_after_another, by_the_shares],
}
