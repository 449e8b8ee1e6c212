"""Checks of chapter 20. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
from checks.guard import guarded

STROKES = {
    "a dab": ((5.0, 4.0), (5.0, 4.0), 2.2),
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


@guarded
def check_stroke(stroke):
    """Exercise 20.1."""
    labels = np.zeros((10, 16), np.uint8)
    labels[2:8, 6:9] = 1
    kept = labels.copy()
    for case, (a, b, radius) in STROKES.items():
        want = labels.copy()
        for y, x in np.ndindex(labels.shape):
            if _distance(x + 0.5, y + 0.5, a, b) <= radius:
                want[y, x] = 4
        got = np.asarray(stroke(labels, a, b, radius, 4))
        assert np.array_equal(labels, kept), f"{case}: the caller's labels were changed"
        _same_labels(got, want, f"{case}, from {a} to {b} with radius {radius}")
    got = np.asarray(stroke(labels, (7.0, 5.0), (7.0, 5.0), 1.5, 0))
    assert (got == 1).sum() < (labels == 1).sum(), "id 0 erases: the pixels under the stroke must become background"


def _same_labels(got, want, case):
    assert got.dtype == np.uint8, f"{case}: expected uint8, got {got.dtype}"
    assert got.shape == want.shape, f"{case}: expected the shape {want.shape}, got {got.shape}"
    wrong = np.argwhere(got != want)
    assert not len(wrong), (
        f"{case}: {len(wrong)} of {want.size} pixels are wrong, such as that in row {wrong[0][0]} and column "
        f"{wrong[0][1]}, which has {got[tuple(wrong[0])]}"
    )


@guarded
def check_run_lengths(run_lengths):
    """Exercise 20.2."""
    across = np.array([[0, 0, 1, 1], [1, 0, 0, 2], [2, 2, 2, 2]], np.uint8)
    for case, labels in {
        "a run that goes on into the next row": across,
        "one value only": np.full((3, 5), 7, np.uint8),
        "background only": np.zeros((2, 4), np.uint8),
        "every pixel another value": np.arange(12, dtype=np.uint8).reshape(3, 4),
        "ids 255 and 0 side by side": np.array([[255, 0, 0, 255]], np.uint8),
        "a single pixel": np.array([[3]], np.uint8),
        "random labels": np.random.default_rng(0).integers(0, 3, (9, 11)).astype(np.uint8),
        "a long run": np.zeros((30, 40), np.uint8),
    }.items():
        got = np.asarray(run_lengths(labels))
        want = []
        for value in labels.ravel().tolist():
            if want and want[-1][0] == value:
                want[-1][1] += 1
            else:
                want.append([value, 1])
        assert got.ndim == 2 and got.shape[1] == 2, f"{case}: expected an array (K, 2), got {got.shape}"
        assert np.issubdtype(got.dtype, np.integer), f"{case}: expected whole numbers, got {got.dtype}"
        assert got[:, 1].sum() == labels.size, (
            f"{case}: the lengths add up to {got[:, 1].sum()}, but there are {labels.size} pixels"
        )
        assert got.tolist() == want, f"{case}: {labels.tolist()} gives {got.tolist()}"


def _disc(shape, row, column, radius):
    y, x = np.indices(shape)
    return (y - row) ** 2 + (x - column) ** 2 <= radius**2


@guarded
def check_surprise(surprise):
    """Exercise 20.3."""
    shape = (24, 32)
    moving = [_disc(shape, 12, 6 + 3 * t, 4) for t in range(6)]
    growing = [_disc(shape, 12, 16, 3), _disc(shape, 12, 16, 4)]
    leaving = [_disc(shape, 12, 28, 5), _disc(shape, 12, 31, 5)]
    empty = np.zeros(shape, bool)
    box, pair = empty.copy(), empty.copy()
    box[4:8, 4:8] = True
    pair[4:8, 4:8], pair[4:8, 9] = True, True  # its centre is right of the box's by 1.1 columns
    speck = box.copy()
    speck[5, 12] = True  # far from the box: the centre of mass stays in its pixel, the middle of the extent does not
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
        ("a single frame", [box], [0.0]),
    ):  # fmt: skip
        stack = np.array(masks)
        kept = stack.copy()
        got = np.asarray(surprise(stack), float)
        assert np.array_equal(stack, kept), f"{case}: the caller's masks were changed"
        assert got.shape == (len(masks),), f"{case}: expected the shape {(len(masks),)}, got {got.shape}"
        assert np.isfinite(got).all(), f"{case}: not a number in {got.tolist()}"
        wrong = np.flatnonzero(~np.isclose(got, want, atol=1e-9))
        assert not len(wrong), f"{case}: frame {wrong[0]} of {len(masks)} should not have {got[wrong[0]]:.3f}"
