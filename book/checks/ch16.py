"""Checks of chapter 16: greedy selection, propagation by category, a Gaussian prior."""

import numpy as np
from checks import cases
from checks.guard import guarded

SIZE = (24, 36)


def _box(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[max(0, top) : top + height, max(0, left) : left + width] = True
    return mask


def _drawn_box(rng: np.random.Generator, H: int, W: int) -> np.ndarray:
    mask = np.zeros((H, W), bool)
    (top, bottom), (left, right) = np.sort(rng.integers(0, [[H - 3], [W - 3]], (2, 2)), axis=1)
    mask[top : bottom + 4, left : right + 4] = True
    return mask


# ------------------------------------------------------------------------------------------------ exercise 16.3


def _spread(n: int, sigma: float) -> np.ndarray:
    """(n, n): what each of n pixels in a row gets from the others, those at the end standing for all beyond."""
    radius = int(np.ceil(4 * sigma))
    weights, pixels = np.zeros((n, n)), np.arange(n)
    for k in range(-radius, radius + 1):
        np.add.at(weights, (pixels, np.clip(pixels + k, 0, n - 1)), np.exp(-(k**2) / (2 * sigma**2)))
    return weights / weights.sum(axis=1, keepdims=True)


@guarded
def check_prior_of(prior_of):
    """Exercise 16.3."""
    rng = cases.generator()
    size, upright = cases.draw_size(rng, 10, 40), cases.draw_size(rng, 10, 40)
    masks = {
        "a box in the middle": (_box(8, 12, 8, 10), 1 / 24),
        "a wide Gaussian": (_box(8, 12, 8, 10), 1 / 8),
        "a narrow one, of less than a pixel": (_box(8, 12, 8, 10), 0.02),
        "a box at the border": (_box(0, 0, 9, 12), 1 / 12),
        "a strip at the border, narrower than the kernel": (_box(0, 0, 2, 36), 1 / 12),
        "a mask that is everywhere": (np.ones(SIZE, bool), 1 / 12),
        "an empty mask": (np.zeros(SIZE, bool), 1 / 12),
        "one pixel": (_box(12, 18, 1, 1), 1 / 12),
        "one row, 4 standard deviations are 7.4 pixels": (_box(12, 0, 1, 36), 1.85 / 24),
        "drawn": (rng.random(size) < 0.3, rng.uniform(0.02, 0.15)),
        "drawn, another size": (rng.random(upright) < 0.5, rng.uniform(0.02, 0.15)),
        "a kernel larger than the frame": (rng.random((9, 6)) < 0.4, 0.5),
    }
    for name, (mask, sigma) in masks.items():
        H, W = mask.shape
        got = np.asarray(prior_of(mask, sigma))
        assert got.shape == mask.shape, f"{name}: the shape is {mask.shape}, got {got.shape}"
        want = _spread(H, sigma * H) @ mask @ _spread(W, sigma * H).T
        off = np.where(np.isnan(got), np.inf, np.abs(got - want))
        at = tuple(map(int, np.unravel_index(off.argmax(), mask.shape)))
        assert off.max() < 1e-5, (
            f"{name}: a mask {mask.shape}, sigma {sigma:.4f}: at {at} the prior is {want[at]:.5f}, got {got[at]:.5f}"
        )


# ------------------------------------------------------------------------------------------------ exercise 16.1


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
    """Exercise 16.1."""
    rng = cases.generator()
    y = _box(4, 6, 16, 24)
    halves = [_box(4, 6, 16, 12), _box(4, 18, 16, 12)]
    spill = _box(3, 10, 17, 19)  # better than either half, and beyond the object
    small = _box(4, 6, 16, 3)
    choices = {
        "two halves": (halves, y, 0.02),
        "the object itself, and its halves": ([*halves, y], y, 0.02),
        "one that overlaps two others": ([*halves, spill], y, 0.02),
        "one that adds little": ([y & ~small, small], y, 0.2),
        "the same, a low threshold": ([y & ~small, small], y, 0.02),
        "a proposal elsewhere": ([_box(0, 0, 4, 6)], y, 0.02),
        "a proposal with the larger part of it outside": ([_box(0, 0, 24, 36)], y, 0.02),
        "two that are alike": ([halves[0], halves[0], halves[1]], y, 0.02),
        "one that is worse than the threshold": ([_box(4, 6, 2, 2)], y, 0.05),
        "exactly the least gain, twice": ([halves[0], _box(4, 18, 8, 12), _box(12, 18, 8, 12)], y, 0.25),
        "a gain that is large for what there is": ([halves[0], _box(4, 18, 16, 3)], y, 0.2),
        "no gain is enough, and none is asked for": ([halves[0], small, halves[1]], y, 0.0),
        "an empty proposal": ([np.zeros(SIZE, bool), halves[0]], y, 0.02),
        "no proposals": ([], y, 0.02),
        "the second best by itself adds less than the third": (
            [halves[0], _box(4, 9, 16, 11), _box(4, 21, 16, 9)],
            y,
            0.02,
        ),
        "six strips": ([_box(4, 6 + 4 * n, 16, 4) for n in range(6)], y, 0.02),
        "no object": (halves, np.zeros(SIZE, bool), 0.02),
        "no object, and an empty proposal": ([halves[0], np.zeros(SIZE, bool)], np.zeros(SIZE, bool), 0.02),
    }
    for k in range(8):
        H, W = cases.draw_size(rng, 12, 30)
        boxes = [_drawn_box(rng, H, W) for _ in range(int(rng.integers(1, 10)))]
        choices[f"random boxes, {k}"] = (boxes, _drawn_box(rng, H, W), rng.uniform(0.001, 0.2))
    for name, (boxes, thing, least) in choices.items():
        masks = np.array(boxes, bool).reshape(-1, *thing.shape)
        got, want = greedy(masks, thing, least), _greedy(masks, thing, least)
        assert isinstance(got, list), f"{name}: a list is asked for, got {type(got).__name__}"
        alone = [round(_jaccard(one, thing), 3) for one in masks]
        assert list(map(int, got)) == want, (
            f"{name}: proposals whose J by themselves is {alone}, least gain {least:.4f}: greed takes {want}, in this "
            f"order; got {got}"
        )


# ------------------------------------------------------------------------------------------------ exercise 16.2


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
    """Exercise 16.2."""
    rng = cases.generator()
    bird, twin, horse = _box(2, 2, 8, 8), _box(2, 22, 8, 8), _box(12, 8, 10, 14)
    names = ["bird", "bird", "horse"]
    masks = [bird, twin, horse]
    touch = bird & (np.arange(SIZE[1]) == 2)  # an eighth of the bird
    estimates = {
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
        "half a pixel less than what is asked for": (masks, names, ["bird"], touch, 8.5 / 64),
        "a large one that holds the estimate, a small one that fits it": (
            [_box(0, 0, 20, 30), bird],
            ["bird", "bird"],
            ["bird"],
            bird,
            0.05,
        ),
        "two that are equally good": ([twin, bird, bird], names, ["bird"], bird, 0.1),
        "a better one when the first is gone": (
            [bird, _box(2, 2, 16, 20), horse],
            ["bird"] * 3,
            ["bird", "bird"],
            bird | horse,
            0.1,
        ),
        "too little is left for the second": (
            [bird, _box(2, 6, 8, 8)],
            ["bird", "bird"],
            ["bird", "bird"],
            _box(2, 2, 8, 9),
            0.3,
        ),
        "a single pixel is enough": (masks, names, ["bird"], _box(5, 5, 1, 1), 0.01),
        "the estimate is empty": (masks, names, ["bird"], np.zeros(SIZE, bool), 0.0),
        "nothing is wanted": (masks, names, [], bird, 0.1),
        "no proposals": ([], [], ["bird"], bird, 0.1),
    }
    for k in range(10):
        H, W = cases.draw_size(rng, 14, 26)
        boxes = [_drawn_box(rng, H, W) for _ in range(int(rng.integers(3, 9)))]
        kinds = rng.choice(["bird", "horse", "person"], len(boxes)).tolist()
        m = np.any(boxes[:3], axis=0) & (rng.random((H, W)) < 0.7)
        estimates[f"random boxes, {k}"] = (boxes, kinds, ["bird", "horse", "bird"], m, rng.uniform(0, 0.4))
    for name, (boxes, kinds, wanted, m, least) in estimates.items():
        stack = np.array(boxes, bool).reshape(-1, *m.shape)
        got, want = follow(stack, list(kinds), list(wanted), m, least), _follow(stack, kinds, wanted, m, least)
        assert isinstance(got, list), f"{name}: a list is asked for, got {type(got).__name__}"
        assert list(map(int, got)) == want, (
            f"{name}: proposals of {kinds}, wanted {wanted}, least overlap {least:.4f}: {want} are to be taken, in "
            f"this order; got {got}"
        )
