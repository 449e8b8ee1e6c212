"""Checks of chapter 20. Each compares values on several cases, and its message says what was seen, not the answer."""

import itertools

import numpy as np
from checks import cases
from checks.guard import guarded

STROKES = {
    "a dab": ((5.0, 4.0), (5.0, 4.0), 2.2),
    "a stroke shorter than a pixel": ((4.0, 4.5), (4.5, 4.5), 1.0),
    "a level stroke": ((3.0, 5.5), (12.0, 5.5), 1.6),
    "an upright stroke": ((8.5, 1.0), (8.5, 7.0), 1.0),
    "a slanted stroke": ((3.2, 2.1), (11.7, 8.4), 2.0),
    "the same stroke, backwards": ((11.7, 8.4), (3.2, 2.1), 2.0),
    "a stroke that leaves the frame": ((13.0, 8.0), (25.0, 14.0), 2.5),
    "a rim that touches centres": ((4.5, 4.5), (4.5, 4.5), 2.0),
}


def _distance(px, py, a, b):
    """From a point to the nearest point between a and b."""
    (ax, ay), (bx, by) = a, b
    length2 = (bx - ax) ** 2 + (by - ay) ** 2
    s = 0.0 if length2 == 0 else ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / length2
    s = min(1.0, max(0.0, s))
    return ((px - ax - s * (bx - ax)) ** 2 + (py - ay - s * (by - ay)) ** 2) ** 0.5


def stroked(labels, a, b, radius, i):
    """What exercise 20.1 asks for: with this the chapter goes on where there is no answer yet."""
    drawn = labels.copy()
    for y, x in np.ndindex(labels.shape):
        if _distance(x + 0.5, y + 0.5, a, b) <= radius:
            drawn[y, x] = i
    return drawn


@guarded
def check_stroke(stroke):
    """Exercise 20.1."""
    rng = cases.generator()
    labels = np.zeros((10, 16), np.uint8)
    labels[2:8, 6:9] = 1
    for case, (a, b, radius) in STROKES.items():
        _check_one_stroke(stroke, labels, a, b, radius, 4, case)
    for _ in range(8):
        ids = cases.draw_ids(rng, 3)
        size = cases.draw_size(rng, 8, 30)
        a, b = (tuple((rng.uniform(-0.2, 1.2, 2) * size[::-1]).tolist()) for _ in range(2))
        radius = rng.uniform(0.3, 6)
        _check_one_stroke(stroke, cases.draw_labels(rng, ids[:2], size), a, b, radius, ids[2], "a drawn stroke")
    got = np.asarray(stroke(labels.copy(), (7.0, 5.0), (7.0, 5.0), 1.5, 0))
    assert (got == 1).sum() < (labels == 1).sum(), "id 0 erases: the pixels under the stroke must become background"


def _check_one_stroke(stroke, labels, a, b, radius, i, case):
    want = stroked(labels, a, b, radius, i)
    got = np.asarray(stroke(labels.copy(), a, b, radius, i))
    ends = "({:.1f}, {:.1f}) to ({:.1f}, {:.1f})".format(*a, *b)
    _same_labels(got, want, f"{case}, id {i}, from {ends} with radius {radius:.1f}")


def _same_labels(got, want, case):
    assert got.dtype == np.uint8, f"{case}: expected uint8, got {got.dtype}"
    assert got.shape == want.shape, f"{case}: expected the shape {want.shape}, got {got.shape}"
    wrong = np.argwhere(got != want)
    assert not len(wrong), (
        f"{case}: {len(wrong)} of {want.size} pixels are wrong, such as that in row {wrong[0][0]} and column "
        f"{wrong[0][1]}, which should have {want[tuple(wrong[0])]}, got {got[tuple(wrong[0])]}"
    )


def _label_maps():
    """By name, uint8 (H, W)."""
    rng = cases.generator()
    tall = np.zeros((300, 260), np.uint8)
    tall[:, 200:] = 200  # 300 runs
    return {
        "a run that goes on into the next row": np.array([[0, 0, 1, 1], [1, 0, 0, 2], [2, 2, 2, 2]], np.uint8),
        "one value only": np.full((3, 5), 7, np.uint8),
        "background only": np.zeros((2, 4), np.uint8),
        "every pixel another value": np.arange(12, dtype=np.uint8).reshape(3, 4),
        "ids 255 and 0 side by side": np.array([[255, 0, 0, 255]], np.uint8),
        "no background": np.array([[1, 1, 2], [2, 1, 1]], np.uint8),
        "a single pixel": np.array([[3]], np.uint8),
        "random labels": cases.draw_labels(rng, cases.draw_ids(rng, 2), cases.draw_size(rng)),
        "a column of random labels": cases.draw_labels(rng, cases.draw_ids(rng, 2), (9, 1)),
        "a long run": np.zeros((30, 40), np.uint8),
        "a run of more than 65535 pixels": np.full((300, 260), 9, np.uint8),
        "stripes": tall,
        "a map that lies column by column": cases.draw_labels(rng, cases.draw_ids(rng, 3), cases.draw_size(rng)).T,
        "a map that is a part of another": np.tile(np.arange(6, dtype=np.uint8), (8, 2))[::2, ::3],
    }


def runs_of(labels):
    """What exercise 20.2 asks for: with this the chapter goes on where there is no answer yet."""
    runs = [(value, len(list(run))) for value, run in itertools.groupby(labels.ravel().tolist())]
    return np.array(runs)


@guarded
def check_run_lengths(run_lengths):
    """Exercise 20.2."""
    for case, labels in _label_maps().items():
        got, spent = run_lengths.measured(labels)  # no copy, which would lie row by row
        got, want = np.asarray(got), runs_of(labels).tolist()
        case = f"{case}, labels {labels.shape}"
        assert got.ndim == 2 and got.shape[1] == 2, f"{case}: expected an array (K, 2), got {got.shape}"
        assert np.issubdtype(got.dtype, np.integer), f"{case}: expected whole numbers, got {got.dtype}"
        assert len(got) == len(want), f"{case}: there are {len(want)} runs, got {len(got)}"
        wrong = np.flatnonzero((got != want).any(axis=1))
        assert not len(wrong), (
            f"{case}: run {wrong[0]} of {len(want)} has value and length {want[wrong[0]]}, got {got[wrong[0]].tolist()}"
        )
        assert spent.lines < 1000 + 20 * len(want), (
            f"{case}: right, but {spent.lines} lines of Python ran for {labels.size} pixels: a loop over pixels"
        )


def _disc(shape, row, column, radius):
    y, x = np.indices(shape)
    return (y - row) ** 2 + (x - column) ** 2 <= radius**2


def _drawn_masks(rng):
    """Boxes that move and change, along rows and columns by different steps; often they leave the frame by a part.

    Their sides grow by one, so that centres move by whole pixels and by halves.
    """
    H, W = cases.draw_size(rng, 12, 30)
    masks, place, side = [], rng.integers(0, [H - 6, W - 6]), rng.integers(2, 7, 2)
    for _ in range(int(rng.integers(2, 6))):
        mask = np.zeros((H, W), bool)
        (top, left), (bottom, right) = np.maximum(place, 0), np.maximum(place + side, 0)
        mask[top:bottom, left:right] = True
        mask &= rng.random((H, W)) < rng.choice([1.0, 0.9])
        masks.append(mask)
        place, side = place + rng.integers(-5, 6, 2), np.maximum(2, side + rng.integers(-1, 2, 2))
    return masks


def surprised(masks):
    """What exercise 20.3 asks for, by sets of pixels."""
    sets, found = [set(map(tuple, np.argwhere(mask).tolist())) for mask in masks], [0.0]
    for old, new in itertools.pairwise(sets):
        if old and new:
            by = [round(sum(p[k] for p in new) / len(new) - sum(p[k] for p in old) / len(old)) for k in (0, 1)]
            old = {(y + by[0], x + by[1]) for y, x in old}
            old = {p for p in old if 0 <= p[0] < masks[0].shape[0] and 0 <= p[1] < masks[0].shape[1]}
        found.append(1 - len(old & new) / len(old | new) if old | new else 0.0)
    return found


def _speck_that_leaves(shape, axis):
    """A box moves back by 3, and a speck vanishes: their centre moves by 2, and takes the speck past pixel 0."""
    masks = np.zeros((2, *shape), bool)
    lying = masks if axis else masks.swapaxes(1, 2)  # the same numbers
    lying[0, 8:11, 10:13] = lying[0, 9, 1] = lying[1, 8:11, 7:10] = True
    return masks, [0.0, 0.5]


@guarded
def check_surprise(surprise):
    """Exercise 20.3."""
    rng, shape = cases.generator(), (24, 32)
    moving = [_disc(shape, 12, 6 + 3 * t, 4) for t in range(6)]
    growing = [_disc(shape, 12, 16, 3), _disc(shape, 12, 16, 4)]
    leaving = [_disc(shape, 12, 28, 5), _disc(shape, 12, 31, 5)]
    entering = [_disc(shape, 12, 0, 5), _disc(shape, 12, 3, 5)]  # it covers columns that come in empty
    rising = [_disc(shape, 23, 12, 5), _disc(shape, 20, 12, 5)]
    empty = np.zeros(shape, bool)
    box, pair = empty.copy(), empty.copy()
    box[4:8, 4:8] = True
    pair[4:8, 4:8], pair[4:8, 9] = True, True  # its centre is right of the box's by 1.1 columns
    speck = box.copy()
    speck[5, 12] = True  # far from the box: the centre of mass stays in its pixel, the middle of the extent does not
    torn = box.copy()
    torn[4:8, 7], torn[4:8, 9] = False, True
    shared = 1 - (growing[0] & growing[1]).sum() / growing[1].sum()
    moved = np.roll(leaving[0], 2, axis=1) & (np.indices(shape)[1] > 1)  # by the rounded difference of the centres
    both = np.roll(box, 1, axis=1)
    for case, masks, want in (
        ("a disc that moves", moving, [0.0] * 6),
        ("a disc that moves up and back", [*moving[::-1], moving[1]], [0.0] * 7),
        ("a disc that grows", growing, [0.0, shared]),
        ("a disc that shrinks, and stays", [*growing[::-1], growing[0]], [0.0, shared, 0.0]),
        ("an object that vanishes, stays away, and comes back", [box, empty, empty, box], [0.0, 1.0, 0.0, 1.0]),
        ("an object that is never there", [empty, empty], [0.0, 0.0]),
        ("a piece that appears beside the object", [box, pair], [0.0, 1 - (both & pair).sum() / (both | pair).sum()]),
        ("a speck that appears far from the object", [box, speck], [0.0, 1 / 17]),
        ("a disc that leaves the frame", leaving,
         [0.0, 1 - (moved & leaving[1]).sum() / (moved | leaving[1]).sum()]),
        ("a disc that enters the frame", entering, surprised(entering)),
        ("a disc that rises into the frame", rising, surprised(rising)),
        ("a speck that is moved out of the frame on the left", *_speck_that_leaves(shape, 1)),
        ("a speck that is moved out of the frame at the top", *_speck_that_leaves(shape, 0)),
        ("a single frame", [box], [0.0]),
        ("a disc that moves down", [_disc(shape, 6 + 3 * t, 12, 4) for t in range(4)], [0.0] * 4),
        ("a disc that moves up and to the right", [_disc(shape, 18 - 4 * t, 6 + t, 4) for t in range(3)], [0.0] * 3),
        ("a column that jumps: the centre moves by .5, to the nearest even pixel", [box, torn], [0.0, 1 - 12 / 20]),
        *((f"drawn {n}", masks, surprised(masks)) for n, masks in enumerate(map(_drawn_masks, [rng] * 6))),
    ):  # fmt: skip
        stack = np.array(masks)
        got = np.asarray(surprise(stack), float)
        assert got.shape == (len(masks),), f"{case}: expected the shape {(len(masks),)}, got {got.shape}"
        assert np.isfinite(got).all(), f"{case}: not a number in {got.tolist()}"
        wrong = np.flatnonzero(~np.isclose(got, want, atol=1e-9))
        assert not len(wrong), (
            f"{case}: frame {wrong[0]} of {len(masks)} should have {want[wrong[0]]:.4f}, got {got[wrong[0]]:.4f}"
        )
