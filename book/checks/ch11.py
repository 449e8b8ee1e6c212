"""Checks of chapter 11. Each compares values on several cases, and its message says what was seen, not the answer."""

import warnings
from itertools import permutations

import numpy as np
import torch
from checks import cases
from checks.gradients import compare_gradients
from checks.guard import guarded
from checks.whole import assert_integers
from torch import Tensor

# ------------------------------------------------------------------------------------------------ exercise 11.1


def _masks(rng, *shape):
    return (rng.random(shape) > 0.6).astype(float)


@guarded
def check_soft_iou(soft_iou_of):
    """Exercise 11.1."""
    rng = cases.generator()
    h, w = rng.integers(5, 12, 2)
    y, large, dot = _masks(rng, 2, 3, h, w), np.zeros((40, 50)), np.zeros((6, 7))
    large[:3, :4], dot[rng.integers(6), rng.integers(7)] = 1, 1
    maps = {
        "one map": (rng.random((6, 9)), _masks(rng, 6, 9)),
        "a batch of maps": (rng.random((2, 3, h, w)), y),
        "many axes before the maps": (rng.random((2, 1, 3, h, w)), y[:, None]),
        "masks of 0 and 1": (_masks(rng, 3, h, w), y[0]),
        "the right answer": (y[0], y[0]),
        "a small object, half certain": (0.5 * large, large),
        "an object of one pixel": (0.5 * dot, dot),
        "y empty": (rng.random((3, 5, 6)), np.zeros((3, 5, 6))),
        "p empty": (np.zeros((5, 6)), _masks(rng, 5, 6)),
        "both empty": (np.zeros((2, 5, 6)), np.zeros((2, 5, 6))),
        "one of two empty": (np.stack([large, 0 * large]), np.stack([large, 0 * large])),
    }
    for name, (p, y) in maps.items():
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            got = np.asarray(soft_iou_of(p, y))
        both, union = (p * y).sum((-2, -1)), (p + y - p * y).sum((-2, -1))
        want = np.where(union > 0, both / np.where(union > 0, union, 1), 0)
        assert got.shape == want.shape, f"{name}: for maps {p.shape} the result is {want.shape}, got {got.shape}"
        worst = np.unravel_index(np.argmax(np.where(np.isnan(got), np.inf, abs(got - want))), want.shape)
        assert np.allclose(got, want, rtol=0, atol=2e-6), (
            f"{name}: map {tuple(map(int, worst))} has a soft IoU of {want[worst]:.6f}, got {got[worst]:.6f}"
        )


# ------------------------------------------------------------------------------------------------ exercise 11.2


@guarded
def check_loss_gradient(loss_gradient):
    """Exercise 11.2. The reference is automatic differentiation in double precision."""
    rng = cases.generator()
    small = np.zeros(rng.integers(9, 16, 2))
    small[4:6, 5:7] = 1
    h, w = rng.integers(4, 9, 2)
    maps = {
        "random logits": (rng.normal(size=(h, w)), _masks(rng, h, w)),
        "uncertain everywhere": (np.zeros((5, 5)), np.eye(5)),
        "a small object": (rng.normal(size=small.shape) - 3, small),
        "nearly right": (6 * (2 * small - 1), small),
        "large logits": (12 * rng.normal(size=(h, w)), _masks(rng, h, w)),
        "y full": (rng.normal(size=(4, 6)), np.ones((4, 6))),
        "y empty": (rng.normal(size=(4, 6)), np.zeros((4, 6))),
        "y empty, logits of -1000": (np.full((h, w), -1000.0), np.zeros((h, w))),
        "logits of 1000 and -1000": (rng.choice([-1000.0, 1000.0], (h, w)), _masks(rng, h, w)),
        "y as bytes": (rng.normal(size=(h, w)), _masks(rng, h, w).astype(np.uint8)),
        "y empty, as bytes": (rng.normal(size=(h, w)), np.zeros((h, w), np.uint8)),
    }
    for name, (logits, y) in maps.items():
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            got = np.asarray(loss_gradient(logits.copy(), y.copy()))
        assert got.shape == logits.shape, f"{name}: a gradient has the shape of the logits, got {got.shape}"
        want = _autograd(logits, y) if y.any() else np.zeros(y.shape)
        worst = np.unravel_index(np.argmax(np.where(np.isnan(got), np.inf, abs(got - want))), want.shape)
        side = "on" if y[worst] else "off"
        assert np.allclose(got, want, rtol=1e-4, atol=1e-9), (
            f"{name}: at a pixel {side} the object with the logit {logits[worst]:.3f} the gradient is "
            f"{want[worst]:.3g}, got {got[worst]:.3g}"
        )


def _autograd(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    ell, y = torch.tensor(logits, requires_grad=True), torch.tensor(y)
    p = ell.sigmoid()
    both = (p * y).sum()
    (1 - both / (p.sum() + y.sum() - both)).backward()
    return ell.grad.numpy()


# ------------------------------------------------------------------------------------------------ exercise 11.3


@guarded
def check_assign(assign):
    """Exercise 11.3. Every matrix has one best assignment."""
    for name, (S, valid) in _matrices().items():
        got = np.asarray(assign(S.copy(), valid.copy()))
        M = len(valid)
        assert got.shape == (M,), f"{name}: an entry for each of {M} objects is asked for, got {got.shape}"
        assert_integers(name, got)
        assert np.all(got[~valid] == -1), f"{name}: valid are {valid.tolist()}, and the slots {got.tolist()}"
        mine = got[valid]
        assert np.all((mine >= 0) & (mine < len(S))), f"{name}: there are {len(S)} slots; got {got.tolist()}"
        assert len(set(mine.tolist())) == len(mine), f"{name}: a slot has two objects: {got.tolist()}"
        best = _best(S[:, valid])
        sums = [S[:, valid][list(way), range(len(way))].sum() for way in (mine, best)]
        assert mine.tolist() == list(best), (
            f"{name}: slots {got.tolist()} have soft IoUs of {sums[0]:.4f} together; {sums[1]:.4f} can be had"
        )


def _matrices() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Soft IoUs (N, M) and valid (M,) by name."""
    rng = cases.generator()
    cycle = np.array([[0.1, 0.0, 0.9], [0.8, 0.1, 0.0], [0.0, 0.7, 0.2]])
    trap = np.array([[0.7, 0.6], [0.6, 0.0], [0.1, 0.1]])
    padded = np.array([[0.9, 1.0, 0.1], [0.1, 1.0, 0.6], [0.3, 0.0, 0.2], [0.2, 0.0, 0.3]])
    numbers = padded.copy()
    numbers[:, 1] = np.nan
    yes = np.ones(3, bool)
    close = 0.5 + 0.001 * rng.random((4, 4))
    infinite = padded.copy()
    infinite[:, 1] = [np.inf, -np.inf, 1e300, np.nan]
    some = rng.random(5) < 0.5
    made = {
        "a cycle of three": (cycle, yes),
        "more slots than objects": (rng.random((5, 3)), yes),
        "two objects want one slot": (trap, yes[:2]),
        "an object that is not valid, in the middle": (padded, np.array([True, False, True])),
        "the same, its column all NaN": (numbers, np.array([True, False, True])),
        "the same, its column infinite": (infinite, np.array([True, False, True])),
        "no valid object": (padded, ~yes),
        "one object, one slot": (np.array([[0.3]]), yes[:1]),
        "soft IoUs that are nearly equal": (close, np.ones(4, bool)),
        "two that differ by less than a percent": (np.array([[0.504, 0.306], [0.496, 0.304]]), yes[:2]),
        "a good pair and a poor one": (np.array([[0.9, 0.5], [0.4, 0.05]]), yes[:2]),
        "some of five objects": (rng.random((7, 5)), some),
    }
    return made | {f"random, {n} slots": (rng.random((n, n)), np.ones(n, bool)) for n in (4, 5, 6)}


def _best(S: np.ndarray) -> tuple[int, ...]:
    objects = range(S.shape[1])
    return max(permutations(range(len(S)), S.shape[1]), key=lambda way: S[list(way), objects].sum())


# ------------------------------------------------------------------------------------------------ exercise 11.4


@guarded
def check_clip_loss(clip_loss):
    """Exercise 11.4: the value, and the gradient by p."""
    for name, (p, y, valid) in _clips().items():
        mine = p.clone().requires_grad_()
        got, want = clip_loss(mine, y.clone(), valid.clone()), _clip_loss(mine, y, valid)
        assert isinstance(got, Tensor) and got.numel() == 1, f"{name}: a tensor with one number is asked for"
        value, right = float(got.detach()), float(want.detach())
        assert abs(value - right) < 1e-4, f"{name}: the loss is {right:.4f}, got {value:.4f}"
        assert got.requires_grad, f"{name}: the loss is right, and does not lead back to p"
        compare_gradients(name, got.reshape(()), want, {"p": mine})


def _clip_loss(p: Tensor, y: Tensor, valid: Tensor) -> Tensor:
    """What exercise 11.4 asks for, by trying all assignments."""
    both = (p[:, :, None] * y[:, None]).sum((-2, -1))  # (T, N, M)
    S = both / (p.sum((-2, -1))[:, :, None] + y.sum((-2, -1))[:, None] - both + 1e-6)
    real = torch.nonzero(valid)[:, 0].tolist()
    slots = _best(S[0][:, real].detach().numpy())
    losses = [(1 - S[:, n, m]).sum() for n, m in zip(slots, real)]
    return torch.stack(losses).mean() if losses else 0 * p.sum()


def _clips() -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """p (T, N, H, W), y (T, M, H, W) and valid (M,) by name."""
    generator, wide = cases.torch_generator(), int(cases.generator().integers(7, 12))

    def noise(*shape):
        return torch.rand(*shape, 6, wide, generator=generator, dtype=torch.float64)

    y = torch.zeros(3, 3, 6, wide, dtype=torch.float64)  # T, M
    for m in range(3):
        y[:, m, 2 * m : 2 * m + 2] = 1
    y[1:] *= noise(2, 3) > 0.3
    order = torch.tensor([2, 0, 1, 1])  # slot n paints object order[n]; slot 3 does so too, faintly
    weight = torch.tensor([0.8, 0.7, 0.9, 0.2])[:, None, None]
    right = 0.9 * weight * y[:, order] + 0.05 * noise(3, 4)
    exchanged = right.clone()
    exchanged[1:, [0, 1]] = right[1:, [1, 0]]  # after the first frame two slots trade their objects
    yes, no = torch.ones(3, dtype=torch.bool), torch.zeros(3, dtype=torch.bool)
    left = torch.arange(wide) < 4
    lure, wish = right.clone(), y.clone()
    lure[:, 2] = 0.8 * y[:, 0] * ~left  # a second best slot for object 0,
    wish[:, 1] = y[:, 0] * left  # and padding that would like to have the best
    rivals = torch.stack([0.7 * y[:, 0] + 0.6 * y[:, 1], 0.3 * y[:, 0], 0.8 * y[:, 2]], dim=1)
    wrong_first = right.clone()
    wrong_first[0, [0, 2]] = right[0, [2, 0]]
    return {
        "slots that keep their objects": (right, y, yes),
        "slots that exchange theirs after the first frame": (exchanged, y, yes),
        "a first frame unlike the others": (wrong_first, y, yes),
        "two objects want one slot": (rivals, y, yes),
        "faint answers": (0.5 * right, y, yes),
        "random answers": (noise(4, 5), (noise(4, 3) > 0.6).double(), yes),
        "an object that is not valid": (lure, wish, torch.tensor([True, False, True])),
        "one valid object": (right, y, torch.tensor([False, True, False])),
        "no valid object": (right, y, no),
        "one frame": (right[:1], y[:1], yes),
    }
