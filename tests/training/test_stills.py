"""Single frames for training: masks move with images, and what is drawn depends on seed, step and number alone."""

import numpy as np
import pytest
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.sequence import Sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.errors import InputError
from vosbook.training.stills import StillConfig, StillSampler, draw_view

TINY = SyntheticConfig(size=(40, 64), frames=5, objects=(2, 2))
CONFIG = StillConfig(size=(40, 64), min_pixels=10)


@pytest.fixture(scope="module")
def sequences() -> list[Sequence]:
    return [load_sequence(f"synthetic/{seed}", config=TINY) for seed in (3, 4)]


def _scene() -> tuple[np.ndarray, np.ndarray]:
    """A red box, whose mask it is, on green."""
    mask = np.zeros((40, 64), np.uint8)
    mask[10:24, 20:40] = 1
    return np.where(mask[..., None] > 0, np.uint8([200, 0, 0]), np.uint8([0, 200, 0])), mask


def test_a_mask_stays_on_its_object():
    frame, mask = _scene()
    areas = []
    for number in range(30):
        image, moved = draw_view(frame, mask, CONFIG, np.random.default_rng(number))
        red = image[..., 0].astype(int) > image[..., 1].astype(int) + 30
        areas.append(moved.sum())
        assert (red & (moved > 0)).sum() > 0.85 * max(red.sum(), moved.sum())
    assert min(areas) < 0.75 * mask.sum() and max(areas) > 1.25 * mask.sum()  # zoom .75 to 1.25 in both directions


def test_rotation_zoom_and_flip_are_those_of_the_configuration():
    frame, mask = _scene()
    still = StillConfig(size=(40, 64), flip=0, rotation=0, zoom=(1, 1))
    image, moved = draw_view(frame, mask, still, np.random.default_rng(0))
    assert (image == frame).all() and (moved == mask).all()
    mirrored = StillConfig(size=(40, 64), flip=1, rotation=0, zoom=(1, 1))
    _, moved = draw_view(frame, mask, mirrored, np.random.default_rng(0))
    assert (moved == mask[:, ::-1]).all()
    double = StillConfig(size=(40, 64), flip=0, rotation=0, zoom=(2, 2))
    _, moved = draw_view(frame, mask, double, np.random.default_rng(0))
    rows, columns = (np.flatnonzero(moved.any(axis=axis)) for axis in (1, 0))
    assert (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) == (0, 28, 8, 48)  # about the middle, (20, 32)


def test_every_colour_has_a_light_of_its_own():
    frame, mask = np.full((40, 64, 3), 100, np.uint8), _scene()[1]
    lit = StillConfig(size=(40, 64), flip=0, rotation=0, zoom=(1, 1), light=0.5)
    images = np.stack([draw_view(frame, mask, lit, np.random.default_rng(n))[0] for n in range(60)])
    assert (images == images[:, :1, :1]).all()  # the whole picture alike
    factors = images[:, 0, 0] / 100  # (60, 3)
    assert (factors.min(axis=0) < 0.6).all() and (factors.max(axis=0) > 1.4).all()
    assert factors.min() >= 0.5 and factors.max() <= 1.5
    assert abs(np.corrcoef(factors.T)[0, 1]) < 0.4


def test_an_object_that_leaves_the_view_is_seen_where_it_is():
    frame, mask = _scene()
    away = StillConfig(size=(40, 64), flip=0, rotation=0, zoom=(40, 40), min_pixels=10)
    mask[:] = 0
    mask[:3, :4] = 1  # a zoom of 40 about the middle shows nothing of the corner
    _, moved = draw_view(frame, mask, away, np.random.default_rng(0))
    assert (moved == mask).all()


def test_a_batch_depends_on_seed_step_and_number_alone(sequences):
    whole = StillSampler(sequences, CONFIG).batch(3, range(4))
    halves = [StillSampler(sequences, CONFIG).batch(3, range(k, k + 2)) for k in (0, 2)]
    for part in (0, 1):
        assert torch.equal(whole[part], torch.cat([half[part] for half in halves]))
    images, masks = whole
    assert images.shape == (4, 3, 40, 64) and masks.shape == (4, 1, 40, 64)
    assert images.min() >= 0 and 0.5 < images.max() <= 1 and set(masks.unique().tolist()) == {0.0, 1.0}
    other_step = StillSampler(sequences, CONFIG).batch(4, range(4))
    other_seed = StillSampler(sequences, StillConfig(size=(40, 64), min_pixels=10, seed=1)).batch(3, range(4))
    assert not torch.equal(images, other_step[0]) and not torch.equal(images, other_seed[0])
    assert len({image.sum().item() for image in images}) == 4


def test_all_objects_are_the_foreground(sequences):
    still = StillConfig(size=(40, 64), flip=0, rotation=0, zoom=(1, 1), min_pixels=1)
    labels = {t: sequences[0].labels(t) for t in range(5)}
    for step in range(8):
        _, mask = StillSampler(sequences[:1], still).draw(step, 0)
        assert any((mask == (one > 0)).all() for one in labels.values())


def test_a_share_of_the_images_is_drawn_once(sequences):
    few = StillSampler(sequences, StillConfig(size=(40, 64), images=3))
    assert len(few.pool) == 3
    assert few.pool == StillSampler(sequences, StillConfig(size=(40, 64), images=3)).pool
    other = StillSampler(sequences, StillConfig(size=(40, 64), images=3, seed=1)).pool
    assert [(s.name, t) for s, t in few.pool] != [(s.name, t) for s, t in other]
    assert len(StillSampler(sequences, CONFIG).pool) == 10


@pytest.mark.parametrize("images", [0, 11])
def test_images_that_are_not_there_are_refused(images, sequences):
    with pytest.raises(InputError, match=f"{images} images are asked for, and 10 frames have masks"):
        StillSampler(sequences, StillConfig(images=images))
