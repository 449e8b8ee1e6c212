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


def two_objects_at_most(first, frames, t_s):
    """Looks at the first and the last object only."""
    begins = list(first.values())
    begins = begins[:1] + begins[1:][-1:]
    return [sum(t > begin and (t - begin) % t_s == 0 for begin in begins) for t in range(frames)]


def ids_for_frames(first, frames, t_s):
    """Iterates over the dictionary, and so takes ids for frame numbers."""
    return [sum(t > i and (t - i) % t_s == 0 for i in first) for t in range(frames)]


def first_update_after_one_more(first, frames, t_s):
    """Counts the object's first frame as its frame 1 on one side only: updates at t_s + 1."""
    return [sum(t > begin + 1 and (t - begin - 1) % t_s == 0 for begin in first.values()) for t in range(frames)]


def counted_from_frame_one(first, frames, t_s):
    """Leaves frame 0 out of the list."""
    return [sum(t > b and (t - b) % t_s == 0 for b in first.values()) for t in range(1, frames + 1)]


def updates_so_far(first, frames, t_s):
    """Counts all updates up to the frame."""
    return [sum(max(t - begin, 0) // t_s for begin in first.values()) for t in range(frames)]


def takes_objects_out(first, frames, t_s):
    """Right, but removes the objects from the caller's dictionary."""
    counts = [0] * frames
    while first:
        _, begin = first.popitem()
        for t in range(begin + t_s, frames, t_s):
            counts[t] += 1
    return counts


def counts_as_floats(first, frames, t_s):
    """Adds to an array of zeros, which are floats."""
    counts = np.zeros(frames)
    for f in first.values():
        counts[f + t_s :: t_s] += 1
    return counts.tolist()


# ------------------------------------------------------------------------------------------------ Exercise 8.3 (ex08-2)


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


def features_and_update_popped(parts, objects, t_s, faster):
    """Right, but takes two parts out of the caller's dictionary."""
    shared, update = parts.pop("features"), objects * parts.pop("update") / t_s / faster
    whole = shared + objects * sum(parts.values()) + update
    return whole, update / whole


def parts_by_their_places(parts, objects, t_s, faster):
    """Takes the first part for the features and the last for the update."""
    shared, *others, update = parts.values()
    update = objects * update / t_s / faster
    whole = shared + objects * sum(others) + update
    return whole, update / whole


def three_names_by_heart(parts, objects, t_s, faster):
    """Knows no parts but those of the example."""
    update = objects * parts["update"] / t_s / faster
    others = sum(parts.get(name, 0) for name in ("segment", "score", "insert"))
    whole = parts["features"] + objects * others + update
    return whole, update / whole


def slower_by_the_factor(parts, objects, t_s, faster):
    """Multiplies the update by the factor."""
    update = objects * parts["update"] / t_s * faster
    rest = sum(seconds for name, seconds in parts.items() if name not in ("features", "update"))
    whole = parts["features"] + objects * rest + update
    return whole, update / whole


def share_in_percent(parts, objects, t_s, faster):
    """A percentage, where a share between 0 and 1 was asked for."""
    update = objects * parts["update"] / t_s / faster
    rest = sum(seconds for name, seconds in parts.items() if name not in ("features", "update"))
    whole = parts["features"] + objects * rest + update
    return whole, 100 * update / whole


def rounded_milliseconds(parts, objects, t_s, faster):
    """Rounds to three digits."""
    update = objects * parts["update"] / t_s / faster
    rest = sum(seconds for name, seconds in parts.items() if name not in ("features", "update"))
    whole = parts["features"] + objects * rest + update
    return round(whole, 3), round(update / whole, 3)


def whole_number_of_updates(parts, objects, t_s, faster):
    """Divides objects by t_s without a rest."""
    update = max(objects // t_s, 1) * parts["update"] / faster / (t_s if objects < t_s else 1)
    rest = sum(seconds for name, seconds in parts.items() if name not in ("features", "update"))
    whole = parts["features"] + objects * rest + update
    return whole, update / whole


# ------------------------------------------------------------------------------------------------ Exercise 8.2 (ex08-3)


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


def ties_to_the_object_by_product(p):
    """Gives a tie with the product to the object."""
    best = p.max(axis=0)
    return (best >= (1 - p).prod(axis=0)) & (best <= (1 - p).min(axis=0))


def ties_to_the_object_by_minimum(p):
    """Gives a tie with the minimum to the object."""
    best = p.max(axis=0)
    return (best > (1 - p).prod(axis=0)) & (best < (1 - p).min(axis=0))


def rules_that_differ_in_value(p):
    """True wherever the two rules give the background another probability."""
    return (1 - p).prod(axis=0) < (1 - p).min(axis=0)


def any_two_objects(p):
    """Takes the two likeliest objects for all."""
    best, second = np.sort(np.concatenate([np.zeros_like(p[:1]), p]), axis=0)[::-1][:2]
    return (best > (1 - best) * (1 - second)) & (best <= 0.5)


def first_object_alone(p):
    """Asks of the first object only."""
    return (p[0] > (1 - p).prod(axis=0)) & (p[0] <= (1 - p).min(axis=0))


def sum_above_half(p):
    """Adds the probabilities up."""
    return (p.sum(axis=0) > 0.5) & (p.max(axis=0) <= 0.5)


def denies_in_place(p):
    """Right, but turns the caller's p into 1 - p."""
    best = p.max(axis=0)
    np.subtract(1, p, out=p)
    return (best > p.prod(axis=0)) & (best <= p.min(axis=0))


def labels_for_a_mask(p):
    """Returns which object it is, 0 where the rules agree: numbers, which cannot choose pixels."""
    grounds = np.prod(1 - p, axis=0), np.min(1 - p, axis=0)
    by_product, by_minimum = (np.concatenate([ground[None], p]).argmax(axis=0) for ground in grounds)
    return np.where(by_minimum == 0, by_product, 0)


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


def copies_of_all_maps(maps):
    """Right, but keeps a copy of every map, and merges them at the end."""
    return _stream(iter([p.copy() for p in maps]))


def ties_go_to_the_object(maps):
    """Gives a tie with the background to the object."""
    kept = [p.copy() for p in maps]
    labels, best = _stream(iter(kept))
    stack = np.stack(kept)
    return np.where(stack.max(axis=0) == 0.5, stack.argmax(axis=0) + 1, labels).astype(np.uint8), best


def numbers_in_int8(maps):
    """Numbers the objects in int8."""
    labels, best = _stream(maps)
    return labels.astype(np.int8), best


def probability_before_the_merge(maps):
    """Returns the object's own probability."""
    best = labels = 0.0
    for i, p in enumerate(maps, 1):
        labels, best = np.where(p > best, i, labels), np.maximum(best, p)
    return np.where(best > 0.5, labels, 0).astype(np.uint8), np.maximum(best, 1 - best)


def clamps_to_a_hundredth(maps):
    """Clamps to 1e-2, so that exponentials do not overflow."""
    return _stream(maps, clip=1e-2)


def clamps_to_a_ten_thousandth(maps):
    """Clamps to 1e-4."""
    return _stream(maps, clip=1e-4)


def counts_from_zero(maps):
    """Numbers the objects from 0, where the background is."""
    labels, best = _stream(maps)
    return np.maximum(labels.astype(int) - 1, 0).astype(np.uint8), best


def clamps_in_the_buffer(maps):
    """Right, but clamps each map in the array that it is lent."""
    return _stream(np.clip(p, 1e-7, 1 - 1e-7, out=p) for p in maps)


def labels_in_eight_bytes(maps):
    """Labels of int64, as argmax gives them."""
    labels, probability = _stream(maps)
    return labels.astype(int), probability


def parts_by_their_words(parts, objects, t_s, faster):
    """Leaves out every part whose name has one of the two words in it."""
    update = objects * parts["update"] / (t_s * faster)
    others = sum(value for name, value in parts.items() if "update" not in name and "features" not in name)
    total = parts["features"] + objects * others + update
    return total, update / total


WRONG = {
    "ex08-1": [
        counts_frames_of_the_video,
        updates_on_its_first_frame,
        one_frame_early,
        at_most_one,
        before_it_appears,
        two_objects_at_most,
        ids_for_frames,
        first_update_after_one_more,
        counted_from_frame_one,
        updates_so_far,
        takes_objects_out,
        counts_as_floats,
    ],
    "ex08-2": [
        features_for_every_object,
        update_in_every_frame,
        everything_faster,
        share_of_the_rest,
        one_update_for_all,
        old_share,
        features_and_update_popped,
        parts_by_their_places,
        three_names_by_heart,
        slower_by_the_factor,
        share_in_percent,
        rounded_milliseconds,
        whole_number_of_updates,
        parts_by_their_words,
    ],
    "ex08-3": [
        all_that_the_product_gives,
        product_of_p,
        product_under_half,
        one_minus_the_sum,
        the_other_way_round,
        ties_to_the_object_by_product,
        ties_to_the_object_by_minimum,
        rules_that_differ_in_value,
        any_two_objects,
        first_object_alone,
        sum_above_half,
        denies_in_place,
        labels_for_a_mask,
    ],
    "ex08-4": [
        keeps_all_maps,
        sum_not_rescaled,
        no_background,
        background_as_product,
        overflows,
        not_clamped,
        last_of_equals,
        copies_of_all_maps,
        ties_go_to_the_object,
        numbers_in_int8,
        probability_before_the_merge,
        clamps_to_a_hundredth,
        clamps_to_a_ten_thousandth,
        counts_from_zero,
        clamps_in_the_buffer,
        labels_in_eight_bytes,
    ],
}
