"""What a sample shows: known pictures through known views; and that D's scores are those that a tracker would have."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.errors import InputError
from vosbook.features import load_backbone
from vosbook.target_model.augment import augment_first_frame
from vosbook.target_model.model import TargetModel, TargetModelConfig
from vosbook.training import simulate
from vosbook.training.simulate import Simulation, SimulationConfig, Target, View, find_targets, look, paste

SIZE, SIDE = (64, 96), 16
CONFIG = SimulationConfig(size=(32, 48), lines=(64, 64), views=3, augmentations=1)  # frames as they are
COMPOSED = replace(CONFIG, composed=1.0)
D = TargetModelConfig(c=4, cg_first=(2, 2), cg_update=2)


class Frames(list):
    """Frames in memory, with the names and the size that a reader's frames have."""

    def __init__(self, frames: np.ndarray):
        super().__init__(frames)
        self.names = tuple(f"{t:05d}" for t in range(len(frames)))
        self.size = frames.shape[1:3]


def make_video(labels: np.ndarray, frames: np.ndarray | None = None, name: str = "video") -> Sequence:
    """Labels `uint8 (T, H, W)`, and by default frames `uint8 (T, H, W, 3)` that show them."""
    if frames is None:
        rows, columns = np.mgrid[: labels.shape[1], : labels.shape[2]]
        frames = np.stack([labels * 90, labels * 0 + rows * 2, labels * 0 + columns], axis=-1).astype(np.uint8)
    listed = Frames(frames)
    ids = sorted(set(np.unique(labels).tolist()) - {0, 255})
    objects = tuple(VideoObject(i, listed.names[0]) for i in ids)
    return Sequence(name, listed, type("Masks", (dict,), {})(zip(listed.names, labels)), objects)


def square(frames: int = 6) -> np.ndarray:
    """Labels of a square that moves 8 pixels a frame to the right."""
    labels = np.zeros((frames, *SIZE), np.uint8)
    for t in range(frames):
        labels[t, 20 : 20 + SIDE, 4 + 8 * t : 4 + 8 * t + SIDE] = 1
    return labels


@pytest.fixture
def targets() -> list[Target]:
    return find_targets([make_video(square())], min_pixels=100)


@pytest.fixture
def strangers() -> list[Target]:
    """Two objects of one dark video, and one of a bright one: red is under 100 in the first, above in the second."""
    dark = square()
    dark[:, 44:60, 40:70] = 2
    bright = square()[:, :, ::-1]
    videos = [
        make_video(labels, np.repeat((red + 20 * (labels > 0))[..., None], 3, axis=-1).astype(np.uint8), name)
        for labels, red, name in ((dark, 20, "dark"), (bright, 200, "bright"))
    ]
    return find_targets(videos, min_pixels=100)


@pytest.fixture
def simulation(targets, tmp_path) -> Simulation:
    return new_simulation(targets, tmp_path)


def new_simulation(targets: list[Target], folder: Path, config: SimulationConfig = CONFIG, **options) -> Simulation:
    options = {"backbone": load_backbone("filters", levels=["layer2", "layer3"]), "level": "layer3"} | options
    return Simulation(targets, folder=folder, config=config, **({"target_model": D} | options))


def fixed_window(monkeypatch, y: float, x: float) -> None:
    monkeypatch.setattr(simulate, "_window", lambda *_: np.array([y, x]))


# ------------------------------------------------------------------------------------------------------ targets


def test_targets_are_objects_that_two_frames_show_well():
    labels = square(4)
    labels[:, 50:60, 50:60] = 2  # 100 pixels, in all frames
    labels[1, 50, 50] = 0  # 99
    labels[:2, :5, :5] = 3  # too small
    labels[3, :20, :20] = 4  # in one frame only
    labels[:, 60:, 80:] = 255  # void is no object
    assert [(target.id, target.frames) for target in find_targets([make_video(labels)], min_pixels=100)] == [
        (1, (0, 1, 2, 3)),
        (2, (0, 2, 3)),
    ]


def test_frames_without_annotation_are_not_used():
    video = make_video(square(4))
    del video.masks["00001"]
    assert find_targets([video], min_pixels=1)[0].frames == (0, 2, 3)


def test_no_target_at_all_is_refused(tmp_path):
    with pytest.raises(InputError, match="no object covers 100 pixels in two frames"):
        new_simulation([], tmp_path)


# -------------------------------------------------------------------------------------------------------- views


def test_without_zoom_a_window_is_a_part_of_the_frame(targets, monkeypatch):
    fixed_window(monkeypatch, 10, 20)
    image, mask = look(targets[0], 3, View(0, False, 1.0), CONFIG, None)
    video = targets[0].sequence
    assert np.array_equal(image, video.frames[3][10:42, 20:68])
    assert np.array_equal(mask, video.labels(3)[10:42, 20:68] == 1)


def test_a_flip_mirrors_the_frame(targets, monkeypatch):
    fixed_window(monkeypatch, 10, 20)
    image, mask = look(targets[0], 3, View(0, True, 1.0), CONFIG, None)
    video = targets[0].sequence
    assert np.array_equal(image, video.frames[3][10:42, ::-1][:, 20:68])
    assert np.array_equal(mask, video.labels(3)[10:42, ::-1][:, 20:68] == 1)


def test_zoom_magnifies_every_pixel(targets, monkeypatch):
    zoom = 2  # from 3 on, interpolation rounds the square's corners off
    fixed_window(monkeypatch, 20 * zoom - 8, 28 * zoom - 8)  # 8 above and left of the square's corner
    image, mask = look(targets[0], 3, View(0, False, float(zoom)), CONFIG, None)
    video = targets[0].sequence
    whole = np.kron(video.labels(3), np.ones((zoom, zoom), np.uint8))
    assert np.array_equal(mask, whole[20 * zoom - 8 :, 28 * zoom - 8 :][:32, :48] == 1)
    assert mask.any()
    assert not mask.all()
    ramp = (np.arange(32) + 0.5 + 20 * zoom - 8) / zoom - 0.5  # green is twice the row
    assert np.abs(image[:, 0, 1] - 2 * ramp).max() <= 1


def test_a_window_larger_than_the_frame_mirrors_frame_and_mask(targets):
    config = replace(CONFIG, size=(96, 128))
    image, mask = look(targets[0], 0, View(0, False, 1.0), config, np.random.default_rng(0))
    video = targets[0].sequence
    border = (16, 16), (16, 16)
    assert np.array_equal(mask, np.pad(video.labels(0) == 1, border, mode="symmetric"))
    assert np.array_equal(image, np.pad(video.frames[0], (*border, (0, 0)), mode="symmetric"))


def test_windows_stay_in_the_frame_and_near_the_target():
    generator = np.random.default_rng(0)
    mask = np.zeros(SIZE, bool)
    mask[0, 95] = mask[40, 30] = True
    for zoom in (1.0, 1.7):
        corners = np.array([simulate._window(mask, zoom, CONFIG, generator) for _ in range(200)])
        assert corners.min() >= 0
        assert (corners + CONFIG.size <= np.array(SIZE) * zoom + 1e-9).all()
        places = (np.argwhere(mask) + 0.5) * zoom - corners[:, None]  # (200, 2, yx) in the window
        inside = ((places > 0) & (places < CONFIG.size)).all(-1)
        assert inside.any(1).all()
        assert inside.mean(0).min() > 0.2, "either of the two is an anchor"
    corners = np.array([simulate._window(mask[:, :90], 1.0, CONFIG, generator) for _ in range(400)])
    away = corners + np.array(CONFIG.size) / 2 - (40.5, 30.5)
    assert np.abs(away).max(0) == pytest.approx([8, 12], abs=0.3), "a quarter of the window, either way"


def test_a_target_as_thin_as_a_pixel_is_never_lost():
    labels = np.zeros((2, *SIZE), np.uint8)
    labels[:, ::7, ::9] = 1  # single pixels
    target = find_targets([make_video(labels)], min_pixels=10)[0]
    generator = np.random.default_rng(0)
    for zoom in (1.0, 1.3, 2.0):
        for flip in (False, True):
            masks = [look(target, 0, View(0, flip, zoom), CONFIG, generator)[1] for _ in range(20)]
            assert all(0 < mask.sum() < 0.2 * mask.size for mask in masks)


def test_settings_that_make_no_sense_are_refused():
    for change in ({"lines": (0, 64)}, {"lines": (65, 64)}, {"jitter": 0.5}):
        with pytest.raises(ValueError, match=next(iter(change))):
            replace(CONFIG, **change)


def test_views_take_all_frames_flips_and_heights(targets, tmp_path):
    simulation = new_simulation(targets, tmp_path, replace(CONFIG, lines=(80, 128)))
    views = [simulation.view(0, k) for k in range(300)]
    assert {view.reference for view in views} == set(targets[0].frames)
    assert np.mean([view.flip for view in views]) == pytest.approx(0.5, abs=0.1)
    zooms = [view.zoom for view in views]
    assert (min(zooms), max(zooms)) == pytest.approx((1.25, 2.0), abs=0.02)
    assert simulation.view(0, 7) == views[7]


def test_frames_of_any_height_are_scaled_to_the_same_lines(tmp_path):
    large = make_video(np.kron(square(), np.ones((2, 2), np.uint8)), name="large")
    simulation = new_simulation(find_targets([make_video(square()), large], min_pixels=100), tmp_path)
    assert [simulation.view(n, 0).zoom for n in range(2)] == [1.0, 0.5]
    areas = [np.mean([simulation.reference(n, k)[1].sum() for k in range(20)]) for n in range(2)]
    assert areas[1] == pytest.approx(areas[0], rel=0.2), "of objects that are as large in their frames"


# ------------------------------------------------------------------------------------------------- composed views


class Moves:
    """Stands in for a generator: the object moves by so many pixels in a window of 32 x 64."""

    def __init__(self, *, right: int, down: int):
        self.shares = iter((right / 64, down / 32))

    def uniform(self, low: float, high: float) -> float:
        share = next(self.shares)
        assert low <= share <= high
        return share


@pytest.fixture
def windows() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two images of noise with masks: an object of 8 x 16 = 128 pixels, and one of 6 x 10 = 60 to go over it."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 64, 3), np.uint8)
    mask, above_mask = np.zeros((2, 32, 64), bool)
    mask[10:18, 20:36] = True
    above_mask[4:10, 8:18] = True
    return noise[0], mask, noise[1], above_mask


def paste_at(windows, *, pasted: bool, min_pixels: int, right: int, down: int) -> tuple[np.ndarray, np.ndarray]:
    moves = Moves(right=right, down=down)
    return paste(*windows, pasted=pasted, min_pixels=min_pixels, generator=moves)


def test_a_pasted_object_brings_its_own_pixels_and_hides_what_is_below(windows):
    below, mask, above, _ = windows
    expected = below.copy()
    expected[12:18, 26:36] = above[4:10, 8:18]
    where, left = np.zeros_like(mask), mask.copy()
    where[12:18, 26:36], left[12:18, 26:36] = True, False
    for pasted, target in ((True, where), (False, left)):
        image, found = paste_at(windows, pasted=pasted, min_pixels=20, right=18, down=8)
        assert np.array_equal(image, expected)
        assert np.array_equal(found, target)


def test_an_object_is_not_pasted_where_too_little_of_the_target_would_be_left(windows):
    below, mask, *_ = windows
    for min_pixels, left in ((68, 68), (69, 128)):  # the 60 pixels all lie on the target's 128
        image, found = paste_at(windows, pasted=False, min_pixels=min_pixels, right=16, down=8)
        assert found.sum() == left
        assert np.array_equal(image, below) == (left == 128)
    assert np.array_equal(found, mask)


def test_a_pasted_target_that_would_leave_the_window_stays_where_it_was(windows):
    below, mask, above, _ = windows
    for min_pixels, rows in ((20, slice(0, 2)), (21, slice(4, 10))):  # 8 up: two rows of ten pixels are left
        image, found = paste_at(windows, pasted=True, min_pixels=min_pixels, right=0, down=-8)
        where = np.zeros_like(mask)
        where[rows, 8:18] = True
        assert np.array_equal(found, where)
        pixels = above[8:10] if rows.start == 0 else above[4:10]
        assert np.array_equal(image[rows, 8:18], pixels[:, 8:18])
        assert np.array_equal(image[~where], below[~where])


def test_a_composed_view_has_a_partner_of_another_video_that_is_the_target_half_of_the_time(strangers, tmp_path):
    simulation, alone = (new_simulation(strangers, tmp_path, config) for config in (COMPOSED, CONFIG))
    for n, partners in ((0, {2}), (1, {2}), (2, {0, 1})):
        views = [simulation.view(n, k) for k in range(300)]
        assert {view.other[0] for view in views} == partners
        assert np.mean([view.pasted for view in views]) == pytest.approx(0.5, abs=0.1)
        assert {view.other[1].reference for view in views} == set(range(6))
        assert np.mean([view.other[1].flip == view.flip for view in views]) == pytest.approx(0.5, abs=0.1)
        assert all(view.other[1].other is None for view in views)
        assert [replace(view, other=None, pasted=False) for view in views] == [alone.view(n, k) for k in range(300)]
        assert simulation.view(n, 7) == views[7]


def test_views_are_composed_as_often_as_configured_and_only_with_another_video(strangers, tmp_path):
    half = new_simulation(strangers, tmp_path, replace(CONFIG, composed=0.5))
    assert np.mean([half.view(0, k).other is not None for k in range(300)]) == pytest.approx(0.5, abs=0.1)
    lonely = new_simulation(strangers[:2], tmp_path, COMPOSED)  # two objects of one video
    assert all(lonely.view(0, k).other is None and not lonely.view(0, k).pasted for k in range(20))


def test_a_composed_image_shows_both_objects_and_the_mask_the_one_that_is_meant(strangers, tmp_path):
    simulation, seen = new_simulation(strangers, tmp_path, COMPOSED), 0
    for k in range(40):
        image, mask = simulation.reference(0, k)
        assert mask.sum() >= COMPOSED.min_pixels
        bright = image[..., 0] > 100
        if simulation.view(0, k).pasted:
            assert np.array_equal(mask, bright)
        else:
            assert not (mask & bright).any()
            assert (image[..., 0] > 25)[mask].all(), "what is left of the object, not its ground"
            seen += bright.any()
    assert seen > 5


def test_reference_and_validation_frames_have_the_same_partner(strangers, tmp_path, monkeypatch):
    looked = []

    def noted(target, t, view, config, generator):
        looked.append((target, t, view))
        return look(target, t, view, config, generator)

    monkeypatch.setattr(simulate, "look", noted)
    simulation = new_simulation(strangers, tmp_path, COMPOSED)
    for step in range(20):
        looked.clear()
        ((n, k), _, _), _ = simulation._draw(step, 0)
        simulation.reference(n, k)
        view = simulation.view(n, k)
        m, other = view.other
        assert [(target, view) for target, _, view in looked] == 3 * [(strangers[n], view), (strangers[m], other)]
        own, partners = [t for _, t, _ in looked[::2]], [t for _, t, _ in looked[1::2]]
        assert (own[2], partners[2]) == (view.reference, other.reference)
        assert len(set(own)) == len(set(partners)) == 3


# ------------------------------------------------------------------------------------------------------ batches


@pytest.mark.parametrize("config", [CONFIG, COMPOSED], ids=["alone", "composed"])
def test_a_batch_is_the_same_whenever_and_by_whomever_it_is_asked_for(strangers, tmp_path, config):
    simulation = new_simulation(strangers, tmp_path, config)
    whole = simulation.batch(5, range(4))
    simulation.batch(6, range(4))
    assert (whole.s.shape, whole.y.shape) == ((4, 1, 2, 3), (4, 1, 32, 48))
    again = new_simulation(strangers, tmp_path / "elsewhere", config)
    for share in (range(4), range(2), range(2, 4), range(1, 3), range(3, 4)):  # pairs may be split
        part = again.batch(5, share)
        assert torch.equal(part.y, whole.y[share.start : share.stop])
        assert torch.allclose(part.s, whole.s[share.start : share.stop], atol=1e-6)  # sums of another order
        for level, x in whole.x.items():
            assert torch.allclose(part.x[level], x[share.start : share.stop], atol=1e-6)
    assert not torch.equal(simulation.batch(6, range(4)).y, whole.y)


def test_validation_frames_are_others_than_the_reference_and_share_its_view(simulation, monkeypatch):
    looked = []

    def noted(target, t, view, config, generator):
        looked.append((t, view))
        return look(target, t, view, config, generator)

    monkeypatch.setattr(simulate, "look", noted)
    for step in range(20):
        looked.clear()
        views, _, _ = simulation._frames(step, range(4))
        assert [view for _, view in looked] == [simulation.view(*view) for view in views]
        for pair in (looked[:2], looked[2:]):
            assert pair[0][1] == pair[1][1]
            assert len({pair[0][1].reference, pair[0][0], pair[1][0]}) == 3


def test_two_frames_are_enough(tmp_path):
    """One is the reference; the other is then shown twice."""
    simulation = new_simulation(find_targets([make_video(square(2))], min_pixels=100), tmp_path)
    assert simulation.batch(0, range(4)).y.flatten(1).any(1).all()


@pytest.mark.parametrize("config", [CONFIG, COMPOSED], ids=["alone", "composed"])
def test_scores_are_those_of_a_target_model_that_saw_the_reference(strangers, tmp_path, config):
    simulation = new_simulation(strangers, tmp_path, config)
    batch = simulation.batch(3, range(2))
    (n, k), _ = simulation._frames(3, range(2))[0]
    images, masks = augment_first_frame(*simulation.reference(n, k), samples=1, seed=0)
    model = TargetModel(D)
    x = simulation.backbone(torch.tensor(images).permute(0, 3, 1, 2) / 255)["layer3"]
    model.learn_first_frame(x, torch.tensor(masks)[:, None], seed=0)
    assert torch.allclose(batch.s, model.scores(batch.x["layer3"]), atol=1e-6)
    assert batch.x.keys() == {"layer2", "layer3"}


def test_the_reference_batch_has_the_same_frames_and_what_their_models_were_learned_on(simulation):
    batch, other = simulation.batch(3, range(1, 4)), simulation.batch_with_reference(3, range(1, 4))
    assert torch.equal(batch.y, other.y)
    assert all(torch.equal(batch.x[level], other.x[level]) for level in batch.x)
    views = simulation._frames(3, range(1, 4))[0]
    for i, view in enumerate(views):
        image, mask = simulation.reference(*view)
        x = simulation.backbone(torch.tensor(image).permute(2, 0, 1)[None] / 255)["layer3"][0]
        assert torch.allclose(other.x_ref[i], x, atol=1e-6)
        assert np.array_equal(other.y_ref[i, 0].numpy(), mask)


# ------------------------------------------------------------------------------------------------ target models


def test_a_target_model_is_learned_once_and_then_read(targets, simulation, tmp_path, monkeypatch):
    learned = simulation.learned(0, 1)
    assert len(list(tmp_path.iterdir())) == 1

    def never(*_):
        raise AssertionError

    monkeypatch.setattr(Simulation, "_learn", never)
    for same in (simulation, new_simulation(targets, tmp_path)):
        assert all(torch.equal(a, b) for a, b in zip(same.learned(0, 1), learned))


def test_a_target_model_is_learned_in_full_precision_whatever_the_training_computes_in(targets, tmp_path):
    plain = new_simulation(targets, tmp_path / "plain").learned(0, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = new_simulation(targets, tmp_path / "cast").learned(0, 1)
    assert all(torch.equal(a, b) for a, b in zip(cast, plain))


def test_a_target_model_of_other_settings_is_never_taken(targets, strangers, tmp_path):
    """Each of these changes what is learned, and none of them the target's name."""
    darker = make_video(square(), np.stack(targets[0].sequence.frames) // 2)
    others = [
        new_simulation(targets, tmp_path),
        new_simulation(find_targets([darker], min_pixels=100), tmp_path),
        new_simulation(targets, tmp_path, replace(CONFIG, lines=(96, 128))),
        new_simulation([*targets, *strangers], tmp_path, COMPOSED),
        new_simulation(targets, tmp_path, replace(CONFIG, augmentations=2)),
        new_simulation(targets, tmp_path, target_model=replace(D, c=5)),
        new_simulation(targets, tmp_path, level="layer2"),
    ]
    backbone = load_backbone("filters", levels=["layer2", "layer3"])
    backbone.gauss0 *= 2
    others.append(new_simulation(targets, tmp_path, backbone=backbone))
    for n, simulation in enumerate(others, 1):
        simulation.learned(0, 0)
        assert len(list(tmp_path.iterdir())) == n
    same = new_simulation(targets, tmp_path, replace(CONFIG, frames=1))  # says nothing about what D learns
    same.learned(0, 0)
    assert len(list(tmp_path.iterdir())) == len(others)
