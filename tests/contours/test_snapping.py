"""Majority vote and contour recovery on regions made by hand, and against plain forms."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from vosbook.contours.snapping import SnapConfig, majority, recover, snap

SIZE = (40, 60)


def box(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def ring(mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """A contour map with a contour just outside the mask."""
    return strength * (distance_transform_edt(~mask) == 1)


def test_majority_by_hand():
    superpixels = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 2, 2]])
    mask = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [0, 0, 0, 1]], bool)
    expected = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]], bool)  # 3 of 4, 2 of 4 (no majority), 1 of 4
    assert (majority(mask, superpixels) == expected).all()


def test_a_clear_majority_by_hand():
    superpixels = np.arange(5).repeat(5).reshape(5, 5)
    mask = np.tri(6, 5, -1, dtype=bool)[1:]  # 1, 2, 3, 4 and 5 of the five pixels of a superpixel
    at_60, at_80 = majority(mask, superpixels, share=0.6), majority(mask, superpixels, share=0.8)
    assert (at_60 == [[0] * 5, [0] * 5, [1, 1, 1, 0, 0], [1] * 5, [1] * 5]).all()  # three fifths: as it was
    assert (at_80 == [[0] * 5, [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1] * 5]).all()


@pytest.mark.parametrize("share", [0.5, 0.55, 0.8])
def test_majority_as_the_plain_form(share):
    rng = np.random.default_rng(0)
    superpixels = rng.integers(0, 80, SIZE)
    mask = rng.random(SIZE) < rng.random(80)[superpixels]
    plain = mask.copy()
    for i in range(80):
        lies_in = mask[superpixels == i].mean()
        if lies_in > share or 1 - lies_in >= share:
            plain[superpixels == i] = lies_in > share
    assert (majority(mask, superpixels, share=share) == plain).all()


def test_a_mask_snaps_to_the_contours_around_it():
    """The true box has a contour; the mask is shifted, has a hole and a stray speck."""
    true = box(8, 10, 24, 30)
    mask = box(10, 13, 24, 30)
    mask[15:18, 20:23], mask[1:3, 50:52] = False, True
    snapped = snap(mask[None], ring(true), SnapConfig(share=0.5))[0]
    assert ((snapped & ~ring(true).astype(bool)) == true).all()  # the contour's own pixels may go either way


def test_weak_contours_do_not_hold():
    """Under the level, the box and what lies around it are one superpixel, of which the mask has the smaller part."""
    true = box(8, 10, 24, 30)
    masks = np.stack([box(10, 13, 24, 30), box(2, 2, 36, 55)])
    snapped = snap(masks, ring(true, 0.2), SnapConfig(level=0.29, share=0.5))
    assert (snapped[0] == masks[0]).all()  # nothing would be left of it, so it stays as it was
    assert snapped[1].all()
    assert (snap(masks[1:], ring(true, 0.2), SnapConfig(level=0.29, share=0.9)) == masks[1:]).all()  # not clear enough
    assert not (snap(masks, ring(true, 0.2), SnapConfig(level=0.1, share=0.5))[0] == masks[0]).all()


def plain_recover(mask, snapped, contours, config):
    """Component by component; the nearest contour pixel of every outline pixel by looking at all."""
    from skimage.measure import label

    component = label(mask, connectivity=2)
    at = np.argwhere(contours >= config.contour)
    result = snapped.copy()
    for i in range(1, component.max() + 1):
        here = component == i
        outline = []
        for y, x in np.argwhere(here):
            beside = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            if any(not mask[b, a] for b, a in beside if 0 <= b < SIZE[0] and 0 <= a < SIZE[1]):
                outline.append((y, x))
        distances = np.array([np.linalg.norm(at - point, axis=1).min() if len(at) else np.inf for point in outline])
        if len(outline) and (distances <= config.radius).mean() > config.matched:
            result |= here
    return result


@pytest.mark.parametrize("seed", range(8))
def test_recovery_as_the_plain_form(seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros(SIZE, bool)
    for _ in range(6):
        mask |= box(rng.integers(0, 35), rng.integers(0, 55), rng.integers(1, 12), rng.integers(1, 12))
    contours = ring(mask) * (rng.random(SIZE) < 0.5)
    contours[:, 30:] *= rng.random()
    snapped = mask & box(0, 0, 40, 30)
    config = SnapConfig(matched=0.6, radius=1.5)
    assert (recover(mask, snapped, contours, config) == plain_recover(mask, snapped, contours, config)).all()


@pytest.mark.parametrize(
    ("away", "radius", "comes_back"),
    [((0, 1), 1.0, True), ((0, 1), 0.99, False), ((1, 1), 1.0, False), ((1, 1), 1.5, True), ((0, 2), 2.0, True)],
)
def test_a_contour_lies_at_an_outline_up_to_the_radius_and_at_it(away, radius, comes_back):
    """A single pixel, and a contour that is one pixel too, so many rows and columns away."""
    pixel = box(20, 30, 1, 1)
    contours = np.roll(pixel, away, axis=(0, 1)).astype(float)
    nothing = np.zeros(SIZE, bool)
    found = recover(pixel, nothing, contours, SnapConfig(matched=0.9, radius=radius))
    assert (found == (pixel if comes_back else nothing)).all()


def test_by_default_a_contour_is_at_the_outline_or_beside_it():
    pixel, config = box(20, 30, 1, 1), SnapConfig(matched=0.9)
    for away, comes_back in ((0, True), (1, True), (2, False)):
        contours = np.roll(pixel, away, axis=1).astype(float)
        assert recover(pixel, np.zeros(SIZE, bool), contours, config).any() == comes_back


def test_a_thin_part_comes_back_where_a_contour_is_seen():
    """A pole, one pixel wide, that no superpixel follows; a second one without contours stays away."""
    body, pole, shadow = box(10, 5, 20, 20), box(5, 40, 30, 1), box(5, 50, 30, 1)
    contours = ring(body) + 0.5 * pole
    masks = (body | pole | shadow)[None]
    without = snap(masks, contours, SnapConfig())[0]
    assert not without[pole].any() and without[body].all()
    snapped = snap(masks, contours, SnapConfig(matched=0.9))[0]
    assert snapped[pole].all() and not snapped[shadow].any()


def test_several_masks_are_snapped_each_by_itself():
    rng = np.random.default_rng(1)
    contours = rng.random(SIZE)
    masks = rng.random((3, *SIZE)) > 0.5
    together = snap(masks, contours)
    assert together.dtype == bool
    assert all((together[n] == snap(masks[n : n + 1], contours)[0]).all() for n in range(3))
    assert snap(masks[:0], contours).shape == (0, *SIZE)


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_masks_that_are_empty_or_full(strength):
    contours = ring(box(8, 10, 24, 30), strength)
    snapped = snap(np.stack([np.zeros(SIZE, bool), np.ones(SIZE, bool)]), contours)
    assert not snapped[0].any() and snapped[1].all()


def test_without_any_contour_the_mask_stays():
    mask = box(10, 13, 24, 30)
    assert (snap(mask[None], np.zeros(SIZE))[0] == mask).all()


def test_by_default_seven_tenths_must_agree():
    """A superpixel of which 65 % are in the mask, and one with 75 %."""
    contours = np.zeros(SIZE)
    contours[:, 29:31] = 1
    two_thirds, three_quarters = box(0, 0, 26, 29), box(0, 31, 30, 29)
    mask = two_thirds | three_quarters
    snapped = snap(mask[None], contours)[0]
    assert (snapped[:, :28] == two_thirds[:, :28]).all()
    assert snapped[:, 32:].all()


def test_soft_masks_are_refused():
    with pytest.raises(ValueError, match="masks are bool, got float64"):
        snap(np.zeros((1, *SIZE)), np.zeros(SIZE))


def test_sizes_that_differ():
    with pytest.raises(ValueError, match=r"\(1, 40, 60\) and \(40, 61\)"):
        snap(np.zeros((1, *SIZE), bool), np.zeros((40, 61)))
    with pytest.raises(ValueError, match=r"\(40, 60\) and .* \(60, 40\) differ"):
        majority(np.zeros(SIZE, bool), np.zeros((60, 40), int))
    with pytest.raises(ValueError, match=r"\(40, 60\) and .* \(60, 40\) differ"):
        recover(np.zeros(SIZE, bool), np.zeros((60, 40), bool), np.zeros(SIZE), SnapConfig())
