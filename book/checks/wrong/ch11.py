"""Wrong answers to the exercises of chapter 11, named after the mistake."""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from vosbook.matching import match, pairwise_soft_iou
from vosbook.matching import soft_iou as soft

# ------------------------------------------------------------------------------------------------ Exercise 11.1


def _soft_iou(p, y, *, axes=(-2, -1), twice=False, smooth=0.0, empty=0.0):
    both = (p * y).sum(axis=axes)
    union = (p + y).sum(axis=axes) - (0 if twice else both)
    some = union + smooth > 0
    return np.where(some, (both + smooth) / np.where(some, union + smooth, 1), empty)


def hard_iou(p, y):
    """Thresholds p first: J, which has no gradient."""
    return _soft_iou((p > 0.5).astype(float), y)


def overlap_counted_twice(p, y):
    """Adds the two areas and calls that the union."""
    return _soft_iou(p, y, twice=True)


def dice(p, y):
    """Twice the intersection over both areas: another measure."""
    return 2 * _soft_iou(p, y, twice=True)


def whole_batch(p, y):
    """Sums over all maps at once."""
    return _soft_iou(p, y, axes=None)


def averaged(p, y):
    """The mean over the batch."""
    return _soft_iou(p, y).mean()


def empty_is_nan(p, y):
    """Divides zero by zero where both are empty."""
    return (p * y).sum((-2, -1)) / (p + y - p * y).sum((-2, -1))


def empty_is_one(p, y):
    """Calls two empty masks a perfect answer, as J does."""
    return _soft_iou(p, y, empty=1.0)


def smoothed_by_one(p, y):
    """Adds one above and below, which is a lot for a small object."""
    return _soft_iou(p, y, smooth=1.0)


def complement(p, y):
    """Gives the loss for the measure."""
    return 1 - _soft_iou(p, y)


def eps_of_1e_4(p, y):
    """A number in the denominator that is not small for an object of one pixel."""
    return (p * y).sum((-2, -1)) / ((p + y - p * y).sum((-2, -1)) + 1e-4)


def squares_in_the_union(p, y):
    """Squares the areas, as some variants of Dice do."""
    both, union = (p * y).sum((-2, -1)), (p**2 + y**2 - p * y).sum((-2, -1))
    return both / np.where(union > 0, union, 1)


def union_of_hard_masks(p, y):
    """A soft intersection over the union of thresholded masks."""
    union = np.maximum(p > 0.5, y).sum((-2, -1))
    return (p * y).sum((-2, -1)) / np.where(union > 0, union, 1)


def one_batch_axis(p, y):
    """Sums over the axes 1 and 2, where there need not be three."""
    axes = (1, 2) if p.ndim > 2 else (0, 1)
    both, union = (p * y).sum(axes), (p + y - p * y).sum(axes)
    return both / np.where(union > 0, union, 1)


def p_multiplied_in_place(p, y):
    """Right, and makes p the intersection."""
    union = (p + y - p * y).sum((-2, -1))
    p *= y
    return p.sum((-2, -1)) / np.where(union > 0, union, 1)


def covered_share(p, y):
    """Divides by the object alone: spilling over costs nothing."""
    return (p * y).sum((-2, -1)) / np.maximum(y.sum((-2, -1)), 1)


# ------------------------------------------------------------------------------------------------ Exercise 11.2


def _gradient(logits, y, *, slope=None, through=True, sign=-1, hard=False):
    p = 1 / (1 + np.exp(-logits))
    shown = (p > 0.5).astype(float) if hard else p
    both, union = (shown * y).sum(), (shown + y - shown * y).sum()
    slope = slope or (lambda y, both, union: (y * union - (1 - y) * both) / union**2)
    return sign * slope(y, both, union) * (p * (1 - p) if through else 1)


def by_the_probability(logits, y):
    """Stops at p, and leaves the sigmoid out."""
    return _gradient(logits, y, through=False)


def of_soft_iou(logits, y):
    """Forgets the complement: the gradient of soft IoU, which points the other way."""
    return _gradient(logits, y, sign=1)


def union_held_constant(logits, y):
    """Takes the union for a constant."""
    return _gradient(logits, y, slope=lambda y, both, union: y / union)


def union_grows_with_every_pixel(logits, y):
    """Lets the union grow on the object, too, where it is counted already."""
    return _gradient(logits, y, slope=lambda y, both, union: (y * union - both) / union**2)


def union_not_squared(logits, y):
    """Divides what is off the object by the union once."""
    return _gradient(logits, y, slope=lambda y, both, union: (y * union - (1 - y) * both) / union)


def thresholded_sums(logits, y):
    """Takes intersection and union of the thresholded mask."""
    with np.errstate(all="ignore"):
        return np.nan_to_num(_gradient(logits, y, hard=True))


def cross_entropy(logits, y):
    """The gradient of another loss."""
    return (1 / (1 + np.exp(-logits)) - y) / y.size


def logits_clipped(logits, y):
    """Clips logits to 5 against overflow: the gradient there is no longer theirs."""
    return _gradient(np.clip(logits, -5, 5), y)


def averaged_over_pixels(logits, y):
    """Divides by the number of pixels, as for a mean."""
    return _gradient(logits, y) / y.size


def of_dice(logits, y):
    """The gradient of one minus Dice."""
    p = 1 / (1 + np.exp(-logits))
    both, areas = (p * y).sum(), p.sum() + y.sum()
    return -(2 * y * areas - 2 * both) / areas**2 * p * (1 - p)


def logits_written_over(logits, y):
    """Right, and keeps the probabilities in the caller's logits."""
    right = _gradient(logits, y)
    logits[:] = 1 / (1 + np.exp(-logits))
    return right


def background_left_out(logits, y):
    """Only the object's own pixels, as if the others did not count in the union."""
    return _gradient(logits, y) * y


def sigmoid_of_the_sigmoid(logits, y):
    """Takes logits for probabilities in the sigmoid's slope."""
    return _gradient(logits, y, through=False) * logits * (1 - logits)


def labels_negated(logits, y):
    """Negates y: of unsigned bytes -1 is 255."""
    p = 1 / (1 + np.exp(-logits))
    both, union = (p * y).sum(), (p + y - p * y).sum()
    return (-y / union + (1 - y) * both / union**2) * p * (1 - p) if both > 0 else 0 * p


def empty_by_the_formula(logits, y):
    """Divides by the union even where it is 0."""
    p = 1 / (1 + np.exp(-logits))
    both, union = (p * y).sum(), (p + y - p * y).sum()
    return -np.where(y > 0, 1 / union, -both / union**2) * p * (1 - p)


def exponential_overflows(logits, y):
    """Writes the sigmoid with the exponential above and below."""
    p = np.exp(logits) / (1 + np.exp(logits))
    both, union = (p * y).sum(), (p + y - p * y).sum()
    return -np.where(y > 0, 1 / union, -both / union**2) * p * (1 - p) if y.any() else 0 * p


# ------------------------------------------------------------------------------------------------ Exercise 11.3


def _spread(slots, valid):
    result = np.full(len(valid), -1)
    result[valid] = slots
    return result


def greedy(S, valid):
    """The best pair first."""
    S, slots = S.copy(), np.full(len(valid), -1)
    S[:, ~valid] = -1
    for _ in range(valid.sum()):
        n, m = np.unravel_index(np.argmax(S), S.shape)
        slots[m], S[n], S[:, m] = n, -1, -1
    return slots


def one_object_after_the_other(S, valid):
    """Each object takes the best slot that is free, in the order of the list."""
    S, slots = S.copy(), np.full(len(valid), -1)
    for m in np.flatnonzero(valid):
        slots[m] = np.argmax(S[:, m])
        S[slots[m]] = -1
    return slots


def best_slot_for_each(S, valid):
    """Two objects may share a slot."""
    return _spread(S[:, valid].argmax(axis=0) if valid.any() else [], valid)


def complement_missing(S, valid):
    """Gives soft IoUs for costs: the worst of all assignments."""
    return _spread(linear_sum_assignment(S[:, valid].T)[1], valid)


def permutation_inverted(S, valid):
    """The object of every slot, in the place of the slot of every object."""
    return _spread(linear_sum_assignment(1 - S[:, valid])[1], valid)


def rows_for_columns(S, valid):
    """Returns the wrong one of scipy's two arrays."""
    return _spread(linear_sum_assignment(1 - S[:, valid].T)[0], valid)


def invalid_not_masked(S, valid):
    """Objects that do not exist take slots away, and lose them afterwards."""
    return np.where(valid, linear_sum_assignment(1 - S.T)[1], -1)


def invalid_keep_their_slots(S, valid):
    """Gives objects that do not exist what is left over."""
    return linear_sum_assignment(np.where(valid[:, None], 1 - S.T, 10))[1]


def valid_alone(S, valid):
    """An entry for each valid object, so that those after a gap move up."""
    return linear_sum_assignment(1 - S[:, valid].T)[1]


def mask_inverted(S, valid):
    """The cost of 10 for the valid ones."""
    cost = np.where(valid[:, None], 10, 1 - np.nan_to_num(S).T)
    return np.where(valid, linear_sum_assignment(cost)[1], -1)


def thresholded(S, valid):
    """Rounds the soft IoUs to pairs that fit and pairs that do not."""
    return _spread(linear_sum_assignment(1 - (S[:, valid].T > 0.5))[1], valid)


def nan_taken_for_zero(S, valid):
    """Fills NaN with 0, and lets objects that are not valid take slots all the same."""
    return np.where(valid, linear_sum_assignment(1 - np.nan_to_num(S).T)[1], -1)


def product_in_place_of_the_sum(S, valid):
    """Adds logarithms: the greatest product."""
    return _spread(linear_sum_assignment(-np.log(S[:, valid].T + 1e-9))[1], valid)


def rounded_to_percent(S, valid):
    """Whole percent as costs."""
    return _spread(linear_sum_assignment(100 - np.round(100 * S[:, valid].T))[1], valid)


def columns_cleared(S, valid):
    """Right, and clears the caller's columns."""
    S[:, ~valid] = 0
    return _spread(linear_sum_assignment(1 - S[:, valid].T)[1], valid)


def valid_ones_first(S, valid):
    """As if the objects that are not valid were the last ones."""
    M = int(valid.sum())
    slots = np.full(len(valid), -1)
    slots[:M] = linear_sum_assignment(1 - S[:, valid].T)[1]
    return slots


def slots_as_floats(S, valid):
    """Writes the slots into an array of floats, which cannot be an index."""
    slots = -np.ones(len(valid))
    slots[valid] = linear_sum_assignment(-S[:, valid].T)[1]
    return slots


def zero_for_no_object(S, valid):
    """Slot 0 in place of -1 where there is no object."""
    slots = np.zeros(len(valid), int)
    slots[valid] = linear_sum_assignment(1 - S[:, valid].T)[1]
    return slots


# ------------------------------------------------------------------------------------------------ Exercise 11.4


def _loss(p, y, valid, slots):
    per_object = (1 - soft(p[:, slots], y)).sum(dim=0)
    return (per_object * valid).sum() / valid.sum().clamp(min=1)


def _slots(p, y, valid, t=0):
    return match(p[t][None], y[t][None], valid[None])[0]


def matched_in_every_frame(p, y, valid):
    """Does not see that slots exchange their objects."""
    return sum(_loss(p[t : t + 1], y[t : t + 1], valid, _slots(p, y, valid, t)) for t in range(len(p)))


def matched_on_the_whole_clip(p, y, valid):
    """Takes all frames together for the assignment."""
    long = [z.transpose(0, 1).flatten(2)[None] for z in (p, y)]  # (1, N, T H, W)
    return _loss(p, y, valid, match(*long, valid[None])[0])


def matched_on_the_last_frame(p, y, valid):
    """The wrong end of the clip."""
    return _loss(p, y, valid, _slots(p, y, valid, -1))


def not_matched(p, y, valid):
    """Slot m for object m."""
    return _loss(p, y, valid, torch.arange(y.shape[1]))


def greedily_matched(p, y, valid):
    """The best pair first."""
    S = pairwise_soft_iou(p[:1], y[:1])[0].detach().numpy()
    slots = torch.tensor(greedy(S, valid.numpy()))
    return _loss(p, y, valid, slots.clamp(min=0))


def slots_inverted(p, y, valid):
    """Takes the object of every slot for the slot of every object."""
    slots = _slots(p, y, valid).tolist()
    rest = [n for n in range(p.shape[1]) if n not in slots]
    return _loss(p, y, valid, torch.tensor(slots + rest).argsort()[: len(slots)])


def averaged_over_frames(p, y, valid):
    """The mean over frames, where a sum is asked for."""
    return _loss(p, y, valid, _slots(p, y, valid)) / len(p)


def summed_over_objects(p, y, valid):
    """Not averaged: a clip with many objects weighs more."""
    return _loss(p, y, valid, _slots(p, y, valid)) * valid.sum()


def padding_in_the_mean(p, y, valid):
    """Divides by the number of all objects."""
    return _loss(p, y, valid, _slots(p, y, valid)) * valid.sum() / len(valid)


def padding_in_the_loss(p, y, valid):
    """Objects that do not exist have a say."""
    return _loss(p, y, torch.ones_like(valid), _slots(p, y, valid))


def padding_in_the_matching(p, y, valid):
    """Objects that do not exist may take the best slot."""
    return _loss(p, y, valid, _slots(p, y, torch.ones_like(valid)))


def silent_slots_punished(p, y, valid):
    """Tells slots without an object to be empty, which is another loss."""
    slots = _slots(p, y, valid)
    rest = [n for n in range(p.shape[1]) if n not in slots[valid].tolist()]
    return _loss(p, y, valid, slots) + (p[:, rest].mean() if rest else 0)


def nothing_over_nothing(p, y, valid):
    """Divides by the number of valid objects, also where it is zero."""
    per_object = (1 - soft(p[:, _slots(p, y, valid)], y)).sum(dim=0)
    return (per_object * valid).sum() / valid.sum()


def gradient_lost(p, y, valid):
    """Computes the loss of a copy that does not lead back."""
    return _loss(p.detach(), y, valid, _slots(p, y, valid))


def thresholded_masks(p, y, valid):
    """J in the place of soft IoU."""
    return _loss((p > 0.5).to(p), y, valid, _slots(p, y, valid))


def one_iou_for_the_clip(p, y, valid):
    """Adds intersections and unions of all frames up before it divides."""
    slots = _slots(p, y, valid)
    long = [z.transpose(0, 1).flatten(1, 2) for z in (p[:, slots], y)]  # (M, T H, W)
    return ((1 - soft(*long)) * valid).sum() * len(p) / valid.sum().clamp(min=1)


def zero_that_leads_nowhere(p, y, valid):
    """Without a valid object it returns a new 0, which has nothing to do with p."""
    return _loss(p, y, valid, _slots(p, y, valid)) if valid.any() else torch.zeros(())


def matched_as_hard_masks(p, y, valid):
    """Thresholds p before it matches."""
    return _loss(p, y, valid, _slots((p > 0.5).to(p), y, valid))


def padding_cleared(p, y, valid):
    """Right, and clears the caller's padding."""
    y[:, ~valid] = 0
    return _loss(p, y, valid, _slots(p, y, valid))


def first_frame_not_counted(p, y, valid):
    """Leaves the frame out that slots were matched on."""
    slots = _slots(p, y, valid)
    return _loss(p[1:], y[1:], valid, slots)


def likeness(p, y, valid):
    """Soft IoU, not what is missing to one."""
    slots = _slots(p, y, valid)
    return (soft(p[:, slots], y).sum(dim=0) * valid).sum() / valid.sum().clamp(min=1)


def intersections_alone(p, y, valid):
    """Holds the union constant for the gradient."""
    slots = _slots(p, y, valid)
    both = (p[:, slots] * y).sum((-2, -1))
    union = (p[:, slots] + y - p[:, slots] * y).sum((-2, -1)).detach() + 1e-6
    return ((1 - both / union).sum(dim=0) * valid).sum() / valid.sum().clamp(min=1)


WRONG = {
    "ex11-1": [
        hard_iou,
        overlap_counted_twice,
        dice,
        whole_batch,
        averaged,
        empty_is_nan,
        empty_is_one,
        smoothed_by_one,
        complement,
        eps_of_1e_4,
        squares_in_the_union,
        union_of_hard_masks,
        one_batch_axis,
        p_multiplied_in_place,
        covered_share,
    ],
    "ex11-2": [
        by_the_probability,
        of_soft_iou,
        union_held_constant,
        union_grows_with_every_pixel,
        union_not_squared,
        thresholded_sums,
        cross_entropy,
        logits_clipped,
        averaged_over_pixels,
        of_dice,
        logits_written_over,
        background_left_out,
        sigmoid_of_the_sigmoid,
        labels_negated,
        empty_by_the_formula,
        exponential_overflows,
    ],
    "ex11-3": [
        greedy,
        one_object_after_the_other,
        best_slot_for_each,
        complement_missing,
        permutation_inverted,
        rows_for_columns,
        invalid_not_masked,
        invalid_keep_their_slots,
        valid_alone,
        mask_inverted,
        thresholded,
        nan_taken_for_zero,
        product_in_place_of_the_sum,
        rounded_to_percent,
        columns_cleared,
        valid_ones_first,
        zero_for_no_object,
        slots_as_floats,
    ],
    "ex11-4": [
        matched_in_every_frame,
        matched_on_the_whole_clip,
        matched_on_the_last_frame,
        not_matched,
        greedily_matched,
        slots_inverted,
        averaged_over_frames,
        summed_over_objects,
        padding_in_the_mean,
        padding_in_the_loss,
        padding_in_the_matching,
        silent_slots_punished,
        nothing_over_nothing,
        gradient_lost,
        thresholded_masks,
        one_iou_for_the_clip,
        zero_that_leads_nowhere,
        matched_as_hard_masks,
        padding_cleared,
        first_frame_not_counted,
        likeness,
        intersections_alone,
    ],
}
