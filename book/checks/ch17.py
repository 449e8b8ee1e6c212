"""Checks of chapter 17: the conditional classifier forward and backward, masking without masked features, gradients."""

import numpy as np
import torch
import torch.nn.functional as F
from checks.guard import guarded
from checks.measured import watched

SIZE = (7, 9)

# ------------------------------------------------------------------------------------------------ exercise 17.1


@guarded
def check_layer_of(layer_of):
    """Exercise 17.1."""
    rng = np.random.default_rng(171)
    draw = [rng.standard_normal(SIZE) for _ in range(3)]
    priors = {
        "a soft prior": rng.random(SIZE),
        "a prior of 1": np.ones(SIZE),
        "a prior of 0": np.zeros(SIZE),
        "a hard prior": (rng.random(SIZE) < 0.4).astype(float),
    }
    for name, w in priors.items():
        f1, f2, g_top = (z.copy() for z in draw)
        got = layer_of(f1, f2, w.copy(), g_top)
        assert isinstance(got, tuple | list) and len(got) == 3, "three arrays are asked for: f_out, g1, g2"
        f1, f2, g_top = draw
        want = {"f_out": w * f1 + (1 - w) * f2, "g1": w * g_top, "g2": (1 - w) * g_top}
        for (part, right), found in zip(want.items(), got):
            assert np.shape(found) == SIZE, f"{name}: {part} has the shape {SIZE}, got {np.shape(found)}"
            off = np.abs(found - right)
            at = tuple(map(int, np.unravel_index(off.argmax(), SIZE)))
            assert off.max() < 1e-9, f"{name}: {part} at {at} is {right[at]:.3f}, got {found[at]:.3f} (w {w[at]:.2f})"


# ------------------------------------------------------------------------------------------------ exercise 17.2


@guarded
def check_masked_logits(masked_logits):
    """Exercise 17.2."""
    rng = np.random.default_rng(172)
    for channels in ((16, 16, 16), (5,), (3, 8)):
        levels = [rng.standard_normal((c, *SIZE)) for c in channels]
        theta = [rng.standard_normal(c) for c in channels]
        for name, w in (("a soft prior", rng.random(SIZE)), ("a hard prior", np.round(rng.random(SIZE)))):
            b, before = 0.7, [x.copy() for x in levels]
            want = sum((t[:, None, None] * (w * x)).sum(axis=0) for t, x in zip(theta, levels)) + b
            log = []
            got = masked_logits(levels, theta, b, watched(w, log))
            case = f"{len(channels)} levels, {name}"
            got = np.asarray(got)
            assert got.shape == SIZE, f"{case}: the shape is {SIZE}, got {got.shape}"
            off = np.abs(got - want)
            at = tuple(map(int, np.unravel_index(off.argmax(), SIZE)))
            value = got[at]
            assert off.max() < 1e-6, f"{case}: at {at} masked features give {want[at]:.3f}, got {value:.3f}"
            assert all(map(np.array_equal, levels, before)), f"{case}: the caller's features were changed"
            most = max((size for _, size in log), default=0)
            assert most <= 2 * np.prod(SIZE), f"{case}: right, but an array of {most} numbers was made with w"


# ------------------------------------------------------------------------------------------------ exercise 17.3


@guarded
def check_gradients(gradients):
    """Exercise 17.3, against automatic differentiation."""
    rng = np.random.default_rng(173)
    few = np.zeros(SIZE)
    few[2, 3:5] = 1
    labels = {"a small object": few, "half of the frame": (rng.random(SIZE) < 0.5).astype(float)}
    priors = {"a soft prior": rng.random(SIZE), "a hard prior": few, "no prior": np.zeros(SIZE)}
    for object_name, y in labels.items():
        for prior_name, w in priors.items():
            x = rng.standard_normal((4, *SIZE))
            theta1, theta2, b1, b2 = rng.standard_normal(4), rng.standard_normal(4), 0.3, -0.8
            got = gradients(x.copy(), y.copy(), w.copy(), theta1.copy(), b1, theta2.copy(), b2)
            want = _gradients(x, y, w, theta1, b1, theta2, b2)
            case = f"{object_name}, {prior_name}"
            assert isinstance(got, tuple | list) and len(got) == 4, "four gradients are asked for"
            for part, found, right in zip(("theta1", "b1", "theta2", "b2"), got, want):
                assert np.shape(found) == right.shape, f"{case}: {part} has the shape {right.shape}"
                close = np.allclose(found, right, rtol=1e-5, atol=1e-7)
                assert close, f"{case}: the gradient of {part} is {np.round(right, 3)}, got {np.round(found, 3)}"


def _gradients(x, y, w, *parameters):
    x, y, w = (torch.tensor(z, dtype=torch.float64) for z in (x, y, w))
    leaves = [torch.tensor(z, dtype=torch.float64, requires_grad=True) for z in parameters]
    theta1, b1, theta2, b2 = leaves
    f1, f2 = (torch.tensordot(t, x, dims=1) + b for t, b in ((theta1, b1), (theta2, b2)))
    f_out, beta = w * f1 + (1 - w) * f2, 1 - y.mean()
    loss = (beta * y * F.softplus(-f_out) + (1 - beta) * (1 - y) * F.softplus(f_out)).sum()
    return [g.numpy() for g in torch.autograd.grad(loss, leaves)]
