"""The metrics by name, and what they give for the objects of one frame.

A new metric is a function in a file of this folder, and a row in `METRICS`: the evaluation then scores it in every
frame, sums it up and prints it beside the others.
"""

from collections.abc import Callable, Iterable
from collections.abc import Sequence as Many
from typing import Any

import numpy as np

from vosbook.metrics.boundary import boundary_match, joint_crop, match_radius
from vosbook.metrics.region import jaccard

# How like the truth a prediction is: both are bool (h, w), the part of the frame that holds them with one pixel around
# it, or more; then (H, W) of the whole frame. The part must give the whole frame's value.
Metric = Callable[[np.ndarray, np.ndarray, tuple[int, int]], float]

METRICS: dict[str, Metric] = {
    "J": lambda prediction, truth, size: jaccard(prediction, truth),
    "F": lambda prediction, truth, size: boundary_match(prediction, truth, match_radius(size)),
}
J_AND_F = ("J", "F")

Scores = dict[int, dict[str, Any]]  # by object id: of each metric a value for every scored frame, and "T"


def curves(values: Many[list], *, t: float | None = None) -> dict[str, Any]:
    """What `Scores` holds for one object: a list of values for each of `METRICS`, and T (None: not scored)."""
    return {**dict(zip(METRICS, values, strict=True)), "T": t}


def frame_scores(
    prediction: np.ndarray, truth: np.ndarray, ids: Iterable[int], *, metrics: Many[str] = J_AND_F
) -> np.ndarray:
    """Scores of every object in one frame: float64 (M, N), for M `metrics` and N `ids`. Labels are uint8 (H, W).

    By default J and F: the same values as `jaccard` and `boundary_f` on the object's two masks. Fast because all
    objects share one crop, and each then looks at no more than its own two masks' bounding box, for all metrics.
    """
    size = truth.shape
    crop = joint_crop(prediction, truth)
    prediction, truth = prediction[crop], truth[crop]
    scores = [_object_scores(prediction == i, truth == i, size, metrics) for i in ids]
    return np.array(scores, float).reshape(-1, len(metrics)).T  # (N, M) -> (M, N)


def _object_scores(prediction: np.ndarray, truth: np.ndarray, size: tuple[int, int], metrics: Many[str]) -> list[float]:
    """A score of two masks, bool (h, w), for each of `metrics`."""
    crop = joint_crop(prediction, truth)
    prediction, truth = prediction[crop], truth[crop]
    return [METRICS[name](prediction, truth, size) for name in metrics]


def pair_scores(
    prediction: np.ndarray,
    truth: np.ndarray,
    proposals: Many[int],
    ids: Many[int],
    *,
    metrics: Many[str] = J_AND_F,
) -> np.ndarray:
    """Scores of every proposal against every object in one frame: float64 (M, P, N). Labels are uint8 (H, W)."""
    size = truth.shape
    crop = joint_crop(prediction, truth)
    prediction, truth = prediction[crop], truth[crop]
    offered, wanted = [prediction == p for p in proposals], [truth == i for i in ids]
    rows, columns = _alike(offered), _alike(wanted)
    scores = np.zeros((len(metrics), len(offered), len(wanted)))
    for p in set(rows):
        for n in set(columns):
            scores[:, p, n] = _object_scores(offered[p], wanted[n], size, metrics)
    return scores[:, rows][:, :, columns]  # (M, P, N)


def _alike(masks: Many[np.ndarray]) -> list[int]:
    """For each mask the index of one with its scores: the first empty one stands for all that are empty."""
    empty = [n for n, mask in enumerate(masks) if not mask.any()]
    return [empty[0] if n in empty else n for n in range(len(masks))]
