"""Checks of chapter 13. Each compares values on several cases, and its message says what was seen, not the answer."""

import itertools

import numpy as np
import torch

# ------------------------------------------------------------------------------------------------ exercise 13.1


def _labels(p, chosen):
    labels = np.zeros(p.shape[1:], np.uint8)
    for y, x in np.ndindex(*labels.shape):
        there = [(p[k, y, x], i) for k, i in chosen.items() if p[k, y, x] > 0.5]
        labels[y, x] = max(there)[1] if there else 0
    return labels


def check_to_labels(to_labels):
    """Exercise 13.1."""
    rng = np.random.default_rng(13)
    for chosen in ({0: 1, 1: 2, 2: 3}, {3: 1, 1: 7}, {4: 200}, {2: 5, 0: 1}, {}):
        p = rng.random((5, 6, 8)).round(3)
        p[:, 0, 0] = 0.5
        kept = p.copy()
        got = np.asarray(to_labels(p, dict(chosen)))
        assert np.array_equal(p, kept), "the probabilities were changed"
        assert got.shape == (6, 8), f"labels are {(6, 8)}, got {got.shape}"
        assert got.dtype == np.uint8, f"labels are uint8, got {got.dtype}"
        strangers = set(np.unique(got).tolist()) - {0, *chosen.values()}
        assert not strangers, f"chosen {chosen}: the labels hold {sorted(strangers)}"
        wrong = got != _labels(p, chosen)
        assert not wrong.any(), (
            f"chosen {chosen}: {wrong.sum()} pixels are wrong, the first has p = "
            f"{p[:, *np.argwhere(wrong)[0]].tolist()} and the label {got[tuple(np.argwhere(wrong)[0])]}"
        )


# ------------------------------------------------------------------------------------------------ exercise 13.2


def _iou(p, y):
    both = (p * y).sum((-2, -1))
    return both / (p.sum((-2, -1)) + y.sum((-2, -1)) - both + 1e-6)


def _clip_loss(p, y):
    """Every way to give slots to objects is tried."""
    K, M = p.shape[1], y.shape[1]
    first = _iou(p[0][:, None], y[0][None]).detach()
    ways = itertools.permutations(range(K), M)
    best = max(ways, key=lambda way: sum(first[k, m].item() for m, k in enumerate(way)))
    return (1 - _iou(p[:, list(best)], y)).sum(0).mean()


def _clip(T, K, M, seed, *, swapped=False, clash=False):
    """Random soft masks, near to objects in the first frame."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.zeros(T, M, 6, 12)
    for m in range(M):
        for t in range(T):
            y[t, m, 1 + t % 3 : 4 + t % 3, 3 * m : 3 * m + 3] = 1
    p = torch.rand(T, K, 6, 12, generator=generator) * 0.3
    order = torch.randperm(K, generator=generator)[:M]
    p[:, order] += 0.6 * y
    if swapped:
        p[2:, order] = p[2:, order.flip(0)]
    if clash:  # slot 0 is the nearest to both objects, but slot 1 would do for the first
        p[0] = 0.05
        p[0, 0] = 0.95 * y[0, 0] + 0.5 * y[0, 1]
        p[0, 1] = 0.5 * y[0, 0]
    return p.clamp(0, 1).requires_grad_(), y


def check_zero_shot_loss(zero_shot_loss):
    """Exercise 13.2."""
    cases = {
        "as many slots as objects": _clip(3, 2, 2, 1),
        "more slots": _clip(3, 5, 3, 2),
        "slots change objects in frame 2": _clip(6, 4, 2, 3, swapped=True),
        "two objects like one slot best": _clip(2, 3, 2, 4, clash=True),
        "one object, one frame": _clip(1, 3, 1, 5),
    }
    p, y = _clip(3, 4, 2, 6)
    y[1:, 1] = 0
    cases["an object leaves the view"] = p, y
    for name, (p, y) in cases.items():
        got, want = zero_shot_loss(p, y), _clip_loss(p, y)
        assert torch.is_tensor(got) and got.ndim == 0, f"{name}: a scalar tensor is asked for"
        assert torch.allclose(got, want, atol=1e-5), f"{name}: the loss is {want.item():.4f}, got {got.item():.4f}"
        assert got.requires_grad, f"{name}: the loss has no gradient"
        slopes = [torch.autograd.grad(loss, p, allow_unused=True)[0] for loss in (got, want)]
        assert slopes[0] is not None, f"{name}: the gradient does not reach p"
        assert torch.allclose(*slopes, atol=1e-6), f"{name}: the loss is right, its gradient is off"


# ------------------------------------------------------------------------------------------------ exercise 13.3


def _jaccard(a, b):
    union = (a | b).sum()
    return 1.0 if union == 0 else (a & b).sum() / union


def _score(found, truth):
    K, M = found.shape[1], truth.shape[1]
    slots = [*range(K), *[None] * M]  # None: no slot
    J = [[0.0 if k is None else _jaccard(found[0, k], truth[0, m]) for k in slots] for m in range(M)]
    used = min(K, M)
    ways = (way for way in itertools.permutations(range(len(slots)), M) if sum(n < K for n in way) == used)
    best = max(ways, key=lambda way: sum(J[m][n] for m, n in enumerate(way)))
    nothing = np.zeros_like(truth[:, 0])
    chosen = [nothing if slots[n] is None else found[:, slots[n]] for n in best]
    return np.array([np.mean([_jaccard(*pair) for pair in zip(one[1:], truth[1:, m])]) for m, one in enumerate(chosen)])


def _video(T, K, M, seed):
    rng = np.random.default_rng(seed)
    truth = np.zeros((T, M, 6, 12), bool)
    for m in range(M):
        for t in range(T):
            truth[t, m, 1 + t % 3 : 4 + t % 3, 3 * m : 3 * m + 3] = True
    found = rng.random((T, K, 6, 12)) < 0.05
    for m, k in enumerate(rng.permutation(K)[:M]):
        found[:, k] |= truth[:, m] & (rng.random(truth[:, m].shape) < 0.9 - 0.2 * m)
    return found, truth


def check_first_frame_score(first_frame_score):
    """Exercise 13.3."""
    cases = {
        "three slots, three objects": _video(4, 3, 3, 1),
        "four slots, two objects": _video(4, 4, 2, 2),
        "one slot, three objects": _video(3, 1, 3, 3),
        "no slot": (np.zeros((3, 0, 6, 12), bool), _video(3, 1, 2, 4)[1]),
    }
    found, truth = _video(5, 3, 2, 5)
    found[2:, :2] = found[2:, 1::-1]
    found[2:] = found[2:, [1, 2, 0]]
    cases["slots change objects in frame 2"] = found, truth
    found, truth = _video(4, 2, 3, 6)
    truth[2:, 1:] = False
    cases["two objects leave, one without a slot"] = found, truth
    found, truth = _video(3, 2, 2, 7)
    found[0, 0] = truth[0, 0] | truth[0, 1]  # nearest to both objects
    found[0, 1], found[0, 1, 1:3, :3] = False, True  # a part of the first
    cases["two objects like one slot best"] = found, truth
    found, truth = _video(3, 2, 1, 8)
    found[0, 0], found[0, 1] = True, truth[0, 0]
    found[0, 1, 1, 0] = False
    cases["a slot covers the whole frame"] = found, truth
    for name, (found, truth) in cases.items():
        kept = found.copy(), truth.copy()
        got, want = np.asarray(first_frame_score(found, truth), float), _score(found, truth)
        assert np.array_equal(found, kept[0]) and np.array_equal(truth, kept[1]), f"{name}: the masks were changed"
        assert got.shape == want.shape, f"{name}: {len(want)} objects have {len(want)} scores, got {got.shape}"
        assert np.allclose(got, want, atol=1e-6), f"{name}: J is {want.round(3).tolist()}, got {got.round(3).tolist()}"
