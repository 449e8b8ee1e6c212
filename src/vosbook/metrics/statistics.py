"""Figures that sum scores up: over the frames of one object, and over the objects of all sequences."""

from collections.abc import Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any

import numpy as np

from vosbook.metrics.scores import METRICS, Scores


@dataclass(frozen=True)
class Statistics:
    """Three figures that sum up a score over the frames of one sequence."""

    mean: float
    recall: float  # share of frames with a score above .5
    decay: float  # mean of the first quarter less that of the last: above 0 where the method loses the object


def statistics(values: Many[float]) -> Statistics:
    """Mean, recall and decay of the scores of consecutive frames (Perazzi et al., CVPR 2016, Section 5).

    The four bins of decay share their end points. ValueError where there are no values.
    """
    scores = np.asarray(values, float)
    if scores.size == 0:
        raise ValueError("there are no scores to sum up")
    # Halves round up, as in the official code; its indices are uint8, so beyond 256 frames it takes other frames.
    ends = np.floor(np.linspace(0, len(scores) - 1, 5) + 0.5).astype(int)
    first, last = scores[: ends[1] + 1], scores[ends[3] :]
    return Statistics(
        mean=float(scores.mean()),
        recall=float((scores > 0.5).mean()),
        decay=float(first.mean() - last.mean()),
    )


def scored(objects: Mapping[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """The objects that have a score: in YouTube-VOS not one that appears in the last frame, where its mask is given."""
    return {i: values for i, values in objects.items() if any(j is not None for j in values["J"])}


def object_means(values: Mapping[str, Any]) -> dict[str, float | None]:
    """J&F, the mean of every metric over the frames, and T, of one object."""
    return {**frame_means(values), "T": values["T"]}


def frame_means(values: Mapping[str, Any]) -> dict[str, float]:
    """J&F, and the mean of every metric over the frames, of one object."""
    means = {name: float(np.mean(_known(values[name]))) for name in METRICS}
    return {"J&F": (means["J"] + means["F"]) / 2, **means}


def overall(scores: Mapping[str, Scores], *, recall_and_decay: bool = True) -> dict[str, Any]:
    """Means over all objects of all sequences of each object's own figures; T over the sequences that have it."""
    objects = [values for sequence in scores.values() for values in scored(sequence).values()]
    means = {name: _mean_statistics([values[name] for values in objects], recall_and_decay) for name in METRICS}
    t = [values["T"] for values in objects if values["T"] is not None]
    j_and_f = (means["J"]["mean"] + means["F"]["mean"]) / 2
    return {"J&F": j_and_f, **means, "T": float(np.mean(t)) if t else None}


def _mean_statistics(curves: Many[Many[float | None]], recall_and_decay: bool) -> dict[str, Any]:
    each = [statistics(_known(curve)) for curve in curves]
    mean = {key: float(np.mean([getattr(one, key) for one in each])) for key in ("mean", "recall", "decay")}
    return mean if recall_and_decay else {"mean": mean["mean"], "recall": None, "decay": None}


def _known(curve: Many[float | None]) -> list[float]:
    """The frames that have a score."""
    return [value for value in curve if value is not None]
