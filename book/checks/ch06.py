"""Checks of chapter 06. Each compares values on several cases, and its message says what was seen, not the answer."""

from itertools import count, islice, pairwise

import numpy as np
from checks import cases
from checks.guard import guarded

from vosbook.target_model.memory import first_frame_excess

FIRST = np.array([2.0, 1, 1, 1, 1])


def _rounded(values):
    return np.asarray(values).round(4).tolist()


# What the chapter goes on with until the reader's own have passed.


def weights_after(n, eta, first):
    """What exercise 6.1 asks for, insert by insert."""
    (*_, (weights, _)) = _simulate(first, n, eta, K_max=len(first) + n)
    return np.array([weights[k] for k in range(len(weights))])


def insert_weight(gamma, newest, eta, K_max):
    """What exercise 6.2 asks for."""
    if newest is None:
        return np.append((1 - eta) * gamma, eta), len(gamma)
    weights, place = _inserted(gamma, newest, eta, K_max)
    return np.array([weights[k] for k in range(len(weights))]), place


def sample_equations(X, U_y, U_x, y, v):
    """What exercise 6.3 asks for, by one large matrix."""
    UX = np.kron(U_y, U_x) @ X  # (H W, n)
    return UX.T @ (v.flatten()[:, None] * UX), UX.T @ (v * y).flatten()


def run_memory(first, samples, eta, share):
    """What exercise 6.4 asks for."""
    running, own = first, 1.0
    for sample in samples:
        running = tuple(r + eta * (s - r) for r, s in zip(running, sample))
        own *= 1 - eta
        excess = first_frame_excess(own, share)
        yield tuple(r + excess * (f - r) for r, f in zip(running, first))


# ------------------------------------------------------------------------------------------- exercises 6.1 and 6.2


def _simulate(first, inserts, eta, K_max):
    """The rule of the paper by dictionary: weights by place and the place of the newest, after every insert."""
    weights, newest = dict(enumerate(first / first.sum())), None
    yield dict(weights), newest
    for _ in range(inserts):
        before = weights.get(newest)
        place = len(weights)
        if place == K_max:
            place = min(weights, key=weights.get)
            del weights[place]
        if before is None:
            weights = {k: (1 - eta) * g for k, g in weights.items()} | {place: eta}
        else:
            weights[place] = before / (1 - eta)
        total, newest = sum(weights.values()), place
        weights = {k: g / total for k, g in weights.items()}
        yield dict(weights), newest


def _first_weights(rng):
    """Of another number each time, in no order, no two alike: which is the smallest is no matter of taste."""
    return rng.permutation(np.linspace(1, 3, int(rng.integers(3, 9)))) * rng.uniform(0.2, 4)


@guarded
def check_weights_after(weights_after):
    """Exercise 6.1."""
    rng = cases.generator()
    whole = rng.permutation(np.arange(1, 6))  # of integers
    for first in (FIRST, np.array([1.0]), np.array([0.5, 0.3, 0.2]), whole, _first_weights(rng)):
        for n, eta in (
            (0, 0.1),
            (1, 0.1),
            (2, 0.1),
            (120, 0.1),  # more than a memory of 80 holds: no sample is removed
            (12, 0.4),
            (int(rng.integers(3, 60)), rng.uniform(0.02, 0.5)),
        ):
            got = np.asarray(weights_after(n, eta, first.copy()), float)
            case = f"first weights {_rounded(first)}, {n} inserts, eta {eta:.3g}"
            assert got.shape == (len(first) + n,), f"{case}: expected {len(first) + n} weights, got shape {got.shape}"
            assert abs(got.sum() - 1) < 1e-9, f"{case}: the weights sum to {got.sum():.4f}"
            (*_, (weights, _)) = _simulate(first, n, eta, K_max=10**6)
            wrong = np.flatnonzero(np.abs(got - [weights[k] for k in range(len(got))]) > 1e-9)
            assert not len(wrong), (
                f"{case}: {len(wrong)} of {len(got)} weights are wrong, the first of them number {wrong[0]} from the "
                f"oldest, {got[wrong[0]]:.4f}; insert them one by one with the rule and compare"
            )


@guarded
def check_insert_weight(insert_weight):
    """Exercise 6.2: along a video, and from weights in any order."""
    rng = cases.generator()
    for K_max, eta in ((80, 0.1), (10, 0.1), (9, 0.4), (int(rng.integers(12, 30)), rng.uniform(0.05, 0.5))):
        steps = list(_simulate(_first_weights(rng), 100, eta, K_max))
        for n, ((before, newest), (after, place)) in enumerate(pairwise(steps), 1):
            gamma = np.array([before[k] for k in range(len(before))])
            _check_insert(insert_weight, f"insert {n}", (gamma, newest, eta, K_max), after, place)
    for newest in (0, 3, 6):
        gamma = rng.permutation(np.arange(2, 9) + rng.random(7))
        gamma[[newest, 0 if newest else 1]] = 12, 9  # the newest is the heaviest, and no neighbour the lightest
        for K_max in (7, 8):
            given = gamma / gamma.sum(), newest, rng.uniform(0.05, 0.5), K_max
            _check_insert(insert_weight, "weights in any order", given, *_inserted(*given))
    gamma = rng.permutation(np.arange(1, 6) + rng.random(5))  # the newest is the lightest of a full memory, so evicted
    given = gamma / gamma.sum(), int(gamma.argmin()), rng.uniform(0.05, 0.5), len(gamma)
    _check_insert(insert_weight, "the newest has the smallest weight", given, *_inserted(*given))


def _inserted(gamma, newest, eta, K_max):
    """Weights by place, and the place of the new sample."""
    place = len(gamma) if len(gamma) < K_max else min(range(len(gamma)), key=lambda k: gamma[k])
    weights = {**dict(enumerate(gamma)), place: gamma[newest] / (1 - eta)}
    return {k: one / sum(weights.values()) for k, one in weights.items()}, place


def _check_insert(insert_weight, case, given, after, expected_place):
    gamma, newest, eta, K_max = given
    got, place = insert_weight(gamma.copy(), newest, eta, K_max)
    got = np.asarray(got, float)
    case = f"{case}, newest at place {newest}, eta {eta:.3g}, K_max {K_max}"
    assert len(got) == len(after), f"{case}: expected {len(after)} weights, got {len(got)}"
    assert place == expected_place, f"{case}: the new sample should be put at place {expected_place}, not {place}"
    assert abs(got.sum() - 1) < 1e-9, f"{case}: the weights sum to {got.sum():.4f}"
    expected = np.array([after[k] for k in range(len(after))])
    assert np.allclose(got, expected, rtol=1e-9, atol=0), (
        f"{case}: from {_rounded(gamma[-3:])}, the last three weights, the new sample's weight became "
        f"{got[place]:.5f}, and the others' sum {got.sum() - got[place]:.5f}"
    )


# ---------------------------------------------------------------------------------------------------- exercise 6.3


def _interpolation(n_out, n_in):
    position = np.clip((np.arange(n_out) + 0.5) * n_in / n_out - 0.5, 0, n_in - 1)
    return np.clip(1 - np.abs(position[:, None] - np.arange(n_in)), 0, None)


@guarded
def check_sample_equations(sample_equations):
    """Exercise 6.3: by the loss itself, at full resolution, which the equations must reproduce for any weights."""
    rng = cases.generator()
    drawn = cases.draw_size(rng, 2, 6), cases.draw_size(rng, 12, 30), int(rng.integers(2, 7))
    for (h, w), (H, W), n in (((3, 5), (12, 23), 4), ((4, 4), (16, 16), 6), ((1, 3), (5, 12), 2), drawn):
        X, U_y, U_x = rng.normal(size=(h * w, n)), _interpolation(H, h), _interpolation(W, w)
        y, v = rng.uniform(size=(H, W)), rng.uniform(0.2, 3, size=(H, W))  # labels that are remembered are soft
        A, g = sample_equations(*(part.copy() for part in (X, U_y, U_x, y, v)))
        assert np.shape(A) == (n, n) and np.shape(g) == (n,), (
            f"expected shapes {(n, n)} and {(n,)}, got {np.shape(A)} and {np.shape(g)}"
        )

        def loss(f, v):
            return (v * (y - U_y @ (X @ f).reshape(h, w) @ U_x.T) ** 2).sum()  # noqa: B023 - used in this round alone

        assert np.allclose(A, np.transpose(A)), "A should be symmetric"
        for _ in range(3):
            f = rng.normal(size=n)
            even = (loss(f, v) + loss(-f, v)) / 2 - loss(0 * f, v)  # f^T A f
            odd = (loss(-f, v) - loss(f, v)) / 4  # f^T g
            assert np.isclose(f @ A @ f, even), (
                f"grid {h} x {w}: f^T A f is {f @ A @ f:.3f}; the part of the loss that is quadratic in f is {even:.3f}"
            )
            assert np.isclose(f @ g, odd), (
                f"grid {h} x {w}: f^T g is {f @ g:.3f}; the part of the loss linear in f, over -2, is {odd:.3f}"
            )


# ---------------------------------------------------------------------------------------------------- exercise 6.4


def _pairs(rng, number, n=3):
    return [(a @ a.T, rng.normal(size=n)) for a in rng.normal(size=(number, n, n))]


def _expected(first, samples, eta, share):
    """By weights: the first frame's, raised to the share where it is less, and the samples' in proportion."""
    n = len(samples)
    weights = np.append((1 - eta) ** n, eta * (1 - eta) ** np.arange(n)[::-1])
    if weights[0] < share:
        weights = np.append(share, weights[1:] * (1 - share) / weights[1:].sum())
    pairs = [first, *samples]
    return tuple(sum(weight * pair[k] for weight, pair in zip(weights, pairs)) for k in (0, 1))


def _endless(pairs, results):
    """The pairs over and over. AssertionError where one is asked for before the result of the last is in `results`."""
    for n in count():
        assert len(results) == n, f"sample {n + 1} was asked for when only {len(results)} results had been yielded"
        yield pairs[n % len(pairs)]


@guarded
def check_run_memory(run_memory):
    """Exercise 6.4."""
    rng = cases.generator()
    first, *samples = _pairs(rng, 31, n=int(rng.integers(2, 6)))
    drawn = rng.uniform(0.05, 0.4), rng.uniform(0.1, 0.9)
    for eta, share in ((0.1, 0.0), (0.1, 0.25), (0.3, 0.5), (0.1, 0.05), (0.1, 0.95), drawn):
        given = tuple(part.copy() for part in first), [tuple(part.copy() for part in pair) for pair in samples]
        found, kept = [], []
        for result in islice(run_memory(given[0], _endless(given[1], found), eta, share), len(samples)):
            found.append(result)
            kept.append(tuple(np.array(part) for part in result))
        assert len(found) == len(samples), f"expected a result after each of {len(samples)} inserts, got {len(found)}"
        for n, result in enumerate(kept, 1):
            case = f"eta {eta:.3g}, share {share:.3g}, after {n} inserts"
            for name, got, want in zip("Ag", result, _expected(first, samples[:n], eta, share)):
                off = np.abs(got - want).max()
                own = (1 - eta) ** n
                assert off < 1e-9, f"{case} (the first frame has {own:.3f} by itself): {name} is off by {off:.3f}"
        for n, (result, before) in enumerate(zip(found, kept), 1):
            same = all(map(np.array_equal, result, before))
            assert same, f"what was yielded after insert {n} changed when later samples came"
        assert all(map(np.array_equal, sum(given[1], ()), sum(samples, ()))), "a sample that was given was changed"
