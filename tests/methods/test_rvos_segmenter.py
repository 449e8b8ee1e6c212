"""RVOS frame by frame: the same answers as a clip at once, objects that come later, slots found and chosen."""

import numpy as np
import pytest
import torch
from rounding import assert_same_labels
from tiny_rvos import tiny_network

from vosbook.errors import InputError
from vosbook.methods.rvos import RvosNetwork, RvosSegmenter
from vosbook.segmenter import segment_frames

T, SIZE = 4, (40, 52)
VARIANTS = {
    "S": {"space": True, "time": False},
    "T": {"space": False, "time": True},
    "T as released": {"space": False, "time": True, "space_in_first_frame": True},
    "ST": {"space": True, "time": True},
}
every_variant = pytest.mark.parametrize("variant", VARIANTS)
RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, (T, *SIZE, 3), np.uint8)


def boxes(**objects: tuple[int, int]) -> np.ndarray:
    """Labels with squares of 12 pixels: boxes(o3=(4, 8)) paints object 3 from row 4 and column 8 on."""
    labels = np.zeros(SIZE, np.uint8)
    for name, (y, x) in objects.items():
        labels[y : y + 12, x : x + 12] = int(name[1:])
    return labels


TWO, THIRD = boxes(o1=(4, 4), o2=(20, 30)), boxes(o3=(16, 8))


def new_network(variant: str = "ST", **changes: object) -> RvosNetwork:
    return tiny_network(**VARIANTS[variant], **changes)


def tensors(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2)[None].float() / 255  # (1, T, 3, H, W)


def one_hot(labels: np.ndarray, ids: list[int]) -> torch.Tensor:
    return torch.stack([torch.from_numpy(labels == i) for i in ids]).float()[None, None]  # (1, 1, N, H, W)


def labels_of(logits: torch.Tensor, ids: list[int]) -> np.ndarray:
    """(N, H, W) -> labels."""
    best = logits.numpy().argmax(axis=0)
    return np.where(logits.numpy().max(axis=0) > 0, np.array(ids)[best], 0).astype(np.uint8)


# ------------------------------------------------------------------------------------------------------------ one-shot


@every_variant
@torch.no_grad()
def test_frame_by_frame_gives_what_a_clip_at_once_gives(variant):
    network = new_network(variant)
    segmenter = RvosSegmenter(network)
    segmenter.start(FRAMES[0], TWO)
    logits = network(tensors(FRAMES), one_hot(TWO, [1, 2]))[0]
    seen = set()
    for t in range(1, T):
        labels = segmenter.step(FRAMES[t])
        torch.testing.assert_close(segmenter.p[:, 0], logits[t].sigmoid(), rtol=1e-4, atol=1e-5)
        assert_same_labels(labels, labels_of(logits[t], [1, 2]))
        assert labels.dtype == np.uint8
        seen |= set(np.unique(labels).tolist())
    assert len(seen) > 1


def test_only_as_many_steps_are_run_as_there_are_objects_and_ten_change_nothing(monkeypatch):
    network, calls = new_network(), []
    decoder = network.decoder.forward
    monkeypatch.setattr(network.decoder, "forward", lambda *a: calls.append(len(a[0][0])) or decoder(*a))
    segmenter = RvosSegmenter(network)
    segmenter.start(FRAMES[0], TWO)
    segmenter.step(FRAMES[1])
    assert calls == [1, 1, 1, 1]  # two objects in two frames
    with torch.no_grad():
        empty = torch.cat([one_hot(TWO, [1, 2]), torch.zeros(1, 1, 2, *SIZE)], dim=2)
        logits = network(tensors(FRAMES[:2]), empty)[0, 1, :2]
    torch.testing.assert_close(segmenter.p[:, 0], logits.sigmoid(), rtol=1e-4, atol=1e-5)


def test_without_space_all_objects_are_one_batch(monkeypatch):
    network, calls = new_network("T"), []
    decoder = network.decoder.forward
    monkeypatch.setattr(network.decoder, "forward", lambda *a: calls.append(len(a[0][0])) or decoder(*a))
    segmenter = RvosSegmenter(network)
    segmenter.start(FRAMES[0], TWO)
    assert calls == [2]


def test_ids_are_kept_and_the_frame_is_seen_at_the_networks_size():
    network = new_network(size=(32, 48))
    segmenter = RvosSegmenter(network)
    labels = np.where(TWO > 0, TWO + 40, 0).astype(np.uint8)
    segmenter.start(FRAMES[0], labels)
    assert tuple(segmenter.p.shape) == (2, 1, 32, 48)
    area = segmenter.p.sum((1, 2, 3)).numpy() * (40 * 52) / (32 * 48)
    np.testing.assert_allclose(area, [144, 144], rtol=1e-3)
    found = segmenter.step(FRAMES[1])
    assert found.shape == SIZE
    assert set(np.unique(found)) <= {0, 41, 42}
    assert np.unique(found).size > 1


@every_variant
def test_objects_added_to_a_frame_are_as_if_they_had_been_given_with_the_others(variant):
    network = new_network(variant)
    together, apart = RvosSegmenter(network), RvosSegmenter(network)
    together.start(FRAMES[0], np.maximum(TWO, THIRD))
    apart.start(FRAMES[0], TWO)
    apart.add_objects(FRAMES[0], THIRD)
    for frame in FRAMES[1:]:
        assert_same_labels(apart.step(frame), together.step(frame))
        torch.testing.assert_close(apart.p, together.p, rtol=1e-4, atol=1e-5)


def test_an_object_that_comes_later_has_its_mask_and_the_others_lose_theirs_there():
    segmenter = RvosSegmenter(new_network())
    segmenter.start(FRAMES[0], TWO)
    segmenter.step(FRAMES[1])
    before = segmenter.p.clone()
    segmenter.add_objects(FRAMES[1], THIRD)
    there = torch.from_numpy(THIRD > 0)
    assert segmenter.objects == {0: 1, 1: 2, 2: 3}
    assert torch.equal(segmenter.p[2, 0], there.float())
    assert not segmenter.p[:2, 0, there].any()
    assert torch.equal(segmenter.p[:2, 0, ~there], before[:, 0, ~there])
    assert set(np.unique(segmenter.step(FRAMES[2]))) <= {0, 1, 2, 3}


class Clip:
    names, size = tuple(f"{t:05d}" for t in range(T)), SIZE

    def __iter__(self):
        return iter(FRAMES)


def test_the_frame_loop_gives_objects_where_they_appear():
    segmenter = RvosSegmenter(new_network())
    answers = list(segment_frames(segmenter, Clip(), {"00001": TWO, "00002": THIRD}))
    assert not answers[0].any()
    assert np.array_equal(answers[1], TWO)
    assert (answers[2][THIRD > 0] == 3).all()
    assert segmenter.objects == {0: 1, 1: 2, 2: 3}


def test_a_second_video_begins_anew():
    segmenter = RvosSegmenter(new_network())
    runs = []
    for _ in range(2):
        segmenter.start(FRAMES[0], TWO)
        runs.append([segmenter.step(frame) for frame in FRAMES[1:]])
    assert all(np.array_equal(a, b) for a, b in zip(*runs))


def test_what_is_kept_does_not_grow_with_the_video():
    segmenter = RvosSegmenter(new_network())
    segmenter.start(FRAMES[0], TWO)
    kept = []
    for frame in [*FRAMES[1:], *FRAMES]:
        segmenter.step(frame)
        kept.append((len(segmenter._time), len(segmenter._space), len(segmenter.p)))
    assert set(kept) == {(2, 1, 2)}


def test_more_objects_than_slots_none_and_known_ones_are_refused():
    segmenter = RvosSegmenter(new_network(slots=2))
    with pytest.raises(InputError, match="at most 2 objects, and here are 3"):
        segmenter.start(FRAMES[0], np.maximum(TWO, THIRD))
    segmenter.start(FRAMES[0], TWO)
    with pytest.raises(InputError, match="at most 2 objects, and here are 3"):
        segmenter.add_objects(FRAMES[0], THIRD)
    with pytest.raises(ValueError, match=r"objects \[1, 2\] are known"):
        segmenter.add_objects(FRAMES[0], TWO)
    for nothing in (None, np.zeros(SIZE, np.uint8)):
        with pytest.raises(ValueError, match="at least one object"):
            segmenter.start(FRAMES[0], nothing)


# ----------------------------------------------------------------------------------------------------------- zero-shot


@pytest.mark.parametrize("variant", ["S", "ST"])
@torch.no_grad()
def test_zero_shot_labels_are_the_slots_from_the_first_frame_on(variant):
    network = new_network(variant, mask=False)
    network.decoder.score.bias -= network(tensors(FRAMES)).median()  # so that masks have insides and outsides
    segmenter = RvosSegmenter(network)
    logits = network(tensors(FRAMES))[0]  # (T, 4, H, W)
    first = segmenter.start(FRAMES[0], None)
    found = [first, *(segmenter.step(frame) for frame in FRAMES[1:])]
    for t in range(T):
        assert_same_labels(found[t], labels_of(logits[t], [1, 2, 3, 4]))
    assert len(np.unique(np.stack(found))) > 1


@torch.no_grad()
def test_given_masks_choose_the_slots_that_are_nearest_and_those_keep_their_ids(monkeypatch):
    network = new_network(mask=False)
    plan = torch.full((T, 4, *SIZE), -1.0)  # what the slots show
    plan[:, 1, 16:30, 8:20] = 1.0  # near object 3
    plan[:, 2, 4:16, 4:18] = 1.0  # near object 1, better than the next
    plan[:, 3, 2:20, 2:30] = 2.0  # over object 1, surer
    segmenter = RvosSegmenter(network)
    monkeypatch.setattr(segmenter, "_run", lambda slots, p: plan[segmenter._t][:, None])
    labels = boxes(o1=(4, 4), o3=(16, 8))
    first = segmenter.start(FRAMES[0], labels)
    assert segmenter.objects == {2: 1, 1: 3}
    for found in (first, segmenter.step(FRAMES[1])):
        assert (found[16:30, 8:18] == 3).all()
        assert (found[4:16, 4:18] == 1).all()
        assert not found[:4].any()  # the slot that was not chosen is not painted
    segmenter.add_objects(FRAMES[1], boxes(o7=(3, 12)))
    assert segmenter.objects == {2: 1, 1: 3, 3: 7}


def test_objects_beyond_the_slots_have_none():
    segmenter = RvosSegmenter(new_network(mask=False, slots=1))
    segmenter.start(FRAMES[0], TWO)
    assert len(segmenter.objects) == 1
    segmenter.add_objects(FRAMES[0], THIRD)
    assert len(segmenter.objects) == 1


def test_objects_cannot_be_added_to_those_that_were_found():
    segmenter = RvosSegmenter(new_network(mask=False))
    segmenter.start(FRAMES[0], None)
    with pytest.raises(ValueError, match="left to be found"):
        segmenter.add_objects(FRAMES[0], THIRD)
