"""Wrong answers to the exercises of chapter 02, named after the mistake."""

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from vosbook.metrics.boundary import boundary_map

# ------------------------------------------------------------------------------------------------ Exercise 2.1


def _iou(one, other):
    union = (one | other).sum()
    return (one & other).sum() / union if union else 1.0


def merges_the_objects(prediction, truth, ids):
    """One mask for all objects: exchanged ids go unnoticed."""
    return _iou(prediction > 0, truth > 0)


def counts_the_background(prediction, truth, ids):
    """Takes the background for an object, which lifts every score."""
    return np.mean([_iou(prediction == i, truth == i) for i in (0, *ids)])


def table_up_to_the_largest(prediction, truth, ids):
    """Counts pairs of ids in a table that is as wide as the largest id: an error for an id above it."""
    n = int(max(prediction.max(), truth.max())) + 1
    table = np.bincount(prediction.ravel().astype(int) * n + truth.ravel(), minlength=n * n).reshape(n, n)
    either = table.sum(0) + table.sum(1) - table.diagonal()
    return np.mean([table[i, i] / either[i] if either[i] else 1 for i in ids])


def skips_absent_objects(prediction, truth, ids):
    """Leaves out an object that is in neither map, where it counts as 1."""
    there = [i for i in ids if ((prediction == i) | (truth == i)).any()]
    return np.mean([_iou(prediction == i, truth == i) for i in there])


def absent_is_zero(prediction, truth, ids):
    """Gives an object that is in neither map 0."""
    return np.mean([(((p := prediction == i) & (t := truth == i)).sum()) / max((p | t).sum(), 1) for i in ids])


def dice(prediction, truth, ids):
    """Divides twice the shared pixels by the sum of both areas: the Dice coefficient, which is larger."""
    masks = [(prediction == i, truth == i) for i in ids]
    return np.mean([2 * (p & t).sum() / (p.sum() + t.sum()) if (p | t).any() else 1.0 for p, t in masks])


def share_of_the_truth(prediction, truth, ids):
    """Divides by the true area alone, so that too large a mask costs nothing."""
    masks = [(prediction == i, truth == i) for i in ids]
    return np.mean([(p & t).sum() / t.sum() if t.any() else 1.0 for p, t in masks])


def absent_in_the_truth_is_one(prediction, truth, ids):
    """Gives 1 to an object that is not there, even where it was predicted."""
    return np.mean([_iou(prediction == i, truth == i) if (truth == i).any() else 1.0 for i in ids])


def only_objects_of_the_truth(prediction, truth, ids):
    """Averages over the ids of the truth, not over those asked for."""
    ids = [i for i in np.unique(truth) if i]
    return np.mean([_iou(prediction == i, truth == i) for i in ids])


def only_objects_that_were_found(prediction, truth, ids):
    """Averages over objects that were predicted."""
    found = [i for i in ids if (prediction == i).any()] or ids
    return np.mean([_iou(prediction == i, truth == i) for i in found])


def all_pixels_together(prediction, truth, ids):
    """Divides the sum of intersections by the sum of unions: large objects count more."""
    masks = [(prediction == i, truth == i) for i in ids]
    return sum((p & t).sum() for p, t in masks) / max(sum((p | t).sum() for p, t in masks), 1)


def ids_with_a_sign(prediction, truth, ids):
    """Takes ids for int8, in which those above 127 are never found."""
    one, other = prediction.astype(np.int8), truth.astype(np.int8)
    return np.mean([_iou(one == i, other == i) for i in ids])


def accuracy(prediction, truth, ids):
    """Takes the share of pixels that agree about the object."""
    return np.mean([((prediction == i) == (truth == i)).mean() for i in ids])


def smoothed(prediction, truth, ids):
    """Adds one to both areas, so as not to divide by 0."""
    masks = [(prediction == i, truth == i) for i in ids]
    return np.mean([((p & t).sum() + 1) / ((p | t).sum() + 1) for p, t in masks])


# ------------------------------------------------------------------------------------------------ Exercise 2.2


def _values(scores):
    return np.array([score for score in scores if score is not None])


def _decay(values, kind=int):
    ends = np.floor(np.linspace(0, len(values) - 1, 5) + 0.5).astype(kind).astype(int)
    first, last = values[: ends[1] + 1], values[ends[3] : ends[4] + 1]
    return first.mean() - last.mean()


def half_is_enough(scores):
    """Counts .5 itself, where recall asks for more."""
    values = _values(scores)
    return (values >= 0.5).mean(), _decay(values)


def none_is_zero(scores):
    """Counts the frames before the object appeared as failures."""
    values = np.array([score or 0.0 for score in scores])
    return (values > 0.5).mean(), _decay(values)


def last_less_first(scores):
    """The sign of the decay turned around."""
    values = _values(scores)
    return (values > 0.5).mean(), -_decay(values)


def quarters_that_share_nothing(scores):
    """Splits into four parts without common ends."""
    values = _values(scores)
    parts = np.array_split(values, min(4, len(values)))
    return (values > 0.5).mean(), parts[0].mean() - parts[-1].mean()


def ends_in_eight_bits(scores):
    """Keeps the ends as uint8, as the benchmark's code does: wrong beyond 256 frames."""
    values = _values(scores)
    return (values > 0.5).mean(), _decay(values, np.uint8)


def first_frame_less_last_frame(scores):
    """Compares two single frames, not two quarters."""
    values = _values(scores)
    return (values > 0.5).mean(), values[0] - values[-1]


def halves_to_even(scores):
    """Rounds with np.round, which takes 1.5 and 2.5 both to 2."""
    values = _values(scores)
    ends = np.round(np.linspace(0, len(values) - 1, 5)).astype(int)
    return (values > 0.5).mean(), values[: ends[1] + 1].mean() - values[ends[3] :].mean()


def zero_is_none(scores):
    """Drops the frames with score 0 along with those before the object appeared."""
    values = np.array([score for score in scores if score])
    return (values > 0.5).mean(), _decay(values)


def none_taken_from_the_callers_list(scores):
    """Right, but removes the None from the caller's list."""
    while scores and scores[0] is None:
        scores.pop(0)
    values = np.array(scores, float)
    return (values > 0.5).mean(), _decay(values)


def recall_over_all_frames(scores):
    """Divides by the number of frames with those before the object appeared."""
    values = _values(scores)
    return (values > 0.5).sum() / len(scores), _decay(values)


def ends_of_all_frames(scores):
    """Cuts quarters from the video's length, and not from the object's."""
    ends = np.floor(np.linspace(0, len(scores) - 1, 5) + 0.5).astype(int)
    values = _values(scores)
    last = values[min(ends[3], len(values) - 1) :]
    return (values > 0.5).mean(), values[: ends[1] + 1].mean() - last.mean()


def quarters_rounded_down(scores):
    """Cuts the ends off where they should be rounded."""
    values = _values(scores)
    ends = np.linspace(0, len(values) - 1, 5).astype(int)
    return (values > 0.5).mean(), values[: ends[1] + 1].mean() - values[ends[3] :].mean()


def without_the_sign(scores):
    """Takes the decay's absolute value: a method that gets better looks worse."""
    values = _values(scores)
    return (values > 0.5).mean(), abs(_decay(values))


def halves(scores):
    """Compares halves, not quarters."""
    values = _values(scores)
    ends = np.floor(np.linspace(0, len(values) - 1, 3) + 0.5).astype(int)
    return (values > 0.5).mean(), values[: ends[1] + 1].mean() - values[ends[1] :].mean()


# ------------------------------------------------------------------------------------------------ Exercise 2.3


def each_takes_its_best(j, f):
    """Every object takes the proposal that suits it best, so that one may serve two."""
    return (j + f).mean(axis=0).argmax(axis=0).tolist()


def greedy(j, f):
    """Gives the best pair of all, then the best of what is left: not the largest sum."""
    gain = (j + f).mean(axis=0)
    chosen = [0] * gain.shape[1]
    for _ in chosen:
        p, n = np.unravel_index(gain.argmax(), gain.shape)
        chosen[n] = int(p)
        gain[p], gain[:, n] = -1, -1
    return chosen


def cheapest_instead_of_dearest(j, f):
    """Solves for the smallest sum, which is what the solver does unless told otherwise."""
    return linear_sum_assignment((j + f).mean(axis=0).T)[1].tolist()


def region_alone(j, f):
    """Matches by J and forgets F."""
    return linear_sum_assignment(j.mean(axis=0).T, maximize=True)[1].tolist()


def first_frame_alone(j, f):
    """Matches in the first frame, not over the whole video."""
    return linear_sum_assignment((j + f)[0].T, maximize=True)[1].tolist()


def in_the_order_of_proposals(j, f):
    """Returns rows of a matrix of proposals by objects: sorted by proposal, so the objects lose their order."""
    return linear_sum_assignment((j + f).mean(axis=0), maximize=True)[0].tolist()


def product_of_means(j, f):
    """Multiplies the means of J and F."""
    return linear_sum_assignment((j.mean(axis=0) * f.mean(axis=0)).T, maximize=True)[1].tolist()


def worse_of_the_two(j, f):
    """Takes the smaller of J and F in every frame."""
    return linear_sum_assignment(np.minimum(j, f).mean(axis=0).T, maximize=True)[1].tolist()


def medians(j, f):
    """Takes the median over frames."""
    return linear_sum_assignment(np.median(j + f, axis=0).T, maximize=True)[1].tolist()


def rounded_scores(j, f):
    """Rounds to one digit before it chooses."""
    return linear_sum_assignment((j + f).mean(axis=0).round(1).T, maximize=True)[1].tolist()


def j_counts_twice(j, f):
    """Forgets the brackets: j + f / 2."""
    return linear_sum_assignment((j + f / 2).mean(axis=0).T, maximize=True)[1].tolist()


def best_frame(j, f):
    """Takes the best frame of every pair, not the mean."""
    return linear_sum_assignment((j + f).max(axis=0).T, maximize=True)[1].tolist()


def objects_in_turn(j, f):
    """Lets the objects choose one after the other."""
    gain, chosen = (j + f).mean(axis=0), []
    for n in range(gain.shape[1]):
        free = [p for p in range(len(gain)) if p not in chosen]
        chosen.append(max(free, key=lambda p: gain[p, n]))
    return chosen


def adds_into_j(j, f):
    """Right, but adds f to the caller's j."""
    j += f
    return linear_sum_assignment(j.mean(axis=0).T, maximize=True)[1].tolist()


# ------------------------------------------------------------------------------------------------ Exercise 2.4


def inverted(truth):
    """Everything but the object: the right outline, but not a pixel inside."""
    return ~truth


def boundary_pixels_inside(truth):
    """The boundary map within the object: the upper and the left edge of that map lie outside, and are lost."""
    return boundary_map(truth) & truth


def thick_ring(truth):
    """A ring wider than the match radius: its inner outline finds no partner."""
    return truth & ~(cv2.erode(truth.view(np.uint8), np.ones((17, 17), np.uint8), borderValue=1) > 0)


def shrunk(truth):
    """A slightly smaller object: a perfect F, but nearly all of the area too."""
    return cv2.erode(truth.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0


def ring_along_the_border(truth):
    """Takes the image's border for an edge of the object, and draws an outline there that the truth has not."""
    eroded = cv2.erode(np.pad(truth, 1).view(np.uint8), np.ones((3, 3), np.uint8))
    return truth & ~(eroded[1:-1, 1:-1] > 0)


def nothing(truth):
    """An empty mask has no outline at all."""
    return np.zeros_like(truth)


def empties_the_callers_mask(truth):
    """Right, but takes the inside out of the caller's mask."""
    inside = cv2.erode(truth.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    truth &= ~inside
    return truth


def upper_half_of_the_outline(truth):
    """Leaves the lower half of the outline out."""
    ring = truth & ~(cv2.erode(truth.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0)
    ring[np.flatnonzero(ring.any(axis=1)).mean().astype(int) :] = False
    return ring


def dots_of_the_outline(truth):
    """Keeps every twentieth pixel of the outline, too few for the radius."""
    ring = truth & ~(cv2.erode(truth.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0)
    keep = np.zeros_like(ring)
    rows, columns = np.nonzero(ring)
    keep[rows[::20], columns[::20]] = True
    return keep


def a_hole_in_the_middle(truth):
    """Takes away the inside but for a broad rim."""
    inside = cv2.erode(truth.view(np.uint8), np.ones((31, 31), np.uint8), borderValue=1) > 0
    return truth & ~inside


def stripes(truth):
    """Keeps every eighth column of the object."""
    keep = np.zeros_like(truth)
    keep[:, ::8] = truth[:, ::8]
    return keep


def outline_from_without(truth):
    """Takes the pixels just outside the object."""
    grown = cv2.dilate(truth.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return grown & ~truth


def labels_of_the_outline(truth):
    """Right, but returns numbers where bool is asked for."""
    inside = cv2.erode(truth.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    return (truth & ~inside).astype(np.uint8)


def table_too_small(prediction, truth, ids):
    """A table of confusions up to the largest id asked about; larger ones fall into other cells."""
    n = max(ids) + 1
    counts = np.bincount(n * truth.ravel().astype(int) + prediction.ravel(), minlength=n * n)[: n * n].reshape(n, n)
    unions = [counts[i].sum() + counts[:, i].sum() - counts[i, i] for i in ids]
    return float(np.mean([counts[i, i] / union if union else 1.0 for i, union in zip(ids, unions)]))


WRONG = {
    "ex02-1": [
        merges_the_objects,
        counts_the_background,
        skips_absent_objects,
        absent_is_zero,
        dice,
        share_of_the_truth,
        absent_in_the_truth_is_one,
        only_objects_of_the_truth,
        only_objects_that_were_found,
        all_pixels_together,
        ids_with_a_sign,
        accuracy,
        smoothed,
        table_up_to_the_largest,
        table_too_small,
    ],
    "ex02-2": [
        half_is_enough,
        none_is_zero,
        last_less_first,
        quarters_that_share_nothing,
        ends_in_eight_bits,
        first_frame_less_last_frame,
        halves_to_even,
        zero_is_none,
        none_taken_from_the_callers_list,
        recall_over_all_frames,
        ends_of_all_frames,
        quarters_rounded_down,
        without_the_sign,
        halves,
    ],
    "ex02-3": [
        each_takes_its_best,
        greedy,
        cheapest_instead_of_dearest,
        region_alone,
        first_frame_alone,
        in_the_order_of_proposals,
        product_of_means,
        worse_of_the_two,
        medians,
        rounded_scores,
        j_counts_twice,
        best_frame,
        objects_in_turn,
        adds_into_j,
    ],
    "ex02-4": [
        inverted,
        boundary_pixels_inside,
        thick_ring,
        shrunk,
        ring_along_the_border,
        nothing,
        empties_the_callers_mask,
        upper_half_of_the_outline,
        dots_of_the_outline,
        a_hole_in_the_middle,
        stripes,
        outline_from_without,
        labels_of_the_outline,
    ],
}
