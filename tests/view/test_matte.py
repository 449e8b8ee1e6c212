"""Soft edges: nearer to the truth than hard ones, where a picture was mixed from two with known shares."""

import cv2
import numpy as np
import pytest

from vosbook.view.matte import _guided, own_colours, rim_of, soft_alpha
from vosbook.view.overlay import cut_out

SIZE = (120, 160)


def _texture(seed: int, low: int, high: int) -> np.ndarray:
    """Smooth, in colours between two bounds: uint8 (H, W, 3)."""
    coarse = np.random.default_rng(seed).integers(low, high, (6, 8, 3), np.uint8)
    return cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC)


def _mixed(blur: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A frame, the share of the object in it, and the object's own colours: a disc with a blurred rim."""
    y, x = np.indices(SIZE)
    share = cv2.GaussianBlur((np.hypot(y - 60, x - 80) < 35).astype(np.float32), (0, 0), blur)
    mine, ground = _texture(0, 140, 230), _texture(1, 20, 110)
    frame = np.rint(share[..., None] * mine + (1 - share[..., None]) * ground).astype(np.uint8)
    return frame, share, mine


def test_the_share_of_a_blurred_rim_is_found():
    frame, share, _ = _mixed(1.5)
    alpha = soft_alpha(frame, share > 0.5)
    assert alpha.shape == SIZE and alpha.dtype == np.float32 and alpha.min() >= 0 and alpha.max() <= 1
    hard = np.abs((share > 0.5) - share).sum()
    assert np.abs(alpha - share).sum() < 0.5 * hard
    distance = np.hypot(np.indices(SIZE)[0] - 60, np.indices(SIZE)[1] - 80)
    radius = rim_of(SIZE)
    assert (alpha[distance < 35 - radius - 2] == 1).all() and (alpha[distance > 35 + radius + 2] == 0).all()


def test_colours_are_the_objects_without_the_ground():
    frame, share, mine = _mixed(1.5)
    rim = (share > 0.3) & (share < 0.9)
    before = np.abs(frame.astype(float) - mine)[rim].mean()
    assert np.abs(own_colours(frame, share).astype(float) - mine)[rim].mean() < 0.4 * before
    assert np.abs(own_colours(frame, share).astype(int) - frame)[share > 0.999].max() <= 1


def test_on_another_ground_the_soft_object_looks_more_like_itself():
    frame, share, mine = _mixed(1.5)
    truth = share[..., None] * mine  # over black
    errors = []
    for soft in (False, True):
        picture = cut_out(frame, (share > 0.5).astype(np.uint8) * 3, soft=soft).astype(float)
        errors.append(np.abs(picture[..., 3:] / 255 * picture[..., :3] - truth).sum())
    assert errors[1] < 0.6 * errors[0]


def test_the_filter_is_the_least_squares_line_of_each_window():
    """One pixel by hand: the mean of the lines of all windows that it lies in."""
    rng = np.random.default_rng(3)
    guide, p = rng.random((9, 9, 3), np.float32), rng.random((9, 9)).astype(np.float32)
    lines = []
    for y in (3, 4, 5):
        for x in (3, 4, 5):
            colours, values = guide[y - 1 : y + 2, x - 1 : x + 2].reshape(9, 3), p[y - 1 : y + 2, x - 1 : x + 2].ravel()
            inputs = colours - colours.mean(axis=0)
            a = np.linalg.solve(inputs.T @ inputs / 9 + 1e-4 * np.eye(3), inputs.T @ (values - values.mean()) / 9)
            lines.append(a @ guide[4, 4] + values.mean() - a @ colours.mean(axis=0))
    assert _guided(guide, p, 1)[4, 4] == pytest.approx(np.mean(lines), abs=1e-3)


@pytest.mark.parametrize("fill", [0, 1])
def test_nothing_and_everything_have_no_rim(fill):
    frame = _texture(0, 0, 255)
    assert (soft_alpha(frame, np.full(SIZE, bool(fill))) == fill).all()


def test_void_is_no_object_and_the_frame_is_not_changed():
    frame = _texture(0, 0, 255)
    before = frame.copy()
    labels = np.zeros(SIZE, np.uint8)
    labels[:40], labels[80:] = 255, 1
    picture = cut_out(frame, labels, soft=True)
    assert (picture[:60, :, 3] == 0).all() and (picture[100:, :, 3] == 255).all()
    assert np.array_equal(frame, before)
