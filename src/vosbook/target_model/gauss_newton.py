"""Gauss-Newton with conjugate gradient (Eq. 3 of FRTM), the textbook form.

The solver knows nothing of target models. It asks a `Problem` for its normal equations, and any differentiable
residual function becomes a problem through `AutogradProblem`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]  # the parameters, or anything shaped like them
Operator = Callable[[Tensors], Tensors]


class Problem(Protocol):
    """A sum of squared residuals |r(w)|^2 to be made small over the parameters w."""

    def linearize(self, w: Tensors) -> tuple[Operator, Tensors]:
        """The normal equations at w: the operator p -> J^T J p, and the right-hand side -J^T r."""

    def precondition(self, g: Tensors) -> Tensors:
        """M^-1 g for a matrix M that resembles J^T J and is cheap to invert."""


def inner(a: Tensors, b: Tensors) -> Tensor:
    """The inner product over all tensors, a scalar."""
    return sum((a_j * b_j).sum() for a_j, b_j in zip(a, b, strict=True))


def add(a: Tensors, b: Tensors, *, times: Tensor | float = 1.0) -> Tensors:
    """a + times b, tensor by tensor."""
    return tuple(a_j + times * b_j for a_j, b_j in zip(a, b, strict=True))


def divide(a: Tensor, b: Tensor) -> Tensor:
    """a / b, and 0 for 0 / 0: once CG has arrived, every further step is nothing."""
    return a / torch.where(b == 0, 1.0, b)


def diagonal_precondition(g: Tensors, diagonal: Sequence[float]) -> Tensors:
    """g divided by one number per tensor."""
    return tuple(g_j / d_j for g_j, d_j in zip(g, diagonal, strict=True))


def conjugate_gradient(a: Operator, b: Tensors, *, iterations: int, precondition: Operator = tuple) -> Tensors:
    """Approximate x in A x = b for a symmetric positive definite A, from x = 0 (Hestenes and Stiefel, 1952).

    beta is Polak and Ribiere's, clamped at 0, which forgives an operator or preconditioner that changes a little. There
    is neither line search nor tolerance: `iterations` steps are made, each one application of A.
    """
    x = tuple(torch.zeros_like(b_j) for b_j in b)
    r = b  # the residual of the linear system, b - A x
    p = z = precondition(r)
    rho = inner(r, z)
    for _ in range(iterations):
        q = a(p)
        alpha = divide(rho, inner(p, q))
        x = add(x, p, times=alpha)
        r_before, r = r, add(r, q, times=-alpha)
        z = precondition(r)
        rho_before, rho = rho, inner(r, z)
        beta = divide(rho - inner(r_before, z), rho_before).clamp(min=0)
        p = add(z, p, times=beta)
    return x


def gauss_newton(problem: Problem, w: Tensors, *, cg_iterations: Sequence[int]) -> Tensors:
    """Minimise the problem from w: one Gauss-Newton step per entry of `cg_iterations`, solved by that many CG steps.

    CG starts anew in every step. Returns new tensors; the given ones are left as they are.
    """
    w = tuple(w_j.detach() for w_j in w)
    for iterations in cg_iterations:
        a, b = problem.linearize(w)
        w = add(w, conjugate_gradient(a, b, iterations=iterations, precondition=problem.precondition))
    return w


@dataclass(frozen=True)
class AutogradProblem:
    """Any differentiable residuals: a function from the tuple of parameters to a tuple of residual tensors.

    The products with J and J^T come from automatic differentiation. `diagonal`, one number per parameter tensor, is
    the preconditioner.
    """

    residuals: Callable[[Tensors], Tensors]
    diagonal: tuple[float, ...] | None = None

    @torch.enable_grad()
    def linearize(self, w: Tensors) -> tuple[Operator, Tensors]:
        """See `Problem`. J p is a double backward pass: J^T u is linear in u, and its derivative in u is J."""
        w = tuple(w_j.detach().requires_grad_() for w_j in w)
        r = self.residuals(w)
        u = tuple(torch.zeros_like(r_i, requires_grad=True) for r_i in r)
        jt_u = torch.autograd.grad(r, w, u, create_graph=True, materialize_grads=True)

        def jt(v: Tensors) -> Tensors:
            return torch.autograd.grad(r, w, v, retain_graph=True, materialize_grads=True)

        def a(p: Tensors) -> Tensors:
            return jt(torch.autograd.grad(jt_u, u, p, retain_graph=True, materialize_grads=True))

        return a, jt(tuple(-r_i.detach() for r_i in r))

    def precondition(self, g: Tensors) -> Tensors:
        """See `Problem`."""
        return g if self.diagonal is None else diagonal_precondition(g, self.diagonal)
