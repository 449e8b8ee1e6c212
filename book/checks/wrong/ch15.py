"""Wrong answers to the exercises of chapter 15: mistakes that readers make."""

import numpy as np
from scipy import ndimage
from skimage.measure import label
from skimage.segmentation import find_boundaries

# ------------------------------------------------------------------------------------------------ ex15-1


def _counts(mask, superpixels):
    number = superpixels.ravel()
    return np.bincount(number, weights=mask.ravel()), np.bincount(number)


def half_is_enough(mask, superpixels):
    """A tie counts as won."""
    inside, area = _counts(mask, superpixels)
    return (2 * inside >= area)[superpixels]


def any_pixel_is_enough(mask, superpixels):
    """Takes every superpixel that the mask touches."""
    inside, _ = _counts(mask, superpixels)
    return (inside > 0)[superpixels]


def all_pixels_are_needed(mask, superpixels):
    """Takes superpixels that lie in the mask as a whole."""
    inside, area = _counts(mask, superpixels)
    return (inside == area)[superpixels]


def share_of_the_mask(mask, superpixels):
    """Divides by the mask's area instead of the superpixel's."""
    inside, _ = _counts(mask, superpixels)
    return (2 * inside > mask.sum())[superpixels]


def shares_not_votes(mask, superpixels):
    """Paints the share itself."""
    inside, area = _counts(mask, superpixels)
    return (inside / np.maximum(area, 1))[superpixels]


def one_answer_each(mask, superpixels):
    """Says it by superpixel, and does not paint it."""
    inside, area = _counts(mask, superpixels)
    return 2 * inside > area


def mask_kept_where_it_loses(mask, superpixels):
    """Adds superpixels that are won, and takes none away that are lost."""
    inside, area = _counts(mask, superpixels)
    return mask | (2 * inside > area)[superpixels]


def numbers_in_a_byte(mask, superpixels):
    """Keeps the numbers in 8 bits, where 256 is 0 again."""
    inside, area = _counts(mask, superpixels.astype(np.uint8))
    return (2 * inside > area)[superpixels.astype(np.uint8)]


def numbers_without_gaps(mask, superpixels):
    """Counts how many numbers there are, and goes through 0, 1, ... so far."""
    answer = np.zeros(mask.shape, bool)
    for i in range(len(np.unique(superpixels))):
        here = superpixels == i
        answer |= here & (2 * mask[here].sum() > here.sum())
    return answer


def six_of_ten(mask, superpixels):
    """Asks for 60 percent."""
    inside, area = _counts(mask, superpixels)
    return (inside > 0.6 * area)[superpixels]


def lost_ones_alone(mask, superpixels):
    """Takes superpixels away that are lost, and adds none that are won."""
    inside, area = _counts(mask, superpixels)
    return mask & (2 * inside > area)[superpixels]


def half_in_whole_numbers(mask, superpixels):
    """Halves the area in whole numbers: of three pixels one is half, and of 225 it is 112."""
    inside, area = _counts(mask, superpixels)
    return (inside >= area // 2)[superpixels]


def votes_of_the_middle(mask, superpixels):
    """Asks the middle pixel of a superpixel, in the order of reading."""
    answer = np.zeros(mask.shape, bool)
    for i in np.unique(superpixels):
        places = np.argwhere(superpixels == i)
        answer[superpixels == i] = mask[tuple(places[len(places) // 2])]
    return answer


def zeros_and_ones(mask, superpixels):
    """Right, but in whole numbers: as an index they mean something else."""
    inside, area = _counts(mask, superpixels)
    return (2 * inside > area)[superpixels].astype(int)


def counted_together(mask, superpixels):
    """Counts both kinds of pixels at once by the number 2 s + m, which the type of s need not hold."""
    counts = _counted_together(mask, superpixels)
    return (counts[:, 1] > counts[:, 0])[superpixels]


def _counted_together(mask, superpixels):
    number = (2 * superpixels + mask.astype(superpixels.dtype)).astype(np.int64)
    most = 2 * (int(superpixels.max()) + 1)
    return np.bincount(number.ravel(), minlength=most)[:most].reshape(-1, 2)


# ------------------------------------------------------------------------------------------------ ex15-2


def _direct(n, pairs, heights):
    d = np.full((n, n), np.inf)
    np.fill_diagonal(d, 0)
    d[tuple(np.reshape(pairs, (-1, 2)).T)] = heights
    return np.minimum(d, d.T)


def neighbours_only(n, pairs, heights):
    """Regions without a common border stay infinitely far apart."""
    return _direct(n, pairs, heights)


def sum_of_heights(n, pairs, heights):
    """The shortest path: adds borders up."""
    d = _direct(n, pairs, heights)
    for k in range(n):
        d = np.minimum(d, d[:, k, None] + d[None, k])
    return d


def one_detour(n, pairs, heights):
    """Looks at ways over one other region."""
    d = _direct(n, pairs, heights)
    return np.minimum(d, np.maximum(d[:, :, None], d[None]).min(axis=1))


def weakest_border_of_the_way(n, pairs, heights):
    """A way counts by its weakest border."""
    d = _direct(n, pairs, heights)
    for k in range(n):
        way = np.where(np.isinf(np.maximum(d[:, k, None], d[None, k])), np.inf, np.minimum(d[:, k, None], d[None, k]))
        d = np.where(np.eye(n, dtype=bool), 0, np.minimum(d, way))
    return d


def strongest_border_of_all(n, pairs, heights):
    """All regions are as far apart as the last merge."""
    d = np.full((n, n), max(heights, default=0.0))
    np.fill_diagonal(d, 0)
    return d


def one_direction(n, pairs, heights):
    """From the smaller number to the larger alone."""
    d = _direct(n, pairs, heights)
    for k in range(n):
        d = np.minimum(d, np.maximum(d[:, k, None], d[None, k]))
    return np.triu(d)


def itself_at_a_distance(n, pairs, heights):
    """A region's distance to itself is its weakest border's."""
    d = _direct(n, pairs, heights)
    np.fill_diagonal(d, np.inf)
    for k in range(n):
        d = np.minimum(d, np.maximum(d[:, k, None], d[None, k]))
    return d


def way_stations_innermost(n, pairs, heights):
    """The loops of Floyd and Warshall in the wrong order: way stations in the inner one."""
    d = _direct(n, pairs, heights)
    for i in range(n):
        for j in range(n):
            for k in range(n):
                d[i, j] = min(d[i, j], max(d[i, k], d[k, j]))
    return d


def borders_in_their_order(n, pairs, heights):
    """Merges border by border as they are listed, and not from the lowest on."""
    d, group = np.zeros((n, n)), list(range(n))
    for (a, b), height in zip(pairs, heights):
        one, two = ([i for i in range(n) if group[i] == group[z]] for z in (a, b))
        if group[a] != group[b]:
            for i in one:
                for j in two:
                    d[i, j] = d[j, i] = height
            group = [group[a] if g == group[b] else g for g in group]
    return d


def one_at_most(n, pairs, heights):
    """Begins with a distance of 1 in place of infinity."""
    return np.minimum(_full(n, pairs, heights), 1 - np.eye(n))


def whole_numbers(n, pairs, heights):
    """Makes a table of integers, and loses what is behind the point."""
    return _full(n, pairs, heights).astype(int)


def smaller_number_first(n, pairs, heights):
    """Expects every pair in the order of its numbers."""
    d = np.full((n, n), np.inf)
    np.fill_diagonal(d, 0)
    for (a, b), height in zip(pairs, heights):
        if a < b:
            d[a, b] = d[b, a] = height
    for k in range(n):
        d = np.minimum(d, np.maximum(d[:, k, None], d[None, k]))
    return np.where(np.isinf(d), 0, d)


def five_steps(n, pairs, heights):
    """Walks at most five borders."""
    direct = d = _direct(n, pairs, heights)
    for _ in range(4):
        d = np.minimum(d, np.maximum(d[:, :, None], direct[None]).min(axis=1))
    return d


def strongest_way(n, pairs, heights):
    """Walks over the highest borders, not over the lowest."""
    d = _direct(n, pairs, heights)
    d = np.where(np.isinf(d), -1, d)
    for k in range(n):
        d = np.maximum(d, np.minimum(d[:, k, None], d[None, k]))
    np.fill_diagonal(d, 0)
    return d


def _full(n, pairs, heights):
    d = _direct(n, pairs, heights)
    for k in range(n):
        d = np.minimum(d, np.maximum(d[:, k, None], d[None, k]))
    return d


def a_thousand_for_infinity(n, pairs, heights):
    """Begins at 1000, as if no border were higher."""
    d = np.full((n, n), 1000.0)
    np.fill_diagonal(d, 0)
    for (a, b), height in zip(pairs, heights):
        d[a, b] = d[b, a] = height
    for k in range(n):
        d = np.minimum(d, np.maximum(d[:, k, None], d[None, k]))
    return d


# ------------------------------------------------------------------------------------------------ ex15-3


def _recovered(mask, snapped, matched):
    component, count = label(mask, connectivity=2, return_num=True)
    answer = snapped.copy()
    for i in range(1, count + 1):
        if matched(component == i):
            answer |= component == i
    return answer


def _mean(values):
    return values.mean() if values.size else 0.0


def _outline(mask):
    return mask & find_boundaries(mask, connectivity=1, mode="inner")


def share_of_the_area(mask, snapped, at_contour, share):
    """Looks at all pixels of the component."""
    return _recovered(mask, snapped, lambda here: _mean(at_contour[here]) > share)


def border_of_the_image_is_outline(mask, snapped, at_contour, share):
    """Counts the pixels at the image's border, too."""
    outline = mask & find_boundaries(np.pad(mask, 1), connectivity=1, mode="inner")[1:-1, 1:-1]
    return _recovered(mask, snapped, lambda here: _mean(at_contour[outline & here]) > share)


def holes_filled_first(mask, snapped, at_contour, share):
    """Follows a component's outer outline alone, and none around its holes."""

    def matched(here):
        outline = here & _outline(ndimage.binary_fill_holes(here))
        return _mean(at_contour[outline]) > share

    return _recovered(mask, snapped, matched)


def all_or_nothing(mask, snapped, at_contour, share):
    """One share for the whole mask."""
    matched = _mean(at_contour[_outline(mask)]) > share
    return snapped | mask if matched else snapped.copy()


def matched_parts_alone(mask, snapped, at_contour, share):
    """Gives the components that match, and drops the snapped mask."""
    outline = _outline(mask)
    return _recovered(mask, np.zeros_like(snapped), lambda here: _mean(at_contour[outline & here]) > share)


def corners_do_not_touch(mask, snapped, at_contour, share):
    """Components whose pixels touch at sides."""
    component, outline, answer = label(mask, connectivity=1), _outline(mask), snapped.copy()
    for i in range(1, component.max() + 1):
        if _mean(at_contour[outline & (component == i)]) > share:
            answer |= component == i
    return answer


def equal_is_enough(mask, snapped, at_contour, share):
    """At least the share, instead of more."""
    outline = _outline(mask)
    return _recovered(
        mask, snapped, lambda here: bool((outline & here).any()) and at_contour[outline & here].mean() >= share
    )


def any_contour_is_enough(mask, snapped, at_contour, share):
    """A component with some contour at its outline."""
    outline = _outline(mask)
    return _recovered(mask, snapped, lambda here: at_contour[outline & here].any())


def outline_outside(mask, snapped, at_contour, share):
    """The pixels around the component, instead of its own."""

    def matched(here):
        ring = find_boundaries(here, connectivity=1, mode="outer") & ~here
        return _mean(at_contour[ring]) > share

    return _recovered(mask, snapped, matched)


def nothing_without_outline_counts(mask, snapped, at_contour, share):
    """A component that has no outline counts as matched."""
    outline = _outline(mask)
    return _recovered(
        mask, snapped, lambda here: not (outline & here).any() or at_contour[outline & here].mean() > share
    )


def outline_at_corners_too(mask, snapped, at_contour, share):
    """Looks at the eight pixels around, not at the four beside."""
    outline = mask & find_boundaries(mask, connectivity=2, mode="inner")
    return _recovered(mask, snapped, lambda here: _mean(at_contour[outline & here]) > share)


def share_of_the_contours(mask, snapped, at_contour, share):
    """Asks which share of the contours is covered by the outline."""
    outline = _outline(mask)
    return _recovered(mask, snapped, lambda here: (at_contour & outline & here).sum() > share * at_contour.sum())


def largest_component_alone(mask, snapped, at_contour, share):
    """Looks at the largest component."""
    component, answer = label(mask, connectivity=2), snapped.copy()
    if component.max():
        here = component == 1 + np.bincount(component.ravel())[1:].argmax()
        if _mean(at_contour[_outline(mask) & here]) > share:
            answer |= here
    return answer


def three_quarters(mask, snapped, at_contour, share):
    """The chapter's share, whatever is asked."""
    outline = _outline(mask)
    return _recovered(mask, snapped, lambda here: _mean(at_contour[outline & here]) > 0.75)


def only_what_was_lost(mask, snapped, at_contour, share):
    """Adds components that the snapped mask has nothing of."""
    outline = _outline(mask)
    return _recovered(
        mask, snapped, lambda here: not (here & snapped).any() and _mean(at_contour[outline & here]) > share
    )


def added_to_the_callers(mask, snapped, at_contour, share):
    """Right, and adds to the caller's snapped mask."""
    snapped |= _recovered(mask, snapped, lambda here: _mean(at_contour[_outline(mask) & here]) > share)
    return snapped


def outline_is_added(mask, snapped, at_contour, share):
    """Adds the outlines, not the components."""
    outline, answer, component = _outline(mask), snapped.copy(), label(mask, connectivity=2)
    for i in range(1, component.max() + 1):
        here = outline & (component == i)
        if _mean(at_contour[here]) > share:
            answer |= here
    return answer


# ------------------------------------------------------------------------------------------------ ex15-4


def _painted(mask, superpixels, taken, undecided):
    return taken[superpixels] | (mask & undecided[superpixels])


def always_by_one_half(mask, superpixels, q):
    """The plain majority, whatever share is asked."""
    inside, area = _counts(mask, superpixels)
    return (2 * inside > area)[superpixels]


def undecided_are_lost(mask, superpixels, q):
    """Drops superpixels whose vote is close."""
    inside, area = _counts(mask, superpixels)
    return (inside > q * area)[superpixels]


def undecided_are_won(mask, superpixels, q):
    """Takes superpixels whose vote is close as a whole."""
    inside, area = _counts(mask, superpixels)
    return (inside > (1 - q) * area)[superpixels]


def added_only(mask, superpixels, q):
    """Adds what is clearly inside, and takes nothing away that is clearly outside."""
    inside, area = _counts(mask, superpixels)
    return mask | (inside > q * area)[superpixels]


def taken_away_only(mask, superpixels, q):
    """Takes away what is clearly outside, and adds nothing."""
    inside, area = _counts(mask, superpixels)
    return mask & (area - inside < q * area)[superpixels]


def equal_share_is_enough(mask, superpixels, q):
    """Takes a superpixel of which just the share lies inside."""
    inside, area = _counts(mask, superpixels)
    return _painted(mask, superpixels, inside >= q * area, area - inside < q * area)


def equal_share_outside_is_undecided(mask, superpixels, q):
    """Leaves a superpixel alone of which just the share lies outside."""
    inside, area = _counts(mask, superpixels)
    return _painted(mask, superpixels, inside > q * area, area - inside <= q * area)


def share_of_the_whole_mask(mask, superpixels, q):
    """Compares with the mask's area in place of the superpixel's."""
    inside, area = _counts(mask, superpixels)
    return _painted(mask, superpixels, inside > q * mask.sum(), area - inside < q * mask.sum())


def always_by_seven_tenths(mask, superpixels, q):
    """The chapter's share, whatever is asked."""
    inside, area = _counts(mask, superpixels)
    return _painted(mask, superpixels, inside > 0.7 * area, area - inside < 0.7 * area)


def zeros_and_ones_again(mask, superpixels, q):
    """Right, but in whole numbers."""
    inside, area = _counts(mask, superpixels)
    return _painted(mask, superpixels, inside > q * area, area - inside < q * area).astype(int)


def counted_together_again(mask, superpixels, q):
    """Counts both kinds of pixels at once by the number 2 s + m, which the type of s need not hold."""
    outside, inside = _counted_together(mask, superpixels).T
    area = inside + outside
    return _painted(mask, superpixels, inside > q * area, outside < q * area)


def into_the_callers_mask(mask, superpixels, q):
    """Right, and changes the mask that was given."""
    inside, area = _counts(mask, superpixels)
    mask[:] = _painted(mask, superpixels, inside > q * area, area - inside < q * area)
    return mask


def counts_of_few_bits(mask, superpixels):
    """Counts in the type of the numbers, which may end at 255."""
    total, inside = (np.zeros(int(superpixels.max()) + 1, superpixels.dtype) for _ in range(2))
    np.add.at(total, superpixels, 1)
    np.add.at(inside, superpixels[mask], 1)
    return (inside > total / 2)[superpixels]


WRONG = {
    "ex15-1": [
        half_is_enough,
        any_pixel_is_enough,
        all_pixels_are_needed,
        share_of_the_mask,
        shares_not_votes,
        one_answer_each,
        mask_kept_where_it_loses,
        numbers_in_a_byte,
        numbers_without_gaps,
        six_of_ten,
        lost_ones_alone,
        half_in_whole_numbers,
        votes_of_the_middle,
        zeros_and_ones,
        counted_together,
        counts_of_few_bits,
    ],
    "ex15-2": [
        neighbours_only,
        sum_of_heights,
        one_detour,
        weakest_border_of_the_way,
        strongest_border_of_all,
        one_direction,
        itself_at_a_distance,
        way_stations_innermost,
        borders_in_their_order,
        one_at_most,
        whole_numbers,
        smaller_number_first,
        five_steps,
        strongest_way,
        a_thousand_for_infinity,
    ],
    "ex15-3": [
        share_of_the_area,
        border_of_the_image_is_outline,
        holes_filled_first,
        all_or_nothing,
        matched_parts_alone,
        corners_do_not_touch,
        equal_is_enough,
        any_contour_is_enough,
        outline_outside,
        nothing_without_outline_counts,
        outline_at_corners_too,
        share_of_the_contours,
        largest_component_alone,
        three_quarters,
        only_what_was_lost,
        added_to_the_callers,
        outline_is_added,
    ],
    "ex15-4": [
        always_by_one_half,
        undecided_are_lost,
        undecided_are_won,
        added_only,
        taken_away_only,
        equal_share_is_enough,
        equal_share_outside_is_undecided,
        share_of_the_whole_mask,
        always_by_seven_tenths,
        zeros_and_ones_again,
        into_the_callers_mask,
        counted_together_again,
    ],
}
