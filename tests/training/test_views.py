"""Views: masks move with images, maps are as wide as their words say, and a seed's draws stay what they were."""

from dataclasses import replace

import numpy as np
import pytest

from vosbook.training.views import (
    BORDER,
    CLIP_VIEWS,
    GIVEN_VIEWS,
    STILL_VIEWS,
    ViewConfig,
    draw_affine,
    draw_light,
    draw_map,
    draw_view,
    warp_image,
    warp_labels,
)

SIZE = (48, 64)
COLOURS = np.array([[20, 60, 100], [250, 30, 30], [30, 250, 30]], np.uint8)  # of ground and objects
STILL = ViewConfig()


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def two_boxes(size: tuple[int, int]) -> np.ndarray:
    h, w = size
    labels = np.zeros(size, np.uint8)
    labels[h // 6 : h // 2, w // 8 : w // 8 + w // 5] = 1
    labels[h // 2 : 5 * h // 6, w // 2 : 3 * w // 4] = 2
    return labels


# ----------------------------------------------------------------------------------------------------------------- maps


@pytest.mark.parametrize("size", [(48, 64), (96, 128), (40, 70), (33, 47)])
def test_masks_lie_on_their_objects_through_every_map(size):
    """Frames are painted in their labels' colours: warped together, they must agree but for the mixed rims."""
    labels = two_boxes(size)
    for seed in range(20):
        move = draw_affine(CLIP_VIEWS, generator(seed), size=SIZE)
        image, warped = warp_image(COLOURS[labels], move, SIZE), warp_labels(labels, move, SIZE)
        beyond = (image == BORDER).all(axis=2)
        distance = np.abs(image[:, :, None].astype(int) - COLOURS.astype(int)).sum(3)
        nearest = distance.argmin(axis=2)
        clear = (distance.min(axis=2) < 40) & ~beyond
        assert clear.mean() > 0.4
        assert (nearest != warped)[clear].mean() < 0.004, f"seed {seed}"
        assert not warped[beyond].any()
        for i in (1, 2):  # where both masks end, to a fraction of a pixel
            both = [np.argwhere(m).mean(axis=0) for m in (warped == i, (nearest == i) & ~beyond)]
            assert np.abs(both[0] - both[1]).max() < 0.3


def test_a_map_moves_points_as_its_words_say():
    """Against the five steps, one after the other, of a point given in pixels of the frame."""

    def moved(views, seed, x, y):
        a = draw_affine(views, generator(seed), size=SIZE)
        u = np.array([(x + 0.5) / 32 - 1, (y + 0.5) / 24 - 1])  # 64 wide, 48 high
        v = a[:, :2] @ u + a[:, 2]
        return (v[0] + 1) * 32 - 0.5, (v[1] + 1) * 24 - 0.5

    assert moved(STILL, 0, 10, 20) == pytest.approx((10, 20))
    assert moved(ViewConfig(flip=1.0), 0, 10, 20) == pytest.approx((53, 20))
    assert moved(ViewConfig(zoom=(2, 2)), 0, 10, 20) == pytest.approx((31.5 - 43, 23.5 - 7))
    for seed in range(5):
        x, y = moved(ViewConfig(rotation=30), seed, 41.5, 23.5)  # 10 to the right of the middle
        assert np.hypot(x - 31.5, y - 23.5) == pytest.approx(10), "a turn keeps lengths"
        assert abs(np.degrees(np.arctan2(y - 23.5, x - 31.5))) <= 30
        x, y = moved(ViewConfig(translation=0.1), seed, 31.5, 23.5)
        assert abs(x - 31.5) <= 6.4 and abs(y - 23.5) <= 4.8
        x, y = moved(ViewConfig(shear=0.1), seed, 31.5, 33.5)
        assert y == pytest.approx(33.5)
        assert 0 < abs(x - 31.5) <= 1


def test_the_maps_are_as_wide_as_configured():
    maps = np.stack([draw_affine(CLIP_VIEWS, generator(seed), size=SIZE) for seed in range(400)])
    determinants = np.linalg.det(maps[:, :, :2])
    assert 0.4 < (determinants < 0).mean() < 0.6, "half of them mirror"
    assert 0.69 < np.sqrt(np.abs(determinants)).min() < 0.72
    assert 1.38 < np.sqrt(np.abs(determinants)).max() < 1.41
    assert 0.19 < np.abs(maps[:, :, 2]).max() <= 0.2  # a tenth of the frame, whose sides are 2


def test_the_first_map_that_is_accepted_is_taken_and_after_ten_the_one_that_moves_nothing():
    drawn, seen = generator(3), []
    wanted = [draw_affine(CLIP_VIEWS, drawn, size=SIZE) for _ in range(10)]

    def third(move):
        seen.append(move)
        return len(seen) == 3

    assert np.array_equal(draw_map(CLIP_VIEWS, generator(3), size=SIZE, accept=third), wanted[2])
    seen.clear()
    nothing = draw_map(CLIP_VIEWS, generator(3), size=SIZE, accept=lambda move: bool(seen.append(move)))
    assert np.array_equal(nothing, np.eye(2, 3))
    assert np.array_equal(seen, wanted)


# ---------------------------------------------------------------------------------------------------------------- light


def test_light_is_one_factor_for_each_colour():
    for seed in range(20):
        table = draw_light(ViewConfig(light=0.2), generator(seed))
        assert table.shape == (256, 1, 3)
        factors = table[100, 0] / 100
        assert (np.abs(factors - 1) <= 0.2).all() and len(set(factors)) > 1
        assert np.abs(table[:, 0] - np.minimum(np.arange(256)[:, None] * factors, 255)).max() <= 2
    assert np.array_equal(draw_light(STILL, generator(0))[:, 0, 2], np.arange(256))


# ---------------------------------------------------------------------------------------------------------------- views


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A red box, whose mask it is, on green."""
    mask = np.zeros((40, 64), np.uint8)
    mask[10:24, 20:40] = 1
    return np.where(mask[..., None] > 0, np.uint8([200, 0, 0]), np.uint8([0, 200, 0])), mask


def test_a_mask_stays_on_its_object():
    frame, mask = scene()
    areas = []
    for number in range(30):
        image, moved = draw_view(frame, mask, GIVEN_VIEWS, generator(number))
        red = image[..., 0].astype(int) > image[..., 1].astype(int) + 30
        areas.append(moved.sum())
        assert (red & (moved > 0)).sum() > 0.85 * max(red.sum(), moved.sum())
    assert min(areas) < 0.75 * mask.sum() and max(areas) > 1.25 * mask.sum()  # zoom .75 to 1.25 in both directions


def test_rotation_zoom_and_flip_are_those_of_the_configuration():
    frame, mask = scene()
    image, moved = draw_view(frame, mask, STILL, generator(0))
    assert (image == frame).all() and (moved == mask).all()
    _, moved = draw_view(frame, mask, ViewConfig(flip=1), generator(0))
    assert (moved == mask[:, ::-1]).all()
    _, moved = draw_view(frame, mask, ViewConfig(zoom=(2, 2)), generator(0))
    rows, columns = (np.flatnonzero(moved.any(axis=axis)) for axis in (1, 0))
    assert (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) == (0, 28, 8, 48)  # about the middle, (20, 32)


def test_the_light_of_a_view_is_drawn_after_its_map_and_changes_the_frame_alone():
    frame, mask = scene()
    views, drawn = replace(GIVEN_VIEWS, light=0.5), generator(5)
    move = draw_affine(views, drawn, size=mask.shape)
    table = draw_light(views, drawn)[:, 0]  # (256, 3)
    image, moved = draw_view(frame, mask, views, generator(5))
    dark, same = draw_view(frame, mask, GIVEN_VIEWS, generator(5))
    assert (moved == same).all() and not (image == dark).all()
    inside = warp_image(np.full_like(frame, 255), move, mask.shape).min(axis=2) == 255  # touched by no border
    colours = {tuple(c) for c in image[inside & (dark[..., 0] == 200)]}
    assert colours == {(table[200, 0], table[0, 1], table[0, 2])}


def test_every_colour_of_a_view_has_a_light_of_its_own():
    frame, mask = np.full((40, 64, 3), 100, np.uint8), scene()[1]
    images = np.stack([draw_view(frame, mask, ViewConfig(light=0.5), generator(n))[0] for n in range(60)])
    assert (images == images[:, :1, :1]).all()  # the whole picture alike
    factors = images[:, 0, 0] / 100  # (60, 3)
    assert (factors.min(axis=0) < 0.6).all() and (factors.max(axis=0) > 1.4).all()
    assert factors.min() >= 0.5 and factors.max() <= 1.5
    assert abs(np.corrcoef(factors.T)[0, 1]) < 0.4


def test_a_view_has_the_size_that_is_asked_for():
    frame, mask = scene()
    image, moved = draw_view(frame, mask, STILL, generator(0), size=(20, 32))
    assert image.shape == (20, 32, 3)
    assert np.array_equal(moved, mask[1::2, 1::2])


def test_an_object_that_leaves_the_view_is_seen_where_it_is():
    frame, mask = scene()
    mask[:] = 0
    mask[:3, :4] = 1  # a zoom of 40 about the middle shows nothing of the corner
    _, moved = draw_view(frame, mask, ViewConfig(zoom=(40, 40), min_pixels=10), generator(0))
    assert (moved == mask).all()


def test_of_an_object_in_view_there_are_as_many_pixels_as_configured():
    frame, mask = scene()
    mask[:] = 0
    mask[:11, :17] = 1  # of which a zoom of 2 shows one pixel, four times as large
    _, moved = draw_view(frame, mask, ViewConfig(zoom=(2, 2), min_pixels=4), generator(0))
    assert moved.sum() == 4
    _, moved = draw_view(frame, mask, ViewConfig(zoom=(2, 2), min_pixels=5), generator(0))
    assert (moved == mask).all()


# -------------------------------------------------------------------------------------------------- what a seed draws


@pytest.mark.parametrize(
    ("views", "map_of_7"),
    [
        (CLIP_VIEWS, [[1.24179513, 0.03329417, -0.10991712], [0.07234588, 1.24610565, -0.07993349]]),
        (STILL_VIEWS, [[1.12809359, -0.1114733, 0], [0.19817476, 1.12809359, 0]]),
    ],
)
def test_a_seed_draws_the_maps_that_it_always_drew(views, map_of_7):
    """Trainings that were broken off, and records, count on it: numbers of the first version of these draws."""
    assert draw_affine(views, generator(7), size=SIZE) == pytest.approx(np.array(map_of_7), abs=1e-8)


def test_a_seed_draws_the_light_that_it_always_drew():
    assert draw_light(ViewConfig(light=0.2), generator(7))[100, 0].tolist() == [105, 116, 111]


def test_a_zoom_that_is_none_is_refused():
    for zoom in ((0, 1), (1.4, 0.7)):
        with pytest.raises(ValueError, match="zoom is"):
            ViewConfig(zoom=zoom)
