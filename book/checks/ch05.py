"""Checks of chapter 05. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
import torch
from checks.guard import guarded

from vosbook.merge import soft_aggregate, to_labels, without_rivals


def labels_of(p, ids):
    """What exercise 5.2 asks for, by soft aggregation: so that exercise 5.4 can be done first."""
    return to_labels(soft_aggregate(torch.tensor(p)), ids).numpy()


def remembered_by(p):
    """What exercise 5.3 asks for, by the library."""
    return without_rivals(soft_aggregate(torch.tensor(p))).numpy()


@guarded
def check_schedule(schedule):
    """Exercise 5.1."""
    cases = {
        "always visible": ([500] * 17, 8, list(range(1, 18)), [8, 16]),
        "hidden in the 8th frame": ([500] * 7 + [3] + [500] * 9, 8, [i for i in range(1, 18) if i != 8], [16]),
        "hidden before the 8th frame": ([500, 500, 0, 0, 500, 500, 500, 500, 500], 8, [1, 2, 5, 6, 7, 8, 9], [8]),
        "exactly 10 pixels, and 9": ([10, 9, 10, 9], 2, [1, 3], []),
        "an update every third frame": ([20] * 7, 3, list(range(1, 8)), [3, 6]),
        "never visible": ([0] * 10, 8, [], []),
    }
    for name, (pixels, t_s, remembered, updated) in cases.items():
        got = schedule(list(pixels), t_s)
        assert len(got) == 2, f"two lists are asked for, got {got}"
        for what, ours, theirs in zip(("remembered", "updated"), (remembered, updated), got):
            assert list(theirs) == ours, f"{name}, t_s = {t_s}: {what} should not be {list(theirs)}"


def _probabilities():
    """Maps (N, H, W) with every kind of pixel: a clear winner, ties, no winner, certainty, and random ones."""
    rng = np.random.default_rng(5)
    pixels = [(0.9, 0.2, 0.1), (0.45, 0.4, 0.4), (0.48, 0.1, 0.3), (0.7, 0.8, 0.6), (0.6, 0.6, 0.2)]
    pixels += [(1, 0, 0), (0, 0, 0), (0.51, 0.52, 0.53), (0.5, 0.1, 0.2), (1, 0.9, 0)]
    made = np.array(pixels, float).T[:, None]  # (3, 1, 10)
    return [made, rng.uniform(size=(3, 6, 10)), rng.uniform(size=(1, 5, 5)), rng.uniform(0, 0.6, size=(5, 8, 8))]


@guarded
def check_labels_of(labels_of):
    """Exercise 5.2."""
    for p in _probabilities():
        for ids in (list(range(1, len(p) + 1)), [17, 4, 250, 9, 30][: len(p)]):
            got = np.asarray(labels_of(p.copy(), ids))
            assert got.shape == p.shape[1:], f"labels should have the shape {p.shape[1:]}, got {got.shape}"
            assert got.dtype == np.uint8, f"labels should be uint8, got {got.dtype}"
            expected = to_labels(soft_aggregate(torch.tensor(p)), ids).numpy()
            wrong = np.argwhere(got != expected)
            assert len(wrong) == 0, (
                f"objects {ids} with the probabilities {p[(slice(None), *wrong[0])].round(3).tolist()}: label "
                f"{got[tuple(wrong[0])]} is not what soft aggregation gives ({len(wrong)} of {got.size} pixels differ)"
            )


@guarded
def check_remembered_by(remembered_by):
    """Exercise 5.3."""
    for p in _probabilities():
        kept = p.copy()
        got = np.asarray(remembered_by(p))
        assert np.array_equal(p, kept), "the caller's p was changed"
        assert got.shape == p.shape, f"expected the shape {p.shape}, got {got.shape}"
        assert np.isfinite(got).all(), f"{np.count_nonzero(~np.isfinite(got))} numbers are not finite"
        expected = without_rivals(soft_aggregate(torch.tensor(p))).numpy()
        wrong = np.argwhere(np.abs(got - expected).max(axis=0) > 1e-6)
        assert len(wrong) == 0, (
            f"objects with the probabilities {p[(slice(None), *wrong[0])].round(3).tolist()} remember "
            f"{expected[(slice(None), *wrong[0])].round(3).tolist()}, and not "
            f"{got[(slice(None), *wrong[0])].round(3).tolist()}"
        )


# ------------------------------------------------------------------------------------------------ exercise 5.4

SIZE = (4, 6)


class _Model:
    """Stands in for a target model: the probabilities are fixed by the frame, and every call is written down."""

    def __init__(self, log, name, row, visible):
        self.log, self.name, self.row, self.visible = log, name, row, visible

    def probability(self, frame):
        t = int(frame[0, 0, 0])
        p = np.full(SIZE, 0.1)
        p[self.row : self.row + 2] = 0.8 - 0.05 * self.row  # neighbours claim a row in common
        return p if self.visible(t) else np.full(SIZE, 0.05)

    def insert(self, frame, label):
        t = int(frame[0, 0, 0])
        self.log.append(("insert", self.name, t, np.array(label, float)))
        return bool((label > 0.5).sum() >= 3)

    def update(self):
        self.log.append(("update", self.name))


def _scene():
    """20 frames; object 3 from the start, object 8 from frame 5 on; object 3 is hidden in frame 8."""
    frames = [np.full((*SIZE, 3), t, np.uint8) for t in range(20)]
    first, second = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    first[0:2, 1:5] = 3
    second[1:3, 2:6] = 8
    return frames, {0: first, 5: second}


def _expected():
    """Labels, what was remembered and when was updated, worked out frame by frame."""
    frames, given = _scene()
    models = {3: _Model([], 3, 0, lambda t: t != 8), 8: _Model([], 8, 1, lambda t: True)}
    labels, inserted = [], {}
    for t, frame in enumerate(frames):
        present = [i for i in models if t > (0 if i == 3 else 5)]
        answer = np.zeros(SIZE, np.uint8)
        if present:
            p = np.stack([models[i].probability(frame) for i in present])
            if t == 5:
                p[:, given[5] > 0] = 0
            answer = labels_of(p, present)
            inserted |= {(i, t): y for i, y in zip(present, remembered_by(p))}
        if t in given:
            answer = np.where(given[t] > 0, given[t], answer)
        labels.append(answer)
    return labels, inserted, {3: [16], 8: [13]}


@guarded
def check_run(run):
    """Exercise 5.4."""
    frames, given = _scene()
    log, learned = [], []

    def learn(frame, mask):
        t = int(frame[0, 0, 0])
        learned.append((t, np.array(mask)))
        return _Model(log, 3, 0, lambda t: t != 8) if t == 0 else _Model(log, 8, 1, lambda t: True)

    kept = {t: labels.copy() for t, labels in given.items()}
    answers = list(run(frames, given, learn))
    assert all(np.array_equal(given[t], labels) for t, labels in kept.items()), "the caller's given masks were changed"
    _check_learned(learned, kept)
    labels, inserted, updates = _expected()
    assert len(answers) == len(frames), f"{len(frames)} frames should have {len(frames)} answers, got {len(answers)}"
    for t, (got, want) in enumerate(zip(answers, labels)):
        assert np.array_equal(got, want), f"frame {t}: {np.count_nonzero(got != want)} labels are wrong"
    _check_memories(log, inserted)
    _check_updates(log, updates)
    _check_two_at_once(run)


def _check_two_at_once(run):
    """Objects that are given in one frame are learned one by one."""
    frame, both, masks = np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.uint8), []
    both[0, :3], both[3, :] = 7, 2

    def learn(frame, mask):
        masks.append(np.array(mask))
        return _Model([], 0, 0, lambda t: True)

    run([frame], {0: both.copy()}, learn)
    for i in (2, 7):
        alone = any(np.array_equal(mask, both == i) for mask in masks)
        assert alone, f"objects 2 and 7 are given in one frame: no model was learned on the mask of object {i} alone"


def _check_learned(learned, given):
    frames = [t for t, _ in learned]
    assert frames == [0, 5], f"objects are given in frames 0 and 5; models were learned in frames {frames}"
    for t, mask in learned:
        assert np.array_equal(mask, given[t] > 0), f"the model of frame {t} was not learned on its object's mask"


def _check_memories(log, inserted):
    seen = {(entry[1], entry[2]): entry[3] for entry in log if entry[0] == "insert"}
    for i, t in sorted(set(seen) | set(inserted), key=lambda key: key[::-1]):
        assert (i, t) in seen, f"object {i} was not offered frame {t} to remember"
        assert (i, t) in inserted, f"object {i} was offered frame {t}, where its mask was given"
        off = np.abs(seen[i, t] - inserted[i, t]).max()
        assert off < 1e-6, f"object {i} was offered a wrong label of frame {t}, off by up to {off:.2f}"


def _check_updates(log, updates):
    last, found = {}, {i: [] for i in updates}
    for entry in log:
        if entry[0] == "insert":
            last[entry[1]] = entry[2]
        else:
            found[entry[1]].append(last.get(entry[1]))
    for i, frames in updates.items():
        assert found[i] == frames, f"object {i}: updates after the frames {found[i]} are not what the rule asks for"
