"""Right answers to the exercises of chapter 13 in other styles than the solution's: no check may refuse them."""

from itertools import permutations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from vosbook.matching import match, soft_iou
from vosbook.metrics.region import jaccard

# ------------------------------------------------------------------------------------------------ Exercise 13.1


def clip_by_clip(p, y, valid):
    """Every clip by itself, real objects alone, with scipy."""
    losses = [0 * p.sum()]
    for one, truth, real in zip(p, y, valid):
        truth = truth[:, real]  # (T, M, H, W)
        costs = 1 - soft_iou(one[0].detach()[None], truth[0][:, None])  # (M, K)
        _, slots = linear_sum_assignment(costs.numpy())
        losses += [sum(1 - soft_iou(a[k], b[m]) for a, b in zip(one, truth)) for m, k in enumerate(slots)]
    return sum(losses) / max(1, len(losses) - 1)


def slots_gathered(p, y, valid):
    """Takes slots by gather, and leaves padding out by its index."""
    slots = match(p[:, 0], y[:, 0], valid)
    taken = p.gather(2, slots[:, None, :, None, None].expand(*y.shape))
    per_object = (1 - soft_iou(taken, y)).sum(1)[valid]
    return per_object.mean() if len(per_object) else torch.zeros((), dtype=p.dtype) * p.sum()


# ------------------------------------------------------------------------------------------------ Exercise 13.2


def object_by_object(found, truth):
    """Looks its slot up, and falls back on an empty mask."""
    K, M = found.shape[1], truth.shape[1]
    cost = np.array([[1 - jaccard(found[0, k], truth[0, m]) for k in range(K)] for m in range(M)]).reshape(M, K)
    slot = dict(zip(*linear_sum_assignment(cost)))
    scores = []
    for m in range(M):
        masks = found[1:, slot[m]] if m in slot else np.zeros_like(truth[1:, m])
        scores.append(sum(map(jaccard, masks, truth[1:, m])) / (len(truth) - 1))
    return np.array(scores)


def empty_slots_added(found, truth):
    """As many slots without a mask as there are objects: who gets one has none."""
    T, K, H, W = found.shape
    M = truth.shape[1]
    slots = np.concatenate([found, np.zeros((T, M, H, W), bool)], axis=1)
    J = np.array([[jaccard(slots[0, k], truth[0, m]) for m in range(M)] for k in range(K + M)])
    J[:K] += 10  # a slot that exists is used wherever it can be
    k, m = linear_sum_assignment(J, maximize=True)
    chosen = slots[:, k[np.argsort(m)]]
    both, union = (chosen & truth).sum((2, 3)), (chosen | truth).sum((2, 3))
    return np.where(union > 0, both / np.maximum(union, 1), 1.0)[1:].mean(axis=0)


# ------------------------------------------------------------------------------------------------ Exercise 13.3


def frame_by_frame(J):
    """Keeps the slots of the frame before; a cost in place of J."""
    changes, before = 0, None
    for one in J:
        objects, slots = linear_sum_assignment(-one.T)
        now = dict(zip(objects.tolist(), slots.tolist()))
        if before is not None:
            changes += sum(now[i] != before[i] for i in now)
        before = now
    return changes


def all_ways(J):
    """Tries every assignment, and returns a numpy number."""
    T, K, N = J.shape
    ways = np.array(list(permutations(range(K), N)))  # (ways, N)
    slots = ways[[J[t][ways, np.arange(N)].sum(axis=1).argmax() for t in range(T)]]
    return np.count_nonzero(np.diff(slots, axis=0))


# ------------------------------------------------------------------------------------------------ Exercise 13.4


def background_at_one_half(p, chosen):
    """The background competes with a probability of one half."""
    stack = np.concatenate([np.full((1, *p.shape[1:]), 0.5), p[list(chosen)]])
    return np.array([0, *chosen.values()], np.uint8)[stack.argmax(axis=0)]


def pixel_by_pixel(p, chosen):
    """Two loops."""
    labels = np.zeros(p.shape[1:], dtype="uint8")
    for y in range(p.shape[1]):
        for x in range(p.shape[2]):
            best = 0.5
            for k in chosen:
                if p[k, y, x] > best:
                    best, labels[y, x] = p[k, y, x], chosen[k]
    return labels


RIGHT = {
    "ex13-4": [clip_by_clip, slots_gathered],
    "ex13-3": [object_by_object, empty_slots_added],
    "ex13-2": [frame_by_frame, all_ways],
    "ex13-1": [background_at_one_half, pixel_by_pixel],
}
