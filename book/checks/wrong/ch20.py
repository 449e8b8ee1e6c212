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


WRONG = {
    "ex20-1": [
        corners_not_centres,
        endless_line,
        two_dabs,
        rows_before_columns,
        rim_left_out,
        paints_on_the_original,
        spares_other_objects,
    ],
    "ex20-2": [
        ends_at_each_row,
        column_by_column,
        last_run_missing,
        lengths_before_values,
        counts_in_uint8,
        counts_of_values,
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
    ],
}
