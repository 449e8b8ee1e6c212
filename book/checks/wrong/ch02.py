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


WRONG = {
    "ex02-1": [
        merges_the_objects,
        counts_the_background,
        skips_absent_objects,
        absent_is_zero,
        dice,
        share_of_the_truth,
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
    ],
    "ex02-3": [
        each_takes_its_best,
        greedy,
        cheapest_instead_of_dearest,
        region_alone,
        first_frame_alone,
        in_the_order_of_proposals,
    ],
    "ex02-4": [inverted, boundary_pixels_inside, thick_ring, shrunk, ring_along_the_border, nothing],
}
