"""Checks of chapter 02. Each compares values on several cases, and its message says what was seen, not the answer."""

import itertools

import numpy as np
from checks.guard import guarded

from vosbook.metrics.boundary import boundary_f
from vosbook.metrics.region import jaccard


@guarded
def check_mean_iou(mean_iou):
    """Exercise 2.1."""
    truth = np.zeros((10, 20), np.uint8)
    truth[1:5, 1:6], truth[6:8, 10:12] = 1, 2
    prediction = np.zeros_like(truth)
    prediction[1:5, 3:8], prediction[6:8, 10:12] = 1, 2
    cases = [
        (
            "two objects, one exact, the other with 12 of 28 pixels shared",
            (prediction, truth, [1, 2]),
            (12 / 28 + 1) / 2,
        ),
        ("only the object that is not exact", (prediction, truth, [1]), 12 / 28),
        ("the two maps exchanged", (truth, prediction, [1, 2]), (12 / 28 + 1) / 2),
        ("an object 3 that is in neither map", (prediction, truth, [1, 2, 3]), (12 / 28 + 2) / 3),
        ("nothing predicted", (np.zeros_like(truth), truth, [1, 2]), 0.0),
        ("the ids exchanged", (np.array([0, 2, 1], np.uint8)[truth], truth, [1, 2]), 0.0),
    ]
    for name, arguments, expected in cases:
        got = mean_iou(*arguments)
        assert np.isclose(got, expected), f"{name}: expected {expected:.3f}, got {got}"


@guarded
def check_recall_and_decay(recall_and_decay):
    """Exercise 2.2."""
    rng = np.random.default_rng(2)
    nine = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    long = np.linspace(1, 0.2, 400)
    cases = [
        ("nine values from .9 down to .1", nine, (4 / 9, 0.8 - 0.2)),
        ("the same nine, after five frames without the object", [None] * 5 + nine, (4 / 9, 0.8 - 0.2)),
        ("a method that gets better", [0.2, 0.2, 0.4, 0.8, 0.8], (0.4, 0.2 - 0.8)),
        ("one frame", [0.7], (1.0, 0.0)),
        ("seven values", [1, 0.5, 1, 0, 0, 0.6, 0], (3 / 7, (1 + 0.5 + 1) / 3 - (0.6 + 0) / 2)),
        ("400 frames that fall evenly from 1 to .2", long.tolist(), (250 / 400, long[:101].mean() - long[299:].mean())),
    ]
    for name, scores, expected in cases:
        got = recall_and_decay(scores)
        assert len(got) == 2, f"return two numbers, recall and decay, not {got}"
        for what, one, other in zip(("recall", "decay"), got, expected):
            assert np.isclose(one, other, atol=1e-6), f"{name}: expected {what} {other:.4f}, got {one}"
    scores = rng.random(1000)
    decay, expected = recall_and_decay(scores.tolist())[1], scores[:251].mean() - scores[749:].mean()
    assert np.isclose(decay, expected), f"1000 random values: expected decay {expected:.4f}, got {decay}"


@guarded
def check_best_proposals(best_proposals):
    """Exercise 2.3."""
    rng = np.random.default_rng(3)
    for frames, proposals, objects in [(1, 2, 2), (4, 3, 2), (5, 4, 4), (6, 5, 3), (3, 6, 1)] * 4:
        j, f = rng.random((2, frames, proposals, objects))
        gain = np.mean((j + f) / 2, axis=0)
        every = itertools.permutations(range(proposals), objects)
        best = max(every, key=lambda chosen: sum(gain[p, n] for n, p in enumerate(chosen)))
        got = [int(p) for p in best_proposals(j.copy(), f.copy())]
        case = f"{frames} frames, {proposals} proposals, {objects} objects"
        assert len(got) == objects, f"{case}: expected one proposal for each object, got {got}"
        assert len(set(got)) == objects, f"{case}: a proposal was given to two objects: {got}"
        assert max(got) < proposals, f"{case}: {got} names a proposal that does not exist"
        sums = [sum(gain[p, n] for n, p in enumerate(chosen)) for chosen in (got, best)]
        assert np.isclose(*sums), f"{case}: your choice sums to {sums[0]:.3f}, and {sums[1]:.3f} can be had"


@guarded
def check_hollow(hollow):
    """Exercise 2.4."""
    y, x = np.mgrid[:240, :432]
    cases = {
        "a disk": np.hypot(y - 120, x - 200) < 70,
        "a rectangle": (abs(y - 110) < 60) & (abs(x - 220) < 90),
        "a disk that the border cuts": np.hypot(y - 120, x - 5) < 90,
    }
    for name, truth in cases.items():
        given = truth.copy()
        got = np.asarray(hollow(given))
        assert got.shape == truth.shape and got.dtype == bool, f"{name}: return bool {truth.shape}"
        assert np.array_equal(given, truth), f"{name}: the true mask was changed"
        outside = np.count_nonzero(got & ~truth)
        assert outside == 0, f"{name}: {outside} of your pixels are not in the object"
        j, f = jaccard(got, truth), boundary_f(got, truth)
        assert f == 1, f"{name}: F is {f:.3f}; some outline of yours or of the truth finds no partner"
        assert j < 0.2, f"{name}: J is {j:.3f}, so too much of the object is left"
