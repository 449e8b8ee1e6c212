"""Scores of segmenters and of masks are DAVIS's, whoever computes them; clocks count every call."""

import numpy as np
import pytest

from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.measure import Clock, mean_of, score_masks, score_sequence
from vosbook.metrics.evaluate import evaluate
from vosbook.video.masks import write_mask


class Late:
    """A Segmenter that answers with the labels it was given, moved one row down a frame; notes whose turn it is."""

    def __init__(self, name: str, turns: list, pace: int):
        self.name, self.turns, self.pace = name, turns, pace

    def start(self, frame, masks):
        self.labels = masks

    def step(self, frame):
        self.turns.append((self.name, int(frame[0, 0, 0])))
        self.labels = np.roll(self.labels, self.pace, axis=0)
        return self.labels


def moving_square() -> Sequence:
    """Five frames 40 x 30, in which object 1 falls a row a frame, and object 2, there from the third on, stands."""
    names = tuple(f"{t:05d}" for t in range(5))
    Frames = type("Frames", (list,), {"names": names, "size": (40, 30)})
    masks = {}
    for t, name in enumerate(names):
        masks[name] = np.zeros((40, 30), np.uint8)
        masks[name][2 + t : 12 + t, 5:15] = 1
        masks[name][30:38, 20:28] = 2 if t > 1 else 0
    masks = type("Masks", (dict,), {"names": names})(masks)
    frames = Frames(np.full((40, 30, 3), t, np.uint8) for t in range(5))
    return Sequence("square", frames, masks, (VideoObject(1, names[0]), VideoObject(2, names[2])))


def test_a_sequence_is_scored_without_its_ends_and_on_the_objects_given():
    turns = []
    scores = score_sequence({"right": Late("right", turns, 1), "still": Late("still", turns, 0)}, moving_square())
    assert set(scores["right"]["objects"]) == {1}
    assert (scores["right"]["J"], scores["right"]["F"]) == (1, 1)
    moved = [(10 - t) / (10 + t) for t in (1, 2, 3)]  # J of two squares of ten rows, t apart; frame 4 does not count
    assert scores["still"]["J"] == pytest.approx(np.mean(moved))
    assert scores["still"]["J&F"] == pytest.approx((scores["still"]["J"] + scores["still"]["F"]) / 2)
    assert turns == [(name, t) for t in (1, 2, 3, 4) for name in ("right", "still")]  # frame by frame


def test_masks_are_scored_as_the_evaluation_scores_their_files(tmp_path):
    sequence = moving_square()
    truth = [sequence.labels(t) == 1 for t in range(5)]
    masks = [np.roll(mask, t, axis=1) for t, mask in enumerate(truth)]
    for folder, video in (("true", truth), ("found", masks)):
        (tmp_path / folder / "square").mkdir(parents=True)
        for t, mask in enumerate(video):
            write_mask(tmp_path / folder / "square" / f"{t:05d}.png", mask.astype(np.uint8))
    (tmp_path / "db_info.yml").write_text("sequences: [{name: square, attributes: [], eval_t: true}]")
    expected = evaluate(tmp_path / "true", tmp_path / "found")["mean"]
    found = score_masks(masks, truth)
    assert found["T"] is not None and 0 < found["J"]["mean"] < 1
    assert {key: found[key] for key in expected} == expected
    assert score_masks(masks, truth, timed=False) == found | {"T": None}
    masks[2] = np.zeros_like(masks[2])
    one_lost = score_masks(masks, truth)
    assert one_lost["J"]["mean"] < found["J"]["mean"] and one_lost["T"] is not None
    lost = [truth[0], *(np.zeros_like(mask) for mask in masks[1:])]
    assert score_masks(lost, truth)["T"] is None
    with pytest.raises(ValueError, match="2 masks"):
        score_masks(masks[:2], truth[:2])


def test_means_are_taken_key_by_key_of_what_is_known():
    entries = [{"J": {"mean": 1.0}, "T": None}, {"J": {"mean": 2.0}, "T": 5}, {"J": {"mean": 6.0}, "T": None}]
    assert mean_of(entries) == {"J": {"mean": 3.0}, "T": 5.0}
    assert mean_of([{"T": None}, {"T": None}]) == {"T": None}


def test_two_frames_are_too_few_to_score():
    square = moving_square()
    for name in square.masks.names[:3]:
        del square.masks[name]
    with pytest.raises(ValueError, match="square has 2 masks"):
        score_sequence({}, square)


def test_a_clock_counts_every_call_and_waits_for_what_it_leaves_behind(monkeypatch):
    """Work takes as long as it is told to; what it leaves behind is done a second after somebody waits for it."""
    now = [0.0]

    def pass_by(seconds):
        now[0] += seconds
        return seconds

    monkeypatch.setattr("vosbook.measure.time.perf_counter", lambda: now[0])
    clock = Clock(lambda: pass_by(1))
    owner = type("Owner", (), {"work": staticmethod(pass_by)})()
    clock.wrap(owner, "work", "work")
    assert [owner.work(s) for s in (20, 0)] == [20, 0]
    assert clock.seconds["work"] == [21, 1]  # of what earlier calls left behind nothing is counted
