"""Checks of chapter 18. Each compares values on several cases, and its message says what was seen, not the answer."""

import itertools

import numpy as np
from checks.guard import guarded

# ------------------------------------------------------------------------------------------------ exercise 18.1


@guarded
def check_seconds_per_frame(seconds_per_frame):
    """Exercise 18.1."""
    cases = [  # first, later, frames: seconds
        (10.0, 1.0, 1, 10.0),
        (10.0, 1.0, 2, 5.5),
        (10.0, 1.0, 10, 1.9),
        (60.0, 0.5, 120, 59.5 / 120 + 0.5),
        (0.25, 0.25, 77, 0.25),
        (0.0, 2.0, 4, 1.5),
    ]
    for first, later, frames, want in cases:
        got = float(seconds_per_frame(first, later, frames))
        assert np.isclose(got, want), (
            f"first frame {first} s, later ones {later} s, {frames} frames: {got:.4f} s is not the mean time of a frame"
        )
    frames = np.array([1, 2, 5, 50])
    kept = frames.copy()
    got = np.asarray(seconds_per_frame(8.0, 1.0, frames))
    assert np.array_equal(frames, kept), "the array of lengths was changed"
    assert got.shape == (4,), f"for four lengths there are four answers, got the shape {got.shape}"
    assert np.allclose(got, [8.0, 4.5, 2.4, 1.14]), f"for the lengths {frames.tolist()}: {got.tolist()} is wrong"


# ------------------------------------------------------------------------------------------------ exercise 18.2


def _front(seconds, quality):
    """By the rule, method by method."""
    stays = []
    for mine in zip(seconds, quality):
        beaten = [
            s <= mine[0] and q >= mine[1] and (s, q) != mine  # as fast and as good, and not the same
            for s, q in zip(seconds, quality)
        ]
        stays.append(not any(beaten))
    return np.array(stays)


@guarded
def check_pareto(pareto):
    """Exercise 18.2."""
    rng = np.random.default_rng(18)
    cases = {
        "each is faster and worse than the next": ([1, 2, 3], [0.5, 0.6, 0.7]),
        "one beats all": ([3, 1, 2], [0.5, 0.9, 0.8]),
        "as good, and slower": ([1, 2], [0.7, 0.7]),
        "as fast, and worse": ([1, 1, 5], [0.7, 0.6, 0.9]),
        "two that are equal, on the front": ([1, 1, 2], [0.7, 0.7, 0.6]),
        "two that are equal, behind it": ([2, 2, 1], [0.6, 0.6, 0.7]),
        "in no order": ([5, 1, 3, 2, 4], [0.9, 0.3, 0.8, 0.5, 0.7]),
        "one alone": ([4.0], [0.1]),
        "many, with ties": (rng.integers(1, 6, 40), rng.integers(1, 6, 40) / 10),
        "many": (rng.random(30), rng.random(30)),
    }
    for name, (seconds, quality) in cases.items():
        s, q = np.array(seconds, float), np.array(quality, float)
        kept = s.copy(), q.copy()
        got = np.asarray(pareto(s, q))
        assert np.array_equal(s, kept[0]) and np.array_equal(q, kept[1]), f"{name}: the arguments were changed"
        assert got.shape == s.shape, f"{name}: an answer for each of {len(s)} methods, got the shape {got.shape}"
        assert got.dtype == bool, f"{name}: the answers are bool, got {got.dtype}"
        wrong = np.flatnonzero(got != _front(s.tolist(), q.tolist()))
        assert len(wrong) == 0, (
            f"{name}: seconds {s.round(2).tolist()}, quality {q.round(2).tolist()}: the method with "
            f"{s[wrong[0]]:.2f} s and {q[wrong[0]]:.2f} should {'go' if got[wrong[0]] else 'stay'}"
        )


# ------------------------------------------------------------------------------------------------ exercise 18.3


def _lopsided(n, lost):
    """Every way that n coins can fall is looked at."""
    ways = [sum(way) for way in itertools.product((0, 1), repeat=n)]
    return np.mean([min(tails, n - tails) <= min(lost, n - lost) for tails in ways])


@guarded
def check_sign_test(sign_test):
    """Exercise 18.3."""
    for n in (1, 2, 3, 4, 5, 6, 9, 10):
        for lost in range(n + 1):
            got, want = sign_test(n, lost), _lopsided(n, lost)
            assert np.ndim(got) == 0, f"one number is asked for, got {got}"
            assert np.isclose(got, want, atol=1e-9), (
                f"{n} videos, behind on {lost}: the probability is not {float(got):.6f}"
            )
    known = {(20, 0): 2 / 2**20, (20, 5): 0.04138946533203125, (60, 21): 0.027340133868077935}
    for (n, lost), want in known.items():
        got = sign_test(n, lost)
        assert np.isclose(got, want, rtol=1e-4), f"{n} videos, behind on {lost}: the probability is not {got:.6g}"
