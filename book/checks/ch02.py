"""Checks of chapter 02. Each compares values on several cases, and its message says what was seen, not the answer."""

import itertools

import numpy as np
from checks import cases
from checks.guard import guarded, tried

from vosbook.metrics.boundary import boundary_f
from vosbook.metrics.region import jaccard


def _two_maps(rng):
    """Cases of (prediction, truth, ids): random maps, and one of two objects that can be counted by hand."""
    first, second, third, fourth = sorted(cases.draw_ids(rng, 4), reverse=True)
    truth = np.zeros((10, 20), np.uint8)
    truth[1:5, 1:6], truth[6:8, 10:12] = first, second
    prediction = np.zeros_like(truth)
    prediction[1:5, 3:8], prediction[6:8, 10:12] = first, second
    alarm = prediction.copy()
    alarm[9] = third
    yield "one object exact, the other with 12 of 28 pixels shared", (prediction, truth, [first, second])
    yield "only the object that is not exact", (prediction, truth, [first])
    yield "the two maps exchanged", (truth, prediction, [second, first])
    yield "a third object, which is in neither map", (prediction, truth, [first, second, third])
    yield "a third object, which is predicted and is not there", (alarm, truth, [first, second, third])
    yield "a third object, which is there and is not predicted", (truth, alarm, [first, second, third])
    yield "nothing predicted", (np.zeros_like(truth), truth, [first, second])
    yield "an object that is not asked about", (alarm, prediction, [second])
    for _ in range(3):
        size = cases.draw_size(rng, 5, 30)
        one, other = (cases.draw_labels(rng, [first, second, third], size) for _ in range(2))
        mixed = np.where(rng.random(size) < 0.6, one, other)
        yield "random labels", (one, mixed, [fourth, third, first])
        yield "random labels, and the largest ids are not asked about", (one, mixed, [fourth, third])
        larger = cases.draw_absent(rng, [first, second, third])[0]
        yield "random labels, and an id above nearly all of theirs", (one, mixed, [second, larger])


@guarded
def check_mean_iou(mean_iou):
    """Exercise 2.1."""
    for name, (prediction, truth, ids) in _two_maps(cases.generator()):
        want = np.mean([_iou(prediction, truth, i) for i in ids])
        got = tried(f"{name}, objects {ids}", mean_iou, prediction, truth, ids)
        each = ", ".join(f"{_iou(prediction, truth, i):.3f}" for i in ids)
        assert np.isclose(got, want), f"{name}: the objects' J are {each}; expected their mean {want:.4f}, got {got}"


def _iou(prediction, truth, i):
    one, other = (
        {k for k, value in enumerate(labels.ravel().tolist()) if value == i} for labels in (prediction, truth)
    )
    return len(one & other) / len(one | other) if one | other else 1.0


def _ends(n):
    """0, 1/4, ... of the way to n - 1, rounded, halves up; in whole numbers."""
    return [(2 * k * (n - 1) + 4) // 8 for k in range(5)]


def _series(rng):
    """Cases and scores."""
    nine = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    yield "nine values from .9 down to .1", nine
    yield "the same nine, after five frames without the object", [None] * 5 + nine
    yield "a method that gets better", [0.2, 0.2, 0.4, 0.8, 0.8]
    yield "one frame", [0.7]
    yield "seven values", [1, 0.5, 1, 0, 0, 0.6, 0]
    yield "one frame of value 0", [None, 0.0]
    yield "400 frames that fall evenly from 1 to .2", np.linspace(1, 0.2, 400).tolist()
    yield "1000 random values", rng.random(1000).tolist()
    for n in (2, 3, 4, 6, 8, *rng.integers(10, 60, 4).tolist()):
        absent = int(rng.integers(0, 7))
        yield f"{n} random values after {absent} None", [None] * absent + (rng.integers(0, 11, n) / 10).tolist()


@guarded
def check_recall_and_decay(recall_and_decay):
    """Exercise 2.2."""
    for name, scores in _series(cases.generator()):
        got = recall_and_decay(scores)
        assert len(got) == 2, f"return two numbers, recall and decay, not {got}"
        values = [score for score in scores if score is not None]
        ends = _ends(len(values))
        want = (
            sum(value > 0.5 for value in values) / len(values),
            np.mean(values[: ends[1] + 1]) - np.mean(values[ends[3] :]),
        )
        for what, one, other in zip(("recall", "decay"), got, want):
            assert np.isclose(one, other, atol=1e-6), f"{name}: expected {what} {other:.4f}, got {one}"


@guarded
def check_best_proposals(best_proposals):
    """Exercise 2.3."""
    rng = cases.generator()
    for frames, proposals, objects in [(1, 2, 2), (4, 3, 2), (5, 4, 4), (6, 5, 3), (3, 6, 1), (2, 5, 4)] * 12:
        j, f = rng.random((2, frames, proposals, objects)) ** rng.uniform(0.3, 4, (2, 1, proposals, objects))
        gain = np.mean((j + f) / 2, axis=0)
        every = np.array(list(itertools.permutations(range(proposals), objects)))
        best = gain[every, np.arange(objects)].sum(axis=1).max()
        got = [int(p) for p in best_proposals(j.copy(), f.copy())]
        case = f"{frames} frames, {proposals} proposals, {objects} objects"
        assert len(got) == objects, f"{case}: expected one proposal for each object, got {got}"
        assert len(set(got)) == objects, f"{case}: a proposal was given to two objects: {got}"
        assert min(got) >= 0 and max(got) < proposals, f"{case}: {got} names a proposal that does not exist"
        mine = sum(gain[p, n] for n, p in enumerate(got))
        assert np.isclose(mine, best), f"{case}: your choice {got} sums to {mine:.3f}, and {best:.3f} can be had"


@guarded
def check_hollow(hollow):
    """Exercise 2.4."""
    rng = cases.generator()
    H, W = int(rng.integers(220, 280)), int(rng.integers(400, 460))
    y, x = np.mgrid[:H, :W]
    cut = int(rng.integers(2, 8))
    objects = {
        f"a disk, in {H} x {W} pixels": np.hypot(y - H // 2, x - 200) < rng.uniform(60, 80),
        "a rectangle": (abs(y - 110) < rng.integers(55, 65)) & (abs(x - 220) < 90),
        "a disk that the left border cuts": np.hypot(y - 120, x - cut) < 90,
        "a disk that the lower border cuts": np.hypot(y - H + cut, x - 190) < 90,
    }
    for name, truth in objects.items():
        got = np.asarray(hollow(truth.copy()))
        assert got.shape == truth.shape and got.dtype == bool, f"{name}: return bool {truth.shape}"
        outside = np.count_nonzero(got & ~truth)
        assert outside == 0, f"{name}: {outside} of your pixels are not in the object"
        j, f = jaccard(got, truth), boundary_f(got, truth)
        assert f == 1, f"{name}: F is {f:.3f}; some outline of yours or of the truth finds no partner"
        assert j < 0.2, f"{name}: J is {j:.3f}, so too much of the object is left"
