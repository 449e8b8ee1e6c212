"""What runs measure: scores of segmenters and of masks, their means, and how long functions take."""

import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from collections.abc import Sequence as Many
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np

from vosbook.datasets.sequence import Sequence
from vosbook.metrics.scores import frame_scores
from vosbook.metrics.stability import sequence_stability
from vosbook.metrics.statistics import statistics
from vosbook.segmenter import Segmenter, segment_frames

Name = TypeVar("Name", bound=Hashable)


def score_sequence(segmenters: Mapping[Name, Segmenter], sequence: Sequence) -> dict[Name, dict[str, Any]]:
    """J and F of segmenters by name, each given the first frame's objects, and how long their frames took.

    As DAVIS scores: means over the annotated frames but the first and the last, then over objects. The segmenters take
    turns at every frame, so that those with a `SharedBackbone` can share it. Of each, by its name: `J`, `F`, `J&F`,
    `objects` (J and F by id), `seconds_first_frame` and `seconds_per_frame`. ValueError where under three frames are
    annotated.
    """
    names = sequence.frames.names
    scored = sequence.annotated[1:-1]
    if not scored:
        masks = len(sequence.annotated)
        raise ValueError(f"{sequence.name} has {masks} masks, of which the first and last do not count")
    ids = [o.id for o in sequence.objects if o.first_frame == names[0]]
    given = {names[0]: sequence.labels(0)}
    labelled = {key: segment_frames(segmenter, sequence.frames, given) for key, segmenter in segmenters.items()}
    scores, seconds = defaultdict(list), defaultdict(list)
    for t in range(len(names)):
        for key, frames in labelled.items():
            start = time.perf_counter()
            labels = next(frames)
            seconds[key].append(time.perf_counter() - start)
            if t in scored:
                scores[key].append(frame_scores(labels, sequence.labels(t), ids))
    return {key: _summary(ids, np.array(scores[key]), seconds[key]) for key in segmenters}


def _summary(ids: list[int], scores: np.ndarray, seconds: list[float]) -> dict[str, Any]:
    """What `score_sequence` says of one segmenter, from the scores (T - 2, 2, N) of T annotated frames."""
    j, f = scores.mean(axis=0)  # (T - 2, 2, N) -> (2, N)
    return {
        "J": j.mean(),
        "F": f.mean(),
        "J&F": (j.mean() + f.mean()) / 2,
        "objects": {i: {"J": j[n], "F": f[n]} for n, i in enumerate(ids)},
        "seconds_first_frame": seconds[0],
        "seconds_per_frame": np.mean(seconds[1:]),
    }


def score_masks(masks: Many[np.ndarray], truth: Many[np.ndarray], *, timed: bool = True) -> dict[str, Any]:
    """One object's masks of a whole video against the true ones, both `(H, W)` and true on the object.

    As DAVIS 2016 scores: `J` and `F`, each with mean, recall and decay over the frames but the first and the last,
    `J&F`, and `T` over the pairs of frames in which both have a mask; None where there is no such pair, or where it is
    not `timed`. ValueError where there are under three frames.
    """
    masks, truth = ([np.asarray(mask) > 0 for mask in video] for video in (masks, truth))
    if len(truth) < 3:
        raise ValueError(f"there are {len(truth)} masks, of which the first and last do not count")
    pairs = zip(masks[1:-1], truth[1:-1], strict=True)
    scores = np.array([frame_scores(mask.astype(np.uint8), true.astype(np.uint8), [1]) for mask, true in pairs])
    j, f = (asdict(statistics(curve)) for curve in scores[..., 0].T)  # (T - 2, 2, 1) -> (T - 2,) each
    t = sequence_stability([truth[0], *masks[1:-1]]) if timed else np.nan
    return {"J": j, "F": f, "J&F": (j["mean"] + f["mean"]) / 2, "T": None if np.isnan(t) else t}


def mean_of(entries: Many[Any]) -> Any:
    """The mean of numbers, None left out, or of mappings with the same keys, key by key. None where none is known."""
    known = [entry for entry in entries if entry is not None]
    if not known:
        return None
    if isinstance(known[0], Mapping):
        return {key: mean_of([entry[key] for entry in known]) for key in known[0]}
    return float(np.mean(known))


class Clock:
    """Seconds that functions take, call by call, under the names they are wrapped with."""

    def __init__(self, synchronize: Callable[[], None] = lambda: None):
        """`synchronize` waits for work that a call leaves behind, e.g. torch.cuda.synchronize."""
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.synchronize = synchronize

    def wrap(self, owner: object, attribute: str, name: str) -> None:
        """Replace a function of `owner` by one that is timed as `name`."""
        setattr(owner, attribute, self.timed(getattr(owner, attribute), name))

    def timed(self, function: Callable, name: str) -> Callable:
        """The function, timed as `name`."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.synchronize()
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self.synchronize()
            self.seconds[name].append(time.perf_counter() - start)
            return result

        return timed
