"""Wrong answers to the exercises of chapter 01, named after the mistake."""

import numpy as np
from scipy import ndimage

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


def first_row_counts_as_nothing(labels, i):
    """Asks whether any row number is not 0: an object in the first row or column alone is taken for absent."""
    rows, columns = np.nonzero(labels == i)
    if not rows.any() or not columns.any():
        return None
    return rows.min(), columns.min(), rows.max() + 1, columns.max() + 1


def ids_with_a_sign(labels, i):
    """Takes ids for int8: those above 127 are never found."""
    return _box(labels.astype(np.int8) == i)


def void_is_an_object_too(labels, i):
    """Takes later ids, and void with them."""
    return _box(labels >= i)


def of_the_first_piece(labels, i):
    """Ends with the first run of rows that show the object."""
    rows, columns = np.nonzero(labels == i)
    if not len(rows):
        return None
    first = rows == rows[0]
    return rows[0], columns[first].min(), rows[0] + 1, columns[first].max() + 1


def by_the_first_and_the_last_pixel(labels, i):
    """Takes the columns of the first and the last pixel in reading order for the leftmost and the rightmost."""
    rows, columns = np.nonzero(labels == i)
    return (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if len(rows) else None


def empty_box_where_absent(labels, i):
    """Answers with a box of no size where None is asked for."""
    rows, columns = np.nonzero(labels == i)
    return (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) if len(rows) else (0, 0, 0, 0)


def _box(mask):
    rows, columns = np.nonzero(mask)
    return (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) if len(rows) else None


def boxes_up_to_the_largest(labels, i):
    """SciPy's list of boxes is as long as the largest id: an error for an id above it."""
    box = ndimage.find_objects(labels.astype(int))[i - 1]
    return box and (box[0].start, box[1].start, box[0].stop, box[1].stop)


def ends_in_a_byte(labels, i):
    """Keeps the box in the type of the labels, which ends at 255."""
    rows, columns = np.nonzero(labels == i)
    if len(rows) == 0:
        return None
    ends = np.array([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
    return tuple(ends.astype(labels.dtype))


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


def pixel_by_pixel(rgb, palette):
    """Right, but asks a dictionary for one pixel after the other."""
    ids = {tuple(colour): i for i, colour in enumerate(palette.tolist())}
    labels = np.zeros(rgb.shape[:2], np.uint8)
    for r, row in enumerate(rgb.tolist()):
        for c, colour in enumerate(row):
            if tuple(colour) not in ids:
                raise ValueError("a colour is not in the palette")
            labels[r, c] = ids[tuple(colour)]
    return labels


def packs_in_sixteen_bits(rgb, palette):
    """Two bytes do not hold three: the red is lost."""
    weights = np.array([65536, 256, 1]).astype(np.uint16)
    packed, known = rgb.astype(np.uint16) @ weights, palette.astype(np.uint16) @ weights
    if not np.isin(packed, known).all():
        raise ValueError("a colour is not in the palette")
    return _look_up(packed, known)


def looks_at_the_corner_alone(rgb, palette):
    """Asks of the first pixel only whether its colour is known."""
    if not (rgb[0, 0] == palette).all(axis=1).any():
        raise ValueError("a colour is not in the palette")
    return strangers_are_background(rgb, palette)


def sorts_the_callers_palette(rgb, palette):
    """Right, but sorts the palette in place to search in it."""
    weights = np.array([65536, 256, 1])
    order = np.argsort(palette @ weights)
    palette[:] = palette[order]
    known, packed = palette @ weights, rgb @ weights
    places = np.searchsorted(known, packed).clip(max=len(known) - 1)
    if (known[places] != packed).any():
        raise ValueError("a colour is not in the palette")
    return order[places].astype(np.uint8)


def places_of_the_sorted_palette(rgb, palette):
    """Gives the place in the sorted palette for the id."""
    weights = np.array([65536, 256, 1])
    packed, known = rgb @ weights, np.sort(palette @ weights)
    places = np.searchsorted(known, packed).clip(max=255)
    if (known[places] != packed).any():
        raise ValueError("a colour is not in the palette")
    return places.astype(np.uint8)


def marks_strangers_by_255(rgb, palette):
    """Right, but takes 255, which is a place of the palette like any other, for a stranger."""
    table = np.full(256**3, 255, np.uint8)
    table[palette @ np.array([65536, 256, 1])] = np.arange(256)
    labels = table[rgb @ np.array([65536, 256, 1])]
    if (labels == 255).any():
        raise ValueError("a colour is not in the palette")
    return labels


def labels_of_64_bits(rgb, palette):
    """Right, but leaves the type that argmax gives."""
    same = (rgb[:, :, None] == palette).all(axis=-1)
    if not same.any(axis=-1).all():
        raise ValueError("a colour is not in the palette")
    return same.argmax(axis=-1)


def ids_of_what_occurs(rgb, palette):
    """Numbers the colours that occur, in their order."""
    packed, known = rgb @ np.array([65536, 256, 1]), palette @ np.array([65536, 256, 1])
    if not np.isin(packed, known).all():
        raise ValueError("a colour is not in the palette")
    return np.unique(packed, return_inverse=True)[1].reshape(packed.shape).astype(np.uint8)


def strangers_by_each_channel(rgb, palette):
    """Asks of each channel whether its value occurs in that channel of the palette, not whether the colour does."""
    if not all(np.isin(rgb[..., c], palette[:, c]).all() for c in range(3)):
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


def ids_up_to_nine(labels, k):
    """Counts the votes of ids 0 to 9 only."""
    votes = np.array([(_blocks(labels, k) == i).sum(axis=(1, 3)) for i in range(10)])
    return np.where(votes.any(axis=0), votes.argmax(axis=0), VOID).astype(np.uint8)


def signed_ids(labels, k):
    """Counts in int8, where void is -1, and ids above 127 are negative."""
    blocks = _blocks(labels.astype(np.int8), k)
    ids = [i for i in np.unique(blocks) if i != -1]
    if not ids:
        return np.full_like(labels[::k, ::k], VOID)
    votes = np.array([(blocks == i).sum(axis=(1, 3)) for i in ids])
    return np.where(votes.any(axis=0), np.array(ids)[votes.argmax(axis=0)], VOID).astype(np.uint8)


def votes_in_uint8(labels, k):
    """Counts in uint8, where 256 votes are none."""
    ids = np.array([i for i in np.unique(labels) if i != VOID], np.uint8)
    if not len(ids):
        return np.full_like(labels[::k, ::k], VOID)
    votes = np.array([(_blocks(labels, k) == i).sum(axis=(1, 3), dtype=np.uint8) for i in ids])
    return np.where(votes.any(axis=0), ids[votes.argmax(axis=0)], VOID).astype(np.uint8)


def objects_before_background(labels, k):
    """Gives the block to an object wherever one shows in it."""
    ids = np.array([i for i in np.unique(labels) if i not in (0, VOID)], np.uint8)
    blocks = _blocks(labels, k)
    votes = np.array([(blocks == i).sum(axis=(1, 3)) for i in ids]) if len(ids) else np.zeros((1, 1, 1), int)
    rest = np.where((blocks == VOID).all(axis=(1, 3)), VOID, 0)
    best = ids[votes.argmax(axis=0)] if len(ids) else 0
    return np.where(votes.any(axis=0), best, rest).astype(np.uint8)


def median_of_the_block(labels, k):
    """Takes the id in the middle, which need not be the most frequent."""
    blocks = _blocks(labels, k).transpose(0, 2, 1, 3).reshape(labels.shape[0] // k, labels.shape[1] // k, -1)
    found = np.full(blocks.shape[:2], VOID, np.uint8)
    for place in np.ndindex(found.shape):
        votes = np.sort(blocks[place][blocks[place] != VOID])
        if len(votes):
            found[place] = votes[(len(votes) - 1) // 2]
    return found


def more_than_half(labels, k):
    """Asks for a majority, and leaves the rest to the background."""
    found = np.zeros((labels.shape[0] // k, labels.shape[1] // k), np.uint8)
    found[(_blocks(labels, k) == VOID).all(axis=(1, 3))] = VOID
    for i in np.unique(labels[labels != VOID]):
        found[(_blocks(labels, k) == i).mean(axis=(1, 3)) > 0.5] = i
    return found


def erases_void_in_place(labels, k):
    """Right, but writes into the caller's labels where they are void."""
    ids = np.array([i for i in np.unique(labels) if i != VOID] or [0], np.uint8)
    votes = np.array([(_blocks(labels, k) == i).sum(axis=(1, 3)) for i in ids])
    labels[labels == VOID] = 0
    return np.where(votes.any(axis=0), ids[votes.argmax(axis=0)], VOID).astype(np.uint8)


def square_results(labels, k):
    """Takes the frame for square."""
    h = labels.shape[0] // k
    return void_blocks_become_background(labels[: h * k, : h * k], k)


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


def one_post_of_many(background, layers):
    """Keeps the layers by id: of several posts, all with the id 0, the last alone hides anything."""
    frame, _ = _painted(background, layers[::-1])
    labels = np.zeros(background.shape[:2], np.uint8)
    for i, own in reversed({i: alpha >= 0.5 for _, alpha, i in layers}.items()):
        labels[own] = i
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


def reverses_the_callers_list(background, layers):
    """Right, but turns the caller's list around."""
    layers.reverse()
    frame, labels = background.astype(float), np.zeros(background.shape[:2], np.uint8)
    for colours, alpha, i in layers:
        frame = alpha[..., None] * colours + (1 - alpha[..., None]) * frame
        labels[alpha >= 0.5] = i
    return np.rint(frame).astype(np.uint8), labels, _shares(labels, layers)


def writes_into_opacities(background, layers):
    """Right, but makes the caller's opacities hard after they were used."""
    frame, labels = _painted(background, layers)
    shares = _shares(labels, layers)
    for _, alpha, _ in layers:
        alpha[...] = alpha >= 0.5
    return frame, labels, shares


def cuts_off_instead_of_rounding(background, layers):
    """Lets astype cut off what is behind the point."""
    frame = background.astype(float)
    for colours, alpha, _ in reversed(layers):
        frame = alpha[..., None] * colours + (1 - alpha[..., None]) * frame
    labels = _painted(background, layers)[1]
    return frame.astype(np.uint8), labels, _shares(labels, layers)


def objects_without_pixels_are_left_out(background, layers):
    """Has no share of an object that has no pixel."""
    frame, labels = _painted(background, layers)
    shares = _shares(labels, layers)
    own = {i: (alpha >= 0.5).any() for _, alpha, i in layers}
    return frame, labels, {i: share for i, share in shares.items() if own[i]}


def zero_has_a_share_too(background, layers):
    """Counts what is no object among the objects."""
    frame, labels = _painted(background, layers)
    shares = _shares(labels, layers)
    if any(i == 0 for _, _, i in layers):
        shares[0] = 1.0
    return frame, labels, shares


def largest_id_in_front(background, layers):
    """Takes the largest id for the nearest."""
    frame, labels = _painted(background, layers)
    for _, alpha, i in sorted(layers, key=lambda layer: layer[2]):
        if i:
            labels[alpha >= 0.5] = i
    return frame, labels, _shares(labels, layers)


def most_opaque_wins(background, layers):
    """Gives the pixel to the layer that contributes most to its colour."""
    frame, _ = _painted(background, layers)
    left, parts = np.ones(background.shape[:2]), []
    for _, alpha, _ in layers:
        parts.append(left * alpha)
        left = left * (1 - alpha)
    ids = np.array([0, *[i for _, _, i in layers]], np.uint8)
    labels = ids[np.stack([left, *parts]).argmax(axis=0)]
    return frame, labels, _shares(labels, layers)


def share_of_what_is_behind(background, layers):
    """Compares the pixels with all that is visible, whatever its opacity."""
    frame, labels = _painted(background, layers)
    own = {i: np.count_nonzero(alpha > 0) for _, alpha, i in layers if i}
    return frame, labels, {i: np.count_nonzero(labels == i) / n if n else 0.0 for i, n in own.items()}


def largest_id_has_no_vote(labels, k):
    """Counts ids up to 253, and 254 is an object's too."""
    h, w = labels.shape[0] // k, labels.shape[1] // k
    blocks = labels.reshape(h, k, w, k)
    votes = np.stack([(blocks == i).sum(axis=(1, 3)) for i in range(254)])
    return np.where((blocks == 255).all(axis=(1, 3)), 255, votes.argmax(axis=0)).astype(np.uint8)


WRONG = {
    "ex01-1": [
        end_included,
        columns_before_rows,
        fails_where_absent,
        box_of_everything,
        position_and_size,
        first_row_counts_as_nothing,
        ids_with_a_sign,
        void_is_an_object_too,
        of_the_first_piece,
        by_the_first_and_the_last_pixel,
        empty_box_where_absent,
        ends_in_a_byte,
        boxes_up_to_the_largest,
    ],
    "ex01-2": [
        packs_in_uint8,
        sums_the_channels,
        red_channel_only,
        strangers_are_background,
        nearest_colour,
        search_without_order,
        packs_to_base_255,
        strangers_by_channel,
        pixel_by_pixel,
        packs_in_sixteen_bits,
        looks_at_the_corner_alone,
        sorts_the_callers_palette,
        places_of_the_sorted_palette,
        labels_of_64_bits,
        marks_strangers_by_255,
        ids_of_what_occurs,
        strangers_by_each_channel,
    ],
    "ex01-3": [
        mean_of_ids,
        first_pixel_of_each_block,
        void_votes,
        largest_of_equals,
        void_blocks_become_background,
        blocks_of_the_wrong_axes,
        ids_up_to_nine,
        signed_ids,
        votes_in_uint8,
        objects_before_background,
        median_of_the_block,
        more_than_half,
        erases_void_in_place,
        square_results,
        largest_id_has_no_vote,
    ],
    "ex01-4": [
        nearest_painted_first,
        post_hides_nothing,
        one_post_of_many,
        scissors_and_glue,
        rounds_after_every_layer,
        everything_shows,
        share_of_the_frame,
        adds_without_taking_away,
        half_is_too_little,
        reverses_the_callers_list,
        writes_into_opacities,
        cuts_off_instead_of_rounding,
        objects_without_pixels_are_left_out,
        zero_has_a_share_too,
        largest_id_in_front,
        most_opaque_wins,
        share_of_what_is_behind,
    ],
}
