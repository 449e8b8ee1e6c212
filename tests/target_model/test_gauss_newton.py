"""The textbook solver against numpy's direct solvers and autograd's explicit Jacobian."""

import numpy as np
import pytest
import torch

from vosbook.target_model.gauss_newton import AutogradProblem, conjugate_gradient, gauss_newton, inner


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.double)
    yield
    torch.set_default_dtype(torch.float)


def spd(n: int) -> torch.Tensor:
    """A symmetric positive definite matrix with condition number about 100."""
    q = torch.linalg.qr(torch.randn(n, n)).Q
    return q @ torch.diag(torch.logspace(0, 2, n)) @ q.T


def curved(w):
    """Residuals that are not linear, of two parameters of different shape."""
    a, b = w
    return torch.sin(a @ b), (a * a).sum(1) - 1, 0.1 * b


def test_cg_solves_a_system_of_n_unknowns_in_n_steps():
    a, b = spd(8), torch.randn(8)
    (x,) = conjugate_gradient(lambda p: (a @ p[0],), (b,), iterations=8)
    np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=1e-8)


def test_cg_minimises_over_the_krylov_space_at_every_step():
    """After n steps, x is the best vector of span(b, Ab, ..., A^(n-1) b) in the norm of A."""
    a, b = spd(8), torch.randn(8)
    krylov = [b]
    for n in range(1, 6):
        basis = torch.linalg.qr(torch.stack(krylov, 1)).Q
        best = basis @ torch.linalg.solve(basis.T @ a @ basis, basis.T @ b)
        (x,) = conjugate_gradient(lambda p: (a @ p[0],), (b,), iterations=n)
        torch.testing.assert_close(x, best)
        krylov.append(a @ krylov[-1])


def test_a_perfect_preconditioner_needs_one_step_and_more_steps_do_no_harm():
    a, b = spd(8), torch.randn(8)
    for iterations in (1, 5):
        (x,) = conjugate_gradient(
            lambda p: (a @ p[0],), (b,), iterations=iterations, precondition=lambda r: (torch.linalg.solve(a, r[0]),)
        )
        torch.testing.assert_close(x, torch.linalg.solve(a, b))


def test_cg_of_nothing_is_nothing():
    (x,) = conjugate_gradient(lambda p: p, (torch.zeros(3),), iterations=4)
    assert x.tolist() == [0, 0, 0]


def test_beta_is_clamped_at_zero():
    """Products that no single matrix could give make beta -1/9 in the second step: the direction restarts at r."""
    products, directions = iter([(1.0, 1.0), (0.5, -1.0), (1.0, 1.0)]), []

    def a(p):
        directions.append(p[0])
        return (torch.tensor(next(products)),)

    conjugate_gradient(a, (torch.tensor([1.0, 0.0]),), iterations=3)
    # r is (1, 0), (0, -1), (-1/3, -1/3); alpha is 1, 2/3; beta is 1, -1/9
    torch.testing.assert_close(torch.stack(directions), torch.tensor([[1, 0], [1, -1], [-1 / 3, -1 / 3]]))


def test_products_with_the_jacobian_are_autograd_s_explicit_ones():
    w = torch.randn(3, 4), torch.randn(4)
    p = torch.randn(3, 4), torch.randn(4)
    blocks = torch.autograd.functional.jacobian(lambda *w: curved(w), w)
    rows = [
        torch.cat([block.reshape(r.numel(), -1) for block in row], 1) for row, r in zip(blocks, curved(w), strict=True)
    ]
    j = torch.cat(rows)  # (residuals, parameters)
    r = torch.cat([r_i.flatten() for r_i in curved(w)])
    a, b = AutogradProblem(curved).linearize(w)
    flat_p = torch.cat([p_j.flatten() for p_j in p])
    torch.testing.assert_close(torch.cat([q.flatten() for q in a(p)]), j.T @ (j @ flat_p))
    torch.testing.assert_close(torch.cat([b_j.flatten() for b_j in b]), -j.T @ r)


def test_a_linear_problem_is_solved_in_one_step_like_lstsq():
    m, y = torch.randn(20, 6), torch.randn(20)
    (w,) = gauss_newton(AutogradProblem(lambda w: (m @ w[0] - y,)), (torch.randn(6),), cg_iterations=(6,))
    np.testing.assert_allclose(w, np.linalg.lstsq(m.numpy(), y.numpy(), rcond=None)[0], rtol=1e-8)


def test_a_curved_problem_converges_to_its_root():
    """Circle and line meet at (0.6, 0.8)."""

    def f(w):
        x, y = w[0]
        return (torch.stack([x * x + y * y - 1, y - x - 0.2]),)

    (w,) = gauss_newton(AutogradProblem(f), (torch.tensor([1.0, 0.3]),), cg_iterations=(2,) * 6)
    np.testing.assert_allclose(w, [0.6, 0.8], atol=1e-12)


def test_cg_starts_anew_in_every_gauss_newton_step():
    start = torch.randn(3, 4), torch.randn(4)
    problem = AutogradProblem(curved, diagonal=(2.0, 0.5))
    once = gauss_newton(problem, gauss_newton(problem, start, cg_iterations=(3,)), cg_iterations=(5,))
    both = gauss_newton(problem, start, cg_iterations=(3, 5))
    torch.testing.assert_close(both, once, rtol=0, atol=0)


def test_the_caller_s_tensors_stay_as_they_are():
    w = torch.randn(3, 4, requires_grad=True), torch.randn(4)
    before = [w_j.detach().clone() for w_j in w]
    result = gauss_newton(AutogradProblem(curved), w, cg_iterations=(4, 4))
    torch.testing.assert_close([w_j.detach() for w_j in w], before, rtol=0, atol=0)
    assert w[0].requires_grad and w[0].grad is None and not w[1].requires_grad
    assert not any(r.requires_grad for r in result)


def test_a_parameter_that_no_residual_uses_gets_no_step():
    w = torch.ones(2), torch.ones(3)
    new = gauss_newton(AutogradProblem(lambda w: (w[0] - 3,)), w, cg_iterations=(2,))
    assert new[0].tolist() == [3, 3] and new[1].tolist() == [1, 1, 1]


def test_it_works_where_gradients_are_switched_off():
    with torch.no_grad():
        (w,) = gauss_newton(AutogradProblem(lambda w: (w[0] - 3,)), (torch.ones(2),), cg_iterations=(1,))
    assert w.tolist() == [3, 3]


def test_inner_product_runs_over_all_tensors():
    assert inner((torch.ones(2), torch.ones(3)), (torch.full((2,), 2.0), torch.full((3,), 5.0))).item() == 19
