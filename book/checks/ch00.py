"""Checks of chapter 00. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
from checks.guard import guarded


@guarded
def check_coverage(coverage):
    """Exercise 0.1."""
    labels = np.zeros((4, 5), np.uint8)
    labels[1, :2], labels[3, 3], labels[3, 4] = 2, 2, 1  # object 2 in two pieces: it does not fill its box
    for i, share in ((2, 0.15), (1, 0.05), (7, 0.0)):
        got = coverage(labels, i)
        assert np.ndim(got) == 0 and np.isclose(got, share), (
            f"20 pixels, of which {round(share * 20)} carry the id {i}: expected {share}, got {got}"
        )
    labels[0] = 255
    assert np.isclose(coverage(labels, 2), 0.15), "a row of void pixels (255) must not change the share of object 2"


@guarded
def check_by_colour(by_colour):
    """Exercise 0.2."""
    mask = np.zeros((6, 8), bool)
    mask[1:4, 2:6] = True
    frame = np.full((6, 8, 3), (200, 60, 20), np.uint8)
    frame[mask] = (30, 160, 240)
    kept = frame.copy()
    _same(by_colour(frame, mask, frame), mask, "the first frame itself, two flat colours")
    _same(by_colour(frame, mask, np.roll(frame, 2, axis=1)), np.roll(mask, 2, axis=1), "the object moved by two pixels")
    assert np.array_equal(frame, kept), "the caller's frame was changed"

    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (12, 14, 3), np.uint8)
    new = rng.integers(0, 256, (12, 14, 3), np.uint8)
    mask = rng.random((12, 14)) < 0.2
    target, ground = frame[mask].astype(float).mean(0), frame[~mask].astype(float).mean(0)
    nearer = np.linalg.norm(new - target, axis=2) < np.linalg.norm(new - ground, axis=2)
    _same(by_colour(frame, mask, new), nearer, "random colours, one pixel in five of the object")


def _same(got, expected, case):
    got = np.asarray(got)
    assert got.shape == expected.shape, f"{case}: expected the shape {expected.shape}, got {got.shape}"
    assert got.dtype == bool, f"{case}: expected true and false, got {got.dtype}"
    wrong = int((got != expected).sum())
    assert wrong == 0, f"{case}: {wrong} of {expected.size} pixels are on the wrong side"


class Probe:
    """A segmenter that writes down how it is used. Its step answers with the first pixel of the frame everywhere."""

    def __init__(self, log):
        self.log = log

    def start(self, frame, labels):
        self.log.append(("start", int(frame[0, 0, 0]), labels.tolist()))

    def add_objects(self, frame, labels):
        self.log.append(("add_objects", int(frame[0, 0, 0]), labels.tolist()))

    def step(self, frame):
        self.log.append(("step", int(frame[0, 0, 0])))
        return np.full(frame.shape[:2], frame[0, 0, 0], np.uint8)


def _camera(log, count):
    for t in range(count):
        log.append(("read", 10 + t))
        yield np.full((2, 3, 3), 10 + t, np.uint8)


@guarded
def check_drive(drive):
    """Exercise 0.3."""
    first, second = np.array([[0, 1, 1], [0, 0, 1]], np.uint8), np.array([[2, 0, 0], [0, 0, 0]], np.uint8)
    for case, given in (
        ("a mask in frame 0", {0: first}),
        ("a mask in frame 2 only", {2: first}),
        ("a second object in frame 3", {1: first, 3: second}),
    ):
        _check_case(drive, case, given)


def _check_case(drive, case, given):
    log, expected_log, count = [], [], 5
    before = {t: labels.copy() for t, labels in given.items()}
    answers = _expected(given, expected_log, count)
    got = drive(Probe(log), _camera(log, count), given)
    assert hasattr(got, "__next__"), f"{case}: drive must be a generator, got {type(got).__name__}"
    for t, labels in enumerate(answers):
        item = next(got, None)
        assert item is not None, f"{case}: it ended after {t} of {count} frames"
        log.append(("answer", item[0]))
        assert item[0] == t, f"{case}: expected frame {t}, got {item[0]}"
        assert np.array_equal(item[1], labels), f"{case}, frame {t}: expected\n{labels}\ngot\n{item[1]}"
        dtype = np.asarray(item[1]).dtype
        assert dtype == np.uint8, f"{case}, frame {t}: expected labels of type uint8, got {dtype}"
    assert next(got, None) is None, f"{case}: it goes on after the last frame"
    step = next((i for i, (a, b) in enumerate(zip(log, expected_log)) if a != b), min(len(log), len(expected_log)))
    calls = [entry[:2] for entry in log[: step + 1]]
    assert log == expected_log, f"{case}: the labels are right, the order is not; up to where it goes astray: {calls}"
    assert all(np.array_equal(given[t], before[t]) for t in given), f"{case}: the given masks were changed"


def _expected(given, log, count):
    """The answers, and in `log` what is called in which order."""
    answers, begin = [], min(given)
    for t in range(count):
        log.append(("read", 10 + t))
        labels = np.zeros((2, 3), np.uint8)
        if t > begin:
            log.append(("step", 10 + t))
            labels = np.full((2, 3), 10 + t, np.uint8)
        if t in given:
            log.append(("start" if t == begin else "add_objects", 10 + t, given[t].tolist()))
            labels = np.where(given[t] > 0, given[t], labels)
        log.append(("answer", t))
        answers.append(labels)
    return answers
