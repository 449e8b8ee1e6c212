"""Checks of chapter 03. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
import torch
import torch.nn.functional as F
from checks import cases
from checks.gradients import by_hand
from checks.guard import guarded

from vosbook.target_model.loss import data_residual, pixel_weights
from vosbook.target_model.stencil import interpolation_matrix


@guarded
def check_pixel_weight(pixel_weight):
    """Exercise 3.2."""
    rng = cases.generator()
    for share, kappa_min in ((0.02, 0.1), (0.02, 0.3), (0.25, 0.1), (0.25, 0.4), (0.1, 0.1), (0.7, 0.2), (0.3, 0.9)):
        H, W = cases.draw_size(rng, 24, 60)
        count = max(round(H * W * share), 10)
        _same_weights(pixel_weight, rng, (H, W), count, kappa_min)
    for count, kappa_min in ((0, 0.1), (0, 0.05), (9, 0.1), (10, 0.1), (9, 0.3), (10, 0.001), (9, 0.001), (1, 0.2)):
        _same_weights(pixel_weight, rng, cases.draw_size(rng, 24, 60), count, kappa_min)
    for kind in (np.uint8, bool):  # with more target pixels in a column than 8 bits can count
        _same_weights(pixel_weight, rng, (320, 24), 7000, 0.95, kind)


def _same_weights(pixel_weight, rng, size, count, kappa_min, kind=float):
    y = np.zeros(size, kind)
    y.flat[rng.choice(y.size, count, replace=False)] = 1
    case = f"{count} target pixels of {y.size}, kappa_min {kappa_min}"
    v = pixel_weights(torch.tensor(y.astype(float))[None, None], kappa_min=kappa_min)[0, 0].numpy()
    want = {"target": v[y == 1].mean() if y.any() else None, "background": v[y == 0].mean()}
    got = pixel_weight(y.copy(), kappa_min)
    assert len(got) == 2, f"two numbers are asked for, got {got}"
    for (name, value), one in zip(want.items(), got):
        if value is not None:
            assert np.isclose(one, value), f"{case}: the weight of a {name} pixel should be {value:.4f}, got {one}"


@guarded
def check_equivalent_filter(equivalent_filter):
    """Exercise 3.1."""
    rng, generator = cases.generator(), cases.torch_generator()
    for c, channels in ((1, 1), (4, 3), (3, 5), (4, 4), tuple(rng.integers(2, 9, 2).tolist())):
        dtype = torch.double if c == channels else torch.float
        w1 = torch.randn(c, channels, 1, 1, generator=generator, dtype=dtype)
        w2 = torch.randn(1, c, 3, 3, generator=generator, dtype=dtype)
        x = torch.randn(2, channels, 5, 6, generator=generator, dtype=dtype)
        kernel = equivalent_filter(w1.clone(), w2.clone())
        expected = (1, channels, 3, 3)
        assert tuple(kernel.shape) == expected, f"expected a kernel {expected}, got {tuple(kernel.shape)}"
        assert kernel.dtype == dtype, f"weights and features of {dtype} need a kernel of {dtype}, got {kernel.dtype}"
        error = float((F.conv2d(x, kernel, padding=1) - F.conv2d(F.conv2d(x, w1), w2, padding=1)).abs().max())
        assert error < 1e-4, f"with c = {c}, C = {channels} the scores of both layers are missed by up to {error:.3f}"


@guarded
def check_best_scores(best_scores):
    """Exercise 3.3."""
    rng = cases.generator()
    sizes = ((12, 3), (30, 7), (16, 16), (int(rng.integers(20, 60)), int(rng.integers(2, 12))))
    for n_out, n_in in sizes:
        u = interpolation_matrix(n_out, n_in, like=torch.zeros(1, dtype=torch.double)).numpy()
        label = (rng.random(n_out) < 0.3).astype(float)
        case = f"{n_in} cells over {n_out} pixels"
        _best(best_scores, f"{case}, equal weights", u, label, np.ones(n_out))
        _best(best_scores, f"{case}, unequal weights", u, label, rng.uniform(0.2, 5, n_out))
        magnitudes = 10 ** rng.permutation(np.linspace(-3, 3, n_out))
        _best(best_scores, f"{case}, weights of all magnitudes", u, rng.normal(size=n_out), magnitudes)
        _best(
            best_scores,
            f"{case}, weights far above 1, any y",
            u,
            10 * rng.normal(size=n_out),
            rng.uniform(20, 90, n_out),
        )
    for n_out, n_in in ((7, 7), (9, 4)):  # where the axes differ in nothing but their order
        u = rng.normal(size=(n_out, n_in)) + 3 * np.eye(n_out, n_in)
        _best(best_scores, f"any U {u.shape}", u, rng.normal(size=n_out), rng.uniform(0.2, 5, n_out))


def _best(best_scores, case, u, y, v):
    got = np.asarray(best_scores(u.copy(), y.copy(), v.copy()))
    assert got.shape == (u.shape[1],), f"{case}: expected {u.shape[1]} scores, got the shape {got.shape}"
    slope = np.abs(u.T @ (v * (u @ got - y))).max() / np.abs(u.T @ (v * np.abs(y))).max().clip(1e-300)
    assert slope < 1e-8, (
        f"{case}: a small change of the scores still lowers the weighted error (its slope, beside that of scores of 0, "
        f"is {slope:.2g}, and should be 0)"
    )


@guarded
def check_gradient_w2(gradient_w2):
    """Exercise 3.4, against automatic differentiation."""
    rng, generator = cases.generator(), cases.torch_generator()

    def randn(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.double)

    drawn = int(rng.integers(2, 5)), int(rng.integers(2, 5)), cases.draw_size(rng, 3, 6), cases.draw_size(rng, 12, 30)
    for k, c, (h, w), (height, width) in ((1, 1, (3, 4), (12, 16)), (3, 2, (4, 5), (21, 33)), drawn):
        z, y = randn(k, c, h, w), (randn(k, 1, height, width) > 0.8).double()
        v, gamma = pixel_weights(y) * (1 + randn(*y.shape) ** 2), torch.rand(k, generator=generator).double()
        u_y, u_x = interpolation_matrix(height, h, like=z), interpolation_matrix(width, w, like=z)
        w2 = randn(1, c, 3, 3).requires_grad_()
        loss = (data_residual(F.conv2d(z, w2, padding=1), y, v, gamma) ** 2).sum()
        (expected,) = torch.autograd.grad(loss, w2)
        got = by_hand(gradient_w2, z, w2.detach().clone(), y[:, 0], v[:, 0], gamma, u_y, u_x)
        assert tuple(got.shape) == (1, c, 3, 3), f"expected the shape {(1, c, 3, 3)}, got {tuple(got.shape)}"
        error = float((got - expected).norm() / expected.norm())
        factor = float((got * expected).sum() / (expected * expected).sum())
        assert error < 1e-8, (
            f"{k} samples, {c} channels: off by {error:.2g} of the gradient's length "
            f"(the best multiple of the true gradient is {factor:.3f} of it)"
        )
