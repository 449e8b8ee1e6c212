"""The stencil and the Gram memory against the dense matrices that they are, over shapes, dtypes and seeds."""

import pytest
import torch
from rounding import rounding
from torch import Tensor

from vosbook.target_model.gauss_newton import gauss_newton
from vosbook.target_model.gram import gram
from vosbook.target_model.loss import data_residual, target_scores
from vosbook.target_model.plain_quadratic import plain_normal, plain_quadratic, plain_upsampling
from vosbook.target_model.stencil import FilterQuadratic, UpdateProblem, apply_stencil, normal_stencil

SHAPES = [  # K, C, grid, size: the frame larger than the grid, the same, smaller; a row; two columns
    (3, 4, (4, 6), (31, 47)),
    (2, 3, (5, 3), (5, 3)),
    (2, 3, (6, 7), (13, 5)),
    (1, 5, (1, 4), (16, 30)),
    (9, 2, (3, 2), (12, 7)),
]
every_case = [
    pytest.mark.parametrize("shape", SHAPES),
    pytest.mark.parametrize("dtype", [torch.float64, torch.float32]),
    pytest.mark.parametrize("seed", range(3)),
]


def over_all(test):
    for mark in every_case:
        test = mark(test)
    return test


def samples(shape: tuple, dtype: torch.dtype, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x, y, v, gamma: soft labels, and any positive pixel weights."""
    K, C, grid, size = shape
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(K, C, *grid, generator=generator, dtype=dtype)
    y, v = torch.rand(2, K, 1, *size, generator=generator, dtype=dtype)
    gamma = torch.rand(K, generator=generator, dtype=dtype)
    return x, y**3, 0.1 + v, gamma / gamma.sum()


def assert_same(found: Tensor, wanted: Tensor, *, terms: int, layers: int) -> None:
    """The size that counts is that of the numbers which are not 0, as most of a stencil's matrix is."""
    assert found.dtype == wanted.dtype and found.shape == wanted.shape and wanted.any()
    assert (found - wanted).abs().max() < rounding(wanted[wanted != 0], terms=terms, layers=layers)


def filters(shape: tuple, dtype: torch.dtype, number: int = 2) -> Tensor:
    """Random ones, `(number, 9, C)`."""
    return torch.randn(number, 9, shape[1], generator=torch.Generator().manual_seed(8), dtype=dtype)


# ----------------------------------------------------------------------------------- the plain form is the definition


@over_all
def test_the_quadratic_is_the_loss_of_a_filter(shape, dtype, seed):
    """Its gradient, 2 (H f - g), is that of the sum of the squared residuals; H f alone that of labels which are 0."""
    x, y, v, gamma = samples(shape, dtype, seed)
    H, g = plain_quadratic(x, y, v, gamma)
    (f,) = filters(shape, dtype, 1)
    w2 = f.T.reshape(1, -1, 3, 3).clone().requires_grad_()
    for labels, wanted in ((y, H @ f.flatten() - g), (torch.zeros_like(y), H @ f.flatten())):
        loss = data_residual(target_scores(x, (w2,)), labels, v, gamma).square().sum()
        (gradient,) = torch.autograd.grad(loss, w2)
        found = gradient[0].flatten(1).T.flatten() / 2  # (1, C, 3, 3) -> (9 C)
        assert_same(found, wanted, terms=y.numel() + g.numel(), layers=6)


@pytest.mark.parametrize(("grid", "size"), [((4, 6), (31, 47)), ((6, 7), (13, 5))])
def test_upsampling_takes_a_share_of_four_cells_at_most(grid, size):
    U = plain_upsampling(grid, size, like=torch.zeros(1, dtype=torch.float64))
    assert torch.allclose(U.sum(1), torch.ones(len(U), dtype=U.dtype))
    assert ((U > 0).sum(1) <= 4).all() and (U >= 0).all()


# ------------------------------------------------------------------------------------- what runs is the plain form


@over_all
def test_the_stencil_is_the_dense_normal_matrix(shape, dtype, seed):
    _, y, v, _ = samples(shape, dtype, seed)
    K, _, grid, size = shape
    a, b = normal_stencil(y, v, grid=grid)
    dense, right = plain_normal(y, v, grid=grid)  # (K, hw, hw), (K, hw)
    cells = torch.eye(grid[0] * grid[1], dtype=dtype).reshape(-1, *grid)
    for k in range(K):
        rows = apply_stencil(a[k].expand(len(cells), -1, -1, -1, -1), cells).flatten(1)  # a row for every cell
        assert_same(rows, dense[k], terms=size[0] * size[1], layers=3)
    assert_same(b.flatten(1), right, terms=size[0] * size[1], layers=3)


@over_all
def test_the_quadratic_of_the_samples(shape, dtype, seed):
    x, y, v, gamma = samples(shape, dtype, seed)
    H, g = plain_quadratic(x, y, v, gamma)
    quadratic = FilterQuadratic(x, *normal_stencil(y, v, grid=shape[2]), gamma)
    terms = y.numel() + H.shape[0]
    for f in filters(shape, dtype):
        Hf = H @ f.flatten()
        assert_same(quadratic.hessian(f).flatten(), Hf, terms=terms, layers=6)
        assert_same(quadratic.gradient(f).flatten(), g - Hf, terms=terms, layers=6)


@over_all
def test_the_gram_memory_s_sums(shape, dtype, seed):
    x, y, v, gamma = samples(shape, dtype, seed)
    H, g = plain_quadratic(x, y, v, gamma)
    found = gram(x, *normal_stencil(y, v, grid=shape[2]), gamma)
    assert_same(found.h, H, terms=y.numel() + g.numel(), layers=6)
    assert_same(found.g, g, terms=y.numel() + g.numel(), layers=6)


@pytest.mark.parametrize("seed", range(3))
def test_an_update_that_is_given_time_solves_the_normal_equations(seed):
    """(H + lambda^2 1) f = g: conjugate gradient with as many steps as there are numbers, against a dense solver."""
    shape, lambda_ = SHAPES[0], (0.3,)
    x, y, v, gamma = samples(shape, torch.float64, seed)
    H, g = plain_quadratic(x, y, v, gamma)
    A = H + lambda_[0] ** 2 * torch.eye(len(H), dtype=H.dtype)
    wanted = torch.linalg.solve(A, g)
    problem = UpdateProblem(FilterQuadratic(x, *normal_stencil(y, v, grid=shape[2]), gamma), lambda_)
    (w2,) = gauss_newton(problem, (torch.zeros(1, shape[1], 3, 3, dtype=H.dtype),), cg_iterations=(2 * len(H),))
    found = w2[0].flatten(1).T.flatten()
    condition = torch.linalg.cond(A).item()
    assert (found - wanted).norm() < torch.finfo(A.dtype).eps * condition * len(A) * wanted.norm()
