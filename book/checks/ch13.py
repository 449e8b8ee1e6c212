"""Checks of chapter 13. Each compares values on several cases, and its message says what was seen, not the answer."""

import itertools

import numpy as np
from checks.guard import guarded

# ------------------------------------------------------------------------------------------------ exercise 13.1


def _labels(p, chosen):
    labels = np.zeros(p.shape[1:], np.uint8)
    for y, x in np.ndindex(*labels.shape):
        there = [(p[k, y, x], i) for k, i in chosen.items() if p[k, y, x] > 0.5]
        labels[y, x] = max(there)[1] if there else 0
    return labels


@guarded
def check_to_labels(to_labels):
    """Exercise 13.1."""
    rng = np.random.default_rng(13)
    for chosen in ({0: 1, 1: 2, 2: 3}, {3: 1, 1: 7}, {4: 200}, {2: 5, 0: 1}, {}):
        p = rng.random((5, 6, 8)).round(3)
        p[:, 0, 0] = 0.5
        kept = p.copy()
        got = np.asarray(to_labels(p, dict(chosen)))
        assert np.array_equal(p, kept), "the probabilities were changed"
        assert got.shape == (6, 8), f"labels are {(6, 8)}, got {got.shape}"
        assert got.dtype == np.uint8, f"labels are uint8, got {got.dtype}"
        strangers = set(np.unique(got).tolist()) - {0, *chosen.values()}
        assert not strangers, f"chosen {chosen}: the labels hold {sorted(strangers)}"
        wrong = got != _labels(p, chosen)
        assert not wrong.any(), (
            f"chosen {chosen}: {wrong.sum()} pixels are wrong, the first has p = "
            f"{p[:, *np.argwhere(wrong)[0]].tolist()} and the label {got[tuple(np.argwhere(wrong)[0])]}"
        )


# ------------------------------------------------------------------------------------------------ exercise 13.2


def _slots(J):
    """The slot of every object of one frame: every way to give them is tried."""
    K, N = J.shape
    return max(itertools.permutations(range(K), N), key=lambda way: sum(J[k, i] for i, k in enumerate(way)))


@guarded
def check_switches(switches):
    """Exercise 13.2."""
    rng = np.random.default_rng(2)
    cases = {f"random, {T} frames, {K} slots, {N} objects": rng.random((T, K, N)) for T, K, N in ((8, 4, 3), (5, 2, 2))}
    steady = np.tile(np.array([[0.1, 0.7], [0.2, 0.0], [0.8, 0.3]]), (6, 1, 1))
    cases["nobody changes"] = steady
    cases["one frame"] = steady[:1]
    there_and_back = steady.copy()
    there_and_back[2] = steady[2][:, ::-1]
    cases["two objects change slots, and change back"] = there_and_back
    for_good = steady.copy()
    for_good[3:] = steady[3:, [1, 0, 2]]
    cases["one object goes to a free slot for good"] = for_good
    rivals = np.tile(np.array([[0.9, 0.8], [0.7, 0.1]]), (4, 1, 1))
    rivals[1::2, 0] = [0.85, 0.9]
    cases["two objects like one slot best"] = rivals
    lower = steady.copy()
    lower[1::2] *= 0.5
    cases["the same slots, less well"] = lower
    for name, J in cases.items():
        kept = J.copy()
        got, found = switches(J), [_slots(one) for one in J]
        want = sum(a != b for before, now in itertools.pairwise(found) for a, b in zip(before, now))
        assert np.array_equal(J, kept), f"{name}: J was changed"
        assert np.ndim(got) == 0, f"{name}: one number is asked for, got {got}"
        assert got == want, f"{name}: objects change slots {want} times, got {got}"


# ------------------------------------------------------------------------------------------------ exercise 13.3


def _jaccard(a, b):
    union = (a | b).sum()
    return 1.0 if union == 0 else (a & b).sum() / union


def _score(found, truth):
    K, M = found.shape[1], truth.shape[1]
    slots = [*range(K), *[None] * M]  # None: no slot
    J = [[0.0 if k is None else _jaccard(found[0, k], truth[0, m]) for k in slots] for m in range(M)]
    used = min(K, M)
    ways = (way for way in itertools.permutations(range(len(slots)), M) if sum(n < K for n in way) == used)
    best = max(ways, key=lambda way: sum(J[m][n] for m, n in enumerate(way)))
    nothing = np.zeros_like(truth[:, 0])
    chosen = [nothing if slots[n] is None else found[:, slots[n]] for n in best]
    return np.array([np.mean([_jaccard(*pair) for pair in zip(one[1:], truth[1:, m])]) for m, one in enumerate(chosen)])


def _video(T, K, M, seed):
    rng = np.random.default_rng(seed)
    truth = np.zeros((T, M, 6, 12), bool)
    for m in range(M):
        for t in range(T):
            truth[t, m, 1 + t % 3 : 4 + t % 3, 3 * m : 3 * m + 3] = True
    found = rng.random((T, K, 6, 12)) < 0.05
    for m, k in enumerate(rng.permutation(K)[:M]):
        found[:, k] |= truth[:, m] & (rng.random(truth[:, m].shape) < 0.9 - 0.2 * m)
    return found, truth


@guarded
def check_first_frame_score(first_frame_score):
    """Exercise 13.3."""
    cases = {
        "three slots, three objects": _video(4, 3, 3, 1),
        "four slots, two objects": _video(4, 4, 2, 2),
        "one slot, three objects": _video(3, 1, 3, 3),
        "no slot": (np.zeros((3, 0, 6, 12), bool), _video(3, 1, 2, 4)[1]),
    }
    found, truth = _video(5, 3, 2, 5)
    found[2:, :2] = found[2:, 1::-1]
    found[2:] = found[2:, [1, 2, 0]]
    cases["slots change objects in frame 2"] = found, truth
    found, truth = _video(4, 2, 3, 6)
    truth[2:, 1:] = False
    cases["two objects leave, one without a slot"] = found, truth
    found, truth = _video(3, 2, 2, 7)
    found[0, 0] = truth[0, 0] | truth[0, 1]  # nearest to both objects
    found[0, 1], found[0, 1, 1:3, :3] = False, True  # a part of the first
    cases["two objects like one slot best"] = found, truth
    found, truth = _video(3, 2, 1, 8)
    found[0, 0], found[0, 1] = True, truth[0, 0]
    found[0, 1, 1, 0] = False
    cases["a slot covers the whole frame"] = found, truth
    for name, (found, truth) in cases.items():
        kept = found.copy(), truth.copy()
        got, want = np.asarray(first_frame_score(found, truth), float), _score(found, truth)
        assert np.array_equal(found, kept[0]) and np.array_equal(truth, kept[1]), f"{name}: the masks were changed"
        assert got.shape == want.shape, f"{name}: {len(want)} objects have {len(want)} scores, got {got.shape}"
        assert np.allclose(got, want, atol=1e-6), f"{name}: J is {want.round(3).tolist()}, got {got.round(3).tolist()}"
