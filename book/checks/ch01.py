"""Checks of chapter 01. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
from checks import cases
from checks.guard import guarded, tried

from vosbook.video.labels import PALETTE, VOID


def _scattered(rng):
    """Labels (H, W), and ids: an object in two pieces, one in a corner, one of void neighbours, and two absent ones."""
    H, W = size = cases.draw_size(rng, 6, 40)
    far, corner, edge = ids = cases.draw_ids(rng, 3)
    labels = np.zeros(size, np.uint8)
    labels[[1, 2, 3, H - 2], [3, W - 1, 2, 3]] = far  # begins and ends between its leftmost and its rightmost
    labels[rng.integers(1, H - 1), 0] = edge
    labels[0, 0] = corner
    labels[-1] = VOID
    return labels, (*ids, *cases.draw_absent(rng, ids))


@guarded
def check_bounding_box(bounding_box):
    """Exercise 1.1."""
    rng = cases.generator()
    for _ in range(4):
        labels, ids = _scattered(rng)
        for given in (labels, labels[:-1].copy(), np.rot90(labels, 2).copy()):
            for i in ids:
                _check_box(bounding_box, given, i)
    large, (i,) = np.zeros(cases.draw_size(rng, 300, 400), np.uint8), cases.draw_ids(rng, 1)
    large[250 + rng.integers(0, 50, 6), 250 + rng.integers(0, 50, 6)] = i
    large[270, 280] = i  # a byte holds neither
    _check_box(bounding_box, large, i)


def box_of(labels, i):
    """What exercise 1.1 asks for: with this the chapter goes on where there is no answer yet."""
    mask = labels == i
    if not mask.any():
        return None
    (top, bottom), (left, right) = (np.flatnonzero(mask.any(axis=axis))[[0, -1]] for axis in (1, 0))
    return top, left, bottom + 1, right + 1


def _check_box(bounding_box, labels, i):
    places = [(r, c) for r, row in enumerate(labels.tolist()) for c, value in enumerate(row) if value == i]
    case = f"labels {labels.shape}, object {i}"
    got = tried(f"{case}, which is {'present' if places else 'absent'}", bounding_box, labels, i)
    if not places:
        assert got is None, f"{case}, which is not in the labels: expected None, got {got}"
        return
    (top, bottom), (left, right) = ((min(one), max(one)) for one in zip(*places))
    expected = (top, left, bottom + 1, right + 1)
    assert got is not None and len(got) == 4 and tuple(int(n) for n in got) == expected, (
        f"{case} covers the rows {top} to {bottom} and the columns {left} to {right}, both included; as (top, left, "
        f"bottom, right) you say {got}"
    )


@guarded
def check_ids_from_colours(ids_from_colours):
    """Exercise 1.2."""
    rng = cases.generator()
    every_id = rng.permutation(256).astype(np.uint8).reshape(8, 32)
    for case, labels, palette in (
        ("ids 0, 1, 2, 3 in DAVIS's palette", np.array([[0, 1, 2], [3, 1, 0]], np.uint8), PALETTE),
        ("every id of DAVIS's palette", every_id, PALETTE),
        ("every id of another palette", every_id, _other_palette(rng)),
        ("few ids of another palette", rng.integers(3, 9, cases.draw_size(rng), np.uint8), _other_palette(rng)),
    ):
        rgb = palette[labels]
        got = np.asarray(tried(f"{case}, no other colour", ids_from_colours, rgb.copy(), palette.copy()))
        assert got.dtype == np.uint8, f"{case}: expected uint8, got {got.dtype}"
        assert got.shape == labels.shape, f"{case}: expected the shape {labels.shape}, got {got.shape}"
        wrong = np.argwhere(got != labels)
        assert not len(wrong), (
            f"{case}: {len(wrong)} of {labels.size} pixels are wrong, such as the colour "
            f"{tuple(rgb[tuple(wrong[0])].tolist())}, for which you say {got[tuple(wrong[0])]}"
        )
    _check_strangers(ids_from_colours, rng)
    _check_loops(ids_from_colours, rng)


def places_in(rgb, palette):
    """What exercise 1.2 asks for: with this the chapter goes on where there is no answer yet."""
    colours, of = np.unique(rgb.reshape(-1, 3), axis=0, return_inverse=True)  # (K, 3), (H W)
    found = (colours[:, None] == palette).all(axis=2)  # (K, 256)
    if not found.any(axis=1).all():
        raise ValueError("a colour is not in the palette")
    return found.argmax(axis=1).astype(np.uint8)[of.reshape(rgb.shape[:2])]


def _other_palette(rng):
    packed = rng.permutation(np.unique(rng.integers(0, 256**3, 300))[:256])
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.uint8)


def _check_strangers(ids_from_colours, rng):
    # (0, 0, 32) is made of values that the palette has; the others meet (0, 128, 0) if colours are packed to base 100
    # or 255, from either end.
    nearly = (127, 255, 255), (127, 255, 1), (0, 127, 128)  # meet (128, 0, 0) or (0, 128, 0) where a base is one off
    made_up = [(1, 2, 3), (255, 255, 255), (0, 0, 32), tuple((2 * rng.integers(1, 16, 3) + 1).tolist())]
    strangers = [*made_up, (0, 127, 100), (100, 127, 0), (0, 127, 255), (255, 127, 0), *nearly]
    other = _other_palette(rng)
    for stranger, palette in [*((one, PALETTE) for one in strangers), (_mixed(other, rng), other)]:
        rgb = palette[rng.integers(0, 4, (3, 4))]
        rgb[tuple(rng.integers(0, 3, 2))] = stranger
        try:
            got = ids_from_colours(rgb, palette.copy())
        except ValueError:
            continue
        except IndexError as error:
            raise AssertionError(f"the colour {stranger}: expected ValueError, got {error!r}") from error
        told = got[(rgb == stranger).all(axis=2)]
        raise AssertionError(f"the colour {stranger} is not in the palette, yet it became {told} and no error")


def _mixed(palette, rng):
    """A colour that the palette lacks, made of one entry's red, another's green and a third's blue."""
    known = set(map(tuple, palette.tolist()))
    while (colour := tuple(rng.choice(palette, 3).diagonal().tolist())) in known:
        pass
    return colour


def _check_loops(ids_from_colours, rng, most=10_000):
    """A loop over these 16 384 pixels takes more lines of Python than any way without one, 256 colours in turn too."""
    labels = rng.integers(0, 256, (128, 128), np.uint8)
    got, spent = ids_from_colours.measured(PALETTE[labels], PALETTE.copy())
    assert np.array_equal(got, labels), "128 x 128 pixels of every id: some labels are wrong"
    assert spent.lines <= most, (
        f"128 x 128 pixels: right, but {spent.lines} lines of Python ran; is there a loop over pixels?"
    )


def voted(labels, k):
    """What exercise 1.3 asks for, in the plainest way: block by block."""
    small = np.zeros((labels.shape[0] // k, labels.shape[1] // k), np.uint8)
    for r, c in np.ndindex(small.shape):
        ids = [int(i) for i in labels[r * k : r * k + k, c * k : c * k + k].ravel() if i != VOID]
        small[r, c] = min(set(ids), key=lambda i: (-ids.count(i), i)) if ids else VOID
    return small


def _to_shrink(rng):
    """Cases, labels and factors."""
    a, b, c, d = sorted(cases.draw_ids(rng, 4))
    by_two = np.array([[a, a, c, 0, d, VOID], [0, a, c, c, VOID, VOID]], np.uint8)
    ties = np.array([[b, b, 0, d], [a, a, d, 0]], np.uint8)
    void = np.full((2, 4), VOID, np.uint8)
    yield "clear majorities, and one vote beside void", by_two, 2
    yield "two ids equally often", ties, 2
    yield "blocks of void alone", void, 2
    yield "one block of void beside another", np.concatenate([void, by_two[:, :4]], axis=1), 2
    yield "k = 1", ties, 1
    for k in (2, 3, 5):
        h, w = cases.draw_size(rng, 2, 6)
        ids = np.array([0, a, b, VOID] if k == 2 else [0, a, b, c, d, VOID], np.uint8)
        yield f"random ids, k = {k}, not square", rng.choice(ids, (h * k, w * k)), k
    yield "the largest id that an object can have", np.full((4, 6), 254, np.uint8), 2
    many = rng.permutation(np.arange(1, 255))[:144].reshape(12, 12).astype(np.uint8)
    yield "every pixel of a block an id of its own", many, 6
    k = int(rng.integers(17, 20))
    block = rng.permutation(
        np.repeat(np.array([c, b], np.uint8), [256, k * k - 256])
    )  # 256 is more than a uint8 counts
    yield f"large blocks, k = {k}", np.concatenate([block.reshape(k, k), np.full((k, k), a, np.uint8)], axis=1), k


@guarded
def check_shrink(shrink):
    """Exercise 1.3."""
    for case, labels, k in _to_shrink(cases.generator()):
        expected, got = voted(labels, k), np.asarray(shrink(labels, k))
        assert got.shape == expected.shape, f"{case}: expected the shape {expected.shape}, got {got.shape}"
        assert got.dtype == np.uint8, f"{case}: expected uint8, got {got.dtype}"
        wrong = np.argwhere(got != expected)
        if len(wrong):
            r, c = wrong[0]
            ids, votes = np.unique(labels[r * k : r * k + k, c * k : c * k + k], return_counts=True)
            counted = dict(zip(ids.tolist(), votes.tolist()))
            raise AssertionError(f"{case}: a block with {counted} (id: pixels) became {got[r, c]}")


def painted(background, layers):
    """What exercise 1.4 asks for: with this the chapter goes on where there is no answer yet."""
    left, frame = np.ones(background.shape[:2]), np.zeros(background.shape)
    labels, free = np.zeros(background.shape[:2], np.uint8), np.ones(background.shape[:2], bool)
    shares = {}
    for colours, alpha, i in layers:  # the nearest first
        frame, left = frame + (left * alpha)[..., None] * colours, left * (1 - alpha)
        own = alpha >= 0.5
        labels[own & free] = i
        if i:
            shares[i] = float((own & free).sum() / own.sum()) if own.any() else 0.0
        free &= ~own
    return np.rint(frame + left[..., None] * background).astype(np.uint8), labels, shares


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


def _scenes(rng, size):
    """Cases and layers."""
    a, b, c, d = cases.draw_ids(rng, 4)
    nothing = (np.full((*size, 3), 90, np.uint8), np.zeros(size), a)
    halves = (np.full((*size, 3), 20, np.uint8), np.full(size, 0.5), b)
    columns = np.repeat((np.arange(size[1]) // 4 == 1)[None], size[0], axis=0)
    post = (np.full((*size, 3), 40, np.uint8), columns.astype(float), 0)
    pane = (np.full((*size, 3), 200, np.uint8), np.full(size, 0.3), 0)  # shows what is behind
    yield "no layer at all", []
    yield "one object with a soft rim", _layers(rng, [a], size)
    yield "three objects that overlap", _layers(rng, [b, a, c], size)
    yield "four objects, the nearest with the largest id", _layers(rng, sorted([a, b, c, d], reverse=True), size)
    everywhere = (np.full((*size, 3), 120, np.uint8), np.ones(size), b)
    yield "objects behind a post (id 0), one of which is everywhere", [post, *_layers(rng, [d, a], size), everywhere]
    beside = (np.full((*size, 3), 60, np.uint8), np.roll(post[1], 5, axis=1), 0)
    yield "an object behind two posts (id 0)", [post, beside, everywhere]
    yield "an object before a post (id 0)", [*_layers(rng, [d], size), post, *_layers(rng, [a], size)]
    yield "objects behind a pane that shows 70 % of them", [pane, *_layers(rng, [a, b], size)]
    yield "an object without a pixel", [nothing, *_layers(rng, [c], size)]
    yield "an object that has half of every pixel", [*_layers(rng, [a], size), halves]


@guarded
def check_render(render):
    """Exercise 1.4."""
    rng = cases.generator()
    for case, layers in _scenes(rng, size := cases.draw_size(rng, 10, 18)):
        background = rng.integers(0, 256, (*size, 3), np.uint8)
        frame, labels, shares = _by_pixel(background, layers)
        got_frame, got_labels, got_shares = render(background, layers)
        wrong = int((np.asarray(got_labels) != labels).sum())
        assert np.shape(got_labels) == size and wrong == 0, f"{case}: {wrong} of {labels.size} labels are wrong"
        got_frame, got_labels = np.asarray(got_frame), np.asarray(got_labels)
        for what, array in (("frame", got_frame), ("labels", got_labels)):
            assert array.dtype == np.uint8, f"{case}: expected a uint8 {what}, got {array.dtype}"
        assert got_frame.shape == frame.shape, f"{case}: expected a frame {frame.shape}, got {got_frame.shape}"
        error = np.abs(got_frame - frame).max()
        assert error <= 0.5 + 1e-6, f"{case}: a colour of the frame is {error:.2f} away from the exact mixture"
        assert set(got_shares) == set(shares), f"{case}: expected shares of {sorted(shares)}, got {sorted(got_shares)}"
        for i, share in shares.items():
            told = got_shares[i]
            assert np.isclose(told, share), f"{case}: object {i} shows {share:.3f} of itself, you say {told}"
