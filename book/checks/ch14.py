"""Checks of chapter 14. Each compares values on several cases, and its message says what was seen, not the answer."""

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from checks.guard import guarded

# ------------------------------------------------------------------------------------------------ exercise 14.1


@guarded
def check_share_of(share_of):
    """Exercise 14.1. The formula of the chapter, applied to the answer, must lead back to p."""
    beta = np.array([0.5, 0.8, 0.95, 0.3])[:, None]
    pi = np.linspace(0, 1, 11)
    p = beta * pi / (beta * pi + (1 - beta) * (1 - pi))
    got = np.asarray(share_of(p.copy(), beta.copy()))
    assert got.shape == p.shape, f"p {p.shape} and beta {beta.shape} together give {p.shape}, got {got.shape}"
    for row, share in enumerate(beta[:, 0]):
        worst = np.argmax(np.where(np.isnan(got[row]), np.inf, abs(got[row] - pi)))
        assert np.allclose(got[row], pi, atol=1e-9), (
            f"beta {share}: p = {p[row, worst]:.3f} stands for a share of {pi[worst]:.3f}, got {got[row, worst]:.3f}"
        )
    one = share_of(0.635, 0.95)
    assert abs(one - 0.03175 / 0.3785) < 1e-9, f"for p = .635 and beta = .95 the share is .084, got {one:.3f}"


# ------------------------------------------------------------------------------------------------ exercise 14.2


@guarded
def check_gradient_of_eq_1(gradient_of_eq_1):
    """Exercise 14.2. The reference is automatic differentiation in double precision."""
    rng = np.random.default_rng(14)
    small = np.zeros((9, 12))
    small[3:5, 4:6] = 1
    cases = {
        "random logits": (rng.normal(size=(6, 7)), (rng.random((6, 7)) < 0.4).astype(float)),
        "a small object": (rng.normal(size=small.shape) - 2, small),
        "an object larger than the background": (rng.normal(size=small.shape), 1 - small),
        "no object": (rng.normal(size=(4, 5)), np.zeros((4, 5))),
        "logits of -1000 and 1000": (np.array([[-1000.0, 1000.0], [-1000.0, 1000.0]]), np.array([[1.0, 0], [0, 1]])),
    }
    for name, (logits, y) in cases.items():
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            got = np.asarray(gradient_of_eq_1(logits.copy(), y.copy()))
        assert not said, f"{name}: numpy warns: {said[0].message}"
        assert got.shape == logits.shape, f"{name}: a gradient has the shape of the logits, got {got.shape}"
        want = _autograd(logits, y)
        worst = np.unravel_index(np.argmax(np.where(np.isnan(got), np.inf, abs(got - want))), want.shape)
        side = "on" if y[worst] else "off"
        assert np.allclose(got, want, atol=1e-9), (
            f"{name}: at a pixel {side} the object it is {got[worst]:.5f}, off by {got[worst] - want[worst]:.5f}"
        )


def _autograd(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    z, y = torch.tensor(logits, requires_grad=True), torch.tensor(y)
    beta = 1 - y.mean()
    (-(beta * y * F.logsigmoid(z) + (1 - beta) * (1 - y) * F.logsigmoid(-z)).sum()).backward()
    return z.grad.numpy()


# ------------------------------------------------------------------------------------------------ exercise 14.3


@guarded
def check_enlarge_row(enlarge_row):
    """Exercise 14.3. The reference is PyTorch's."""
    rng = np.random.default_rng(15)
    cases = {
        "two cells, stride 2": (np.array([0.0, 1.0]), 2),
        "one cell": (np.array([3.0]), 4),
        "a single bump": (np.array([0.0, 0, 1, 0, 0]), 4),
        "random, stride 8": (rng.normal(size=5), 8),
        "an odd stride": (rng.normal(size=4), 3),
        "stride 1": (rng.normal(size=4), 1),
    }
    for name, (x, stride) in cases.items():
        got = np.asarray(enlarge_row(x.copy(), stride), float)
        rows = torch.tensor(x)[None, None]
        want = F.interpolate(rows, scale_factor=stride, mode="linear", align_corners=False)[0, 0].numpy()
        assert got.shape == want.shape, f"{name}: {len(x)} cells give {len(want)} pixels, got {got.shape}"
        off = np.where(np.isnan(got), np.inf, abs(got - want))
        worst = int(np.argmax(off))
        assert off[worst] < 1e-6, f"{name}: pixel {worst} of {len(want)} is off by {got[worst] - want[worst]:.4f}"


# ------------------------------------------------------------------------------------------------ exercise 14.4


class _Model:
    """A model whose losses and times are written down; its state is the number of its steps."""

    def __init__(self, losses, *, step=1.0, look=0.25, slow_first=0.0):
        self.losses, self.of_step, self.of_look, self.slow_first = losses, step, look, slow_first
        self.now, self.at, self.log = 100.0, 0, []

    def clock(self):
        return self.now

    def step(self):
        self.now += self.of_step + (self.slow_first if self.at == 0 else 0)
        self.at += 1
        self.log.append("step")

    def look(self):
        self.now += self.of_look
        self.log.append("look")
        return self.losses[min(self.at, len(self.losses) - 1)]

    def state(self):
        return self.at

    def restore(self, state):
        self.log.append("restore")
        self.at = state


@guarded
def check_tune_within(tune_within):
    """Exercise 14.4."""
    falling = [10 - 0.1 * n for n in range(60)]
    # name: losses, seconds, every, the model's times; steps, the state that is left, looks
    cases = {
        "a loss that falls": (falling, 10.5, 3, {}, 9, 9, 4),
        "a loss that rises at the end": ([5, 4, 3, 2, 3, 4, 5, 6, 7], 6.0, 1, {}, 4, 3, 5),
        "a last step between two looks": (falling, 7.0, 4, {}, 6, 6, 3),
        "better states between the looks": ([5, 1, 4, 1, 6, 1, 7], 7.0, 2, {}, 6, 2, 4),
        "a loss that only rises": ([1, 2, 3, 4], 4.0, 1, {}, 3, 0, 4),
        "equal losses": ([2, 1, 1, 1, 1, 1], 5.0, 1, {}, 3, 1, 4),
        "no room for a step": (falling, 1.4, 1, {}, 0, 0, 1),
        "a slow first step": (falling, 12.0, 100, {"slow_first": 2.0}, 7, 7, 2),
        "no time": (falling, 0, 1, {}, 0, 0, 0),
    }
    for name, (losses, seconds, every, times, steps, left, looks) in cases.items():
        model = _Model([float(v) for v in losses], **times)
        got = tune_within(model, seconds, every, model.clock)
        made, asked = model.log.count("step"), model.log.count("look")
        assert made == steps, f"{name}, {seconds} s: {steps} steps fit, {made} were made"
        assert got == steps, f"{name}: {made} steps were made, and {got} is returned"
        assert asked == looks, f"{name}: {looks} looks are asked for, there were {asked}"
        assert model.at == left, f"{name}: the best state looked at is that of step {left}, left is that of {model.at}"
        assert model.now - 100 <= seconds, f"{name}: {seconds} s were given, {model.now - 100:.2f} s were taken"
