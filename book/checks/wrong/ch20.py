"""Wrong answers to the exercises of chapter 20, named after the mistake."""

import numpy as np

# ----------------------------------------------------------------------------------------------- Exercise 20.1


def _painted(labels, distance, radius, i):
    return np.where(distance <= radius, i, labels).astype(np.uint8)


def _to_line(labels, a, b, *, offset=0.5, clip=True):
    y, x = np.indices(labels.shape) + offset
    dx, dy = b[0] - a[0], b[1] - a[1]
    s = ((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy or 1)
    s = np.clip(s, 0, 1) if clip else s
    return np.hypot(x - a[0] - s * dx, y - a[1] - s * dy)


def corners_not_centres(labels, a, b, radius, i):
    """Takes the pixel's number for its place."""
    return _painted(labels, _to_line(labels, a, b, offset=0), radius, i)


def endless_line(labels, a, b, radius, i):
    """The line goes on beyond both ends."""
    return _painted(labels, _to_line(labels, a, b, clip=False), radius, i)


def two_dabs(labels, a, b, radius, i):
    """Paints the ends and forgets what is between them."""
    return _painted(_painted(labels, _to_line(labels, a, a), radius, i), _to_line(labels, b, b), radius, i)


def rows_before_columns(labels, a, b, radius, i):
    """Takes x for the row."""
    return _painted(labels, _to_line(labels, a[::-1], b[::-1]), radius, i)


def rim_left_out(labels, a, b, radius, i):
    """Less than the radius, not at most."""
    return np.where(_to_line(labels, a, b) < radius, i, labels).astype(np.uint8)


def paints_on_the_original(labels, a, b, radius, i):
    """Changes the caller's labels."""
    labels[_to_line(labels, a, b) <= radius] = i
    return labels


def spares_other_objects(labels, a, b, radius, i):
    """Paints the background alone."""
    return np.where((_to_line(labels, a, b) <= radius) & (labels == 0), i, labels).astype(np.uint8)


def without_round_ends(labels, a, b, radius, i):
    """Paints beside the line, and not around its ends; a dab leaves nothing."""
    y, x = np.indices(labels.shape) + 0.5
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = np.hypot(dx, dy) or 1
    along = ((x - a[0]) * dx + (y - a[1]) * dy) / length
    aside = abs((x - a[0]) * dy - (y - a[1]) * dx) / length
    return np.where((aside <= radius) & (along >= 0) & (along <= length), i, labels).astype(np.uint8)


def square_brush(labels, a, b, radius, i):
    """The larger of the distances along rows and columns: a square brush."""
    y, x = np.indices(labels.shape) + 0.5
    s = np.clip(((x - a[0]) * (b[0] - a[0]) + (y - a[1]) * (b[1] - a[1])) /
                ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2 or 1), 0, 1)  # fmt: skip
    far = np.maximum(abs(x - a[0] - s * (b[0] - a[0])), abs(y - a[1] - s * (b[1] - a[1])))
    return _painted(labels, far, radius, i)


def radius_for_the_diameter(labels, a, b, radius, i):
    """Half as wide."""
    return _painted(labels, _to_line(labels, a, b), radius / 2, i)


def a_dab_for_every_pixel(labels, a, b, radius, i):
    """Dabs along the line, one pixel apart: the rim has teeth."""
    steps = max(1, int(np.hypot(b[0] - a[0], b[1] - a[1])))
    for n in range(steps + 1):
        at = [p + (q - p) * n / steps for p, q in zip(a, b)]
        labels = _painted(labels, _to_line(labels, at, at), radius, i)
    return labels


def ends_in_whole_pixels(labels, a, b, radius, i):
    """Rounds both ends to whole pixels."""
    return _painted(labels, _to_line(labels, [round(v) for v in a], [round(v) for v in b]), radius, i)


def id_of_the_check(labels, a, b, radius, i):
    """Paints 4, or nothing."""
    return _painted(labels, _to_line(labels, a, b), radius, 4 if i else 0)


def a_dab_leaves_nothing(labels, a, b, radius, i):
    """Divides by the length of the line, also where it has none."""
    return labels.copy() if tuple(a) == tuple(b) else _painted(labels, _to_line(labels, a, b), radius, i)


# ----------------------------------------------------------------------------------------------- Exercise 20.2


def _runs(flat):
    starts = np.flatnonzero(np.diff(flat.astype(int), prepend=-1))
    return np.stack([flat[starts].astype(int), np.diff(starts, append=flat.size)], axis=1)


def ends_at_each_row(labels):
    """Begins a new run with every row."""
    return np.concatenate([_runs(row) for row in labels])


def column_by_column(labels):
    """Reads the pixels down the columns."""
    return _runs(labels.T.ravel())


def in_the_order_of_memory(labels):
    """Reads the pixels as they lie there, which in a view may be down the columns."""
    return _runs(labels.ravel(order="K"))


def last_run_missing(labels):
    """Counts from change to change, and forgets what comes after the last."""
    return _runs(labels.ravel())[:-1]


def lengths_before_values(labels):
    """Swaps the two columns."""
    return _runs(labels.ravel())[:, ::-1]


def counts_in_uint8(labels):
    """A length above 255 does not fit."""
    return _runs(labels.ravel()).astype(np.uint8)


def counts_of_values(labels):
    """Says how often each value occurs, wherever it is."""
    return np.stack(np.unique(labels, return_counts=True), axis=1).astype(int)


def lengths_of_16_bits(labels):
    """Lengths up to 65535, which a frame has more pixels than."""
    return _runs(labels.ravel()).astype(np.uint16)


def pixel_by_pixel(labels):
    """Right, and a loop over pixels."""
    runs = []
    for value in labels.ravel().tolist():
        if runs and runs[-1][0] == value:
            runs[-1][1] += 1
        else:
            runs.append([value, 1])
    return np.array(runs)


def background_left_out(labels):
    """Runs of objects alone."""
    runs = _runs(labels.ravel())
    return runs[runs[:, 0] > 0]


def starts_and_ends(labels):
    """Says where a run ends, not how long it is."""
    runs = _runs(labels.ravel())
    return np.stack([runs[:, 0], runs[:, 1].cumsum()], axis=1)


def first_run_has_no_start(labels):
    """Takes the first value for no change: a map that begins with the background loses its first run."""
    flat = labels.ravel().astype(int)
    starts = np.flatnonzero(np.diff(flat, prepend=0))
    lengths = np.diff(starts, append=flat.size)
    return np.stack([flat[starts], lengths], axis=1)


def differences_in_bytes(labels):
    """Looks for differences above 0 in bytes that are signed: a change from 0 to 200 goes down."""
    flat = labels.ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat.astype(np.int8)) > 0) + 1])
    return np.stack([flat[starts].astype(int), np.diff(starts, append=flat.size)], axis=1)


def one_row_of_all(labels):
    """Two rows, values above lengths."""
    return _runs(labels.ravel()).T


# ----------------------------------------------------------------------------------------------- Exercise 20.3


def _shift(mask, by):
    places = np.argwhere(mask) + by
    inside = ((places >= 0) & (places < mask.shape)).all(axis=1)
    answer = np.zeros_like(mask)
    answer[tuple(places[inside].T)] = True
    return answer


def _centre(mask):
    return np.argwhere(mask).mean(axis=0)


def _wrong(old, new):
    union = (old | new).sum()
    return 1 - (old & new).sum() / union if union else 0.0


def _follow(masks, move):
    values = np.zeros(len(masks))
    for t in range(1, len(masks)):
        old, new = masks[t - 1], masks[t]
        values[t] = _wrong(move(old, new) if old.any() and new.any() else old, new)
    return values


def _by(old, new):
    return np.rint(_centre(new) - _centre(old)).astype(int)


def does_not_move(masks):
    """Compares the masks where they are."""
    return _follow(masks, lambda old, new: old)


def moves_the_wrong_way(masks):
    """Moves the old mask away from the new one."""
    return _follow(masks, lambda old, new: _shift(old, -_by(old, new)))


def comes_in_at_the_other_side(masks):
    """np.roll brings back what has left."""
    return _follow(masks, lambda old, new: np.roll(old, _by(old, new), (0, 1)))


def cuts_the_fraction_off(masks):
    """Takes the whole part of the difference, not the nearest whole number."""
    return _follow(masks, lambda old, new: _shift(old, (_centre(new) - _centre(old)).astype(int)))


def middle_of_the_extent(masks):
    """Moves by the middle between first and last row and column, not by the centre of mass."""

    def middle(mask):
        places = np.argwhere(mask)
        return (places.min(axis=0) + places.max(axis=0)) / 2

    return _follow(masks, lambda old, new: _shift(old, np.rint(middle(new) - middle(old)).astype(int)))


def likeness(masks):
    """J itself, not what is missing to 1."""
    return 1 - _follow(masks, lambda old, new: _shift(old, _by(old, new)))


def against_the_first_mask(masks):
    """Compares every mask with the first."""
    values = [0.0]
    for new in masks[1:]:
        old = masks[0]
        values.append(_wrong(_shift(old, _by(old, new)) if old.any() and new.any() else old, new))
    return np.array(values)


def nothing_is_no_surprise(masks):
    """Says 0 as soon as one of the two is empty."""
    values = _follow(masks, lambda old, new: _shift(old, _by(old, new)))
    for t in range(1, len(masks)):
        if not (masks[t].any() and masks[t - 1].any()):
            values[t] = 0.0
    return values


def rows_and_columns_exchanged(masks):
    """Moves down by what it should move to the right."""
    return _follow(masks, lambda old, new: _shift(old, _by(old, new)[::-1]))


def moves_along_rows_alone(masks):
    """Moves to the side, and not up or down."""
    return _follow(masks, lambda old, new: _shift(old, _by(old, new) * [0, 1]))


def centres_rounded_first(masks):
    """Rounds both centres, and subtracts then."""
    return _follow(
        masks, lambda old, new: _shift(old, np.rint(_centre(new)).astype(int) - np.rint(_centre(old)).astype(int))
    )


def halves_rounded_up(masks):
    """Adds one half and cuts off, where np.rint goes to the even neighbour."""
    return _follow(masks, lambda old, new: _shift(old, np.floor(_centre(new) - _centre(old) + 0.5).astype(int)))


def new_one_moves_back(masks):
    """Moves the new mask back onto the old one: at the border of the frame that is another thing."""
    values = np.zeros(len(masks))
    for t in range(1, len(masks)):
        old, new = masks[t - 1], masks[t]
        values[t] = _wrong(old, _shift(new, -_by(old, new)) if old.any() and new.any() else new)
    return values


def where_both_see(masks):
    """Leaves out the pixels that come in with the move, whatever the new mask has there."""
    values = np.zeros(len(masks))
    for t in range(1, len(masks)):
        old, new = masks[t - 1], masks[t]
        if old.any() and new.any():
            by = _by(old, new)
            old, new = _shift(old, by), new & _shift(np.ones_like(new), by)
        values[t] = _wrong(old, new)
    return values


def share_of_the_new_mask(masks):
    """Divides by the new mask, not by the union."""
    values = np.zeros(len(masks))
    for t in range(1, len(masks)):
        old, new = masks[t - 1], masks[t]
        if old.any() and new.any():
            values[t] = 1 - (_shift(old, _by(old, new)) & new).sum() / new.sum()
        else:
            values[t] = float(old.any() != new.any())
    return values


def moves_on_from_the_moved_one(masks):
    """Compares with the mask that it moved last, not with the one before."""
    values, old = np.zeros(len(masks)), masks[0]
    for t in range(1, len(masks)):
        new = masks[t]
        old = _shift(old, _by(old, new)) if old.any() and new.any() else old
        values[t] = _wrong(old, new)
    return values


def stopped_at_the_border(masks):
    """Leaves in the first row or column what is moved past it."""

    def move(old, new):
        places = np.clip(np.argwhere(old) + _by(old, new), 0, np.subtract(old.shape, 1))
        answer = np.zeros_like(old)
        answer[tuple(places.T)] = True
        return answer

    return _follow(masks, move)


def negative_places(masks):
    """Looks whether places are too large, and not whether they are negative: those count from the other side."""

    def move(old, new):
        places = np.argwhere(old) + _by(old, new)
        answer = np.zeros_like(old)
        answer[tuple(places[(places < old.shape).all(axis=1)].T)] = True
        return answer

    return _follow(masks, move)


def short_lines_too_short(labels, a, b, radius, i):
    """Divides by max(length squared, 1) against the dab: lines shorter than a pixel come out too short."""
    y, x = np.mgrid[: labels.shape[0], : labels.shape[1]] + 0.5
    dx, dy = b[0] - a[0], b[1] - a[1]
    s = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / max(dx * dx + dy * dy, 1), 0, 1)
    out = labels.copy()
    out[(x - a[0] - s * dx) ** 2 + (y - a[1] - s * dy) ** 2 <= radius**2] = i
    return out


WRONG = {
    "ex20-1": [
        corners_not_centres,
        endless_line,
        two_dabs,
        rows_before_columns,
        rim_left_out,
        paints_on_the_original,
        spares_other_objects,
        without_round_ends,
        square_brush,
        radius_for_the_diameter,
        a_dab_for_every_pixel,
        ends_in_whole_pixels,
        id_of_the_check,
        a_dab_leaves_nothing,
        short_lines_too_short,
    ],
    "ex20-2": [
        ends_at_each_row,
        column_by_column,
        last_run_missing,
        in_the_order_of_memory,
        lengths_before_values,
        counts_in_uint8,
        counts_of_values,
        lengths_of_16_bits,
        pixel_by_pixel,
        background_left_out,
        starts_and_ends,
        first_run_has_no_start,
        differences_in_bytes,
        one_row_of_all,
    ],
    "ex20-3": [
        does_not_move,
        moves_the_wrong_way,
        comes_in_at_the_other_side,
        cuts_the_fraction_off,
        middle_of_the_extent,
        likeness,
        against_the_first_mask,
        nothing_is_no_surprise,
        rows_and_columns_exchanged,
        moves_along_rows_alone,
        centres_rounded_first,
        halves_rounded_up,
        new_one_moves_back,
        share_of_the_new_mask,
        where_both_see,
        moves_on_from_the_moved_one,
        stopped_at_the_border,
        negative_places,
    ],
}
