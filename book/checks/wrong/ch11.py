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
    ],
    "ex11-2": [
        by_the_probability,
        of_soft_iou,
        union_held_constant,
        union_grows_with_every_pixel,
        union_not_squared,
        thresholded_sums,
        cross_entropy,
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
    ],
}
