"""Wrong answers to the exercises of chapter 16, named after the mistake."""

import numpy as np
from scipy.ndimage import gaussian_filter

from vosbook.metrics.region import jaccard

# ------------------------------------------------------------------------------------------------ Exercise 16.1


def sigma_in_pixels(mask, sigma):
    """Takes sigma for pixels, not for a share of the height."""
    return gaussian_filter(mask.astype(float), sigma, mode="nearest")


def share_of_the_width(mask, sigma):
    """A share of the wrong side."""
    return gaussian_filter(mask.astype(float), sigma * mask.shape[1], mode="nearest")


def dark_beyond_the_border(mask, sigma):
    """Zeros beyond the frame: an object at the border fades there."""
    return gaussian_filter(mask.astype(float), sigma * mask.shape[0], mode="constant")


def mirrored_beyond_the_border(mask, sigma):
    """np.pad with mode="symmetric": the mask comes back beyond the frame, and does not go on."""
    return gaussian_filter(mask.astype(float), sigma * mask.shape[0], mode="reflect")


def one_axis_alone(mask, sigma):
    """Smooths along the rows and forgets the columns."""
    return gaussian_filter(mask.astype(float), (sigma * mask.shape[0], 0), mode="nearest")


def two_in_the_exponent_lost(mask, sigma):
    """exp(-(x / sigma)^2): narrower by the root of two."""
    return gaussian_filter(mask.astype(float), sigma * mask.shape[0] / np.sqrt(2), mode="nearest")


def peak_of_one(mask, sigma):
    """A kernel whose largest entry is one, in place of its sum."""
    spread = sigma * mask.shape[0]
    return gaussian_filter(mask.astype(float), spread, mode="nearest") * spread**2 * 2 * np.pi


def made_hard_again(mask, sigma):
    """Thresholds what it has smoothed."""
    return (gaussian_filter(mask.astype(float), sigma * mask.shape[0], mode="nearest") > 0.5).astype(float)


# ------------------------------------------------------------------------------------------------ Exercise 16.2


def _search(masks, y, least_gain, *, score=None, update=True, until=None, first=True):
    score = score or (lambda union, mask: jaccard(union | mask, y))
    taken, union, best = [], np.zeros_like(y), 0.0
    while len(taken) < (until or len(masks)):
        rest = [n for n in range(len(masks)) if n not in taken]
        j = [score(union, masks[n]) for n in rest]
        if max(j) < best + least_gain:
            break
        best = max(j)
        n = rest[int(np.argmax(j)) if first else len(j) - 1 - int(np.argmax(j[::-1]))]
        taken.append(n)
        union = union | masks[n] if update else union
    return taken


def each_by_itself(masks, y, least_gain):
    """Ranks proposals by their own J and takes all that overlap."""
    j = np.array([jaccard(m, y) for m in masks])
    return [int(n) for n in np.argsort(-j, kind="stable") if j[n] >= least_gain]


def union_forgotten(masks, y, least_gain):
    """Does not add what is taken to the union, so that nothing rises any more."""
    return _search(masks, y, least_gain, update=False)


def half_must_lie_inside(masks, y, least_gain):
    """Keeps section 2's threshold, which the exercise does not have."""
    inside = [n for n, mask in enumerate(masks) if 2 * (mask & y).sum() >= mask.sum()]
    return [inside[n] for n in _search(masks[inside], y, least_gain)]


def the_best_alone(masks, y, least_gain):
    """Stops after one."""
    return _search(masks, y, least_gain, until=1) if len(masks) else []


def covered_share(masks, y, least_gain):
    """Recall in place of J: spilling over costs nothing."""
    return _search(masks, y, least_gain, score=lambda union, mask: ((union | mask) & y).sum() / max(y.sum(), 1))


def never_stops(masks, y, least_gain):
    """Takes all of them, the best first."""
    return _search(masks, y, -1.0)


def gain_over_the_first(masks, y, least_gain):
    """Compares with nothing taken, not with what was reached."""
    taken, union = [], np.zeros_like(y)
    while len(taken) < len(masks):
        rest = [n for n in range(len(masks)) if n not in taken]
        j = [jaccard(union | masks[n], y) for n in rest]
        if max(j) < least_gain:
            break
        taken.append(rest[int(np.argmax(j))])
        union = union | masks[taken[-1]]
    return taken


def sorted_afterwards(masks, y, least_gain):
    """Loses the order."""
    return sorted(_search(masks, y, least_gain))


def last_of_equals(masks, y, least_gain):
    """Takes the last of those that are equally good."""
    return _search(masks, y, least_gain, first=False)


# ------------------------------------------------------------------------------------------------ Exercise 16.3


def _walk(masks, categories, wanted, m, least_overlap, *, quota=True, remove=True, by="jaccard", share="proposal"):
    left, rest, taken = list(wanted), m.copy(), []
    while True:
        pool = {}
        for n, mask in enumerate(masks):
            shared = (mask & rest).sum()
            whole = mask.sum() if share in ("proposal", "more") else max(rest.sum(), 1)
            enough = shared >= max(1, least_overlap * whole) and (share != "more" or shared > least_overlap * whole)
            if n not in taken and categories[n] in left and (enough or share == "none"):
                pool[n] = {"jaccard": jaccard(mask, rest), "overlap": shared, "size": mask.sum()}[by]
        if not pool:
            return taken
        n = max(pool, key=pool.get)
        taken.append(n)
        if quota:
            left.remove(categories[n])
        if remove:
            rest &= ~masks[n]


def all_of_the_kind(masks, categories, wanted, m, least_overlap):
    """Does not count how many are wanted."""
    return _walk(masks, categories, wanted, m, least_overlap, quota=False)


def one_of_each_kind(masks, categories, wanted, m, least_overlap):
    """Takes a list with two birds for a set with one."""
    return _walk(masks, categories, set(wanted), m, least_overlap)


def any_kind(masks, categories, wanted, m, least_overlap):
    """Counts, and does not look at the names."""
    return _walk(masks, ["any"] * len(masks), ["any"] * len(wanted), m, least_overlap)


def estimate_not_reduced(masks, categories, wanted, m, least_overlap):
    """Leaves what is taken in the estimate: a second proposal of one bird stands for two."""
    return _walk(masks, categories, wanted, m, least_overlap, remove=False)


def largest_overlap(masks, categories, wanted, m, least_overlap):
    """Pixels in common in place of J: a mask that covers everything wins."""
    return _walk(masks, categories, wanted, m, least_overlap, by="overlap")


def share_of_the_estimate(masks, categories, wanted, m, least_overlap):
    """Asks which share of the estimate is covered, not which share of the proposal."""
    return _walk(masks, categories, wanted, m, least_overlap, share="estimate")


def more_than_the_share(masks, categories, wanted, m, least_overlap):
    """Asks for more than the share, not for at least so much."""
    return _walk(masks, categories, wanted, m, least_overlap, share="more")


def never_left_out(masks, categories, wanted, m, least_overlap):
    """Takes as many as wanted, whether they overlap or not."""
    return _walk(masks, categories, wanted, m, least_overlap, share="none")


def estimate_spoiled(masks, categories, wanted, m, least_overlap):
    """Works on the caller's estimate."""
    taken = _walk(masks, categories, wanted, m, least_overlap)
    for n in taken:
        m &= ~masks[n]
    return taken


WRONG = {
    "ex16-1": [
        sigma_in_pixels,
        share_of_the_width,
        dark_beyond_the_border,
        mirrored_beyond_the_border,
        one_axis_alone,
        two_in_the_exponent_lost,
        peak_of_one,
        made_hard_again,
    ],
    "ex16-2": [
        each_by_itself,
        union_forgotten,
        half_must_lie_inside,
        the_best_alone,
        covered_share,
        never_stops,
        gain_over_the_first,
        sorted_afterwards,
        last_of_equals,
    ],
    "ex16-3": [
        all_of_the_kind,
        one_of_each_kind,
        any_kind,
        estimate_not_reduced,
        largest_overlap,
        share_of_the_estimate,
        more_than_the_share,
        never_left_out,
        estimate_spoiled,
    ],
}
