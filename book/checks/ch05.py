"""Checks of chapter 05. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
import torch
from checks import cases
from checks.guard import guarded

from vosbook.merge import soft_aggregate, to_labels, without_rivals
from vosbook.video.labels import object_ids


def labels_of(p, ids):
    """What exercise 5.2 asks for, by soft aggregation: so that exercise 5.4 can be done first."""
    return to_labels(soft_aggregate(torch.tensor(p)), ids).numpy()


def remembered_by(p):
    """What exercise 5.3 asks for, by the library."""
    return without_rivals(soft_aggregate(torch.tensor(p))).numpy()


def track(frames, given, learn, labels_of=labels_of, remembered_by=remembered_by, t_s=8):
    """What exercise 5.4 asks for. The chapter goes on with it until the reader's own has passed."""
    models, age = {}, {}
    for t, frame in enumerate(frames):
        new = given.get(t, np.zeros(frame.shape[:2], np.uint8))
        labels = new
        if models:
            p = np.stack([model.probability(frame) for model in models.values()]) * (new == 0)
            labels = np.where(new > 0, new, labels_of(p, list(models)))
            for i, label in zip(models, remembered_by(p)):
                age[i] += 1
                if models[i].insert(frame, label) and age[i] % t_s == 0:
                    models[i].update()
        for i in object_ids(new):
            models[i], age[i] = learn(frame, new == i), 0
        yield labels


@guarded
def check_schedule(schedule):
    """Exercise 5.1."""
    rng = cases.generator()
    series = {
        "always visible": ([500] * 17, 8),
        "hidden in the 8th frame": ([500] * 7 + [3] + [500] * 9, 8),
        "hidden before the 8th frame": ([500, 500, 0, 0, 500, 500, 500, 500, 500], 8),
        "exactly 10 pixels, and 9": ([10, 9, 10, 9], 2),
        "an update every third frame": ([20] * 7, 3),
        "an update every frame": ([20, 11, 10, 9, 300], 1),
        "never visible": ([0] * 10, 8),
        "no frame": ([], 8),
        "visible now and then": (rng.integers(0, 20, 60).tolist(), int(rng.integers(2, 6))),
    }
    for name, (pixels, t_s) in series.items():
        got = schedule(list(pixels), t_s)
        assert len(got) == 2, f"two lists are asked for, got {got}"
        remembered = [i + 1 for i in range(len(pixels)) if pixels[i] > 9]
        want = remembered, [i for i in range(t_s, len(pixels) + 1, t_s) if i in remembered]
        for what, ours, theirs in zip(("remembered", "updated"), want, got):
            theirs = [int(i) for i in theirs]
            assert theirs == ours, f"{name}, t_s = {t_s}, pixels {pixels}: {what} should be {ours}, got {theirs}"


def _probabilities(rng):
    """Maps (N, H, W) with every kind of pixel: a clear winner, ties, no winner, certainty, and random ones."""
    pixels = [(0.9, 0.2, 0.1), (0.45, 0.4, 0.4), (0.48, 0.1, 0.3), (0.7, 0.8, 0.6), (0.6, 0.6, 0.2)]
    pixels += [(1, 0, 0), (0, 0, 0), (0.51, 0.52, 0.53), (0.5, 0.1, 0.2), (1, 0.9, 0), (0.2, 0.5, 0.5), (0.2, 0.6, 0.6)]
    pixels += [(1, 0.99999, 0), (0.999, 0.9999, 1), (1, 1, 0), (0.5, 0.5, 0.5), (0.4999, 0.3, 0.1), (0.1, 0.2, 0.5001)]
    made = np.array(pixels, float).T[:, None]  # (3, 1, number of pixels)
    yield made
    yield made[rng.permutation(3)]
    for n, most in ((3, 1), (1, 1), (5, 0.6), (int(rng.integers(2, 6)), 0.7)):
        yield rng.uniform(0, most, size=(n, *cases.draw_size(rng, 4, 9)))


@guarded
def check_labels_of(labels_of):
    """Exercise 5.2."""
    rng = cases.generator()
    for p in _probabilities(rng):
        falling = list(range(len(p), 0, -1))  # where the smaller id of equals is the later one
        for ids in (falling[::-1], falling, cases.draw_ids(rng, len(p))):
            got = np.asarray(labels_of(p.copy(), list(ids)))
            assert got.shape == p.shape[1:], f"labels should have the shape {p.shape[1:]}, got {got.shape}"
            assert got.dtype == np.uint8, f"labels should be uint8, got {got.dtype}"
            expected = to_labels(soft_aggregate(torch.tensor(p)), ids).numpy()
            wrong = np.argwhere(got != expected)
            assert len(wrong) == 0, (
                f"objects {ids} with the probabilities {p[(slice(None), *wrong[0])].round(5).tolist()}: label "
                f"{got[tuple(wrong[0])]} is not what soft aggregation gives ({len(wrong)} of {got.size} pixels differ)"
            )


@guarded
def check_remembered_by(remembered_by):
    """Exercise 5.3."""
    near_one = np.array([(1, 1 - 1.5e-7), (1 - 7e-8, 1), (1 - 1.5e-7, 0.2)]).T[:, None]  # before and beyond the clamp
    for p in (*_probabilities(cases.generator()), near_one):
        got = np.asarray(remembered_by(p.copy()))
        assert got.shape == p.shape, f"expected the shape {p.shape}, got {got.shape}"
        assert np.isfinite(got).all(), f"{np.count_nonzero(~np.isfinite(got))} numbers are not finite"
        expected = without_rivals(soft_aggregate(torch.tensor(p))).numpy()
        wrong = np.argwhere(np.abs(got - expected).max(axis=0) > 1e-5)
        assert len(wrong) == 0, (
            f"objects with the probabilities {p[(slice(None), *wrong[0])].round(5).tolist()} remember "
            f"{expected[(slice(None), *wrong[0])].round(3).tolist()}, and not "
            f"{got[(slice(None), *wrong[0])].round(3).tolist()}"
        )


# ------------------------------------------------------------------------------------------------ exercise 5.4

SIZE = (4, 6)
FRAMES = 21


class _Model:
    """Stands in for a target model: the probabilities are fixed by the frame, and every call is written down."""

    def __init__(self, log, name, row, visible):
        self.log, self.name, self.row, self.visible = log, name, row, visible
        self.returned, self.inserted, self.late = [], set(), set()  # the first are arrays, with which it goes on

    def probability(self, frame):
        t = int(frame[0, 0, 0])
        p = self.right(t)
        if t in self.inserted:
            self.late.add(t)
        self.returned.append((p, p.copy()))
        return p

    def right(self, t):
        p = np.full(SIZE, 0.1 if self.visible(t) else 0.05)
        if self.visible(t):
            p[self.row : self.row + 2] = 0.8 - 0.05 * self.row  # neighbours claim a row in common
        return p

    def insert(self, frame, label):
        t = int(frame[0, 0, 0])
        self.inserted.add(t)
        self.log.append(("insert", self.name, t, np.array(label, float)))
        return bool((label > 0.5).sum() >= 3)

    def update(self):
        self.log.append(("update", self.name))


class _Scene:
    """An object from the start, which is hidden in its eighth frame, and another from frame `late` on."""

    def __init__(self, rng, ids):
        self.ids, self.late = ids, int(rng.integers(2, 7))
        self.frames = [np.full((*SIZE, 3), t, np.uint8) for t in range(FRAMES)]
        masks = np.zeros((2, *SIZE), np.uint8)
        masks[0, 0:2, 1:5], masks[1, 1:3, 2:6] = self.ids
        self.given = {0: masks[0], self.late: masks[1]}

    def model(self, log, which):
        return _Model(log, self.ids[which], which, lambda t: which or t != 8)

    def expected(self):
        """Labels, what was remembered and when was updated, worked out frame by frame."""
        models, labels, inserted = [self.model([], 0), self.model([], 1)], [], {}
        for t in range(FRAMES):
            present = [which for which in (0, 1) if t > (self.late if which else 0)]
            answer, new = np.zeros(SIZE, np.uint8), self.given.get(t, np.zeros(SIZE, np.uint8))
            if present:
                p = np.stack([models[which].right(t) * (new == 0) for which in present])
                answer = labels_of(p, [self.ids[which] for which in present])
                inserted |= {(self.ids[which], t): y for which, y in zip(present, remembered_by(p))}
            labels.append(np.where(new > 0, new, answer))
        return labels, inserted, {self.ids[0]: [16], self.ids[1]: list(range(self.late + 8, FRAMES, 8))}


@guarded
def check_run(run):
    """Exercise 5.4."""
    rng = cases.generator()
    for ids in (cases.draw_ids(rng, 2), [1, 2], [2, 1]):
        _check_scene(run, _Scene(rng, ids))
    _check_many_at_once(run, rng)


def _check_scene(run, scene):
    log, learned, models = [], [], []

    def learn(frame, mask):
        t = int(frame[0, 0, 0])
        learned.append((t, np.array(mask)))
        models.append(scene.model(log, 0 if t == 0 else 1))
        return models[-1]

    given = {t: labels.copy() for t, labels in scene.given.items()}
    answers = list(run([frame.copy() for frame in scene.frames], given, learn))
    _check_learned(learned, scene.given)
    labels, inserted, updates = scene.expected()
    assert len(answers) == FRAMES, f"{FRAMES} frames should have {FRAMES} answers, got {len(answers)}"
    for t, (got, want) in enumerate(zip(answers, labels)):
        assert np.array_equal(got, want), f"frame {t}: {np.count_nonzero(got != want)} labels are wrong"
        assert np.asarray(got).dtype == np.uint8, f"frame {t}: labels should be uint8, got {np.asarray(got).dtype}"
    late = sorted(set().union(*(model.late for model in models)))
    assert not late, f"models were asked about the frames {late} after they had been given these to remember"
    _check_memories(log, inserted)
    _check_updates(log, updates)
    same = all(np.array_equal(p, before) for model in models for p, before in model.returned)
    assert same, "probabilities that a model had returned were changed, with which it goes on"


def _check_many_at_once(run, rng):
    """Objects that are given in one frame are learned one by one, also where no pixel is left to the background."""
    for whole in (False, True):
        ids, masks = cases.draw_ids(rng, 3), []
        many = np.zeros(SIZE, np.uint8)
        many[0, :3], many[1, 2:], many[3, :] = ids
        if whole:
            many[many == 0] = ids[0]

        def learn(frame, mask):
            masks.append(np.array(mask))  # noqa: B023 - used in this round alone
            return _Model([], 0, 0, lambda t: True)

        (got,) = run([np.zeros((*SIZE, 3), np.uint8)], {0: many.copy()}, learn)
        case = f"objects {sorted(ids)} are given in one frame{' and cover all of it' if whole else ''}"
        for i in ids:
            alone = sum(np.array_equal(mask, many == i) for mask in masks)
            assert alone == 1, f"{case}: {alone} models were learned on the mask of object {i} alone"
        assert len(masks) == len(ids), f"{case}: {len(masks)} models were learned"
        assert np.array_equal(got, many), f"{case}: the answer of that frame is not what was given"


def _check_learned(learned, given):
    frames = [t for t, _ in learned]
    assert frames == list(given), f"objects are given in frames {list(given)}; models were learned in frames {frames}"
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
