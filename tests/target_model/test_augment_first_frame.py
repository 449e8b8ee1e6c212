"""First-frame augmentation: what is pasted is the target, labelled where it lies, whatever the target's size."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from vosbook.target_model import augment
from vosbook.target_model.augment import RELEASED, AugmentConfig, augment_first_frame, fill_target

PLAIN = AugmentConfig(  # the target is moved, and nothing else
    angles=(0,), flip=0, scales=(1,), skewed=0, blurs=(0,), background_scales=(1,), background_blurs=(0,)
)
RED = np.array([200, 20, 20], np.uint8)


def scene(rows=slice(20, 31), columns=slice(30, 51), size=(60, 90)):
    """A red rectangle on textured gray."""
    gray = np.random.default_rng(1).integers(90, 160, (*size, 1), dtype=np.uint8)
    frame, mask = np.repeat(gray, 3, 2), np.zeros(size, bool)
    mask[rows, columns] = True
    frame[mask] = RED
    return frame, mask


def is_red(image):
    return (image[..., 0].astype(int) - image[..., 1]) > 90


def test_the_given_frame_comes_first_unaltered():
    frame, mask = scene()
    images, masks = augment_first_frame(frame, mask, samples=4)
    assert images.shape == (5, 60, 90, 3) and images.dtype == np.uint8
    assert masks.shape == (5, 60, 90) and masks.dtype == bool
    np.testing.assert_array_equal(images[0], frame)
    np.testing.assert_array_equal(masks[0], mask)


def test_moving_alone_copies_the_target_pixel_by_pixel():
    """Each copy shows the whole rectangle, labelled exactly, and nothing red is left where it was."""
    frame, mask = scene(columns=slice(30, 50))  # its middle lies a whole number of pixels from the grid's centres
    images, masks = augment_first_frame(frame, mask, samples=4, config=replace(PLAIN, jitter=0))
    for image, label in zip(images[1:], masks[1:]):
        np.testing.assert_array_equal(is_red(image), label)
        assert label.sum() == mask.sum()


def test_centres_are_those_of_a_grid_each_used_once():
    frame, mask = scene(columns=slice(30, 50))
    _, masks = augment_first_frame(frame, mask, samples=4, config=replace(PLAIN, jitter=0))
    assert {tuple(np.argwhere(m).mean(0)) for m in masks[1:]} == {(15, 22.5), (15, 67.5), (45, 22.5), (45, 67.5)}


@pytest.mark.parametrize(("scale", "area"), [(0.5, 0.25), (2, 4)])
def test_scale_is_linear_in_both_axes(scale, area):
    frame, mask = scene(slice(27, 33), slice(40, 50))
    _, masks = augment_first_frame(frame, mask, samples=1, config=replace(PLAIN, scales=(scale,), jitter=0))
    assert masks[1].sum() / mask.sum() == pytest.approx(area, rel=0.15)


def test_flip_mirrors_left_and_right():
    frame, mask = scene()
    mask[20:26, 30:40] = False  # an L: the upper left is missing
    _, masks = augment_first_frame(frame, mask, samples=1, config=replace(PLAIN, flip=1, jitter=0))
    rows, columns = np.nonzero(masks[1])
    cut = masks[1][rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert cut[1, 1] and not cut[1, -2]  # the upper right is missing now


def test_rotation_keeps_the_area_and_turns_the_axis():
    frame, mask = scene()
    _, masks = augment_first_frame(frame, mask, samples=1, config=replace(PLAIN, angles=(30,), jitter=0))
    (yy, xy), (_, xx) = np.cov(np.argwhere(masks[1]).T)
    assert abs(np.rad2deg(np.arctan2(2 * xy, xx - yy) / 2)) == pytest.approx(30, abs=2)
    assert masks[1].sum() == pytest.approx(mask.sum(), rel=0.05)


def test_skew_shears_along_the_rows():
    frame, mask = scene(slice(10, 51), slice(40, 45))
    _, masks = augment_first_frame(frame, mask, samples=1, config=replace(PLAIN, skew=0.1, skewed=1, jitter=0))
    middle = [np.flatnonzero(row).mean() for row in masks[1] if row.any()]
    assert abs(np.polyfit(range(len(middle)), middle, 1)[0]) == pytest.approx(0.1, abs=0.01)


# --------------------------------------------------------------------------------- pixels of target and background

CENTRED = slice(20, 31), slice(30, 51)  # a target whose middle lies 5 rows and 5 columns before the frame's, (30, 45)


def slopes(rows, columns):
    """A frame that brightens by 4 a row (green) and by 2 a column (blue), and the mask of a part of it."""
    frame, mask = np.zeros((60, 90, 3), np.uint8), np.zeros((60, 90), bool)
    frame[..., 1], frame[..., 2] = 4 * np.arange(60)[:, None], 2 * np.arange(90)
    mask[rows, columns] = True
    return frame, mask


def blurred(image, sigma):
    """A Gaussian of three sigma either way; the border pixel is not repeated."""
    return gaussian_filter(image.astype(float), (sigma, sigma, 0), mode="mirror", truncate=3)


def one_sample(frame, mask, **changes):
    """The only sample, whose target lies in the middle, and its mask."""
    images, masks = augment_first_frame(frame, mask, samples=1, config=replace(PLAIN, jitter=0, **changes))
    return images[1].astype(float), masks[1]


@pytest.mark.parametrize(("target", "background"), [(0, 2), (2, 0), (1, 3)])
def test_target_and_background_are_blurred_each_by_its_own(target, background):
    frame, mask = scene(*CENTRED)
    image, label = one_sample(frame, mask, blurs=(target,), background_blurs=(background,))
    above, below = np.roll(frame, (5, 5), axis=(0, 1)).astype(float), fill_target(frame, mask).astype(float)
    above, below = (blurred(x, s) if s else x for x, s in ((above, target), (below, background)))
    expected = np.where(label[..., None], above, below)
    assert np.abs(image - expected).max() <= 1  # OpenCV rounds
    assert np.abs(np.where(label[..., None], below, above) - expected).max() > 20


def test_the_background_is_enlarged_about_the_middle_between_its_pixels():
    """The target, in the corner, leaves the view; what is left is less steep, and without steps."""
    frame, mask = slopes(slice(0, 3), slice(0, 3))
    image, label = one_sample(frame, mask, background_scales=(1.2,))
    rows, columns = (np.arange(60) - 30) / 1.2 + 30, (np.arange(90) - 45) / 1.2 + 45
    assert np.abs(image[..., 1] - 4 * rows[:, None])[~label].max() <= 1  # by the nearest pixel it would be 2
    assert np.abs(image[..., 2] - 2 * columns)[~label].max() <= 1


def test_a_background_that_shrinks_is_mirrored_beyond_its_border():
    frame, mask = scene(*CENTRED)
    image, label = one_sample(frame, mask, background_scales=(0.5,))
    mirrored = np.pad(fill_target(frame, mask), ((30, 30), (45, 45), (0, 0)), mode="symmetric")
    assert (image == mirrored[::2, ::2])[~label].all()  # row 2 r - 30 of the frame, column 2 c - 45


def test_the_target_is_enlarged_between_its_pixels():
    frame, mask = slopes(*CENTRED)
    image, label = one_sample(frame, mask, scales=(2,))
    rows, columns = (np.arange(60) - 30) / 2 + 25, (np.arange(90) - 45) / 2 + 40
    assert np.abs(image[..., 1] - 4 * rows[:, None])[label].max() <= 0.5
    assert np.abs(image[..., 2] - 2 * columns)[label].max() <= 0.5


def test_a_target_at_the_border_is_mirrored_there_before_it_is_blurred():
    frame, mask = scene(slice(0, 60), slice(0, 21))
    image, label = one_sample(frame, mask, blurs=(2,))
    left = label & (np.arange(90) < 45)  # its right half is blurred with the gray beside it
    assert left.sum() == 60 * 10 and np.abs(image[left] - RED).max() <= 1


def test_the_hole_is_filled_from_around_it():
    frame, mask = scene()
    filled = fill_target(frame, mask)
    np.testing.assert_array_equal(filled[~mask], frame[~mask])
    assert not is_red(filled).any()


def test_the_seed_decides_and_the_frame_is_left_alone():
    frame, mask = scene()
    before = frame.copy(), mask.copy()
    one, same, other = (augment_first_frame(frame, mask, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one[0], same[0])
    np.testing.assert_array_equal(one[1], same[1])
    assert (one[1] != other[1]).any()
    np.testing.assert_array_equal(frame, before[0])
    np.testing.assert_array_equal(mask, before[1])


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (slice(0, 1), slice(0, 1)),  # one pixel in the corner
        (slice(30, 31), slice(0, 90)),  # a line across
        (slice(0, 60), slice(0, 90)),  # the whole frame
        (slice(0, 60), slice(0, 89)),  # nearly
        (slice(59, 60), slice(80, 90)),
    ],
)
def test_every_copy_shows_some_target_however_odd(rows, columns):
    frame, mask = scene(rows, columns)
    for seed in range(10):
        images, masks = augment_first_frame(frame, mask, seed=seed, samples=7)
        assert masks.any((1, 2)).all() and len(images) == 8


def test_a_target_that_vanished_is_replaced_by_the_frame_as_given():
    """One pixel at half its size falls between the pixels every now and then."""
    frame, mask = scene(slice(0, 1), slice(0, 1))
    replaced = 0
    for seed in range(20):
        images, masks = augment_first_frame(frame, mask, seed=seed, samples=4, config=replace(PLAIN, scales=(0.5,)))
        for image, label in zip(images[1:], masks[1:]):
            if label[0, 0]:
                np.testing.assert_array_equal(image, frame)
                np.testing.assert_array_equal(label, mask)
                replaced += 1
    assert 0 < replaced < 80


def test_a_target_that_covers_the_frame_is_pasted_over_gray():
    frame, mask = scene(slice(None), slice(None))
    images, masks = augment_first_frame(frame, mask, samples=4, config=replace(PLAIN, scales=(0.5,)))
    assert (images[1:][~masks[1:]] == 128).all() and (~masks[1:]).any()


def test_no_samples_is_the_frame_alone():
    images, masks = augment_first_frame(*scene(), samples=0)
    assert len(images) == len(masks) == 1


@pytest.mark.parametrize("mask", [np.zeros((60, 90), np.uint8), np.zeros((60, 91), bool), np.zeros((60, 90), bool)])
def test_a_mask_that_is_none_is_refused(mask):
    with pytest.raises(ValueError, match="mask"):
        augment_first_frame(scene()[0], mask)


def test_no_scale_comes_twice_before_all_have_come():
    frame, mask = scene()
    _, masks = augment_first_frame(frame, mask, samples=3, config=replace(PLAIN, scales=(0.5, 1, 1.5), jitter=0))
    sides = sorted(np.sqrt(masks[1:].sum((1, 2)) / mask.sum()))
    assert np.allclose(sides, [0.5, 1, 1.5], atol=0.1)


# ---------------------------------------------------------------------------------------- the released code's rules

STILL = replace(RELEASED, angles=(0,), flip=0, skewed=0, scales=(1,), blurs=(0,), background_scales=(1,))
STILL = replace(STILL, background_blurs=(0,), jitter=0)


def released_changes(mask, samples=4, seed=0, **changes):
    generator = np.random.default_rng(seed)
    return list(augment._released_changes(mask, samples, replace(RELEASED, **changes), generator))


def test_the_released_grid_has_the_frames_shape_and_five_cells_for_four_samples():
    mask = np.zeros((480, 854), bool)
    mask[100:200, 100:200] = True
    seen = set()
    for seed in range(20):
        seen |= {change.centre for change in released_changes(mask, seed=seed, jitter=0)}
    assert seen == {((c + 0.5) / 4 * 854, (r + 0.5) / 2 * 480) for r in range(2) for c in range(4)}


def test_the_released_jitter_is_normal_with_an_eighth_of_a_cell():
    mask = np.zeros((480, 854), bool)
    mask[100:200, 100:200] = True
    moves = []
    for seed in range(400):
        for x, y in (change.centre for change in released_changes(mask, seed=seed)):
            moves += [x / 854 * 4 - 0.5, y / 480 * 2 - 0.5]
    moves = np.array(moves) - np.round(moves)  # from the middle of the nearest cell; half a cell is four deviations
    assert moves.std() == pytest.approx(1 / 8, rel=0.05)  # of 3200 draws: a standard error of 1.3 %
    assert (np.abs(moves) > 0.25).mean() == pytest.approx(0.0455, abs=0.015)  # a uniform one never goes so far


def test_released_lists_are_dealt_without_repetition():
    mask = np.zeros((480, 854), bool)
    mask[200:240, 400:440] = True
    for seed in range(20):
        scales = [abs(np.linalg.det(c.linear)) ** 0.5 for c in released_changes(mask, 6, seed, skewed=0)]
        np.testing.assert_allclose(sorted(scales), sorted(RELEASED.scales))
        mirrored = [np.linalg.det(c.linear) < 0 for c in released_changes(mask, 5, seed, skewed=0)]
        assert sum(mirrored) == 1  # one of the five
        sheared = [abs(c.linear[0, 1]) > 1e-9 for c in released_changes(mask, 3, seed, angles=(0,))]
        assert sum(sheared) == 1  # one of the three


def test_the_released_skew_acts_on_both_axes_after_the_turn():
    mask = np.zeros((480, 854), bool)
    mask[200:240, 400:440] = True
    (change,) = released_changes(mask, 1, skewed=1, angles=(90,), flip=0, scales=(2,))
    quarter = 2 * np.array([[1, 0.1], [0.1, 1]]) @ np.array([[0, 1], [-1, 0]])
    assert any(np.allclose(change.linear, sign * quarter) for sign in (1, -1))


@pytest.mark.parametrize(
    ("box", "scale", "expected"),
    [((40, 40), 1.5, 1.5), ((300, 40), 2.0, 1.6), ((40, 600), 2.5, 854 / 600), ((40, 8), 0.5, 10 / 8)],
)
def test_released_scales_let_the_target_fit_and_not_vanish(box, scale, expected):
    mask = np.zeros((480, 854), bool)
    mask[10 : 10 + box[0], 20 : 20 + box[1]] = True
    assert augment._fitting(scale, mask) == pytest.approx(expected)


@pytest.mark.parametrize(("angle", "along"), [(0, (1, 0)), (45, (1, -1)), (90, (0, 1)), (135, (1, 1))])
def test_the_released_blur_goes_along_one_direction(angle, along):
    kernel = augment._directional(5, angle)
    assert kernel.shape == (7, 7) and kernel.sum() == pytest.approx(1)
    x, y = along
    n = 2 if x and y else 3
    line = kernel[3 + n * y, 3 + n * x], kernel[3 - n * y, 3 - n * x]
    across = kernel[3 + x * n, 3 - y * n] if not (x and y) else kernel[3 + n * x, 3 - n * y]
    assert line[0] == pytest.approx(line[1], rel=1e-4) and line[0] > 1000 * max(across, 1e-12)
    if angle in (0, 90):  # variance 5 along the axis, two pixels apart
        values = kernel[3] if angle == 0 else kernel[:, 3]
        assert values[5] / values[3] == pytest.approx(np.exp(-4 / 2 / 5), rel=1e-4)


def test_the_released_cut_is_soft_and_weights_the_edge_twice():
    """Where the warp falls between pixels, the edge holds part of the target, by that part of its mask."""
    frame = np.full((21, 31, 3), 200, np.uint8)
    mask = np.zeros((21, 31), bool)
    mask[8:13, 10:21] = True
    images, masks = augment_first_frame(frame, mask, samples=1, config=STILL)
    assert images[1][masks[1]].min() < 160  # a dark seam where all is one colour
    hard = augment_first_frame(frame, mask, samples=1, config=PLAIN)[0][1]
    assert hard.min() >= 199


def test_the_released_rules_draw_again_until_the_target_is_in_view():
    frame, mask = np.zeros((40, 60, 3), np.uint8), np.zeros((40, 60), bool)
    mask[0:12, 0:12] = True
    for seed in range(10):
        _, masks = augment_first_frame(frame, mask, seed=seed, config=replace(RELEASED, jitter=3))  # often far outside
        assert len(masks) == 5 and masks.any(axis=(1, 2)).all()
