"""Checks of chapter 00. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
from checks import cases
from checks.guard import guarded, tried


@guarded
def check_coverage(coverage):
    """Exercise 0.1."""
    rng = cases.generator()
    for least in (5, 5, 5, 5, 50):  # the last is so large that a byte cannot count an object's pixels
        size, ids = cases.draw_size(rng, least, 60), cases.draw_ids(rng, 3)
        labels, absent = cases.draw_labels(rng, ids, size), cases.draw_absent(rng, ids)
        for case, given in (("", labels), (", with a row of void pixels (255)", _with_void(labels))):
            for i in (*ids, *absent):
                count = sum(row.count(i) for row in given.tolist())
                want = count / given.size
                pixels = f"{given.size} pixels{case}, of which {count} carry the id {i}"
                got = tried(pixels, coverage, given.copy(), i)
                assert np.ndim(got) == 0 and np.isclose(got, want, rtol=1e-6), (
                    f"{pixels}: expected {want:.6g}, got {got}"
                )


def _with_void(labels):
    labels = labels.copy()
    labels[0] = 255
    return labels


@guarded
def check_by_colour(by_colour):
    """Exercise 0.2."""
    mask = np.zeros((6, 8), bool)
    mask[1:4, 2:6] = True
    frame = np.full((6, 8, 3), (200, 60, 20), np.uint8)
    frame[mask] = (30, 160, 240)
    _same(by_colour(frame, mask, frame), mask, "the first frame itself, two flat colours")
    _same(by_colour(frame, mask, np.roll(frame, 2, axis=1)), np.roll(mask, 2, axis=1), "the object moved by two pixels")
    near = np.where(mask[..., None], np.arange(8)[:, None] % 2, 2) + np.zeros((6, 8, 3))  # means of 0.5 and 2
    ones = np.ones((6, 8, 3), np.uint8)
    _same(by_colour(near.astype(np.uint8), mask, ones), ones[..., 0] > 0, "an object of 0 and 1 before 2; all pixels 1")
    rng = cases.generator()
    for _ in range(4):
        frame, mask, new, nearer = _random_colours(rng)
        _same(by_colour(frame, mask, new), nearer, f"random colours, {mask.sum()} of {mask.size} pixels of the object")
    low, high = rng.integers(0, 60, 3), rng.integers(60, 120, 3)  # and a colour half-way: no rounding is involved
    frame = np.where(mask[..., None], 2 * high, 2 * low).astype(np.uint8)
    between = np.broadcast_to((low + high).astype(np.uint8), frame.shape).copy()
    _same(
        by_colour(frame, mask, between), np.zeros(mask.shape, bool), "every pixel as near to the one mean as the other"
    )


def nearer_colour(frame, mask, new_frame):
    """What exercise 0.2 asks for: with this the chapter goes on where there is no answer yet."""
    to_target, to_ground = (np.linalg.norm(new_frame - frame[where].mean(0), axis=2) for where in (mask, ~mask))
    return to_target < to_ground


def _random_colours(rng):
    """Frame, mask, new frame, and what is right. Colours so near to both means that rounding tells are left out."""
    size = cases.draw_size(rng, 8, 16)
    frame, new = rng.integers(0, 256, (2, *size, 3), np.uint8)
    mask = rng.random(size) < rng.uniform(0.05, 0.3)
    mask[0, 0] = True
    frame[mask] = frame[mask] // 2 + rng.integers(0, 128, 3)  # so that the means differ
    target, ground = frame[mask].astype(float).mean(0), frame[~mask].astype(float).mean(0)
    gain = np.linalg.norm(new - ground, axis=2) - np.linalg.norm(new - target, axis=2)
    new[np.abs(gain) < 1e-6] = frame[0, 0] = new[0, 0]
    return frame, mask, new, nearer_colour(frame, mask, new)


def _same(got, expected, case):
    got = np.asarray(got)
    assert got.shape == expected.shape, f"{case}: expected the shape {expected.shape}, got {got.shape}"
    assert got.dtype == bool, f"{case}: expected true and false, got {got.dtype}"
    wrong = int((got != expected).sum())
    assert wrong == 0, f"{case}: {wrong} of {expected.size} pixels are on the wrong side"


class Probe:
    """A segmenter that writes down how it is used. Its step answers with one id everywhere, which the frame tells."""

    def __init__(self, log):
        self.log, self.answers = log, []

    def start(self, frame, labels):
        self.log.append(("start", int(frame[0, 0, 0]), labels.tolist()))

    def add_objects(self, frame, labels):
        self.log.append(("add_objects", int(frame[0, 0, 0]), labels.tolist()))

    def step(self, frame):
        self.log.append(("step", int(frame[0, 0, 0])))
        labels = np.full(frame.shape[:2], frame[0, 0, 1], np.uint8)
        self.answers.append((labels, int(frame[0, 0, 1])))  # it goes on with them
        return labels


def _camera(log, frames):
    for frame in frames:
        log.append(("read", int(frame[0, 0, 0])))
        yield frame


def _film(rng, count):
    """Frames whose first number is theirs, and whose second is what the segmenter will say."""
    frames = rng.integers(0, 256, (count, *cases.draw_size(rng, 2, 5), 3), np.uint8)
    frames[:, 0, 0, 0] = 10 + np.arange(count)
    return frames


@guarded
def check_drive(drive):
    """Exercise 0.3."""
    rng = cases.generator()
    for case, times in (
        ("a mask in frame 0", [0]),
        ("a mask in frame 2 only", [2]),
        ("a second object in frame 3", [1, 3]),
        ("three masks, the last in the last frame", [0, 3, 4]),
        ("no mask at all", []),
        ("masks in frames drawn at random", sorted(rng.choice(6, 3, replace=False).tolist())),
    ):
        frames = _film(rng, 6 if "random" in case else 5)
        ids = [1, *cases.draw_ids(rng, 2)]
        given = {t: cases.draw_labels(rng, ids, frames.shape[1:3]) for t in times}
        for labels in given.values():
            nothing, void = rng.choice(labels.size, 2, replace=False)
            labels.flat[nothing], labels.flat[void] = 0, 255  # void is a label like any other here
        _check_case(drive, f"{case} (of {len(frames)})", frames, given)


def _check_case(drive, case, frames, given):
    log, expected_log, probe = [], [], Probe([])
    probe.log = log
    answers, kept = _expected(given, expected_log, frames), []
    got = drive(probe, _camera(log, frames), given)
    assert hasattr(got, "__next__"), f"{case}: drive must be a generator, got {type(got).__name__}"
    for t, labels in enumerate(answers):
        item = tried(f"{case}, frame {t}", next, got, None)
        assert item is not None, f"{case}: it ended after {t} of {len(frames)} frames"
        log.append(("answer", item[0]))
        assert item[0] == t, f"{case}: expected frame {t}, got {item[0]}"
        assert np.array_equal(item[1], labels), f"{case}, frame {t}: expected\n{labels}\ngot\n{item[1]}"
        dtype = np.asarray(item[1]).dtype
        assert dtype == np.uint8, f"{case}, frame {t}: expected labels of type uint8, got {dtype}"
        kept.append(item[1])
    assert next(got, None) is None, f"{case}: it goes on after the last frame"
    step = next((i for i, (a, b) in enumerate(zip(log, expected_log)) if a != b), min(len(log), len(expected_log)))
    calls = [entry[:2] for entry in log[: step + 1]]
    assert log == expected_log, f"{case}: the labels are right, the order is not; up to where it goes astray: {calls}"
    for labels, i in probe.answers:
        assert (labels == i).all(), f"{case}: labels that step had returned were changed, with which it goes on"
    for t, (labels, before) in enumerate(zip(answers, kept)):
        assert np.array_equal(labels, before), f"{case}: the labels that were yielded for frame {t} changed later"


def _expected(given, log, frames):
    """The answers, and in `log` what is called in which order."""
    answers, begin = [], min(given, default=len(frames))
    for t, frame in enumerate(frames):
        log.append(("read", 10 + t))
        labels = np.zeros(frame.shape[:2], np.uint8)
        if t > begin:
            log.append(("step", 10 + t))
            labels = np.full(frame.shape[:2], frame[0, 0, 1], np.uint8)
        if t in given:
            log.append(("start" if t == begin else "add_objects", 10 + t, given[t].tolist()))
            labels = np.where(given[t] > 0, given[t], labels)
        log.append(("answer", t))
        answers.append(labels)
    return answers
