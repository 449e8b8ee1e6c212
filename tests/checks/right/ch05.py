"""Right answers to the exercises of chapter 05, in other styles than the solutions'."""

import numpy as np
from checks import ch05


def in_one_loop(pixels, t_s):
    remembered, updated = [], []
    for frame, count in enumerate(pixels, start=1):
        if count < 10:
            continue
        remembered.append(frame)
        if not frame % t_s:
            updated.append(frame)
    return [remembered, updated]


def by_arrays(pixels, t_s):
    remembered = np.flatnonzero(np.array(pixels, int) >= 10) + 1
    return remembered, remembered[remembered % t_s == 0]


def painted_in_turn(p, ids):
    labels, best = np.zeros(p.shape[1:], np.uint8), np.full(p.shape[1:], 0.5)
    for one, i in zip(p, ids):
        labels[one > best] = i
        best = np.maximum(best, one)
    return labels


def by_argmax_of_all(p, ids):
    everything = np.concatenate([1 - p.max(axis=0, keepdims=True), p])
    return np.array([0, *ids], np.uint8)[np.argmax(everything, axis=0)]


def by_logarithms(p):
    p = np.minimum(np.maximum(p, 1e-7), 1 - 1e-7)
    p0 = 1 - p.max(axis=0)
    odds = np.stack([p0 / (1 - p0), *(p / (1 - p))])
    log_sum = np.logaddexp.reduce(odds, axis=0)
    q = np.exp(odds - log_sum)
    winner = np.where(p.max(axis=0) > 0.5, p.argmax(axis=0) + 1, 0)
    for n in range(len(p)):
        q[n + 1][(winner != 0) & (winner != n + 1)] = 0.0
    return q[1:]


def object_by_object(p):
    p = np.clip(p, 1e-7, 1 - 1e-7)
    background = 1 - p.max(axis=0)
    odds, odds_0 = p / (1 - p), background / (1 - background)
    top = np.maximum(odds.max(axis=0), odds_0)
    total = np.exp(odds - top).sum(axis=0) + np.exp(odds_0 - top)
    found, taken = [], p.max(axis=0) > background
    for n in range(len(p)):
        mine = taken & (p.argmax(axis=0) == n)
        found.append(np.where(mine | ~taken, np.exp(odds[n] - top) / total, 0))
    return np.array(found)


def with_records(frames, given, learn, labels_of=None, remembered_by=None):
    tracked, out = [], []
    for t in range(len(frames)):
        frame = frames[t]
        new = given[t] if t in given else np.zeros(frame.shape[:2], np.uint8)
        answer = new.copy()
        if tracked:
            p = np.array([np.where(new > 0, 0.0, one["model"].probability(frame)) for one in tracked])
            found = (labels_of or ch05.labels_of)(p, [one["id"] for one in tracked])
            answer[new == 0] = found[new == 0]
            soft = (remembered_by or ch05.remembered_by)(p)
            for n, one in enumerate(tracked):
                if one["model"].insert(frame, soft[n]) and (t - one["first"]) % 8 == 0:
                    one["model"].update()
        for i in sorted(set(new.ravel().tolist()) - {0}):
            tracked.append({"id": i, "first": t, "model": learn(frame, new == i)})
        out.append(answer)
    return out


def as_a_generator(frames, given, learn):
    yield from with_records(frames, given, learn)


RIGHT = {
    "ex05-1": [in_one_loop, by_arrays],
    "ex05-2": [painted_in_turn, by_argmax_of_all],
    "ex05-3": [by_logarithms, object_by_object],
    "ex05-4": [with_records, as_a_generator],
}
