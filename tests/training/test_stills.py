"""Single frames for training: what is drawn depends on seed, step and number alone."""

from dataclasses import replace

import pytest
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.sequence import Sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.errors import InputError
from vosbook.training.stills import StillConfig, StillSampler
from vosbook.training.views import STILL_VIEWS, ViewConfig

TINY = SyntheticConfig(size=(40, 64), frames=5, objects=(2, 2))
CONFIG = StillConfig(size=(40, 64), views=replace(STILL_VIEWS, min_pixels=10))


@pytest.fixture(scope="module")
def sequences() -> list[Sequence]:
    return [load_sequence(f"synthetic/{seed}", config=TINY) for seed in (3, 4)]


def test_a_batch_depends_on_seed_step_and_number_alone(sequences):
    whole = StillSampler(sequences, CONFIG).batch(3, range(4))
    halves = [StillSampler(sequences, CONFIG).batch(3, range(k, k + 2)) for k in (0, 2)]
    for part in (0, 1):
        assert torch.equal(whole[part], torch.cat([half[part] for half in halves]))
    images, masks = whole
    assert images.shape == (4, 3, 40, 64) and masks.shape == (4, 1, 40, 64)
    assert images.min() >= 0 and 0.5 < images.max() <= 1 and set(masks.unique().tolist()) == {0.0, 1.0}
    other_step = StillSampler(sequences, CONFIG).batch(4, range(4))
    other_seed = StillSampler(sequences, replace(CONFIG, seed=1)).batch(3, range(4))
    assert not torch.equal(images, other_step[0]) and not torch.equal(images, other_seed[0])
    assert len({image.sum().item() for image in images}) == 4


def test_all_objects_are_the_foreground(sequences):
    still = StillConfig(size=(40, 64), views=ViewConfig())
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
