"""Checks of chapter 16: a Gaussian prior, greedy selection, propagation by category."""

import numpy as np
from checks.guard import guarded
from scipy.ndimage import gaussian_filter

SIZE = (24, 36)


def _box(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[max(0, top) : top + height, max(0, left) : left + width] = True
    return mask


# ------------------------------------------------------------------------------------------------ exercise 16.1


@guarded
def check_prior_of(prior_of):
    """Exercise 16.1."""
    cases = {
        "a box in the middle": (_box(8, 12, 8, 10), 1 / 24),
        "a wide Gaussian": (_box(8, 12, 8, 10), 1 / 8),
        "a box at the border": (_box(0, 0, 9, 12), 1 / 12),
        "a strip at the border, narrower than the kernel": (_box(0, 0, 2, 36), 1 / 12),
        "a mask that is everywhere": (np.ones(SIZE, bool), 1 / 12),
        "an empty mask": (np.zeros(SIZE, bool), 1 / 12),
        "one pixel": (_box(12, 18, 1, 1), 1 / 12),
    }
    for name, (mask, sigma) in cases.items():
        before = mask.copy()
        got = np.asarray(prior_of(mask, sigma))
        assert got.shape == SIZE, f"{name}: the shape is {SIZE}, got {got.shape}"
        assert np.array_equal(mask, before), f"{name}: the caller's mask was changed"
        want = gaussian_filter(mask.astype(float), sigma * SIZE[0], mode="nearest", truncate=4.0)
        worst = np.abs(got - want).max()
        at = tuple(map(int, np.unravel_index(np.abs(got - want).argmax(), SIZE)))
        assert worst < 5e-3, f"{name}, sigma {sigma:.3f}: at {at} the prior is {want[at]:.3f}, got {got[at]:.3f}"


# ------------------------------------------------------------------------------------------------ exercise 16.2


def _jaccard(a: np.ndarray, b: np.ndarray) -> float:
    union = (a | b).sum()
    return float((a & b).sum() / union) if union else 1.0


def _greedy(masks: np.ndarray, y: np.ndarray, least_gain: float) -> list[int]:
    taken, union, best = [], np.zeros_like(y), 0.0
    while True:
        j = {n: _jaccard(union | masks[n], y) for n in range(len(masks)) if n not in taken}
        n = max(j, key=j.get, default=None)
        if n is None or j[n] < best + least_gain:
            return taken
        best, union = j[n], union | masks[n]
        taken.append(n)


@guarded
def check_greedy(greedy):
    """Exercise 16.2."""
    rng = np.random.default_rng(16)
    y = _box(4, 6, 16, 24)
    halves = [_box(4, 6, 16, 12), _box(4, 18, 16, 12)]
    spill = _box(3, 10, 17, 19)  # better than either half, and beyond the object
    small = _box(4, 6, 16, 3)
    cases = {
        "two halves": (halves, y, 0.02),
        "the object itself, and its halves": ([*halves, y], y, 0.02),
        "one that overlaps two others": ([*halves, spill], y, 0.02),
        "one that adds little": ([y & ~small, small], y, 0.2),
        "the same, a low threshold": ([y & ~small, small], y, 0.02),
        "a proposal elsewhere": ([_box(0, 0, 4, 6)], y, 0.02),
        "a proposal with the larger part of it outside": ([_box(0, 0, 24, 36)], y, 0.02),
        "two that are alike": ([halves[0], halves[0], halves[1]], y, 0.02),
        "one that is worse than the threshold": ([_box(4, 6, 2, 2)], y, 0.05),
        "no proposals": ([], y, 0.02),
        "no object": (halves, np.zeros(SIZE, bool), 0.02),
    }
    for k in range(6):
        boxes = [_box(*rng.integers(0, 16, 2), *rng.integers(4, 16, 2)) for _ in range(6)]
        cases[f"random boxes, {k}"] = (boxes, y, 0.02)
    for name, (boxes, thing, least) in cases.items():
        masks = np.array(boxes, bool).reshape(-1, *SIZE)
        before = masks.copy(), thing.copy()
        got, want = greedy(masks, thing, least), _greedy(masks, thing, least)
        assert isinstance(got, list), f"{name}: a list is asked for, got {type(got).__name__}"
        same = np.array_equal(masks, before[0]) and np.array_equal(thing, before[1])
        assert same, f"{name}: the caller's masks were changed"
        assert list(map(int, got)) == want, f"{name}: greed takes {want}, in this order; got {got}"


# ------------------------------------------------------------------------------------------------ exercise 16.3


def _follow(masks: np.ndarray, categories: list, wanted: list, m: np.ndarray, least_overlap: float) -> list[int]:
    left, rest, taken = list(wanted), m.copy(), []
    while True:
        pool = {
            n: _jaccard(masks[n], rest)
            for n in range(len(masks))
            if n not in taken
            and categories[n] in left
            and (masks[n] & rest).sum() >= max(1, least_overlap * masks[n].sum())
        }
        if not pool:
            return taken
        n = max(pool, key=pool.get)
        taken.append(n)
        left.remove(categories[n])
        rest &= ~masks[n]


@guarded
def check_follow(follow):
    """Exercise 16.3."""
    rng = np.random.default_rng(17)
    bird, twin, horse = _box(2, 2, 8, 8), _box(2, 22, 8, 8), _box(12, 8, 10, 14)
    names = ["bird", "bird", "horse"]
    masks = [bird, twin, horse]
    touch = bird & (np.arange(SIZE[1]) == 2)  # an eighth of the bird
    cases = {
        "the whole bird": (masks, names, ["bird"], bird, 0.1),
        "a bird, and a little of its twin": (masks, names, ["bird"], bird | (twin & _box(2, 22, 3, 3)), 0.1),
        "another kind is seen": (masks, names, ["bird"], horse, 0.1),
        "both birds and the horse": (masks, names, ["horse", "bird", "bird"], bird | twin | horse, 0.1),
        "more birds wanted than there are": (masks, names, ["bird"] * 3, bird | twin, 0.1),
        "one bird wanted, both are seen": (masks, names, ["bird"], bird | (twin & _box(2, 22, 8, 6)), 0.1),
        "two wanted, one proposed twice": (
            [bird, bird, twin],
            ["bird"] * 3,
            ["bird", "bird"],
            bird | (twin & _box(2, 22, 3, 8)),
            0.1,
        ),
        "a touch is too little": (masks, names, ["bird"], touch, 0.2),
        "a touch is enough": (masks, names, ["bird"], touch, 0.1),
        "exactly the share that is asked for": (masks, names, ["bird"], touch, 0.125),
        "a large one that holds the estimate, a small one that fits it": (
            [_box(0, 0, 20, 30), bird],
            ["bird", "bird"],
            ["bird"],
            bird,
            0.05,
        ),
        "the estimate is empty": (masks, names, ["bird"], np.zeros(SIZE, bool), 0.0),
        "nothing is wanted": (masks, names, [], bird, 0.1),
        "no proposals": ([], [], ["bird"], bird, 0.1),
    }
    for k in range(8):
        boxes = [_box(*rng.integers(0, 14, 2), *rng.integers(5, 14, 2)) for _ in range(6)]
        kinds = [["bird", "horse"][n] for n in rng.integers(0, 2, 6)]
        m = np.any(boxes[:3], axis=0) & (rng.random(SIZE) < 0.7)
        cases[f"random boxes, {k}"] = (boxes, kinds, ["bird", "bird", "horse"], m, 0.15)
    for name, (boxes, kinds, wanted, m, least) in cases.items():
        stack = np.array(boxes, bool).reshape(-1, *SIZE)
        mine, list_of = m.copy(), list(wanted)
        got, want = follow(stack, kinds, list_of, mine, least), _follow(stack, kinds, wanted, m, least)
        assert isinstance(got, list), f"{name}: a list is asked for, got {type(got).__name__}"
        assert np.array_equal(mine, m), f"{name}: the caller's estimate was changed"
        assert list_of == list(wanted), f"{name}: the caller's list was changed"
        assert list(map(int, got)) == want, f"{name}: {want} are to be taken, in this order; got {got}"
