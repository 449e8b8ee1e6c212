"""Wrong answers to the exercises of chapter 01, named after the mistake."""

import numpy as np

from vosbook.video.labels import VOID

# ------------------------------------------------------------------------------------------------ Exercise 1.1


def _extent(labels, i):
    rows, columns = np.nonzero(labels == i)
    return (rows.min(), columns.min(), rows.max(), columns.max()) if len(rows) else None


def end_included(labels, i):
    """Gives the last row and column, not the ones after them: the box is a pixel short."""
    return _extent(labels, i)


def columns_before_rows(labels, i):
    """Takes the first index for x."""
    box = _extent(labels, i)
    return None if box is None else (box[1], box[0], box[3] + 1, box[2] + 1)


def fails_where_absent(labels, i):
    """Asks an empty list for its smallest member."""
    rows, columns = np.nonzero(labels == i)
    return rows.min(), columns.min(), rows.max() + 1, columns.max() + 1


def box_of_everything(labels, i):
    """Takes every pixel that is not background."""
    rows, columns = np.nonzero(labels > 0)
    return rows.min(), columns.min(), rows.max() + 1, columns.max() + 1


def position_and_size(labels, i):
    """Gives height and width in place of bottom and right."""
    box = _extent(labels, i)
    return None if box is None else (box[0], box[1], box[2] - box[0] + 1, box[3] - box[1] + 1)


# ------------------------------------------------------------------------------------------------ Exercise 1.2


def _look_up(packed, known):
    labels = np.zeros(packed.shape, np.uint8)
    for i in range(255, -1, -1):
        labels[packed == known[i]] = i
    return labels


def packs_in_uint8(rgb, palette):
    """The product overflows: in uint8, 256 is 0."""
    weights = np.array([65536, 256, 1]).astype(np.uint8)
    return _look_up(rgb @ weights, palette @ weights)


def sums_the_channels(rgb, palette):
    """Dark red and dark green have the same sum."""
    return _look_up(rgb.sum(axis=-1), palette.sum(axis=-1))


def red_channel_only(rgb, palette):
    """Dark red (id 1) and olive (id 3) have the same red."""
    return _look_up(rgb[..., 0], palette[:, 0])


def strangers_are_background(rgb, palette):
    """A colour that is not in the palette becomes id 0 in silence."""
    weights = np.array([65536, 256, 1])
    return _look_up(rgb @ weights, palette @ weights)


def nearest_colour(rgb, palette):
    """Takes the most similar entry, however far it is."""
    distance = ((rgb[..., None, :].astype(int) - palette.astype(int)) ** 2).sum(-1)
    return distance.argmin(axis=-1).astype(np.uint8)


def search_without_order(rgb, palette):
    """Searches by bisection in a list that is not sorted."""
    weights = np.array([65536, 256, 1])
    return np.searchsorted(palette @ weights, rgb @ weights).clip(max=255).astype(np.uint8)


def packs_to_base_255(rgb, palette):
    """A channel has 256 values, not 255: (0, 127, 255) and (0, 128, 0) become one number."""
    weights = np.array([255 * 255, 255, 1])
    packed, known = rgb @ weights, palette @ weights
    if not np.isin(packed, known).all():
        raise ValueError("a colour is not in the palette")
    return _look_up(packed, known)


def strangers_by_channel(rgb, palette):
    """Asks whether each value occurs in the palette, not whether the colour does."""
    if not np.isin(rgb, palette).all():
        raise ValueError("a colour is not in the palette")
    return strangers_are_background(rgb, palette)


# ------------------------------------------------------------------------------------------------ Exercise 1.3


def _blocks(labels, k):
    return labels.reshape(labels.shape[0] // k, k, labels.shape[1] // k, k)


def mean_of_ids(labels, k):
    """The mean of ids 1 and 3 is 2: another object."""
    return np.rint(_blocks(labels, k).mean(axis=(1, 3))).astype(np.uint8)


def first_pixel_of_each_block(labels, k):
    """Scales by the nearest pixel: a thin object may be lost."""
    return labels[::k, ::k]


def void_votes(labels, k):
    """Counts void like an object."""
    ids = np.unique(labels)
    votes = np.array([(_blocks(labels, k) == i).sum(axis=(1, 3)) for i in ids])
    return ids[votes.argmax(axis=0)]


def largest_of_equals(labels, k):
    """Where two ids are equally frequent, takes the larger."""
    ids = np.array([i for i in np.unique(labels) if i != VOID][::-1], np.uint8)
    if not len(ids):
        return np.full_like(labels[::k, ::k], VOID)
    votes = np.array([(_blocks(labels, k) == i).sum(axis=(1, 3)) for i in ids])
    return np.where(votes.any(axis=0), ids[votes.argmax(axis=0)], VOID).astype(np.uint8)


def void_blocks_become_background(labels, k):
    """Forgets the block of nothing but void."""
    ids = np.array([0, *[i for i in np.unique(labels) if i not in (0, VOID)]], np.uint8)
    votes = np.array([(_blocks(labels, k) == i).sum(axis=(1, 3)) for i in ids])
    return ids[votes.argmax(axis=0)]


def blocks_of_the_wrong_axes(labels, k):
    """Splits into (k, h, k, w): pixels that are h apart vote together."""
    h, w = labels.shape[0] // k, labels.shape[1] // k
    ids = np.array([i for i in np.unique(labels) if i != VOID] or [VOID], np.uint8)
    votes = np.array([(labels.reshape(k, h, k, w) == i).sum(axis=(0, 2)) for i in ids])
    return np.where(votes.any(axis=0), ids[votes.argmax(axis=0)], VOID).astype(np.uint8)


# ------------------------------------------------------------------------------------------------ Exercise 1.4


def _painted(background, layers, *, hard=False, whole=False):
    frame, labels = background.astype(float), np.zeros(background.shape[:2], np.uint8)
    for colours, alpha, i in layers:
        a = (alpha >= 0.5).astype(float)[..., None] if hard else alpha[..., None]
        frame = a * colours + (1 - a) * frame
        frame = np.floor(frame) if whole else frame
        labels[alpha >= 0.5] = i
    return np.rint(frame).astype(np.uint8), labels


def _shares(labels, layers):
    own = {i: np.count_nonzero(alpha >= 0.5) for _, alpha, i in layers if i}
    return {i: np.count_nonzero(labels == i) / n if n else 0.0 for i, n in own.items()}


def nearest_painted_first(background, layers):
    """Paints in the order of the list, so that the farthest layer ends in front."""
    frame, labels = _painted(background, layers)
    return frame, labels, _shares(labels, layers)


def post_hides_nothing(background, layers):
    """Skips id 0 in the labels: what is behind the post still has a mask."""
    frame, _ = _painted(background, layers[::-1])
    labels = np.zeros(background.shape[:2], np.uint8)
    for _, alpha, i in layers[::-1]:
        if i:
            labels[alpha >= 0.5] = i
    return frame, labels, _shares(labels, layers)


def scissors_and_glue(background, layers):
    """Pastes without mixing: opacity is taken for in or out."""
    frame, labels = _painted(background, layers[::-1], hard=True)
    return frame, labels, _shares(labels, layers)


def rounds_after_every_layer(background, layers):
    """Cuts colours down to whole numbers each time, and errors add up."""
    frame, labels = _painted(background, layers[::-1], whole=True)
    return frame, labels, _shares(labels, layers)


def everything_shows(background, layers):
    """Counts an object's own pixels on both sides of the fraction."""
    frame, labels = _painted(background, layers[::-1])
    return frame, labels, {i: float((alpha >= 0.5).any()) for _, alpha, i in layers if i}


def share_of_the_frame(background, layers):
    """Divides by the pixels of the frame, not by those of the object."""
    frame, labels = _painted(background, layers[::-1])
    return frame, labels, {i: (labels == i).mean() for _, _, i in layers if i}


def adds_without_taking_away(background, layers):
    """Forgets (1 - alpha): the background shines through, and sums pass 255."""
    _, labels = _painted(background, layers[::-1])
    glow = background.astype(float)
    for colours, alpha, _ in layers[::-1]:
        glow = glow + alpha[..., None] * colours
    return np.minimum(glow, 255).astype(np.uint8), labels, _shares(labels, layers)


def half_is_too_little(background, layers):
    """Asks for more than half of a pixel, where half is enough."""
    frame, labels = _painted(background, layers[::-1])[0], np.zeros(background.shape[:2], np.uint8)
    for _, alpha, i in layers[::-1]:
        labels[alpha > 0.5] = i
    own = {i: np.count_nonzero(alpha > 0.5) for _, alpha, i in layers if i}
    return frame, labels, {i: np.count_nonzero(labels == i) / n if n else 0.0 for i, n in own.items()}


WRONG = {
    "ex01-1": [end_included, columns_before_rows, fails_where_absent, box_of_everything, position_and_size],
    "ex01-2": [packs_in_uint8, sums_the_channels, red_channel_only, strangers_are_background, nearest_colour,
               search_without_order, packs_to_base_255, strangers_by_channel],
    "ex01-3": [mean_of_ids, first_pixel_of_each_block, void_votes, largest_of_equals, void_blocks_become_background,
               blocks_of_the_wrong_axes],
    "ex01-4": [nearest_painted_first, post_hides_nothing, scissors_and_glue, rounds_after_every_layer,
               everything_shows, share_of_the_frame, adds_without_taking_away, half_is_too_little],
}  # fmt: skip
