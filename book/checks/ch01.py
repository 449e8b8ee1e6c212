"""Checks of chapter 01. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
from checks.guard import guarded

from vosbook.video.labels import PALETTE, VOID


@guarded
def check_bounding_box(bounding_box):
    """Exercise 1.1."""
    labels = np.zeros((6, 9), np.uint8)
    labels[2, 3:7], labels[4, 5] = 3, 3
    labels[0, 8] = 1
    labels[5, :] = VOID
    for i, box in ((3, (2, 3, 5, 7)), (1, (0, 8, 1, 9)), (2, None)):
        try:
            got = bounding_box(labels, i)
        except (ValueError, IndexError) as error:
            where = "absent" if box is None else "present"
            raise AssertionError(f"object {i}, which is {where}: it raises {error!r}") from error
        if box is None:
            assert got is None, f"object {i} is not in the labels: expected None, got {got}"
        else:
            assert got is not None and tuple(int(n) for n in got) == box, (
                f"object {i} covers the rows {box[0]} to {box[2] - 1} and the columns {box[1]} to {box[3] - 1}, both "
                f"included; as (top, left, bottom, right) you say {got}"
            )


@guarded
def check_ids_from_colours(ids_from_colours):
    """Exercise 1.2."""
    rng = np.random.default_rng(0)
    every_id = rng.permutation(256).astype(np.uint8).reshape(16, 16)
    other = rng.permutation(256**3)[:256]
    shuffled = np.stack([other >> 16, other >> 8 & 255, other & 255], axis=1).astype(np.uint8)
    for case, labels, palette in (
        ("ids 0, 1, 2, 3 in DAVIS's palette", np.array([[0, 1, 2], [3, 1, 0]], np.uint8), PALETTE),
        ("every id of DAVIS's palette", every_id, PALETTE),
        ("every id of another palette", every_id, shuffled),
    ):
        rgb = palette[labels]
        got = np.asarray(ids_from_colours(rgb.copy(), palette.copy()))
        assert got.dtype == np.uint8, f"{case}: expected uint8, got {got.dtype}"
        assert got.shape == labels.shape, f"{case}: expected the shape {labels.shape}, got {got.shape}"
        wrong = np.argwhere(got != labels)
        assert not len(wrong), (
            f"{case}: {len(wrong)} of {labels.size} pixels are wrong, such as the colour "
            f"{tuple(rgb[tuple(wrong[0])].tolist())}, for which you say {got[tuple(wrong[0])]}"
        )
    # The third is made of values that the palette has; the others meet (0, 128, 0) if colours are packed to base 100 or
    # 255, from either end.
    made_up = [(1, 2, 3), (255, 255, 255), (0, 0, 32)]
    for stranger in (*made_up, (0, 127, 100), (100, 127, 0), (0, 127, 255), (255, 127, 0)):
        rgb = PALETTE[np.array([[0, 1], [2, 3]])]
        rgb[1, 0] = stranger
        try:
            got = ids_from_colours(rgb, PALETTE.copy())
        except ValueError:
            continue
        except IndexError as error:
            raise AssertionError(f"the colour {stranger}: expected ValueError, got {error!r}") from error
        raise AssertionError(f"the colour {stranger} is not in the palette, yet it became {got[1, 0]} and no error")


def _vote(labels, k):
    """The plainest way: block by block."""
    small = np.zeros((labels.shape[0] // k, labels.shape[1] // k), np.uint8)
    for r, c in np.ndindex(small.shape):
        ids = [int(i) for i in labels[r * k : r * k + k, c * k : c * k + k].ravel() if i != VOID]
        small[r, c] = min(set(ids), key=lambda i: (-ids.count(i), i)) if ids else VOID
    return small


@guarded
def check_shrink(shrink):
    """Exercise 1.3."""
    rng = np.random.default_rng(1)
    by_two = np.array([[1, 1, 3, 0, 5, 255], [0, 1, 3, 3, 255, 255]], np.uint8)
    ties = np.array([[2, 2, 0, 4], [1, 1, 4, 0]], np.uint8)
    void = np.full((2, 4), VOID, np.uint8)
    for case, labels, k in (
        ("clear majorities, and one vote beside void", by_two, 2),
        ("two ids equally often", ties, 2),
        ("blocks of void alone", void, 2),
        ("one block of void beside another", np.concatenate([void, by_two[:, :4]], axis=1), 2),
        ("random ids, k = 3, not square", rng.choice(np.array([0, 1, 2, 7, VOID], np.uint8), (9, 15)), 3),
        ("k = 1", ties, 1),
    ):
        before = labels.copy()
        expected, got = _vote(labels, k), np.asarray(shrink(labels, k))
        assert np.array_equal(labels, before), f"{case}: the caller's labels were changed"
        assert got.shape == expected.shape, f"{case}: expected the shape {expected.shape}, got {got.shape}"
        assert got.dtype == np.uint8, f"{case}: expected uint8, got {got.dtype}"
        wrong = np.argwhere(got != expected)
        if len(wrong):
            r, c = wrong[0]
            block = labels[r * k : r * k + k, c * k : c * k + k].tolist()
            raise AssertionError(f"{case}: the block {block} became {got[r, c]}")


def _layers(rng, ids, size):
    rows, columns = np.mgrid[: size[0], : size[1]]
    layers = []
    for i in ids:
        y, x, r = rng.uniform(2, size[0] - 2), rng.uniform(2, size[1] - 2), rng.uniform(2.5, 4.5)
        alpha = np.clip(r - np.hypot(rows - y, columns - x), 0, 1)  # a soft rim
        layers.append((rng.integers(0, 256, (*size, 3), np.uint8), alpha, i))
    return layers


def _by_pixel(background, layers):
    """Pixel by pixel, from the nearest on, until nothing shines through."""
    frame, labels = background.astype(float), np.zeros(background.shape[:2], np.uint8)
    for r, c in np.ndindex(labels.shape):
        left, colour = 1.0, np.zeros(3)
        for colours, alpha, _ in layers:
            colour += left * alpha[r, c] * colours[r, c]
            left *= 1 - alpha[r, c]
        frame[r, c] = colour + left * background[r, c]
        labels[r, c] = next((i for _, alpha, i in layers if alpha[r, c] >= 0.5), 0)
    own = {i: int((alpha >= 0.5).sum()) for _, alpha, i in layers if i}
    return frame, labels, {i: (labels == i).sum() / n if n else 0.0 for i, n in own.items()}


@guarded
def check_render(render):
    """Exercise 1.4."""
    rng = np.random.default_rng(2)
    size = (12, 16)
    nothing = (np.full((*size, 3), 90, np.uint8), np.zeros(size), 5)
    halves = (np.full((*size, 3), 20, np.uint8), np.full(size, 0.5), 2)
    post = (np.full((*size, 3), 40, np.uint8), np.repeat((np.arange(16) // 4 == 1)[None], 12, axis=0).astype(float), 0)
    for case, layers in (
        ("no layer at all", []),
        ("one object with a soft rim", _layers(rng, [1], size)),
        ("three objects that overlap", _layers(rng, [2, 1, 3], size)),
        ("an object behind a post (id 0)", [post, *_layers(rng, [4, 1], size)]),
        ("an object without a pixel", [nothing, *_layers(rng, [1], size)]),
        ("an object that has half of every pixel", [*_layers(rng, [1], size), halves]),
    ):
        background = rng.integers(0, 256, (*size, 3), np.uint8)
        kept = background.copy(), [(c.copy(), a.copy(), i) for c, a, i in layers]
        frame, labels, shares = _by_pixel(background, layers)
        got_frame, got_labels, got_shares = render(background, layers)
        assert np.array_equal(background, kept[0]) and all(
            np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1]) for a, b in zip(layers, kept[1])
        ), f"{case}: the background or a layer was changed"
        wrong = int((np.asarray(got_labels) != labels).sum())
        assert np.shape(got_labels) == size and wrong == 0, f"{case}: {wrong} of {labels.size} labels are wrong"
        got_frame = np.asarray(got_frame)
        assert got_frame.dtype == np.uint8, f"{case}: expected a uint8 frame, got {got_frame.dtype}"
        error = np.abs(got_frame - frame).max()
        assert error <= 0.5 + 1e-6, f"{case}: a colour of the frame is {error:.2f} away from the exact mixture"
        assert set(got_shares) == set(shares), f"{case}: expected shares of {sorted(shares)}, got {sorted(got_shares)}"
        for i, share in shares.items():
            told = got_shares[i]
            assert np.isclose(told, share), f"{case}: object {i} shows {share:.3f} of itself, you say {told}"
