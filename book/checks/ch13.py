"""Checks of chapter 13. Each compares values on several cases, and its message says what was seen, not the answer."""

import itertools

import numpy as np
import torch
from checks import cases
from checks.gradients import compare_gradients
from checks.guard import guarded
from checks.whole import assert_integers
from torch import Tensor

# ------------------------------------------------------------------------------------------------ exercise 13.1


def _slots_loss(p, y, valid):
    """By trying all ways to give a clip's objects different slots, on its first frame."""
    both = (p[:, :, :, None] * y[:, :, None]).sum((-2, -1))  # (B, T, K, N)
    S = both / (p.sum((-2, -1))[..., None] + y.sum((-2, -1))[:, :, None] - both + 1e-6)
    losses = []
    for one, real in zip(S, valid):
        objects = torch.nonzero(real)[:, 0].tolist()
        first = one[0].detach().numpy()
        ways = itertools.permutations(range(p.shape[2]), len(objects))
        best = max(ways, key=lambda way: sum(first[k, n] for k, n in zip(way, objects)))
        losses += [(1 - one[:, k, n]).sum() for k, n in zip(best, objects)]
    return torch.stack(losses).sum() / len(losses) if losses else 0 * p.sum()


def _clips():
    """p (B, T, K, H, W), y (B, T, N, H, W) and valid (B, N) by name."""
    generator, rng = cases.torch_generator(), cases.generator()
    H, W = cases.draw_size(rng, 6, 9)

    def noise(*shape):
        return torch.rand(*shape, H, W, generator=generator, dtype=torch.float64)

    y = torch.zeros(2, 4, 3, H, W, dtype=torch.float64)  # B, T, N
    for n in range(3):
        y[:, :, n, 2 * n : 2 * n + 2] = 1
    y[:, 1:] *= noise(2, 3, 3) > 0.3
    orders = [torch.from_numpy(rng.permutation(4)) for _ in range(2)]  # slot k of a clip paints object order[k]
    four = torch.cat([y, 0 * y[:, :, :1]], dim=2)  # the fourth is nothing
    right = torch.stack([0.8 * one[:, order] for one, order in zip(four, orders)]) + 0.05 * noise(2, 4, 4)
    exchanged = right.clone()
    exchanged[:, 2:] = right[:, 2:, [1, 0, 3, 2]]
    wrong_first = right.clone()
    wrong_first[:, 0] = right[:, 0, [2, 3, 0, 1]]
    rivals = 0.05 * noise(2, 4, 4)
    rivals[:, :, 0] += 0.7 * y[:, :, 0] + 0.6 * y[:, :, 1]
    rivals[:, :, 1] += 0.3 * y[:, :, 0]
    rivals[:, :, 3] += 0.8 * y[:, :, 2]
    yes = torch.ones(2, 3, dtype=torch.bool)
    some = torch.tensor([[True, False, True], [False, True, False]])
    lure, wish, left = right.clone(), y.clone(), torch.arange(W) < W // 2
    lure[0, :, orders[0].tolist().index(1)] = 0.8 * y[0, :, 0] * ~left  # a second best slot for object 0,
    wish[0, :, 1] = y[0, :, 0] * left  # and padding that would like to have the best
    T, K = int(rng.integers(2, 5)), int(rng.integers(3, 5))
    return {
        "slots that keep their objects": (right, y, yes),
        "slots that exchange their objects in frame 2": (exchanged, y, yes),
        "a first frame unlike the others": (wrong_first, y, yes),
        "two objects want one slot": (rivals, y, yes),
        f"random answers, {T} frames, {K} slots": (noise(3, T, K), (noise(3, T, 3) > 0.6).double(), yes[[0, 0, 0]]),
        "clips with two objects and with one": (right, y, some),
        "padding that holds something": (lure, wish, some),
        "a clip without an object beside one with three": (right, y, torch.tensor([[False] * 3, [True] * 3])),
        "no object at all": (right, y, ~yes),
        "one frame": (right[:, :1], y[:, :1], yes),
        "one clip": (right[:1], y[:1], yes[:1]),
        "one clip with one object": (right[:1], y[:1], torch.tensor([[True, False, False]])),
    }


@guarded
def check_slots_loss(slots_loss):
    """Exercise 13.1: the value, and the gradient by p."""
    for name, (p, y, valid) in _clips().items():
        mine = p.clone().requires_grad_()
        got, want = slots_loss(mine, y.clone(), valid.clone()), _slots_loss(mine, y, valid)
        assert isinstance(got, Tensor) and got.numel() == 1, f"{name}: a tensor with one number is asked for"
        value, right = float(got.detach()), float(want.detach())
        assert abs(value - right) < 1e-4, f"{name}: the loss is {right:.4f}, got {value:.4f}"
        compare_gradients(name, got.reshape(()), want, {"p": mine})


# ------------------------------------------------------------------------------------------------ exercise 13.2


def _jaccard(a, b):
    union = (a | b).sum()
    return 1.0 if union == 0 else (a & b).sum() / union


def scored_by_first_frame(found, truth):
    """What exercise 13.2 asks for, by trying all ways; the chapter goes on with it until the reader's has passed."""
    K, M = found.shape[1], truth.shape[1]
    slots = [*range(K), *[None] * M]  # None: no slot
    J = [[0.0 if k is None else _jaccard(found[0, k], truth[0, m]) for k in slots] for m in range(M)]
    used = min(K, M)
    ways = (way for way in itertools.permutations(range(len(slots)), M) if sum(n < K for n in way) == used)
    best = max(ways, key=lambda way: sum(J[m][n] for m, n in enumerate(way)))
    nothing = np.zeros_like(truth[:, 0])
    chosen = [nothing if slots[n] is None else found[:, slots[n]] for n in best]
    return np.array([np.mean([_jaccard(*pair) for pair in zip(one[1:], truth[1:, m])]) for m, one in enumerate(chosen)])


def _video(T, K, M):
    """Objects side by side that move down; K slots, of which the first few that are drawn find an object each."""
    rng = np.random.default_rng(cases.generator().integers(2**32) + 100 * T + 10 * K + M)
    truth = np.zeros((T, M, 6, 12), bool)
    for m in range(M):
        for t in range(T):
            truth[t, m, 1 + t % 3 : 4 + t % 3, 3 * m : 3 * m + 3] = True
    found = rng.random((T, K, 6, 12)) < 0.05
    for m, k in enumerate(rng.permutation(K)[:M]):
        found[:, k] |= truth[:, m] & (rng.random(truth[:, m].shape) < 0.9 - 0.2 * m)
    return found, truth


@guarded
def check_first_frame_score(first_frame_score):
    """Exercise 13.2."""
    videos = {
        "three slots, three objects": _video(4, 3, 3),
        "four slots, two objects": _video(4, 4, 2),
        "one slot, three objects": _video(3, 1, 3),
        "no slot": (np.zeros((3, 0, 6, 12), bool), _video(3, 1, 2)[1]),
    }
    found, truth = _video(5, 3, 2)
    found[2:, :2] = found[2:, 1::-1]
    found[2:] = found[2:, [1, 2, 0]]
    videos["slots change objects in frame 2"] = found, truth
    found, truth = _video(4, 2, 3)
    truth[2:, 1:] = False
    videos["two objects leave, one without a slot"] = found, truth
    found, truth = _video(3, 2, 2)
    found[0, 0] = truth[0, 0] | truth[0, 1]  # nearest to both objects
    found[0, 1], found[0, 1, 1:3, :3] = False, True  # a part of the first
    videos["two objects like one slot best"] = found, truth
    found, truth = _video(3, 2, 1)
    found[0, 0], found[0, 1] = True, truth[0, 0]
    found[0, 1, 1, 0] = False
    videos["a slot covers the whole frame"] = found, truth
    found, truth = _video(3, 2, 2)
    found[0] = truth[0, [1, 0]]
    found[1:] = truth[1:, [0, 1]]
    videos["slots change objects in frame 1"] = found, truth
    found, truth = _video(3, 2, 2)
    found[0, 0] = truth[0, 0] | truth[0, 1]
    found[0, 0, 1, 4:6] = False  # nearer to the first object than the other slot is,
    found[0, 1], found[0, 1, 1:3, :2] = False, True  # which has nothing of the second
    videos["the best pair is not part of the best choice"] = found, truth
    found, truth = _video(3, 2, 2)
    truth[1:], found[0] = truth[1:, ::-1].copy(), truth[0]
    videos["objects change places in frame 1"] = found, truth
    found, truth = _video(2, 2, 2)
    truth[1, 0], found[1] = False, False
    videos["an object that is gone, and not found"] = found, truth
    found, truth = _video(3, 2, 1)
    truth[0], found[0, 1] = False, False  # an object that comes later, and a slot that is empty until then
    found[1:, 1], found[1:, 0] = truth[1:, 0], False
    videos["an object that is not in frame 0"] = found, truth
    found, truth = _video(3, 1, 1)
    found[0], found[1:, 0] = False, truth[1:, 0]
    found[0, 0, 0, 11] = True
    videos["the only slot has nothing of the only object in frame 0"] = found, truth
    for name, (found, truth) in videos.items():
        got, want = np.asarray(first_frame_score(found, truth), float), scored_by_first_frame(found, truth)
        assert got.shape == want.shape, f"{name}: {len(want)} objects have {len(want)} scores, got {got.shape}"
        assert np.allclose(got, want, atol=1e-6), f"{name}: J is {want.round(3).tolist()}, got {got.round(3).tolist()}"


# ------------------------------------------------------------------------------------------------ exercise 13.3


def _slots(J):
    """The slot of every object of one frame: every way to give them is tried."""
    K, N = J.shape
    return max(itertools.permutations(range(K), N), key=lambda way: sum(J[k, i] for i, k in enumerate(way)))


def changes_of_slot(J):
    """What exercise 13.3 asks for."""
    slots = [_slots(one) for one in J]
    return sum(a != b for before, now in itertools.pairwise(slots) for a, b in zip(before, now))


@guarded
def check_switches(switches):
    """Exercise 13.3."""
    rng = cases.generator()
    sizes = [(8, 4, 3), (5, 2, 2), (6, 5, 1)]
    for K in rng.integers(2, 6, 3).tolist():
        sizes.append((int(rng.integers(2, 12)), K, int(rng.integers(1, min(K, 4) + 1))))
    tables = {f"random, {T} frames, {K} slots, {N} objects": rng.random((T, K, N)) for T, K, N in sizes}
    steady = np.tile(np.array([[0.1, 0.7], [0.2, 0.0], [0.8, 0.3]]), (6, 1, 1))
    tables["nobody changes"] = steady
    tables["one frame"] = steady[:1]
    there_and_back = steady.copy()
    there_and_back[2] = steady[2][:, ::-1]
    tables["two objects change slots, and change back"] = there_and_back
    for_good = steady.copy()
    for_good[3:] = steady[3:, [1, 0, 2]]
    tables["one object goes to a free slot for good"] = for_good
    rivals = np.tile(np.array([[0.9, 0.8], [0.7, 0.1]]), (4, 1, 1))
    rivals[1::2, 0] = [0.85, 0.9]
    tables["two objects like one slot best"] = rivals
    at_times = rivals.copy()
    at_times[1::2, 0] = [0.9, 0.2]
    tables["two objects like one slot best, one of them only at times"] = at_times
    lower = steady.copy()
    lower[1::2] *= 0.5
    early = steady.copy()
    early[1:] = steady[1:, [1, 0, 2]]
    tables["one object changes in frame 1"] = early
    tables["the same slots, less well"] = lower
    for name, J in tables.items():
        got, want = switches(J), changes_of_slot(J)
        assert np.ndim(got) == 0, f"{name}: one number is asked for, got {got}"
        assert got == want, f"{name}: objects change slots {want} times, got {got}"
        assert_integers(name, got)


# ------------------------------------------------------------------------------------------------ exercise 13.4


def labels_of_chosen(p, chosen):
    """What exercise 13.4 asks for, pixel by pixel."""
    labels = np.zeros(p.shape[1:], np.uint8)
    for y, x in np.ndindex(*labels.shape):
        k = max(chosen, key=lambda k: p[k, y, x], default=None)  # of equals the first
        if k is not None and p[k, y, x] > 0.5:
            labels[y, x] = chosen[k]
    return labels


@guarded
def check_to_labels(to_labels):
    """Exercise 13.4."""
    rng = cases.generator()
    drawn = dict(zip(rng.permutation(7)[:4].tolist(), cases.draw_ids(rng, 4)))
    for chosen in ({0: 1, 1: 2, 2: 3}, {3: 1, 1: 7}, {4: 200}, {2: 5, 0: 1}, {}, drawn):
        p = rng.random((max([4, *chosen]) + 1, *cases.draw_size(rng)))
        p[:, 0, 0], p[:, 0, 1] = 0.5, 0.75  # not more than one half; all alike
        p[:, 1, 0] = 0.5001  # barely more
        p[:, 1, 1], p[list(chosen), 1, 1] = 0.9, 0.3  # only slots that were not chosen
        got, want = np.asarray(to_labels(p, dict(chosen))), labels_of_chosen(p, chosen)
        assert got.shape == want.shape, f"labels are {want.shape}, got {got.shape}"
        assert got.dtype == np.uint8, f"labels are uint8, got {got.dtype}"
        wrong = np.argwhere(got != want)
        if len(wrong):
            y, x = wrong[0]
            raise AssertionError(
                f"chosen {chosen}: {len(wrong)} pixels are wrong, the first has p = {p[:, y, x].round(4).tolist()} "
                f"and should have the label {want[y, x]}, got {got[y, x]}"
            )
