"""The metrics by name, and one frame's scores."""

import numpy as np
import pytest
from drawings import drawn

from vosbook.metrics.boundary import boundary_f
from vosbook.metrics.region import jaccard
from vosbook.metrics.scores import METRICS, frame_scores, pair_scores


@pytest.mark.parametrize("seed", range(6))
def test_frame_scores_are_those_of_the_single_masks(seed):
    rng = np.random.default_rng(seed)
    prediction, truth = (
        drawn(*((i, *rng.integers(0, 25, 2), *rng.integers(0, 30, 2)) for i in (1, 2, 4))) for _ in range(2)
    )
    ids = (1, 2, 3, 4)
    j, f = frame_scores(prediction, truth, ids)
    assert j.tolist() == [jaccard(prediction == i, truth == i) for i in ids]
    assert f.tolist() == [boundary_f(prediction == i, truth == i) for i in ids]


def test_pair_scores_are_those_of_the_single_masks():
    prediction, truth = drawn((1, 3, 3, 9, 9), (3, 20, 20, 8, 8)), drawn((1, 4, 4, 9, 9), (2, 19, 22, 9, 9))
    j, f = pair_scores(prediction, truth, (1, 2, 3), (1, 2, 3))
    for p in range(3):
        for n in range(3):
            assert j[p, n] == jaccard(prediction == p + 1, truth == n + 1)
            assert f[p, n] == boundary_f(prediction == p + 1, truth == n + 1)


def test_no_objects_give_no_scores():
    j, f = frame_scores(drawn(), drawn(), ())
    assert j.shape == f.shape == (0,)


def test_pair_scores_of_what_is_empty():
    """Proposals and objects without a pixel, which share their scores, and a metric that tells the frame's size."""
    prediction, truth = drawn((2, 3, 3, 9, 9)), drawn((1, 4, 4, 9, 9))
    j, f = pair_scores(prediction, truth, (1, 2, 3), (1, 2, 3))
    both = jaccard(prediction == 2, truth == 1), boundary_f(prediction == 2, truth == 1)
    assert 0 < both[0] < 1
    assert j.tolist() == [[0, 1, 1], [both[0], 0, 0], [0, 1, 1]]
    assert f.tolist() == [[0, 1, 1], [both[1], 0, 0], [0, 1, 1]]


def error_share(prediction, truth, size):
    """Wrong pixels, as a share of the frame: not 1 where both masks are empty, and not 0 where one is."""
    return np.count_nonzero(prediction != truth) / (size[0] * size[1])


def test_a_metric_is_a_row(monkeypatch):
    monkeypatch.setitem(METRICS, "E", error_share)
    prediction, truth = drawn((1, 3, 3, 9, 9), (2, 20, 20, 6, 8)), drawn((1, 3, 3, 9, 9), (4, 20, 20, 6, 4))
    ids = (1, 2, 3, 4)
    wrong = [np.mean((prediction == i) != (truth == i)) for i in ids]
    f, e = frame_scores(prediction, truth, ids, metrics=("F", "E"))
    assert e.tolist() == wrong and wrong[0] == 0 < wrong[1]
    assert f.tolist() == frame_scores(prediction, truth, ids)[1].tolist()
    (e,) = pair_scores(prediction, truth, ids, ids, metrics=("E",))
    assert e.tolist() == [[np.mean((prediction == p) != (truth == i)) for i in ids] for p in ids]
