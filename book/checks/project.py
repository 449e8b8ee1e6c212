"""Check of the final project's tracker. It compares masks on videos, and its message says what was seen."""

from functools import cache

import numpy as np
from checks import cases
from checks.guard import guarded

from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.metrics.region import jaccard

VIDEOS, FIRST_SEED = 8, 900  # held out: drawn anew, among seeds that no chapter trains or tunes on
CONFIG = SyntheticConfig(size=(60, 54), frames=12, objects=(2, 3))
IDS = np.array([0, 7, 3, 200, 12, 90], np.uint8)  # what the videos' objects 1, 2, ... are called here
MARGIN, SECONDS = 0.2, 2.0


@cache  # of the check's process, which no answer shares
def _video(seed):
    """Frames (T, H, 2 W, 3) and labels (T, H, 2 W): on one side the video, on the other its mirror image, where nothing
    has a label. So colour alone does not tell an object from its twin.
    """
    sequence = make_sequence(seed, CONFIG)
    frames = np.stack(list(sequence.frames))  # (T, H, W, 3)
    labels = IDS[np.stack([sequence.labels(t) for t in range(len(frames))])]
    twins = [frames, frames[:, :, ::-1]], [labels, np.zeros_like(labels)]
    frames, labels = (np.concatenate(pair[:: -1 if seed % 2 else 1], axis=2) for pair in twins)
    return frames, labels


def _score(found, truth):
    """Mean J over the first frame's objects and all later frames; both (T, H, W)."""
    ids = [i for i in np.unique(truth[0]) if i]
    pairs = list(zip(found[1:], truth[1:]))
    return np.mean([jaccard(labels == i, true == i) for labels, true in pairs for i in ids])


def _step(tracker, frame, seed, t, ids):
    """The labels of one frame, after a look at their form."""
    given = frame.copy()
    labels = tracker.step(given)
    assert isinstance(labels, np.ndarray), f"video {seed}, frame {t}: labels are an array, got {type(labels).__name__}"
    kind = f"{labels.dtype} {labels.shape}"
    expected = f"uint8 {frame.shape[:2]}"
    assert kind == expected, f"video {seed}, frame {t}: labels should be {expected}, got {kind}"
    strangers = set(np.unique(labels).tolist()) - {0, *ids}
    assert not strangers, f"video {seed}, frame {t}: the ids {sorted(strangers)} were never given, {sorted(ids)} were"
    return labels.copy()


def _run(tracker, seed):
    frames, truth = _video(seed)
    ids = set(np.unique(truth[0]).tolist()) - {0}
    tracker.start(frames[0].copy(), truth[0].copy())
    return np.stack([truth[0], *(_step(tracker, frame, seed, t, ids) for t, frame in enumerate(frames[1:], 1))])


@guarded
def check_tracker(Tracker):
    """Exercise P.1."""
    gains, found = [], {}
    seeds = cases.generator().integers(FIRST_SEED, 2**32, VIDEOS).tolist()
    for seed in seeds:
        _, truth = _video(seed)
        begin = Tracker.processor_seconds()
        found[seed] = _run(Tracker(), seed)
        spent = Tracker.processor_seconds() - begin
        assert spent < SECONDS, f"video {seed} took {spent:.1f} s of processor time, {SECONDS:g} s are allowed"
        still = np.repeat(truth[:1], len(truth), axis=0)
        gains.append(_score(found[seed], truth) - _score(still, truth))
    text = ", ".join(f"{gain:+.2f}" for gain in gains)
    assert np.mean(gains) >= MARGIN, f"J beyond first masks that never move: {text}; their mean should be {MARGIN}"
    _side_by_side(Tracker, found, seeds[:2])


def _side_by_side(Tracker, found, seeds):
    """Two trackers that take turns must answer as each did alone."""
    pair = {seed: Tracker() for seed in seeds}
    for seed, tracker in pair.items():
        frames, truth = _video(seed)
        tracker.start(frames[0].copy(), truth[0].copy())
    for t in range(1, CONFIG.frames):
        for seed, tracker in pair.items():
            labels = tracker.step(_video(seed)[0][t].copy())
            same = np.shape(labels) == found[seed][t].shape and np.array_equal(labels, found[seed][t])
            assert same, f"video {seed}, frame {t}: beside another tracker it answers otherwise than alone"
