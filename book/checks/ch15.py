"""Checks of chapter 15. Each compares values on several cases, and its message says what was seen, not the answer."""

import itertools

import numpy as np
from checks import cases
from checks.guard import guarded

# ------------------------------------------------------------------------------------------------ ex15-1


def _vote(mask, superpixels):
    voted = np.zeros(mask.shape, bool)
    for i in np.unique(superpixels):
        inside = [mask[place] for place in map(tuple, np.argwhere(superpixels == i))]
        voted[superpixels == i] = sum(inside) > len(inside) - sum(inside)
    return voted


def _near_the_end(kind, rng, size):
    """Superpixels whose numbers are the last that their type can hold: twice as many are not in it."""
    return rng.choice(np.iinfo(kind).max - np.arange(6), size).astype(kind)


@guarded
def check_vote(vote):
    """Over drawn masks and superpixels, ties and gaps in the numbers."""
    rng, size = cases.generator(), cases.draw_size(cases.generator(), 8, 20)
    numbers = rng.choice(3000, 12, replace=False)  # that have gaps
    columns = np.tile(np.arange(8) // 2, (6, 1))
    maps = {
        "random": (rng.random((9, 12)) < 0.5, rng.integers(0, 15, (9, 12))),
        "numbers with gaps": (rng.random(size) < 0.5, rng.choice(numbers, size)),
        "numbers with gaps, of 16 bits": (rng.random(size) < 0.5, rng.choice(numbers, size).astype(np.uint16)),
        "numbers up to 255, of 8 bits": (rng.random(size) < 0.5, _near_the_end(np.uint8, rng, size)),
        "numbers up to 65535, of 16 bits": (rng.random(size) < 0.5, _near_the_end(np.uint16, rng, size)),
        "few pixels": (rng.random((9, 12)) < 0.2, rng.integers(0, 30, (9, 12)) // 3),
        "one superpixel, a tie": (columns % 2 == 0, columns // 4),
        "two ties": (columns % 2 == 0, columns // 2),
        "an empty mask": (np.zeros((6, 8), bool), columns),
        "a full mask": (np.ones((6, 8), bool), columns),
    }
    large = np.zeros((6, 8), bool)
    large[:, :5] = True  # most of the mask lies in two superpixels, the rest covers half of a third
    maps["a tie at the end of the mask"] = (large, columns)
    small = np.zeros((6, 8), bool)
    small[:5, 2:4] = True
    maps["most of one superpixel"] = (small, columns)
    many = np.arange(40 * 30).reshape(40, 30) // 3
    maps["400 superpixels of 3 pixels"] = rng.random((40, 30)) < 0.5, many
    wide = int(rng.integers(17, 22))  # squared, modulo 256, the 100 below are more than half of it
    bits = np.zeros((wide, wide), np.uint8)
    maps["a large superpixel, of 8 bits"] = np.arange(wide * wide).reshape(wide, wide) < 100, bits
    half = np.arange(15 * 15).reshape(15, 15) < 113  # of 225 pixels
    maps["a pixel more than half"], maps["a pixel less than half"] = ((half, half * 0), (~half, half * 0))
    for name, (mask, superpixels) in maps.items():
        got = np.asarray(vote(mask, superpixels))
        assert got.shape == mask.shape, f"{name}: the answer is a mask {mask.shape}, got {got.shape}"
        assert got.dtype == bool, f"{name}: the answer is bool, got {got.dtype}"
        want = _vote(mask, superpixels)
        wrong = got != want
        if wrong.any():
            i = superpixels[wrong][0]
            inside = mask[superpixels == i]
            raise AssertionError(
                f"{name}: superpixel {i}, of whose {inside.size} pixels {inside.sum()} lie in the mask, is "
                f"{got[wrong][0]}, and should be {want[wrong][0]}"
            )


# ------------------------------------------------------------------------------------------------ ex15-2


def _distances(n, pairs, heights):
    """By cutting at every height in turn, and looking who is connected."""
    distance = np.full((n, n), np.inf)
    np.fill_diagonal(distance, 0)
    for level in sorted(heights, reverse=True):
        group = list(range(n))
        for (a, b), height in zip(pairs, heights):
            if height <= level:
                group = [group[a] if g == group[b] else g for g in group]
        for i, j in itertools.permutations(range(n), 2):
            if group[i] == group[j]:
                distance[i, j] = level
    return distance


@guarded
def check_distances(distances):
    """Over rows, rings and drawn neighbourhoods."""
    rng = cases.generator()
    row = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
    square, ring = np.array([[0, 1], [0, 2], [1, 3], [2, 3]]), np.array([[0, 1], [0, 3], [1, 2], [2, 3]])
    maps = {
        "regions in a row": (5, row, np.array([0.2, 0.7, 0.1, 0.4])),
        "high borders": (5, row, np.array([2e9, 7e9, 1e9, 4e9])),
        "two ways round": (4, square, np.array([0.6, 0.3, 0.2, 0.5])),
        "the long way is the weaker one": (4, ring, np.array([0.3, 0.9, 0.4, 0.2])),
        "one region": (1, np.zeros((0, 2), int), np.zeros(0)),
    }
    ladder = np.array([[n, n + 1] for n in range(17)])[::-1]  # far ends are found after many steps
    maps["18 regions in a row, listed from the end"] = (18, ladder, rng.random(17) + 0.1)
    maps["equal heights"] = (4, ring[:, ::-1], np.array([0.5, 0.5, 0.2, 0.5]))
    for n in (7, 12, int(rng.integers(13, 24))):
        every = np.array(list(itertools.combinations(range(n), 2)))
        some = np.union1d(rng.choice(len(every), n, replace=False), [k for k, (a, b) in enumerate(every) if b == a + 1])
        maps[f"{n} regions"] = (n, _either_order(every[some], rng), 10.0 ** rng.uniform(-2, 4, len(some)))
    for name, (n, pairs, heights) in maps.items():
        got = np.asarray(distances(n, pairs, heights), float)
        assert got.shape == (n, n), f"{name}: distances are {(n, n)}, got {got.shape}"
        assert not np.isnan(got).any(), f"{name}: some distances are NaN"
        assert not np.diag(got).any(), f"{name}: a region's distance to itself is {np.diag(got).max()}"
        assert np.array_equal(got, got.T), f"{name}: from i to j is as far as from j to i"
        want = _distances(n, pairs.tolist(), heights.tolist())
        wrong = np.argwhere(~np.isclose(got, want))
        if len(wrong):
            i, j = wrong[0]
            beside = [heights[e] for e, pair in enumerate(pairs.tolist()) if sorted((i, j)) == pair]
            borders = f"share a border of height {beside[0]:.2f}" if beside else "share no border"
            raise AssertionError(
                f"{name}: regions {i} and {j} {borders}; their distance is {want[i, j]:.2f}, got {got[i, j]:.2f}"
            )


def _either_order(pairs, rng):
    """The same pairs of neighbours, in no order, some of them turned round."""
    pairs = np.where(rng.random((len(pairs), 1)) < 0.5, pairs, pairs[:, ::-1])
    return rng.permutation(pairs)


# ------------------------------------------------------------------------------------------------ ex15-3


def _neighbours(y, x, size, *, corners):
    steps = [s for s in itertools.product((-1, 0, 1), repeat=2) if any(s) and (corners or not all(s))]
    places = ((y + dy, x + dx) for dy, dx in steps)
    return [(b, a) for b, a in places if 0 <= b < size[0] and 0 <= a < size[1]]


def _components(mask):
    left = set(map(tuple, np.argwhere(mask).tolist()))
    while left:
        component, new = set(), {left.pop()}
        while new:
            component |= new
            new = {place for p in new for place in _neighbours(*p, mask.shape, corners=True)} & left
            left -= new
        yield sorted(component)


def _recover(mask, snapped, at_contour, share):
    answer = snapped.copy()
    for component in _components(mask):
        outline = [p for p in component if any(not mask[q] for q in _neighbours(*p, mask.shape, corners=False))]
        if outline and np.mean([at_contour[p] for p in outline]) > share:
            answer[tuple(np.transpose(component))] = True
    return answer


@guarded
def check_recover(recover):
    """Over boxes, a diagonal, and drawn masks."""
    rng = cases.generator()
    size = (14, 20)
    parts = {}

    def boxes(*corners):
        mask = np.zeros(size, bool)
        for top, left, bottom, right in corners:
            mask[top:bottom, left:right] = True
        return mask

    body, pole, edge = boxes((2, 2, 9, 9)), boxes((1, 12, 12, 13)), boxes((6, 15, 14, 20))
    mask = body | pole | edge
    parts["a pole that was lost"] = (mask, boxes((1, 1, 9, 9)), pole | boxes((2, 2, 9, 3)), 0.75)
    parts["all outlines at contours"] = (mask, np.zeros(size, bool), np.ones(size, bool), 0.75)
    parts["no contour"] = (mask, body, np.zeros(size, bool), 0.5)
    parts["contours inside, not at the outline"] = (
        mask,
        np.zeros(size, bool),
        boxes((3, 3, 8, 8), (8, 17, 14, 20)),
        0.4,
    )
    parts["at the image's border"] = (edge, np.zeros(size, bool), boxes((6, 15, 14, 16), (6, 15, 7, 20)), 0.75)
    parts["exactly the share"] = (pole, body, boxes((0, 0, 12, 20)) & ~boxes((1, 0, 3, 20), (8, 12, 9, 13)), 8 / 11)
    diagonal = np.eye(*size, dtype=bool)
    parts["touching at corners"] = (diagonal, np.zeros(size, bool), boxes((0, 0, 10, 20)), 0.6)
    notch = boxes((4, 4, 9, 9))
    notch[4, 4] = False  # the pixel (5, 5) touches it at a corner, and is none of the outline's 15
    parts["a box that lacks a corner"] = notch, np.zeros(size, bool), boxes((8, 4, 9, 9), (5, 8, 8, 9)), 0.52
    ring = boxes((2, 2, 11, 11)) & ~boxes((4, 4, 9, 9))  # 32 pixels of its outline are outside, and 20 at the hole
    parts["a ring with a contour around it"] = ring, np.zeros(size, bool), ~boxes((3, 3, 10, 10)), 0.7
    parts["a ring with a contour in its hole"] = ring, np.zeros(size, bool), boxes((3, 3, 10, 10)), 0.3
    parts["the whole image"] = (np.ones(size, bool), body, np.ones(size, bool), 0.5)
    parts["nothing"] = (np.zeros(size, bool), body, np.ones(size, bool), 0.5)
    for n in range(6):
        shape = cases.draw_size(rng, 8, 18)
        share = rng.uniform(0.3, 0.8)
        filled = 0.35 if n < 4 else 0.85  # a full mask has holes
        parts[f"random {n}"] = (rng.random(shape) < filled, rng.random(shape) < 0.2, rng.random(shape) < 0.6, share)
    for name, (mask, snapped, at_contour, share) in parts.items():
        got = np.asarray(recover(mask, snapped, at_contour, share))
        right = got.shape == mask.shape and got.dtype == bool
        assert right, f"{name}: a mask is bool {mask.shape}, got {got.dtype} {got.shape}"
        lost = snapped & ~got
        assert not lost.any(), f"{name}: {lost.sum()} pixels of the snapped mask are gone"
        want = _recover(mask, snapped, at_contour, share)
        wrong = got != want
        assert not wrong.any(), (
            f"{name}: {(wrong & got).sum()} pixels too many, {(wrong & ~got).sum()} too few; the first at "
            f"{np.argwhere(wrong)[0].tolist()}"
        )


# ------------------------------------------------------------------------------------------------ ex15-4


def _clear(mask, superpixels, q):
    answer = mask.copy()
    for i in set(superpixels.ravel().tolist()):
        here = superpixels == i
        inside, area = int(mask[here].sum()), int(here.sum())
        if inside > q * area:
            answer[here] = True
        elif area - inside >= q * area:
            answer[here] = False
    return answer


@guarded
def check_clear_vote(clear_vote):
    """Over shares: those that are drawn, and some that a superpixel meets exactly."""
    rng = cases.generator()
    two = np.repeat([0, 1], 20).reshape(5, 8)  # superpixels of 20 pixels
    first = np.arange(40).reshape(5, 8)
    maps = {
        "an empty mask": (first < 0, two, 0.7),
        "a full mask": (first < 40, two, 0.7),
        "exactly the share inside": (first < 15, two, 0.75),
        "exactly the share outside": (first < 5, two, 0.75),
        "half inside, by the plain majority": (first % 2 == 0, two, 0.5),
        "half inside, by a clear majority": (first % 2 == 0, two, 0.75),
    }
    for n, name in enumerate(("drawn", "drawn, numbers with gaps", "drawn, small superpixels", "drawn, a high share")):
        H, W = cases.draw_size(rng, 10, 20)
        most = 60 if n == 2 else 9
        superpixels = rng.choice(rng.choice(3000, most, replace=False) if n == 1 else most, (H, W))
        inside = rng.uniform(0.05, 0.95, superpixels.max() + 1)[superpixels]  # the share of each superpixel, about
        q = rng.uniform(0.8, 0.95) if n == 3 else rng.uniform(0.55, 0.8)
        maps[name] = rng.random((H, W)) < inside, superpixels, q
    for kind, name in ((np.uint8, "numbers up to 255, of 8 bits"), (np.uint16, "numbers up to 65535, of 16 bits")):
        superpixels = _near_the_end(kind, rng, cases.draw_size(rng, 10, 20))
        maps[name] = rng.random(superpixels.shape) < rng.random(superpixels.shape)[:, :1], superpixels, 0.55
    for name, (mask, superpixels, q) in maps.items():
        got = np.asarray(clear_vote(mask, superpixels, q))
        assert got.shape == mask.shape, f"{name}: the answer is a mask {mask.shape}, got {got.shape}"
        assert got.dtype == bool, f"{name}: the answer is bool, got {got.dtype}"
        want = _clear(mask, superpixels, q)
        wrong = got != want
        if wrong.any():
            i = superpixels[wrong][0]
            here = superpixels == i
            raise AssertionError(
                f"{name}, q {q:.2f}: of superpixel {i}, {mask[here].sum()} of {here.sum()} pixels lie in the mask; "
                f"{want[here].sum()} of them should in the answer, and {got[here].sum()} do"
            )
