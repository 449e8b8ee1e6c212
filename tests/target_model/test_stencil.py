"""The exact fast form against convolutions and the textbook form."""

import pytest
import torch
import torch.nn.functional as F

from vosbook.target_model.gauss_newton import AutogradProblem, gauss_newton
from vosbook.target_model.loss import pixel_weights, residuals, target_scores, upsample
from vosbook.target_model.stencil import (
    FilterQuadratic,
    JointProblem,
    UpdateProblem,
    convolve,
    convolve_transposed,
    interpolation_matrix,
    normal_stencil,
)

LAMBDA = (1e-4, 1e-2)
SIZES = [((4, 6), (61, 97)), ((5, 3), (5, 3)), ((6, 7), (13, 5)), ((1, 4), (16, 30))]  # larger, same, smaller, a row


def randn(*shape, dtype=torch.double):
    return torch.randn(*shape, dtype=dtype)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def make_samples(grid=(4, 6), size=(61, 97), k=19, channels=7, dtype=torch.double):
    """x, y, v, gamma: more samples than one block holds, soft labels, and any positive pixel weights."""
    x, y = randn(k, channels, *grid, dtype=dtype), torch.rand(k, 1, *size, dtype=dtype) ** 3
    gamma = torch.rand(k, dtype=dtype)
    return x, y, 0.1 + torch.rand_like(y), gamma / gamma.sum()


@pytest.mark.parametrize(("n_out", "n_in"), [(480, 30), (5, 5), (3, 7), (9, 1)])
def test_interpolation_matrix_is_one_axis_of_the_upsampling(n_out, n_in):
    s = randn(n_in)
    u = interpolation_matrix(n_out, n_in, like=s)
    expected = upsample(s[None, None, None], (1, n_out)).flatten()
    torch.testing.assert_close(u @ s, expected)
    assert ((u != 0).sum(1) <= 2).all()


def test_convolving_by_products_is_a_convolution_and_its_transpose_autograd_s():
    x, f, u = randn(3, 5, 4, 6), randn(9, 5), randn(3, 4, 6)
    w = f.T.reshape(1, 5, 3, 3).clone().requires_grad_()
    s = F.conv2d(x, w, padding=1)[:, 0]
    torch.testing.assert_close(convolve(x, f), s.detach())
    (gradient,) = torch.autograd.grad(s, w, u)
    torch.testing.assert_close(convolve_transposed(x, u), gradient.reshape(5, 9).T)


@pytest.mark.parametrize(("grid", "size"), SIZES)
def test_update_and_textbook_share_their_normal_equations(grid, size):
    x, y, v, gamma = make_samples(grid, size)
    w, p = (randn(1, 7, 3, 3),), (randn(1, 7, 3, 3),)
    textbook = AutogradProblem(lambda w: residuals(w, x, y, v, gamma, lambda_=LAMBDA[1:]), LAMBDA[1:])
    fast = UpdateProblem(FilterQuadratic(x, *normal_stencil(y, v, grid=grid), gamma), LAMBDA[1:])
    assert_same_equations(textbook, fast, w, p)


@pytest.mark.parametrize(("grid", "size"), SIZES)
def test_joint_and_textbook_share_their_normal_equations(grid, size):
    x, y, v, gamma = make_samples(grid, size)
    w, p = ((randn(5, 7, 1, 1), randn(1, 5, 3, 3)) for _ in range(2))
    textbook = AutogradProblem(lambda w: residuals(w, x, y, v, gamma, lambda_=LAMBDA), LAMBDA)
    fast = JointProblem(FilterQuadratic(x, *normal_stencil(y, v, grid=grid), gamma), LAMBDA)
    assert_same_equations(textbook, fast, w, p)


def assert_same_equations(one, other, w, p):
    """A p, the right-hand side, and the preconditioner, to rounding."""
    (a_one, b_one), (a_other, b_other) = one.linearize(w), other.linearize(w)
    torch.testing.assert_close(a_other(p), a_one(p), rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(b_other, b_one, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(other.precondition(p), one.precondition(p))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.double, 1e-10), (torch.float, 1e-5)])
def test_an_update_takes_the_textbook_s_step(dtype, tolerance):
    """Ten CG iterations from a random w2: the step agrees to 1e-5 in single precision."""
    x, y, v, gamma = make_samples((6, 11), (96, 171), channels=12, dtype=dtype)
    w = (0.1 * randn(1, 12, 3, 3, dtype=dtype),)
    textbook = AutogradProblem(lambda w: residuals(w, x, y, v, gamma, lambda_=LAMBDA[1:]), LAMBDA[1:])
    fast = UpdateProblem(FilterQuadratic(x, *normal_stencil(y, v, grid=(6, 11)), gamma), LAMBDA[1:])
    one, other = (gauss_newton(problem, w, cg_iterations=(10,))[0] - w[0] for problem in (textbook, fast))
    assert (one - other).norm() < tolerance * one.norm()


def test_learning_the_first_frame_is_the_textbook_s_learning():
    """The paper's schedule, five Gauss-Newton steps and 45 CG iterations, on a problem that can be learned."""
    x, _, _, _ = make_samples(k=5, channels=7)
    truth = randn(5, 7, 1, 1), randn(1, 5, 3, 3)
    y = (upsample(target_scores(x, truth), (61, 97)) > 1).double()
    v, gamma = pixel_weights(y), torch.tensor([2, 1, 1, 1, 1], dtype=torch.double) / 6
    w = 0.3 * randn(5, 7, 1, 1), 0.3 * randn(1, 5, 3, 3)
    schedule = (5, 10, 10, 10, 10)
    textbook = AutogradProblem(lambda w: residuals(w, x, y, v, gamma, lambda_=LAMBDA), LAMBDA)
    fast = JointProblem(FilterQuadratic(x, *normal_stencil(y, v, grid=(4, 6)), gamma), LAMBDA)
    one, other = (gauss_newton(problem, w, cg_iterations=schedule) for problem in (textbook, fast))
    # Rounding grows over 45 iterations: compared are what the two models say, to one part in a million.
    s_one, s_other = target_scores(x, one), target_scores(x, other)
    assert (s_one - s_other).norm() < 1e-6 * s_one.norm()
    before, after = (residuals(w_, x, y, v, gamma, lambda_=LAMBDA)[0].square().sum() for w_ in (w, other))
    assert after < 0.5 * before


def test_blocks_do_not_change_the_sum(monkeypatch):
    x, y, v, gamma = make_samples()
    quadratic = FilterQuadratic(x, *normal_stencil(y, v, grid=(4, 6)), gamma)
    f = randn(9, 7)
    blocked = quadratic.hessian(f), quadratic.gradient(f)
    monkeypatch.setattr("vosbook.target_model.stencil.BLOCK", 100)
    torch.testing.assert_close(blocked, (quadratic.hessian(f), quadratic.gradient(f)))


def test_the_caller_s_tensors_stay_as_they_are():
    x, y, v, gamma = make_samples()
    given = x, *normal_stencil(y, v, grid=(4, 6)), gamma, 0.1 * randn(5, 7, 1, 1), 0.1 * randn(1, 5, 3, 3)
    before = [t.clone() for t in given]
    gauss_newton(JointProblem(FilterQuadratic(*given[:4]), LAMBDA), given[4:], cg_iterations=(3, 3))
    torch.testing.assert_close(list(given), before, rtol=0, atol=0)
