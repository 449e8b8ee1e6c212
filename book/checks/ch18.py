"""Checks of chapter 18. Each compares values on several cases, and its message says what was seen, not the answer."""

import itertools
import math

import numpy as np
from checks import cases
from checks.guard import guarded

# ------------------------------------------------------------------------------------------------ exercise 18.2


def by_adding(first_a, later_a, first_b, later_b):
    """From how many frames on a is faster: frame after frame, up to more frames than any case needs."""
    for frames in range(1, 50_000):
        if first_a + later_a * (frames - 1) < first_b + later_b * (frames - 1):
            return frames
    return None


@guarded
def check_overtakes(overtakes):
    """Exercise 18.2. All seconds are whole eighths, so that no sum is rounded."""
    rng = cases.generator()
    methods = [
        (60.0, 0.5, 1.0, 2.5),
        (10.0, 1.0, 1.0, 2.0),  # 10 frames take both the same
        (9.5, 1.0, 1.0, 2.0),
        (1.0, 2.0, 10.0, 1.0),  # faster at first alone
        (10.0, 2.0, 1.0, 1.0),
        (10.0, 1.0, 1.0, 1.0),
        (1.0, 1.0, 1.0, 2.0),
        (1.0, 2.0, 1.0, 1.0),
        (3.0, 0.0, 3.0, 0.0),
        (500.0, 0.125, 0.25, 0.25),
        (5000.0, 0.125, 0.25, 0.25),
    ]
    methods += (rng.integers(1, 200, (20, 4)) * [1, 0.125, 1, 0.125]).tolist()
    for given in methods:
        got, want = overtakes(*given), by_adding(*given)
        seconds = "a {} s and then {} s a frame, b {} s and then {} s".format(*given)
        assert got == want and (got is None) == (want is None), f"{seconds}: {want} frames, got {got}"
        assert got is None or isinstance(got, int | np.integer), f"{seconds}: a whole number of frames, got {got!r}"


# ------------------------------------------------------------------------------------------------ exercise 18.3


def front(seconds, quality):
    """Which methods no other one beats, by the rule, method by method: bool (n,)."""
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
    """Exercise 18.3."""
    rng = cases.generator()
    n = int(rng.integers(5, 40))
    methods = {
        "each is faster and worse than the next": ([1, 2, 3], [0.5, 0.6, 0.7]),
        "one beats all": ([3, 1, 2], [0.5, 0.9, 0.8]),
        "as good, and slower": ([1, 2], [0.7, 0.7]),
        "as fast, and worse": ([1, 1, 5], [0.7, 0.6, 0.9]),
        "as fast, and worse, named before": ([1, 1, 5], [0.6, 0.7, 0.9]),
        "two that are equal, on the front": ([1, 1, 2], [0.7, 0.7, 0.6]),
        "two that are equal, behind it": ([2, 2, 1], [0.6, 0.6, 0.7]),
        "in no order": ([5, 1, 3, 2, 4], [0.9, 0.3, 0.8, 0.5, 0.7]),
        "one alone": ([4.0], [0.1]),
        "many, with ties": (rng.integers(1, 6, 40), rng.integers(1, 6, 40) / 10),
        "many": (rng.random(30), rng.random(30)),
        f"{n}, from milliseconds to hours, in percent": (10.0 ** rng.uniform(-3, 4, n), rng.uniform(20, 90, n)),
        "nearly equal": (1 + 1e-4 * rng.permutation(9), 0.8 + 1e-4 * rng.permutation(9)),
        "equal but for a billionth": ([1, 1, 1 + 1e-9], [0.7, 0.7 - 1e-9, 0.7]),
        "a front that is hollow": ([1, 2, 3, 4], [0.1, 0.2, 0.4, 0.9]),
    }
    for name, (seconds, quality) in methods.items():
        s, q = np.array(seconds, float), np.array(quality, float)
        got = np.asarray(pareto(s, q))
        assert got.shape == s.shape, f"{name}: an answer for each of {len(s)} methods, got the shape {got.shape}"
        assert got.dtype == bool, f"{name}: the answers are bool, got {got.dtype}"
        want = front(s.tolist(), q.tolist())
        wrong = np.flatnonzero(got != want)
        assert len(wrong) == 0, (
            f"{name}: seconds {s.round(2).tolist()}, quality {q.round(2).tolist()}: the method with "
            f"{s[wrong[0]]:.10g} s and {q[wrong[0]]:.10g} should {'go' if got[wrong[0]] else 'stay'}"
        )


# ------------------------------------------------------------------------------------------------ exercise 18.1


def _lopsided(n, lost):
    """Every way that n coins can fall is looked at."""
    ways = [sum(way) for way in itertools.product((0, 1), repeat=n)]
    return np.mean([min(tails, n - tails) <= min(lost, n - lost) for tails in ways])


def by_counting(n, lost):
    """The probability of n coins at least as lopsided, in whole numbers: they are too many to be tossed in all ways."""
    fewer = min(lost, n - lost)
    return sum(math.comb(n, k) for k in range(n + 1) if min(k, n - k) <= fewer) / 2**n


@guarded
def check_sign_test(sign_test):
    """Exercise 18.1."""
    for n in (1, 2, 3, 4, 5, 6, 9, 10):
        for lost in range(n + 1):
            got, want = sign_test(n, lost), _lopsided(n, lost)
            assert np.ndim(got) == 0, f"one number is asked for, got {got}"
            assert np.isclose(got, want, atol=1e-9), (
                f"{n} videos, behind on {lost}: the probability is {want:.6f}, got {float(got):.6f}"
            )
    rng = cases.generator()
    sizes = [*rng.integers(15, 200, 6).tolist(), int(rng.integers(1200, 3000))]
    for n in sizes:
        lost = int(rng.integers(0, n + 1)) if n < 1000 else n // 2 - int(rng.integers(0, 60))
        got, want = sign_test(n, lost), by_counting(n, lost)
        assert np.isclose(got, want, rtol=1e-6, atol=1e-12), (
            f"{n} videos, behind on {lost}: the probability is {want:.6g}, got {got:.6g}"
        )
    known = {(20, 0): 2 / 2**20, (20, 5): 0.04138946533203125, (60, 21): 0.027340133868077935}
    for (n, lost), want in known.items():
        got = sign_test(n, lost)
        assert np.isclose(got, want, rtol=1e-4), (
            f"{n} videos, behind on {lost}: the probability is {want:.6g}, got {got:.6g}"
        )
