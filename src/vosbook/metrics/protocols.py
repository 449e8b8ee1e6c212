"""The benchmarks' protocols: which frames and objects count, and how a sequence is scored.

Masks are read one frame at a time, so memory does not grow with the length of a video.
"""

from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from vosbook.errors import InputError
from vosbook.metrics.scores import J_AND_F, METRICS, Scores, curves, frame_scores, pair_scores
from vosbook.metrics.sequences import Pair
from vosbook.metrics.stability import T_SCALE, change, describe
from vosbook.video.labels import VOID, object_ids

MAX_PROPOSALS = 20  # objects that an unsupervised method may offer for one sequence


@dataclass(frozen=True)
class Protocol:
    """What a benchmark scores, and how."""

    name: str
    score: Callable[[Pair, "Protocol"], Scores]  # one sequence
    scored_frames: slice  # in which a sequence may have a score
    merge: bool = False  # all ids together are one object
    late_objects: bool = False  # objects may appear in any frame, and have categories
    statistics: bool = True  # recall and decay are part of it
    temporal: bool = False  # T is part of it, where the sequence's `eval_t` says so


def score_given(pair: Pair, protocol: Protocol) -> Scores:
    """Objects that the first frame's mask gives, the first and the last frame left out: DAVIS 2016 and 2017."""
    names = pair.truth.names
    if len(names) < 3:
        folder = pair.truth.files[names[0]].parent
        raise InputError(f"{folder} has {len(names)} masks, of which the first and last do not count: add some")
    first = pair.first(merge=protocol.merge)
    ids = _given_ids(first, pair)
    timed = protocol.temporal and pair.eval_t
    outlines = [describe(first > 0)] if timed else []  # T begins at the given mask
    scores = []
    for name in names[1:-1]:
        prediction, truth = pair.read(name, merge=protocol.merge)
        _check_ids(prediction, ids[-1], pair.prediction.files[name])
        scores.append(frame_scores(prediction, truth, ids, metrics=tuple(METRICS)))
        if timed:
            outlines.append(describe(prediction > 0))
    changes = [change(before, now) for before, now in pairwise(outlines)]
    by_object = np.array(scores).transpose(2, 1, 0)  # (T, M, N) -> (N, M, T)
    return {i: curves(values.tolist(), t=_mean_change(changes)) for i, values in zip(ids, by_object)}


def score_proposals(pair: Pair, protocol: Protocol) -> Scores:
    """Unsupervised: each true object takes the proposal that makes the sum of mean (J + F) / 2 greatest; all frames.

    Where truth is void, neither mask counts. Proposals that no object takes cost nothing.
    """
    ids = _given_ids(pair.first(), pair)
    scores, most = [], len(ids)
    for name in pair.truth.names:
        prediction, truth = pair.read(name)
        most = max(most, int(prediction.max()))
        if most > MAX_PROPOSALS:
            raise InputError(f"{pair.prediction.files[name]} has the id {most}, more than {MAX_PROPOSALS}: drop some")
        prediction[truth == VOID] = truth[truth == VOID] = 0
        scores.append(pair_scores(prediction, truth, range(1, MAX_PROPOSALS + 1), ids, metrics=tuple(METRICS)))
    by_pair = np.array(scores).transpose(3, 2, 1, 0)[:, :most]  # (T, M, P, N) -> (N, P, M, T)
    j_and_f = by_pair[:, :, [list(METRICS).index(name) for name in J_AND_F]].sum(axis=2)  # (N, P, 2, T) -> (N, P, T)
    objects, proposals = linear_sum_assignment(j_and_f.mean(axis=2), maximize=True)
    return {ids[n]: curves(by_pair[n, p].tolist()) for n, p in zip(objects, proposals)}


def score_appearing(pair: Pair, protocol: Protocol) -> Scores:
    """YouTube-VOS: an object counts after the frame that first holds it, whose mask is given; None until then."""
    scores: Scores = {}
    strangers: dict[int, Path] = {}  # ids that were predicted, and first where
    for t, name in enumerate(pair.truth.names):
        prediction, truth = pair.read(name)
        now = frame_scores(prediction, truth, scores, metrics=tuple(METRICS))  # (M, N)
        for objects, values in zip(scores.values(), now.T.tolist()):
            for metric, value in zip(METRICS, values):
                objects[metric].append(value)
        for i in object_ids(truth):
            scores.setdefault(i, curves([[None] * (t + 1) for _ in METRICS]))
        for i in np.unique(prediction[prediction > 0]).tolist():
            strangers.setdefault(i, pair.prediction.files[name])
    if not scores:
        raise InputError(f"{pair.truth.files[pair.truth.names[0]].parent} has masks with no object: nothing to score")
    for i in strangers.keys() - scores.keys():
        raise InputError(f"{strangers[i]} has the id {i}, which no true mask has: renumber the prediction's objects")
    return dict(sorted(scores.items()))


def _given_ids(first: np.ndarray, pair: Pair) -> range:
    """1 up to the largest id of the first frame's labels; an id that they pass over counts too, as officially."""
    ids = object_ids(first)
    if not ids:
        raise InputError(f"{pair.truth.files[pair.truth.names[0]]} has no object, and it is the first frame: check it")
    return range(1, ids[-1] + 1)


def _check_ids(prediction: np.ndarray, largest: int, file: Path) -> None:
    if (found := int(prediction.max())) > largest:
        raise InputError(f"{file} has the id {found}, but the first true mask's ids end at {largest}: renumber them")


def _mean_change(changes: Many[float]) -> float | None:
    """T of a sequence from that of its frame pairs. None where it was not scored, or no pair has both masks."""
    known = [change for change in changes if not np.isnan(change)]
    return T_SCALE * float(np.mean(known)) if known else None


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        # The first frame is given, the last is left out.
        Protocol("davis2016", score_given, slice(1, -1), merge=True, temporal=True),
        Protocol("davis2017", score_given, slice(1, -1)),
        Protocol("davis2017-unsupervised", score_proposals, slice(0, None)),
        Protocol("youtube-vos", score_appearing, slice(1, None), late_objects=True, statistics=False),
    )
}
