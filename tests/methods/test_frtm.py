"""The D-only tracker on scenes whose truth is known, and against Algorithm 1 written out plainly."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from rounding import assert_same_labels

from vosbook.features import load_backbone
from vosbook.features.filter_bank import FilterBank
from vosbook.methods.frtm import FAST, RELEASED, FrtmConfig, FrtmSegmenter, seen_size
from vosbook.metrics.region import jaccard
from vosbook.segmenter import segment_frames
from vosbook.target_model.augment import augment_first_frame
from vosbook.target_model.model import TargetModel
from vosbook.video.frames import FrameFolder
from vosbook.video.masks import MaskFolder

SIZE = (96, 128)
RED, BLUE = (200, 40, 30), (40, 60, 210)


@pytest.fixture(scope="module")
def backbone() -> FilterBank:
    return load_backbone("filters", levels=["layer3"])


def _background() -> np.ndarray:
    """A gray-green texture `uint8 (H, W, 3)`."""
    noise = np.random.default_rng(0).normal(size=(12, 16, 3))
    smooth = np.kron(noise, np.ones((8, 8, 1)))
    return np.clip(110 + 25 * smooth + np.array([0, 20, 0]), 0, 255).astype(np.uint8)


def _draw(*squares: tuple[int, tuple[int, int], tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """A frame and its labels: squares of 32 pixels, each (id, upper left corner (y, x), colour)."""
    frame, labels = _background(), np.zeros(SIZE, np.uint8)
    for i, (y, x), colour in squares:
        frame[y : y + 32, x : x + 32] = colour
        labels[y : y + 32, x : x + 32] = i
    return frame, labels


def _red(t: int) -> tuple[int, tuple[int, int], tuple[int, int, int]]:
    return 1, (20 + t, 10 + 3 * t), RED


def _score(labels: np.ndarray, truth: np.ndarray, i: int) -> float:
    return jaccard(labels == i, truth == i)


# ------------------------------------------------------------------------------------------------- it follows objects


def test_one_object_is_followed(backbone):
    clip = [_draw(_red(t)) for t in range(20)]
    segmenter = FrtmSegmenter(backbone)
    segmenter.start(*clip[0])
    scores = [_score(segmenter.step(frame), truth, 1) for frame, truth in clip[1:]]
    still = [_score(clip[0][1], truth, 1) for _, truth in clip[1:]]
    assert np.mean(still) < 0.3
    assert np.mean(scores) > 0.8


def test_several_objects_keep_their_ids(backbone):
    clip = [_draw((7, (20, 8 + 2 * t), RED), (200, (50, 90 - 2 * t), BLUE)) for t in range(10)]
    segmenter = FrtmSegmenter(backbone)
    segmenter.start(*clip[0])
    for frame, truth in clip[1:]:
        labels = segmenter.step(frame)
        assert labels.dtype == np.uint8 and labels.shape == SIZE
        assert set(np.unique(labels)) == {0, 7, 200}
        assert min(_score(labels, truth, 7), _score(labels, truth, 200)) > 0.6


def test_an_object_that_appears_later_is_taken_in(backbone):
    clip = [_draw(_red(t)) for t in range(4)] + [_draw(_red(t), (2, (60, 90 - t), BLUE)) for t in range(4, 12)]
    segmenter = FrtmSegmenter(backbone)
    segmenter.start(*clip[0])
    for t, (frame, truth) in enumerate(clip[1:], 1):
        labels = segmenter.step(frame)
        if t == 4:
            segmenter.add_objects(frame, np.where(truth == 2, truth, 0))
        if t > 4:
            assert min(_score(labels, truth, 1), _score(labels, truth, 2)) > 0.6


def test_an_object_that_leaves_is_lost_and_found_again(backbone):
    segmenter = FrtmSegmenter(backbone)
    segmenter.start(*_draw(_red(0)))
    for t in range(1, 4):
        segmenter.step(_draw(_red(t))[0])
    for _ in range(12):
        assert not segmenter.step(_background()).any()
    assert len(segmenter.targets[1].model.memory) == 1 + FAST.augmentations + 3  # empty frames are not remembered
    frame, truth = _draw(_red(14))
    assert _score(segmenter.step(frame), truth, 1) > 0.7


def test_a_second_video_starts_afresh(backbone):
    clip = [_draw(_red(t)) for t in range(4)]
    segmenter = FrtmSegmenter(backbone)
    runs = []
    for _ in range(2):
        segmenter.start(*clip[0])
        runs.append([segmenter.step(frame) for frame, _ in clip[1:]])
    assert np.array_equal(*runs)


# ------------------------------------------------------------------------------------ it is Algorithm 1, line by line


def _plain_algorithm_1(backbone: FilterBank, clip: list, config: FrtmConfig) -> list[np.ndarray]:
    """One object, no merge: for one object the merged probability is the softmax of two odds, background first."""

    def features(images):
        return backbone(torch.from_numpy(images).permute(0, 3, 1, 2) / 255)["layer3"]

    (frame, labels), *rest = clip
    images, masks = augment_first_frame(frame, labels > 0, samples=config.augmentations, seed=config.seed)
    d = TargetModel(config.target_model)
    d.learn_first_frame(features(images), torch.from_numpy(masks)[:, None], seed=config.seed)
    answers = []
    for i, (frame, _) in enumerate(rest, 1):
        x = features(frame[None])
        s = F.interpolate(d.scores(x), size=SIZE, mode="bilinear", align_corners=False)
        p = s.clamp(1e-7, 1 - 1e-7)
        answers.append((p[0, 0] > 0.5).numpy().astype(np.uint8))
        soft = torch.sigmoid(p / (1 - p) - (1 - p) / p)
        if config.update and d.insert(x, soft) and i % 8 == 0:
            d.update()
    return answers


@pytest.mark.parametrize("update", [True, False])
def test_equals_algorithm_1_written_out(backbone, update):
    config = replace(FAST, update=update, seed=3)
    clip = [_draw(_red(t), (0, (0, 90 - 2 * t), (150, 90, 60))) for t in range(20)]
    segmenter = FrtmSegmenter(backbone, config)
    segmenter.start(*clip[0])
    mine = [segmenter.step(frame) for frame, _ in clip[1:]]
    assert_same_labels(mine, _plain_algorithm_1(backbone, clip, config))


def test_updates_come_with_every_eighth_tracked_frame(backbone, monkeypatch):
    segmenter = FrtmSegmenter(backbone)
    segmenter.start(*_draw(_red(0)))
    updated = []
    monkeypatch.setattr(TargetModel, "update", lambda self: updated.append(t))
    for t in range(1, 19):
        segmenter.step(_draw(_red(t))[0])
    assert updated == [9, 17]  # before the frame that follows the 8th and the 16th


def test_without_updates_nothing_is_learned_after_the_first_frame(backbone):
    segmenter = FrtmSegmenter(backbone, replace(FAST, update=False))
    segmenter.start(*_draw(_red(0)))
    model = segmenter.targets[1].model
    w2 = model.w[1].clone()
    for t in range(1, 12):
        segmenter.step(_draw(_red(t))[0])
    assert torch.equal(model.w[1], w2) and len(model.memory) == 1 + FAST.augmentations


def test_a_label_is_zero_where_another_object_or_a_new_one_is(backbone, monkeypatch):
    remembered = []
    monkeypatch.setattr(TargetModel, "insert", lambda self, x, y: remembered.append(y[0, 0].numpy().copy()))
    segmenter = FrtmSegmenter(backbone)
    segmenter.start(*_draw((1, (20, 10), RED), (2, (50, 90), BLUE)))
    frame, _ = _draw((1, (20, 12), RED), (2, (50, 88), BLUE))
    labels = segmenter.step(frame)
    new = np.zeros(SIZE, np.uint8)
    new[20:36, 12:44] = 9
    segmenter.add_objects(frame, new)
    segmenter.step(frame)
    one, two = remembered
    assert (one[(labels == 2) | (new == 9)] == 0).all() and (two[labels == 1] == 0).all()
    assert one[(labels == 1) & (new == 0)].min() > 0.3 and one[labels == 1].max() > 0.9
    edge = one[(labels == 0) & (new == 0)]
    assert 0 < edge.max() < 0.5  # where the background wins the probability stays


def test_the_memory_does_not_grow(backbone):
    config = replace(FAST, target_model=replace(FAST.target_model, k_max=7))
    segmenter = FrtmSegmenter(backbone, config)
    segmenter.start(*_draw(_red(0)))
    memory = segmenter.targets[1].model.memory
    for t in range(1, 20):
        segmenter.step(_draw(_red(t))[0])
        assert len(memory) <= 7
    assert memory.gamma.sum().item() == pytest.approx(1)


def test_scores_can_be_watched(backbone):
    segmenter = FrtmSegmenter(backbone)
    segmenter.start(*_draw((5, (20, 10), RED)))
    labels = segmenter.step(_draw((5, (20, 12), RED))[0])
    s = torch.from_numpy(segmenter.scores[5])[None, None]  # (h, w) -> (1, 1, h, w)
    assert s.shape[2:] == (6, 8)  # stride 16
    s = F.interpolate(s, size=SIZE, mode="bilinear", align_corners=False)[0, 0]
    assert np.array_equal(s > 0.5, labels == 5)


# ---------------------------------------------------------------------------------------------- in which size it sees


def test_a_frame_is_seen_as_much_larger_as_is_asked_for_but_never_over_720_lines():
    assert seen_size((480, 854), enlarge=1) == (480, 854)
    assert seen_size((480, 854), enlarge=1.5) == (720, 1281)
    assert seen_size((960, 540), enlarge=1.5) == (1280, 720)
    assert seen_size((1080, 1920), enlarge=1.5) == (1080, 1920)


def test_larger_frames_have_finer_scores_and_masks_of_the_same_size(backbone):
    frame, labels = _draw(_red(0))
    segmenter = FrtmSegmenter(backbone, enlarge=1.5)
    segmenter.start(frame, labels)
    assert segmenter.step(frame).shape == SIZE
    assert segmenter.scores[1].shape == (9, 12)  # of 144 x 192 pixels, at stride 16


def test_frames_are_enlarged_for_the_smallest_object_of_the_first_one(backbone):
    frame, labels = _draw(_red(0))
    share = np.mean(labels == 1)
    labels[labels == 0] = 2  # the rest of the frame
    for small, cells in ((share * 0.99, (6, 8)), (share, (9, 12))):
        segmenter = FrtmSegmenter(backbone, enlarge=1.5, small=small)
        for first in (labels, np.full_like(labels, 2), labels):  # every video begins anew
            segmenter.start(frame, first)
            segmenter.step(frame)
            assert segmenter.scores[2].shape == (cells if first is labels else (6, 8))


def test_a_small_object_is_followed_better_in_larger_frames(backbone):
    """Of 12 pixels, less than a cell of the scores."""
    clip = []
    for t in range(10):
        frame, labels = _background(), np.zeros(SIZE, np.uint8)
        frame[30 + t : 42 + t, 20 + 3 * t : 32 + 3 * t], labels[30 + t : 42 + t, 20 + 3 * t : 32 + 3 * t] = RED, 1
        clip.append((frame, labels))
    means = []
    for enlarge in (1, 2):
        segmenter = FrtmSegmenter(backbone, enlarge=enlarge)
        segmenter.start(*clip[0])
        means.append(np.mean([_score(segmenter.step(frame), truth, 1) for frame, truth in clip[1:]]))
    assert means[1] > means[0] + 0.1


def test_the_seed_decides(backbone):
    frames = [_draw(_red(t), (0, (40, 60), (190, 60, 40))) for t in range(3)]

    def scores(seed):
        segmenter = FrtmSegmenter(backbone, replace(FAST, seed=seed))
        segmenter.start(*frames[0])
        segmenter.step(frames[1][0])
        return segmenter.scores[1]

    assert np.array_equal(scores(0), scores(0))
    assert not np.array_equal(scores(0), scores(1))


def test_wrong_use_is_refused(backbone):
    segmenter = FrtmSegmenter(backbone)
    frame, labels = _draw(_red(0))
    with pytest.raises(ValueError, match="at least one object"):
        segmenter.start(frame, None)
    with pytest.raises(ValueError, match="at least one object"):
        segmenter.start(frame, np.zeros(SIZE, np.uint8))
    segmenter.start(frame, labels)
    segmenter.step(frame)
    with pytest.raises(ValueError, match=r"\[1\] are known"):
        segmenter.add_objects(frame, labels)


def test_the_papers_settings():
    full, fast = FrtmConfig(), FAST
    assert (full.backbone, full.target_model.cg_first, full.target_model.cg_update) == ("resnet101", (5, *[10] * 4), 10)
    assert (fast.backbone, fast.target_model.cg_first, fast.target_model.cg_update) == ("resnet18", (5, *[10] * 3), 5)
    for config in (full, fast):
        d = config.target_model
        assert (config.augmentations, d.c, d.eta, d.k_max, d.t_s, d.kappa_min) == (4, 96, 0.1, 80, 8, 0.1)


# ---------------------------------------------------------------------------------------------------------- real video


def test_a_real_object_is_followed(davis):
    root = davis / "DAVIS2016"
    weights = next((davis / "weights").glob("resnet18*"))
    frames = FrameFolder(root / "JPEGImages" / "480p" / "blackswan")
    masks = MaskFolder(root / "Annotations" / "480p" / "blackswan", size=frames.size)
    segmenter = FrtmSegmenter(load_backbone(weights=weights, levels=["layer3"]))
    answers = segment_frames(segmenter, frames, {"00000": masks["00000"]})
    scores = [jaccard(next(answers) > 0, masks[name] > 0) for name in frames.names[:10]]
    assert np.mean(scores[1:]) > 0.85


def test_the_released_rules_are_a_configuration(backbone, monkeypatch):
    """What is remembered, how the first frame is altered and how the memory begins: all three are the released ones."""
    seen = {}

    def spy(frame, mask, *, samples, seed, config):
        seen["rules"] = config.rules
        return augment_first_frame(frame, mask, samples=samples, seed=seed, config=config)

    monkeypatch.setattr("vosbook.methods.frtm.augment_first_frame", spy)
    segmenter = FrtmSegmenter(backbone, RELEASED)
    segmenter.start(*_draw(_red(0)))
    segmenter.step(_draw(_red(1))[0])
    _, remembered = segmenter._pending
    assert seen["rules"] == "released"
    assert ((remembered == 0) | (remembered > 0.5)).all() and (remembered == 0).any()
    assert segmenter.targets[1].model.memory.first_insert == "released"


@pytest.mark.parametrize(("merge", "label"), [("softmax", 0), ("normalised", 1)])
def test_objects_are_merged_by_the_rule_that_is_asked_for(backbone, monkeypatch, merge, label):
    """Two objects of .45 and .4: the background of the first rule has .55, of the second .6 x .55 = .33."""
    frame, labels = _draw(_red(0), (2, (50, 90), BLUE))
    segmenter = FrtmSegmenter(backbone, FrtmConfig(merge=merge, update=False))
    segmenter.start(frame, labels)
    p = torch.tensor([0.45, 0.4])[:, None, None].expand(2, *SIZE)
    monkeypatch.setattr(segmenter, "_probabilities", lambda s, x, size: p)
    assert (segmenter.step(frame) == label).all()
