"""Composites: from a seed, true to their sources, with every object to be seen at first."""

import json

import numpy as np
import pytest

from vosbook.cli import main
from vosbook.datasets.composites import CompositeConfig, make_composite, write_composites
from vosbook.datasets.davis import Davis
from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.datasets.synthetic import ArrayFrames, ArrayMasks, SyntheticConfig, make_sequence
from vosbook.errors import InputError
from vosbook.video.labels import object_ids

T = 6
CONFIG = CompositeConfig(objects=(2, 4), frames=T, scale=(0.5, 0.9))
PLAIN = CompositeConfig(objects=(2, 2), frames=T, scale=(1.0, 1.0), feather=0.05)


@pytest.fixture(scope="module")
def sources() -> list[Sequence]:
    config = SyntheticConfig(size=(96, 128), frames=T + 2, objects=(1, 1))
    return [make_sequence(seed, config) for seed in (3, 5, 8)]


def flat(name: str, colour: int, box: tuple[int, int]) -> Sequence:
    """A gray video with a square of one colour, 20 pixels wide, that moves a pixel a frame to the right."""
    frames, labels = np.full((T, 90, 120, 3), 100, np.uint8), np.zeros((T, 90, 120), np.uint8)
    for t in range(T):
        place = np.s_[t, box[0] : box[0] + 20, box[1] + t : box[1] + t + 20]
        frames[place], labels[place] = colour, 1
    names = tuple(f"{t:05d}" for t in range(T))
    return Sequence(name, ArrayFrames(frames, names), ArrayMasks(labels, names), (VideoObject(1, names[0]),))


def test_the_same_seed_gives_the_same_video_and_another_another(sources):
    one, again, other = (make_composite(sources, seed, CONFIG) for seed in (4, 4, 5))
    assert np.array_equal(one.frames.pixels, again.frames.pixels)
    assert np.array_equal(one.masks.labels, again.masks.labels)
    assert not np.array_equal(one.frames.pixels, other.frames.pixels)


@pytest.mark.parametrize("seed", range(8))
def test_every_object_can_be_seen_at_first_and_their_number_is_within_bounds(sources, seed):
    video = make_composite(sources, seed, CONFIG)
    ids = object_ids(video.labels(0))
    assert ids == list(range(1, len(ids) + 1)) and 2 <= len(ids) <= 4
    assert [o.id for o in video.objects] == ids and len(video.frames) == T
    assert set(np.unique(video.masks.labels)) <= {0, *ids}


def test_what_is_laid_on_has_its_own_colour_motion_and_truth():
    """Two squares of two colours: of each the labels are where its colour is, and it moves a pixel a frame."""
    sources = [flat("a", 20, (10, 10)), flat("b", 250, (50, 60))]
    hidden = 0
    for seed in range(12):
        video = make_composite(sources, seed, PLAIN)
        frames, labels = video.frames.pixels[..., 0], video.masks.labels
        for i in (1, 2):
            (colour,) = np.unique(frames[labels == i])
            assert colour in (20, 250)
        assert (frames[labels == 0] == 100).all()
        columns = [np.nonzero(one == 2)[1] for one in labels]
        steps = np.diff([c.mean() for c in columns])
        assert (np.allclose(np.abs(steps), 1) and len({len(c) for c in columns}) == 1) or _cut(labels == 2)
        hidden += (labels[0] == 1).sum() < 400
    assert hidden, "no object ever hides another: this test sees too little"


def _cut(masks: np.ndarray) -> bool:
    """Whether something touches the border, beyond which it goes on."""
    return bool(masks[:, [0, -1]].any() or masks[:, :, [0, -1]].any())


def test_an_edge_is_soft_and_nothing_changes_beyond_it():
    sources = [flat("a", 20, (10, 10)), flat("b", 250, (50, 60))]
    hard, soft = (make_composite(sources, 1, CompositeConfig((2, 2), T, (1.0, 1.0), feather=f)) for f in (0.05, 1.5))
    differ = (hard.frames.pixels != soft.frames.pixels).any(axis=-1)
    assert differ.any() and not (differ & (hard.masks.labels != 2)).any()


def test_too_many_objects_and_too_short_videos_are_refused(sources):
    big = [flat("a", 20, (10, 10))]
    with pytest.raises(InputError, match="a has no place for 60 objects that can be seen"):
        make_composite(big, 0, CompositeConfig(objects=(60, 60), frames=T, seen=0.9))
    with pytest.raises(InputError, match="no 50 frames in a row"):
        make_composite(sources, 0, CompositeConfig(frames=50))
    with pytest.raises(InputError, match="the least and the greatest"):
        CompositeConfig(objects=(3, 2))


def test_they_lie_on_disk_as_davis_2017_does(sources, tmp_path):
    write_composites(tmp_path / "set", sources, videos=3, seed=7, config=CONFIG)
    read = Davis(tmp_path / "set", year=2017)
    assert read.names == ("composite-00007", "composite-00008", "composite-00009")
    for k, sequence in enumerate(read):
        made = make_composite(sources, 7 + k, CONFIG)
        assert all(np.array_equal(sequence.labels(t), made.labels(t)) for t in range(T))
        assert sequence.frames[2].shape == made.frames[2].shape
    with pytest.raises(InputError, match="is not empty"):
        write_composites(tmp_path / "set", sources, videos=1, seed=7, config=CONFIG)
    with pytest.raises(InputError, match="0 or more"):
        write_composites(tmp_path / "other", sources, videos=1, seed=-1, config=CONFIG)
    assert not (tmp_path / "other").exists()


def test_the_command_composes_a_data_set_that_can_be_evaluated(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    synth = ["synth", str(tmp_path / "DAVIS2017"), "--sequences", "2", "--seed", "1", "--layout", "davis"]
    assert main([*synth, "--size", "64x96", "--frames", "5"]) == 0
    out, ask = str(tmp_path / "composed"), ["--data", "davis2017", "--videos", "2", "--seed", "3", "--frames", "4"]
    assert main(["compose", out, *ask]) == 0
    truth = f"{out}/Annotations/480p"
    assert main(["evaluate", "--gt", truth, "--pred", truth, "--json", str(tmp_path / "s.json")]) == 0
    scores = json.loads((tmp_path / "s.json").read_text())
    assert scores["mean"]["J&F"] == 1 and len(scores["sequences"]) == 2
    assert main(["compose", str(tmp_path / "x"), *ask[:-1], "40"]) == 2
    assert "no 40 frames in a row" in capsys.readouterr().err and not (tmp_path / "x").exists()
