"""Wrong answers to the exercises of chapter 08, named after the mistake."""

import numpy as np

# ------------------------------------------------------------------------------------------------ Exercise 8.1


def counts_frames_of_the_video(first, frames, t_s):
    """All objects are updated together, by the video's frame number."""
    return [sum(t > f for f in first.values()) if t and t % t_s == 0 else 0 for t in range(frames)]


def updates_on_its_first_frame(first, frames, t_s):
    """An update right after the object was learned."""
    return [sum(t >= f and (t - f) % t_s == 0 for f in first.values()) for t in range(frames)]


def one_frame_early(first, frames, t_s):
    """Counts the frame that introduced the object as the first tracked one."""
    return [sum(t > f and (t - f + 1) % t_s == 0 for f in first.values()) for t in range(frames)]


def at_most_one(first, frames, t_s):
    """Says whether there is an update, not how many."""
    return [int(any(t > f and (t - f) % t_s == 0 for f in first.values())) for t in range(frames)]


def before_it_appears(first, frames, t_s):
    """Updates objects that are not there yet."""
    return [sum(t != f and (t - f) % t_s == 0 for f in first.values()) for t in range(frames)]


# ------------------------------------------------------------------------------------------------ Exercise 8.2


def _budget(parts, objects, t_s, faster, *, shared=("features",), every=True, all_faster=False, of_rest=False):
    own = sum(seconds for name, seconds in parts.items() if name not in (*shared, "update"))
    update = objects * parts["update"] / (t_s if every else 1) / faster
    rest = sum(parts[name] for name in shared) + objects * own
    rest = rest / faster if all_faster else rest
    return rest + update, update / (rest if of_rest else rest + update)


def features_for_every_object(parts, objects, t_s, faster):
    """Runs the backbone once for each object."""
    return _budget(parts, objects, t_s, faster, shared=())


def update_in_every_frame(parts, objects, t_s, faster):
    """Forgets t_s."""
    return _budget(parts, objects, t_s, faster, every=False)


def everything_faster(parts, objects, t_s, faster):
    """Divides the whole frame by the update's gain."""
    return _budget(parts, objects, t_s, faster, all_faster=True)


def share_of_the_rest(parts, objects, t_s, faster):
    """Compares the update with the other parts, and not with the whole."""
    return _budget(parts, objects, t_s, faster, of_rest=True)


def one_update_for_all(parts, objects, t_s, faster):
    """Shares the update among the objects."""
    one = {**parts, "update": parts["update"] / objects}
    return _budget(one, objects, t_s, faster)


def old_share(parts, objects, t_s, faster):
    """Gives the share that the update had before it was made faster."""
    return _budget(parts, objects, t_s, faster)[0], _budget(parts, objects, t_s, 1.0)[1]


# ------------------------------------------------------------------------------------------------ Exercise 8.3


def all_that_the_product_gives(p):
    """Also the pixels that both rules give to an object."""
    return p.max(axis=0) > (1 - p).prod(axis=0)


def product_of_p(p):
    """Takes the product of p for that of 1 - p."""
    return (p.max(axis=0) > 1 - p.prod(axis=0)) & (p.max(axis=0) <= 0.5)


def product_under_half(p):
    """The product under one half, whatever the objects' own probability."""
    return ((1 - p).prod(axis=0) < 0.5) & (p.max(axis=0) <= 0.5)


def one_minus_the_sum(p):
    """The background as 1 less the sum."""
    return (p.max(axis=0) > 1 - p.sum(axis=0)) & (p.max(axis=0) <= 0.5)


def the_other_way_round(p):
    """Pixels that the minimum gives to an object and the product to the background: there are none."""
    return (p.max(axis=0) > 0.5) & (p.max(axis=0) <= (1 - p).prod(axis=0))


# ------------------------------------------------------------------------------------------------ Exercise 8.4


def _stream(maps, *, clip=1e-7, rescale=True, background=True, product=False, shift=True, late_ties=False):
    best = total = label = least = top = None
    for i, p in enumerate(maps, 1):
        p = np.clip(p, clip, 1 - clip)
        odds = p / (1 - p)
        if best is None:
            best, label, least = np.zeros_like(p), np.zeros(p.shape, int), np.ones_like(p)
            total, top = np.zeros_like(p), np.full(p.shape, -np.inf)
        newer = p >= best if late_ties else p > best
        best, label = np.where(newer, p, best), np.where(newer, i, label)
        least = least * (1 - p) if product else np.minimum(least, 1 - p)
        higher = np.maximum(top, odds) if shift else np.zeros_like(p)
        if rescale and shift:
            total = total * np.exp(top - higher)
        total, top = total + np.exp(odds - higher), higher
    odds_0 = least / (1 - least)
    odds_best = np.maximum(odds_0, best / (1 - best)) if background else best / (1 - best)
    higher = np.maximum(top, odds_best) if shift else top
    total = total * np.exp(top - higher) + (np.exp(odds_0 - higher) if background else 0)
    label = np.where(odds_0 >= best / (1 - best), 0, label) if background else label
    return label.astype(np.uint8), np.exp(odds_best - higher) / total


def keeps_all_maps(maps):
    """Collects the maps, which are one array that is overwritten."""
    maps = list(maps)
    return _stream(iter(maps))


def sum_not_rescaled(maps):
    """Forgets to rescale the sum where a larger odd comes along."""
    return _stream(maps, rescale=False)


def no_background(maps):
    """Merges the objects alone."""
    return _stream(maps, background=False)


def background_as_product(maps):
    """The background as the product of all 1 - p."""
    return _stream(maps, product=True)


def overflows(maps):
    """Exponentials of the odds as they are."""
    return _stream(maps, shift=False)


def not_clamped(maps):
    """Divides by zero where p is 1."""
    return _stream(maps, clip=0.0)


def last_of_equals(maps):
    """Where two objects tie, the last one wins."""
    return _stream(maps, late_ties=True)


WRONG = {
    "ex08-1": [
        counts_frames_of_the_video,
        updates_on_its_first_frame,
        one_frame_early,
        at_most_one,
        before_it_appears,
    ],
    "ex08-2": [
        features_for_every_object,
        update_in_every_frame,
        everything_faster,
        share_of_the_rest,
        one_update_for_all,
        old_share,
    ],
    "ex08-3": [
        all_that_the_product_gives,
        product_of_p,
        product_under_half,
        one_minus_the_sum,
        the_other_way_round,
    ],
    "ex08-4": [
        keeps_all_maps,
        sum_not_rescaled,
        no_background,
        background_as_product,
        overflows,
        not_clamped,
        last_of_equals,
    ],
}
