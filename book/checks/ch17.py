"""Checks of chapter 17: the way back, masking without masked features, what a prior decides, gradients."""

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from checks import cases
from checks.gradients import by_hand
from checks.guard import guarded

MOST_MAPS = 6  # of H W numbers, that may be held at a time

# ------------------------------------------------------------------------------------------------ exercise 17.1


@guarded
def check_way_back(way_back):
    """Exercise 17.1, against automatic differentiation."""
    rng = cases.generator()
    shape = (int(rng.integers(2, 5)), 1, *cases.draw_size(rng))
    priors = {
        "a soft prior": rng.random(shape),
        "a hard prior": (rng.random(shape) < 0.5).astype(float),
        "a prior of 0": np.zeros(shape),
        "a prior of 1": np.ones(shape),
    }
    for name, prior in priors.items():
        f1, f2, w, g_top = (torch.from_numpy(z) for z in (*rng.normal(size=(2, *shape)), prior, rng.normal(size=shape)))
        leaves = [z.clone().requires_grad_() for z in (f1, f2, w)]
        a, b, v = leaves
        want = torch.autograd.grad(v * a + (1 - v) * b, leaves, g_top)
        got = by_hand(way_back, f1, f2, w, g_top)
        assert isinstance(got, tuple | list) and len(got) == 3, "three gradients are asked for, of f1, f2 and w"
        for part, found, right in zip(("f1", "f2", "w"), got, want):
            assert tuple(found.shape) == shape, (
                f"{name}: the gradient of {part} has the shape {shape}, got {tuple(found.shape)}"
            )
            wrong = (~torch.isclose(found.detach(), right, rtol=1e-5, atol=1e-7)).nonzero()
            if len(wrong):
                at = tuple(wrong[0].tolist())
                given = ", ".join(f"{k} {z[at]:.3f}" for k, z in zip(("f1", "f2", "w", "g_top"), (f1, f2, w, g_top)))
                raise AssertionError(
                    f"{name}: at a pixel with {given} the gradient of {part} is {right[at]:.4f}, got {found[at]:.4f}"
                )


# ------------------------------------------------------------------------------------------------ exercise 17.3


def _by_trial(f1: float, f2: float) -> float:
    """f_out is a straight line over w, so the ends and the place where it is 0 are all that has to be tried."""
    tried = [0.0, 1.0] + ([f2 / (f2 - f1)] if f1 != f2 else [])
    good = [w for w in sorted(tried) if 0 <= w <= 1 and (w * f1 + (1 - w) * f2 >= -1e-9)]
    return good[0] if good else np.nan


@guarded
def check_least_prior(least_prior):
    """Exercise 17.3."""
    rng = cases.generator()
    size = cases.draw_size(rng)
    whole = np.array([[3.0, -1], [-2, 2], [-1, -3], [4, 4], [0, -2], [-2, 0], [0, 0], [-2, -2], [1, -3]])
    maps = {
        "whole numbers": (whole[:, :1], whole[:, 1:]),
        "drawn": (3 * rng.normal(size=size), 3 * rng.normal(size=size)),
        "large logits": (200 * rng.normal(size=size), 200 * rng.normal(size=size)),
        "small logits": (0.01 * rng.normal(size=size), 0.01 * rng.normal(size=size)),
        "they agree on the object": (rng.uniform(0.1, 3, size), rng.uniform(0.1, 3, size)),
        "they agree on the background": (-rng.uniform(0.1, 3, size), -rng.uniform(0.1, 3, size)),
    }
    for name, (f1, f2) in maps.items():
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            got = np.asarray(least_prior(f1.copy(), f2.copy()), float)
        want = np.vectorize(_by_trial)(f1, f2)
        assert got.shape == want.shape, f"{name}: the shape is {want.shape}, got {got.shape}"
        wrong = np.argwhere(~np.isclose(got, want, rtol=0, atol=1e-6, equal_nan=True))
        if len(wrong):
            at = tuple(wrong[0])
            raise AssertionError(
                f"{name}: where f1 is {f1[at]:.4f} and f2 is {f2[at]:.4f}, the least prior is {want[at]:.4f}, got "
                f"{got[at]:.4f}"
            )


# ------------------------------------------------------------------------------------------------ exercise 17.2


@guarded
def check_masked_logits(masked_logits):
    """Exercise 17.2."""
    rng = cases.generator()
    H, W = cases.draw_size(rng, 30, 60)
    for channels in ((16, 16, 16), (20,), (24, 8), tuple(rng.integers(8, 24, 4).tolist()), (3,) * 9):
        levels = [rng.standard_normal((c, H, W)) for c in channels]
        theta, b = [rng.standard_normal(c) for c in channels], float(rng.normal())
        for name, w in (("a soft prior", rng.random((H, W))), ("a hard prior", np.round(rng.random((H, W))))):
            want = sum((t[:, None, None] * (w * x)).sum(axis=0) for t, x in zip(theta, levels)) + b
            got, spent = masked_logits.measured(levels, theta, b, w.copy())
            case = f"{len(channels)} levels of {channels} channels, {name}"
            got = np.asarray(got)
            assert got.shape == (H, W), f"{case}: the shape is {(H, W)}, got {got.shape}"
            off = np.where(np.isnan(got), np.inf, np.abs(got - want))
            at = tuple(map(int, np.unravel_index(off.argmax(), (H, W))))
            assert off.max() < 1e-6, f"{case}: at {at} masked features give {want[at]:.3f}, got {got[at]:.3f}"
            maps = spent.bytes / w.nbytes
            assert maps < MOST_MAPS + 1, (
                f"{case}: right, but it held {maps:.1f} times as much as one map (H, W) takes; {MOST_MAPS} are enough"
            )


# ------------------------------------------------------------------------------------------------ exercise 17.4


@guarded
def check_gradients(gradients):
    """Exercise 17.4, against automatic differentiation."""
    rng = cases.generator()
    size, C = cases.draw_size(rng), int(rng.integers(2, 7))
    few = np.zeros(size)
    few[2, 1:3] = 1
    part = rng.random(size) < rng.uniform(0.2, 0.8)
    labels = {
        "a small object": few,
        "a part of the frame": part.astype(float),
        "a part of the frame, in uint8": part.astype(np.uint8),
    }
    priors = {"a soft prior": rng.random(size), "a hard prior": few, "no prior": np.zeros(size)}
    for object_name, y in labels.items():
        for prior_name, w in priors.items():
            x, theta1, theta2 = rng.standard_normal((C, *size)), rng.standard_normal(C), rng.standard_normal(C)
            b1, b2 = rng.normal(size=2).tolist()
            got = by_hand(gradients, x.copy(), y.copy(), w.copy(), theta1.copy(), b1, theta2.copy(), b2)
            want = _gradients(x, y, w, theta1, b1, theta2, b2)
            case = f"{object_name}, {prior_name}, b1 {b1:.2f}, b2 {b2:.2f}"
            assert isinstance(got, tuple | list) and len(got) == 4, "four gradients are asked for"
            for part, found, right in zip(("theta1", "b1", "theta2", "b2"), got, want):
                assert np.shape(found) == right.shape, f"{case}: {part} has the shape {right.shape}"
                close = np.allclose(found, right, rtol=1e-5, atol=1e-6)
                assert close, f"{case}: the gradient of {part} is {np.round(right, 4)}, got {np.round(found, 4)}"


def _gradients(x, y, w, *parameters):
    x, y, w = (torch.tensor(z, dtype=torch.float64) for z in (x, y, w))
    leaves = [torch.tensor(z, dtype=torch.float64, requires_grad=True) for z in parameters]
    theta1, b1, theta2, b2 = leaves
    f1, f2 = (torch.tensordot(t, x, dims=1) + b for t, b in ((theta1, b1), (theta2, b2)))
    f_out, beta = w * f1 + (1 - w) * f2, 1 - y.mean()
    loss = (beta * y * F.softplus(-f_out) + (1 - beta) * (1 - y) * F.softplus(f_out)).sum()
    return [g.numpy() for g in torch.autograd.grad(loss, leaves)]
