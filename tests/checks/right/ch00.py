"""Right answers to the exercises of chapter 00, in other styles than the solutions'."""

import itertools

import numpy as np


def counted_by_bins(labels, i):
    return np.bincount(labels.ravel(), minlength=256)[i] / labels.size


def counted_in_python(labels, i):
    return sum(int(value == i) for value in labels.ravel()) / (labels.shape[0] * labels.shape[1])


def counted_in_float32(labels, i):
    return np.mean(labels == i, dtype=np.float32)


def by_norms(frame, mask, new_frame):
    means = [frame[where].astype(np.float64).mean(axis=0) for where in (mask, ~mask)]
    near, far = (np.linalg.norm(new_frame.astype(float) - mean, axis=-1) for mean in means)
    return near < far


def by_sums(frame, mask, new_frame):
    frame, new_frame = frame.astype(int), new_frame.astype(int)
    target = (frame * mask[..., None]).sum(axis=(0, 1)) / mask.sum()
    ground = (frame * ~mask[..., None]).sum(axis=(0, 1)) / (~mask).sum()
    distances = np.stack([((new_frame - mean) ** 2).sum(axis=2) for mean in (ground, target)])
    return distances.argmin(axis=0).astype(bool)


def in_two_loops(segmenter, frames, given):
    frames, t = iter(frames), 0
    for frame in frames:
        if t in given:
            segmenter.start(frame, given[t])
            yield t, given[t].copy()
            break
        yield t, np.zeros(frame.shape[:2], np.uint8)
        t += 1
    for later in itertools.count(t + 1):
        frame = next(frames, None)
        if frame is None:
            return
        labels = segmenter.step(frame)
        if later in given:
            segmenter.add_objects(frame, given[later])
            labels = labels.copy()
            np.copyto(labels, given[later], where=given[later] != 0)
        yield later, labels


def by_none(segmenter, frames, given):
    answer = None
    for number, frame in enumerate(frames):
        new = given.get(number)
        if answer is not None:
            answer = segmenter.step(frame)
            if new is not None:
                segmenter.add_objects(frame, new)
                answer = new + answer * (new == 0)
        elif new is not None:
            segmenter.start(frame, new)
            answer = new
        yield number, np.zeros(frame.shape[:2], "uint8") if answer is None else answer


RIGHT = {
    "ex00-1": [counted_by_bins, counted_in_python, counted_in_float32],
    "ex00-2": [by_norms, by_sums],
    "ex00-3": [in_two_loops, by_none],
}
