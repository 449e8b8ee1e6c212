"""What a clip shows: which frames and objects, masks that lie on their objects, the same clips for the same numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.datasets.synthetic import ArrayFrames, ArrayMasks
from vosbook.errors import InputError
from vosbook.training.clips import ClipConfig, ClipSampler, compose, stack_clips
from vosbook.training.views import CLIP_VIEWS, ViewConfig

SIZE = (48, 64)
COLOURS = np.array([[20, 60, 100], [250, 30, 30], [30, 250, 30], [30, 30, 250]], np.uint8)  # of ground and objects
STILL = ClipConfig(size=SIZE, views=ViewConfig(min_pixels=20))
MOVED = replace(STILL, views=replace(CLIP_VIEWS, min_pixels=20))


def seen_from(min_pixels: int, config: ClipConfig) -> ClipConfig:
    """The configuration with another least size of objects."""
    return replace(config, views=replace(config.views, min_pixels=min_pixels))


def make_video(labels: np.ndarray, *, every: int = 1, name: str = "video", objects: tuple | None = None) -> Sequence:
    """Frames in the colours of their labels `uint8 (T, H, W)`, of which every so many are annotated."""
    names = tuple(f"{t:05d}" for t in range(len(labels)))
    masks = ArrayMasks(labels[::every], names[::every])
    ids = objects if objects is not None else [i for i in np.unique(labels).tolist() if i]
    return Sequence(name, ArrayFrames(COLOURS[labels], names), masks, tuple(VideoObject(i, names[0]) for i in ids))


def squares(frames: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Two squares; the first moves a sixteenth of the width per frame."""
    h, w = size
    labels = np.zeros((frames, *size), np.uint8)
    for t in range(frames):
        labels[t, h // 6 : h // 2, (t % 12) * w // 16 : (t % 12) * w // 16 + w // 5] = 1
        labels[t, h // 2 : 5 * h // 6, w // 2 : 3 * w // 4] = 2
    return labels


# --------------------------------------------------------------------------------------------------------------- frames


def test_without_maps_a_clip_is_a_part_of_its_sequence():
    video = make_video(squares(12))
    sampler = ClipSampler([video], STILL)
    begins = set()
    for k in range(30):
        clip = sampler.draw(0, k)
        begins.add(clip.times[0])
        assert clip.times == tuple(range(clip.times[0], clip.times[0] + 5))
        assert np.array_equal(clip.images, np.stack([video.frames[t] for t in clip.times]))
        assert np.array_equal(clip.labels, np.stack([video.labels(t) for t in clip.times]))
        assert clip.labelled.all()
        assert clip.ids == (1, 2)
    assert begins == set(range(8))


def test_a_batch_holds_what_its_clips_show():
    one, two = squares(9), squares(9)
    one[one == 2] = 0
    sampler = ClipSampler([make_video(one, name="one"), make_video(two, name="two")], MOVED)
    batch = sampler.batch(3, range(2, 8))
    clips = [sampler.draw(3, k) for k in range(2, 8)]
    assert {len(clip.ids) for clip in clips} == {1, 2}
    assert batch.images.shape == (6, 5, 3, *SIZE)
    assert batch.y.shape == (6, 5, 2, *SIZE)
    for b, clip in enumerate(clips):
        assert batch.valid[b].tolist() == [True, len(clip.ids) == 2]
        for t in range(5):
            shown = (batch.images[b, t].permute(1, 2, 0) * 255).round().numpy().astype(np.uint8)
            assert np.array_equal(shown, clip.images[t])
            for n in range(2):
                expected = clip.labels[t] == clip.ids[n] if n < len(clip.ids) else np.zeros(SIZE, bool)
                assert np.array_equal(batch.y[b, t, n].numpy(), expected)


def test_a_clip_depends_on_seed_step_and_place_alone():
    videos = [make_video(squares(n), name=str(n)) for n in (6, 8, 11)]
    config = replace(MOVED, frames=(3, 5), stride=(1, 2))
    first, again = ClipSampler(videos, config), ClipSampler(videos, config)
    again.draw(7, 3)  # what was drawn before has no say
    whole, part = first.batch(2, range(4)), again.batch(2, range(2, 4))
    assert torch.equal(whole.images[2:], part.images)
    assert torch.equal(whole.y[2:], part.y)
    others = [first.draw(2, 3), first.draw(3, 2), ClipSampler(videos, replace(config, seed=1)).draw(2, 2)]
    clip = first.draw(2, 2)
    assert all(clip.images.shape != other.images.shape or (clip.images != other.images).any() for other in others)


def test_the_length_is_one_for_the_whole_batch_and_changes_with_the_step():
    sampler = ClipSampler([make_video(squares(12))], replace(STILL, frames=(3, 6)))
    lengths = [sampler.batch(step, range(3)).images.shape[1] for step in range(30)]
    assert set(lengths) == {3, 4, 5, 6}
    assert lengths == [sampler.length(step) for step in range(30)]


def test_strides_are_those_that_fit():
    sampler = ClipSampler([make_video(squares(9))], replace(STILL, stride=(1, 3)))
    steps = {tuple(np.diff(sampler.draw(0, k).times).tolist()) for k in range(30)}
    assert steps == {(1,) * 4, (2,) * 4}, "3 would need 13 frames"


def test_frames_without_annotation_are_left_out_or_marked():
    video = make_video(squares(21), every=5)  # 0, 5, ..., 20
    assert ClipSampler([video], STILL).draw(0, 0).times == (0, 5, 10, 15, 20)
    sampler = ClipSampler([video], replace(STILL, frames=(7, 7), annotated_only=False))
    for k in range(20):
        clip = sampler.draw(0, k)
        assert clip.times[0] in (0, 5, 10)
        assert np.array_equal(np.diff(clip.times), np.ones(6))
        assert np.flatnonzero(clip.labelled).tolist() == [0, 5]
        assert not clip.labels[~clip.labelled].any()
        assert clip.labels[clip.labelled].any(axis=(1, 2)).all()
    batch = stack_clips([clip])
    assert torch.equal(batch.labelled, torch.from_numpy(clip.labelled)[None])


# -------------------------------------------------------------------------------------------------------------- objects


def test_the_objects_are_those_of_the_first_mask_in_order_of_ids():
    labels = squares(8)
    labels[4:, :6, :6] = 3  # comes into view in frame 4
    labels[6:][labels[6:] == 2] = 0  # goes out of view in frame 6
    video = make_video(labels, objects=(3, 2, 1))
    sampler = ClipSampler([video], seen_from(30, replace(STILL, frames=(3, 3))))
    seen = {clip.times[0]: clip for clip in (sampler.draw(0, k) for k in range(60))}
    assert {t: clip.ids for t, clip in seen.items()} == {t: (1, 2) if t < 4 else (1, 2, 3) for t in range(6)}
    batch = stack_clips([seen[2], seen[5]])
    assert batch.valid.tolist() == [[True, True, False], [True, True, True]]
    assert batch.y[0].sum(1).max() == 1, "the third object is background where it was not given"
    assert [bool(batch.y[1, t, 1].any()) for t in range(3)] == [True, False, False]


def test_an_object_whose_first_mask_is_in_frame_30_is_met_there():
    labels = np.zeros((36, *SIZE), np.uint8)
    labels[30:, 10:20, 10:20] = 2
    video = make_video(labels, objects=(1, 2))  # object 1 never has a mask at all
    sampler = ClipSampler([video], STILL)
    clips = [sampler.draw(0, k) for k in range(20)]
    assert {clip.times[0] for clip in clips} == {30, 31}
    assert {clip.ids for clip in clips} == {(2,)}


def test_of_more_objects_than_slots_some_are_drawn():
    labels = squares(5)
    labels[:, :6, :6] = 3
    sampler = ClipSampler([make_video(labels)], seen_from(30, replace(STILL, slots=2)))
    assert {sampler.draw(0, k).ids for k in range(40)} == {(1, 2), (1, 3), (2, 3)}
    one = ClipSampler([make_video(labels)], seen_from(30, replace(STILL, slots=1)))
    assert {one.draw(0, k).ids for k in range(40)} == {(1,), (2,), (3,)}


def test_every_clip_shows_an_object_whatever_the_map():
    labels = np.zeros((5, *SIZE), np.uint8)
    labels[:, :8, :8] = 1  # in the corner, where maps lose it
    views = replace(CLIP_VIEWS, zoom=(1.3, 1.4), min_pixels=30)
    sampler = ClipSampler([make_video(labels)], replace(MOVED, views=views))
    for k in range(40):
        assert (sampler.draw(0, k).labels[0] == 1).sum() >= 30


# ----------------------------------------------------------------------------------------------------------------- maps


def test_all_frames_of_a_clip_go_through_one_map():
    labels = np.repeat(squares(1), 5, axis=0)  # nothing moves
    sampler = ClipSampler([make_video(labels)], MOVED)
    clips = [sampler.draw(0, k) for k in range(4)]
    for clip in clips:
        assert (clip.images == clip.images[0]).all()
        assert (clip.labels == clip.labels[0]).all()
    assert not np.array_equal(clips[0].images[0], clips[1].images[0])


# ------------------------------------------------------------------------------------------------ light, composed clips


def test_light_is_one_factor_for_each_colour_of_a_clip():
    config = replace(STILL, views=ViewConfig(light=0.2, min_pixels=20))
    video = make_video(np.repeat(squares(1), 5, axis=0))
    clips = [ClipSampler([video], config).draw(0, k) for k in range(3)]
    assert all((clip.images == clip.images[0]).all() for clip in clips), "one factor for all frames"
    images = np.stack([clip.images for clip in clips])  # (3, T, H, W, 3)
    assert (images != ClipSampler([video], STILL).draw(0, 0).images).any(axis=(0, 1, 2, 3)).all(), "all three colours"


def test_the_objects_of_another_clip_lie_above_and_move_as_they_did():
    ground = squares(5)
    ground[ground == 2] = 0
    other = np.zeros_like(ground)
    for t in range(5):
        other[t, 10 + 4 * t : 22 + 4 * t, 4:20] = 3
    generator, config = np.random.default_rng(0), STILL
    below = ClipSampler([make_video(ground)], STILL).draw(0, 0)
    above = ClipSampler([make_video(other)], STILL).draw(0, 0)
    clip = compose(below, above, config, generator)
    shown = other > 0
    assert clip.ids == (1, 4)
    assert np.array_equal(clip.labels == 4, shown)
    assert np.array_equal(clip.labels == 1, (ground == 1) & ~shown)
    assert np.array_equal(clip.images, np.where(shown[..., None], above.images, below.images))
    one = {compose(below, above, replace(config, slots=1), np.random.default_rng(n)).ids for n in range(20)}
    assert one == {(1,), (4,)}
    hidden = replace(below, labels=np.where(shown, below.labels, 0))  # under the other from the start
    assert compose(hidden, above, config, generator).ids == (4,)


def test_nothing_is_laid_over_a_clip_where_its_mask_is_not_known():
    video = make_video(squares(21), every=5)
    below = ClipSampler([make_video(squares(21))], replace(STILL, frames=(7, 7))).draw(0, 0)
    above = ClipSampler([video], replace(STILL, frames=(7, 7), annotated_only=False)).draw(0, 0)
    assert compose(below, above, STILL, np.random.default_rng(0)) is below
    turned = compose(above, below, STILL, np.random.default_rng(0))
    assert not turned.labels[~turned.labelled].any() and turned.labels[turned.labelled].any()


def test_as_many_clips_are_composed_as_configured():
    one = squares(5)
    one[one == 2] = 0
    sampler = ClipSampler([make_video(one)], replace(STILL, composed=0.5))
    clips = [sampler.draw(0, k) for k in range(60)]
    several = np.mean([2 in clip.labels for clip in clips])
    assert 0.3 < several < 0.7
    alone = ClipSampler([make_video(one)], STILL)
    for k, clip in enumerate(clips):
        if 2 not in clip.labels:
            assert np.array_equal(clip.images, alone.draw(0, k).images), "what is composed changes no other clip"


# ---------------------------------------------------------------------------------------------------------- wrong input


def test_sequences_shorter_than_a_clip_are_not_drawn_or_refused():
    short, long = make_video(squares(4), name="short"), make_video(squares(5), name="long")
    sampler = ClipSampler([short, long], STILL)
    assert {sampler.draw(0, k).sequence for k in range(10)} == {"long"}
    with pytest.raises(InputError, match=r"no sequence has 5 annotated frames \(the most are 4, in short\)"):
        ClipSampler([short], STILL)
    with pytest.raises(InputError, match=r"no sequence has 12 annotated frames \(the most are 5, in long\)"):
        ClipSampler([short, long], replace(STILL, frames=(5, 12)))
    with pytest.raises(InputError, match=r"no sequence has 5 frames \(there is none\)"):
        ClipSampler([], replace(STILL, annotated_only=False))


def test_sequences_that_show_nothing_are_not_drawn_or_refused():
    empty = make_video(np.zeros((6, *SIZE), np.uint8), name="empty", objects=(1,))
    sampler = ClipSampler([empty, make_video(squares(5), name="full")], STILL)
    assert {sampler.draw(0, k).sequence for k in range(10)} == {"full"}
    with pytest.raises(
        InputError, match="no sequence, empty among them, shows an object of 20 pixels where a clip of 5"
    ):
        ClipSampler([empty], STILL).draw(0, 0)
    sparse = make_video(squares(21), every=5)  # five frames in a row hold one annotation: nothing to learn from
    with pytest.raises(InputError, match="where a clip of 5 frames can begin"):
        ClipSampler([sparse], replace(STILL, annotated_only=False)).draw(0, 0)


def test_settings_that_make_no_sense_are_refused():
    for wrong, words in (
        ({"frames": (6, 5)}, "frames are"),
        ({"stride": (0, 1)}, "stride are"),
        ({"slots": 0}, "slot"),
    ):
        with pytest.raises(ValueError, match=words):
            ClipConfig(**wrong)
    with pytest.raises(ValueError, match="at least two frames"):
        ClipConfig(frames=(1, 5))
