"""Checks of chapter 03. Each compares values on several cases, and its message says what was seen, not the answer."""

import numpy as np
import torch
import torch.nn.functional as F
from checks.guard import guarded

from vosbook.target_model.loss import data_residual, pixel_weights
from vosbook.target_model.stencil import interpolation_matrix


@guarded
def check_pixel_weight(pixel_weight):
    """Exercise 3.1."""
    for share, kappa_min in ((0.02, 0.1), (0.02, 0.3), (0.25, 0.1), (0.25, 0.4), (0.1, 0.1)):
        y = np.zeros((20, 100))
        y.flat[: round(2000 * share)] = 1
        _same_weights(pixel_weight, y, kappa_min, f"{100 * share:g} % target, kappa_min {kappa_min}")
    for count, kappa_min in ((0, 0.1), (9, 0.1), (10, 0.1), (9, 0.3)):
        y = np.zeros((30, 40))
        y.flat[:count] = 1
        _same_weights(pixel_weight, y, kappa_min, f"{count} target pixels of 1200, kappa_min {kappa_min}")


def _same_weights(pixel_weight, y, kappa_min, case):
    v = pixel_weights(torch.tensor(y)[None, None], kappa_min=kappa_min)[0, 0].numpy()
    expected = {"target": v[y == 1].mean() if y.any() else None, "background": v[y == 0].mean()}
    got = pixel_weight(y.copy(), kappa_min)
    assert len(got) == 2, f"two numbers are asked for, got {got}"
    for (name, value), one in zip(expected.items(), got):
        if value is not None:
            assert np.isclose(one, value), f"{case}: the weight of a {name} pixel should be {value:.4f}, got {one}"


@guarded
def check_equivalent_filter(equivalent_filter):
    """Exercise 3.2."""
    generator = torch.Generator().manual_seed(3)
    for c, channels in ((1, 1), (4, 3), (3, 5), (4, 4)):
        w1 = torch.randn(c, channels, 1, 1, generator=generator)
        w2 = torch.randn(1, c, 3, 3, generator=generator)
        x = torch.randn(2, channels, 5, 6, generator=generator)
        kernel = equivalent_filter(w1.clone(), w2.clone())
        expected = (1, channels, 3, 3)
        assert tuple(kernel.shape) == expected, f"expected a kernel {expected}, got {tuple(kernel.shape)}"
        error = float((F.conv2d(x, kernel, padding=1) - F.conv2d(F.conv2d(x, w1), w2, padding=1)).abs().max())
        assert error < 1e-4, f"with c = {c}, C = {channels} the scores of both layers are missed by up to {error:.3f}"


@guarded
def check_best_scores(best_scores):
    """Exercise 3.3."""
    rng = np.random.default_rng(3)
    for n_out, n_in in ((12, 3), (30, 7), (16, 16)):
        u = interpolation_matrix(n_out, n_in, like=torch.zeros(1, dtype=torch.double)).numpy()
        y = (rng.random(n_out) < 0.3).astype(float)
        for case, v in (("equal weights", np.ones(n_out)), ("unequal weights", rng.uniform(0.2, 5, n_out))):
            got = np.asarray(best_scores(u.copy(), y.copy(), v.copy()))
            assert got.shape == (n_in,), f"expected {n_in} scores, got the shape {got.shape}"
            slope = np.abs(u.T @ (v * (u @ got - y))).max()
            assert slope < 1e-8, (
                f"{n_in} cells over {n_out} pixels, {case}: a small change of the scores still lowers the weighted "
                f"error (its slope is {slope:.2g}, and should be 0)"
            )


@guarded
def check_gradient_w2(gradient_w2):
    """Exercise 3.4."""
    generator = torch.Generator().manual_seed(3)

    def randn(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.double)

    for k, c, (h, w), (height, width) in ((1, 1, (3, 4), (12, 16)), (3, 2, (4, 5), (21, 33))):
        z, y = randn(k, c, h, w), (randn(k, 1, height, width) > 0.8).double()
        v, gamma = pixel_weights(y) * (1 + randn(*y.shape) ** 2), torch.rand(k, generator=generator).double()
        u_y, u_x = interpolation_matrix(height, h, like=z), interpolation_matrix(width, w, like=z)
        w2 = randn(1, c, 3, 3).requires_grad_()
        loss = (data_residual(F.conv2d(z, w2, padding=1), y, v, gamma) ** 2).sum()
        (expected,) = torch.autograd.grad(loss, w2)
        with torch.no_grad():
            got = gradient_w2(z, w2.detach().clone(), y[:, 0], v[:, 0], gamma, u_y, u_x)
        assert tuple(got.shape) == (1, c, 3, 3), f"expected the shape {(1, c, 3, 3)}, got {tuple(got.shape)}"
        error = float((got - expected).norm() / expected.norm())
        factor = float((got * expected).sum() / (expected * expected).sum())
        assert error < 1e-8, (
            f"{k} samples, {c} channels: off by {error:.2g} of the gradient's length "
            f"(the best multiple of the true gradient is {factor:.3f} of it)"
        )
