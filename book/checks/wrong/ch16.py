"""Wrong answers to the exercises of chapter 16, named after the mistake."""

import numpy as np
from scipy.ndimage import gaussian_filter

from vosbook.metrics.region import jaccard

# ------------------------------------------------------------------------------------------------ Exercise 16.3


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


def three_standard_deviations(mask, sigma):
    """Cuts the kernel off too early."""
    spread = sigma * mask.shape[0]
    return gaussian_filter(mask.astype(float), spread, mode="nearest", radius=int(np.ceil(3 * spread)))


def whole_pixels(mask, sigma):
    """Rounds the standard deviation to whole pixels."""
    spread = max(1, round(sigma * mask.shape[0]))
    return gaussian_filter(mask.astype(float), spread, mode="nearest", radius=4 * spread)


def cut_off_rounded_down(mask, sigma):
    """A kernel that ends before 4 standard deviations."""
    spread = sigma * mask.shape[0]
    return gaussian_filter(mask.astype(float), spread, mode="nearest", radius=int(4 * spread))


def share_of_the_longer_side(mask, sigma):
    """A share of the longer side, which need not be the height."""
    spread = sigma * max(mask.shape)
    return gaussian_filter(mask.astype(float), spread, mode="nearest", radius=int(np.ceil(4 * spread)))


def each_axis_by_its_own_length(mask, sigma):
    """A share of the height down, and of the width across."""
    spread = sigma * np.array(mask.shape)
    return gaussian_filter(mask.astype(float), spread, mode="nearest", radius=np.ceil(4 * spread).astype(int).tolist())


def largest_is_one(mask, sigma):
    """Divides by the largest value afterwards, so that something is always certain."""
    spread = sigma * mask.shape[0]
    w = gaussian_filter(mask.astype(float), spread, mode="nearest", radius=int(np.ceil(4 * spread)))
    return w / w.max() if w.max() > 0 else w


def cut_off_at_the_nearest(mask, sigma):
    """Cuts off at the whole pixel that is nearest to 4 standard deviations, as scipy does by itself."""
    return gaussian_filter(mask.astype(float), sigma * len(mask), truncate=4, mode="nearest")


# ------------------------------------------------------------------------------------------------ Exercise 16.1


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


def more_than_the_gain(masks, y, least_gain):
    """Asks for more than the least gain, not for at least so much."""
    taken, union, best = [], np.zeros_like(y), 0.0
    while len(taken) < len(masks):
        rest = [n for n in range(len(masks)) if n not in taken]
        j = [jaccard(union | masks[n], y) for n in rest]
        if max(j) <= best + least_gain:
            break
        best = max(j)
        taken.append(rest[int(np.argmax(j))])
        union = union | masks[taken[-1]]
    return taken


def gain_of_the_chapter(masks, y, least_gain):
    """Always .02."""
    return _search(masks, y, 0.02)


def stops_at_the_first_that_fails(masks, y, least_gain):
    """Goes through the proposals by their own J, and ends with the first that does not help."""
    taken, union, best = [], np.zeros_like(y), 0.0
    for n in np.argsort([-jaccard(m, y) for m in masks], kind="stable"):
        j = jaccard(union | masks[n], y)
        if j < best + least_gain:
            break
        best, union = j, union | masks[n]
        taken.append(int(n))
    return taken


def in_their_order(masks, y, least_gain):
    """Takes whatever helps, in the order of the list."""
    taken, union, best = [], np.zeros_like(y), 0.0
    for n, mask in enumerate(masks):
        j = jaccard(union | mask, y)
        if j >= best + least_gain:
            best, union = j, union | mask
            taken.append(n)
    return taken


def gain_in_percent_of_the_last(masks, y, least_gain):
    """Takes the least gain for a factor."""
    taken, union, best = [], np.zeros_like(y), 0.0
    while len(taken) < len(masks):
        rest = [n for n in range(len(masks)) if n not in taken]
        j = [jaccard(union | masks[n], y) for n in rest]
        if max(j) < max(best * (1 + least_gain), least_gain):
            break
        best = max(j)
        taken.append(rest[int(np.argmax(j))])
        union = union | masks[taken[-1]]
    return taken


def first_one_for_free(masks, y, least_gain):
    """Takes the best proposal whatever its J, and asks for a gain from then on."""
    if not len(masks):
        return []
    first = int(np.argmax([jaccard(m, y) for m in masks]))
    taken, union, best = [first], masks[first], jaccard(masks[first], y)
    while len(taken) < len(masks):
        rest = [n for n in range(len(masks)) if n not in taken]
        j = [jaccard(union | masks[n], y) for n in rest]
        if max(j) < best + least_gain:
            break
        best = max(j)
        taken.append(rest[int(np.argmax(j))])
        union = union | masks[taken[-1]]
    return taken


def masks_joined_in_place(masks, y, least_gain):
    """Right, and paints what is taken into the caller's proposals."""
    taken = _search(masks, y, least_gain)
    if taken:
        masks[taken[0]] |= masks[taken].any(axis=0)
        masks[taken[0], 0, 0] ^= True
    return taken


def ranked_by_themselves(masks, y, least_gain):
    """Ranks proposals by their own J, once, and adds those that help."""
    taken, best, union = [], 0.0, np.zeros_like(y)
    for n in sorted(range(len(masks)), key=lambda n: -jaccard(masks[n], y)):
        j = jaccard(union | masks[n], y)
        if j >= best + least_gain:
            taken, best, union = [*taken, n], j, union | masks[n]
    return taken


def nothing_is_right_where_nothing_is(masks, y, least_gain):
    """Begins with J of the empty union, which is 1 where there is no object."""
    taken, best, union = [], jaccard(np.zeros_like(y), y), np.zeros_like(y)
    while len(taken) < len(masks):
        j = [-1.0 if n in taken else jaccard(union | mask, y) for n, mask in enumerate(masks)]
        n = int(np.argmax(j))
        if j[n] < best + least_gain:
            break
        taken, best, union = [*taken, n], j[n], union | masks[n]
    return taken


def at_most_three(masks, y, least_gain):
    """Takes no more than three proposals."""
    return _search(masks, y, least_gain)[:3]


# ------------------------------------------------------------------------------------------------ Exercise 16.2


def _walk(masks, categories, wanted, m, least_overlap, *, quota=True, remove=True, by="jaccard", share="proposal"):
    left, rest, taken = list(wanted), m.copy(), []
    while True:
        pool = {}
        for n, mask in enumerate(masks):
            shared = (mask & rest).sum()
            whole = max(rest.sum(), 1) if share in ("estimate", "none") else mask.sum()
            least = int(least_overlap * whole) if share == "cut" else least_overlap * whole
            enough = shared >= max(1, least) and (share != "more" or shared > least_overlap * whole)
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


def share_cut_to_whole_pixels(masks, categories, wanted, m, least_overlap):
    """Cuts the least number of pixels down to a whole number."""
    return _walk(masks, categories, wanted, m, least_overlap, share="cut")


def never_left_out(masks, categories, wanted, m, least_overlap):
    """Takes as many as wanted, whether they overlap or not."""
    return _walk(masks, categories, wanted, m, least_overlap, share="none")


def estimate_spoiled(masks, categories, wanted, m, least_overlap):
    """Works on the caller's estimate."""
    taken = _walk(masks, categories, wanted, m, least_overlap)
    for n in taken:
        m &= ~masks[n]
    return taken


def ranked_once(masks, categories, wanted, m, least_overlap):
    """Ranks by J against the whole estimate, and does not rank again when something has been taken."""
    left, rest, taken = list(wanted), m.copy(), []
    for n in sorted(range(len(masks)), key=lambda n: -jaccard(masks[n], m)):
        shared = (masks[n] & rest).sum()
        if categories[n] in left and shared >= max(1, least_overlap * masks[n].sum()):
            taken.append(n)
            left.remove(categories[n])
            rest &= ~masks[n]
    return taken


def last_of_equals_taken(masks, categories, wanted, m, least_overlap):
    """Of proposals that are equally good the last."""
    order = list(range(len(masks)))[::-1]
    found = _walk(masks[order], [categories[n] for n in order], wanted, m, least_overlap)
    return [order[n] for n in found]


def a_pixel_is_not_needed(masks, categories, wanted, m, least_overlap):
    """Asks for the share, and with a share of 0 takes what does not touch."""
    left, rest, taken = list(wanted), m.copy(), []
    while True:
        pool = {
            n: jaccard(mask, rest)
            for n, mask in enumerate(masks)
            if n not in taken and categories[n] in left and (mask & rest).sum() >= least_overlap * mask.sum()
        }
        if not pool:
            return taken
        n = max(pool, key=pool.get)
        taken.append(n)
        left.remove(categories[n])
        rest &= ~masks[n]


def kind_struck_off(masks, categories, wanted, m, least_overlap):
    """Strikes a category off as often as it stands there."""
    return _walk(masks, categories, list(dict.fromkeys(wanted)), m, least_overlap)


def list_used_up(masks, categories, wanted, m, least_overlap):
    """Right, and strikes categories off the caller's list."""
    taken = _walk(masks, categories, wanted, m, least_overlap)
    for n in taken:
        wanted.remove(categories[n])
    return taken


def share_once(masks, categories, wanted, m, least_overlap):
    """Asks for the share of the whole estimate, and not of what is left of it."""
    enough = [(mask & m).sum() >= max(1, least_overlap * mask.sum()) for mask in masks]
    names = [name if there else None for name, there in zip(categories, enough)]
    return _walk(masks, names, wanted, m, 0.0)


def in_the_order_of_the_list(masks, categories, wanted, m, least_overlap):
    """Looks for the first wanted category, then for the next."""
    rest, taken = m.copy(), []
    for name in wanted:
        mine = [n for n in range(len(masks)) if categories[n] == name and n not in taken]
        mine = [n for n in mine if (masks[n] & rest).sum() >= max(1, least_overlap * masks[n].sum())]
        if mine:
            taken.append(max(mine, key=lambda n: jaccard(masks[n], rest)))
            rest &= ~masks[taken[-1]]
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
        three_standard_deviations,
        whole_pixels,
        cut_off_rounded_down,
        share_of_the_longer_side,
        each_axis_by_its_own_length,
        largest_is_one,
        cut_off_at_the_nearest,
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
        more_than_the_gain,
        gain_of_the_chapter,
        stops_at_the_first_that_fails,
        in_their_order,
        gain_in_percent_of_the_last,
        first_one_for_free,
        masks_joined_in_place,
        ranked_by_themselves,
        nothing_is_right_where_nothing_is,
        at_most_three,
    ],
    "ex16-3": [
        all_of_the_kind,
        one_of_each_kind,
        any_kind,
        estimate_not_reduced,
        largest_overlap,
        share_of_the_estimate,
        more_than_the_share,
        share_cut_to_whole_pixels,
        never_left_out,
        estimate_spoiled,
        ranked_once,
        last_of_equals_taken,
        a_pixel_is_not_needed,
        kind_struck_off,
        list_used_up,
        share_once,
        in_the_order_of_the_list,
    ],
}
