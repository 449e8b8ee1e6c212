"""The exact fast form of the target model's Gauss-Newton problem: no full-resolution tensor inside the solver.

Two facts make it. First, U is linear and each pixel of it touches at most 2 x 2 cells of the score grid, so the
weighted normal matrix U^T V U is a symmetric 9-point stencil on that grid: it is computed once per sample, with
U^T V y beside it, and the labels are needed no more. Second, D(x; w) is a single 3x3 convolution with the filter
f = w2^T w1, so the data term is a quadratic function of f alone, |(9, C)| numbers, whatever c is.

V = diag(v): the loss carries the pixel weight v once (see loss.py). `plain_quadratic` has the same as dense matrices.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from vosbook.target_model.gauss_newton import Operator, Tensors, add, diagonal_precondition

BLOCK = 8  # samples handled at a time: their features stay in the processor's cache between the two products with them


# ----------------------------------------------------------------------------------------- U^T V U as a stencil


def interpolation_matrix(n_out: int, n_in: int, *, like: Tensor) -> Tensor:
    """U along one axis, `(n_out, n_in)`: row m holds the one or two weights that make output m."""
    identity = torch.eye(n_in, dtype=like.dtype, device=like.device)  # interpolate: (1, in, in) -> (1, in, out)
    return F.interpolate(identity[None], size=n_out, mode="linear", align_corners=False)[0].T


def _neighbour_products(u: Tensor) -> Tensor:
    """For U `(n_out, n_in)`: u_i u_i and u_i u_(i+1) of every output, side by side `(n_out, 2 n_in)`."""
    return torch.cat([u * u, u * F.pad(u[:, 1:], (0, 1))], dim=1)


def normal_stencil(y: Tensor, v: Tensor, *, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """(U^T V U, U^T V y) of labels y and pixel weights v `(K, 1, H, W)` on the score grid (h, w).

    The first is `(K, 2, 2, h, w)`: [k, p, q, i, j] couples cell (i, j) with (i + p, j + q), and [k, 1, 1] also couples
    (i + 1, j) with (i, j + 1). The second is `(K, h, w)`.
    """
    (h, w), (n_y, n_x) = grid, y.shape[-2:]
    u_y, u_x = interpolation_matrix(n_y, h, like=y), interpolation_matrix(n_x, w, like=y)
    a = _neighbour_products(u_y).T @ v[:, 0] @ _neighbour_products(u_x)  # (K, 2h, 2w)
    a = a.unflatten(2, (2, w)).unflatten(1, (2, h)).transpose(2, 3)  # (K, 2h, 2w) -> (K, 2, 2, h, w)
    return a.contiguous(), u_y.T @ (v * y)[:, 0] @ u_x


_ALL, _FROM, _TO = slice(None), slice(None, -1), slice(1, None)
_PAIRS = (  # (p, q) of the coupling, then the two cells that it joins
    (0, 1, (_ALL, _ALL, _FROM), (_ALL, _ALL, _TO)),  # a cell and its east neighbour
    (1, 0, (_ALL, _FROM, _ALL), (_ALL, _TO, _ALL)),  # south
    (1, 1, (_ALL, _FROM, _FROM), (_ALL, _TO, _TO)),  # south-east
    (1, 1, (_ALL, _TO, _FROM), (_ALL, _FROM, _TO)),  # south neighbour and east neighbour
)


def apply_stencil(a: Tensor, s: Tensor) -> Tensor:
    """U^T V U s: the stencil `(K, 2, 2, h, w)` times scores `(K, h, w)` -> `(K, h, w)`."""
    u = a[:, 0, 0] * s
    for p, q, one, other in _PAIRS:
        coupling = a[:, p, q][(_ALL, *(_FROM if step else _ALL for step in (p, q)))]
        u[one].addcmul_(coupling, s[other])
        u[other].addcmul_(coupling, s[one])
    return u


# ------------------------------------------------------------------------------------- 3x3 convolution as products


def convolve(x: Tensor, f: Tensor) -> Tensor:
    """Features `(K, C, h, w)` and a filter `(9, C)` -> scores `(K, h, w)`, the same as a 3x3 convolution, padding 1.

    One (9, C) by (C, h w) product, then nine shifted adds: faster than a convolution to a single channel.
    """
    (n, _, h, w) = x.shape
    taps = torch.matmul(f.flip(0), x.flatten(2))  # (K, 9, h w); fold scatters, so tap t goes where 8 - t would gather
    return F.fold(taps.reshape(1, n * 9, h * w), (h, w), 3, padding=1)[0]  # (1, K 9, h w) -> (K, h, w)


def convolve_transposed(x: Tensor, u: Tensor) -> Tensor:
    """The transpose of `convolve` in f: features `(K, C, h, w)` and `(K, h, w)` -> `(9, C)`, summed over samples."""
    (n, _, h, w) = x.shape
    taps = F.unfold(u[None], 3, padding=1).reshape(n, 9, h * w)  # (1, K 9, h w) -> (K, 9, h w)
    return torch.matmul(taps, x.flatten(2).transpose(1, 2)).sum(0).flip(0)


# ----------------------------------------------------------------------------------------------------- problems


class Quadratic(Protocol):
    """A quadratic in the 3x3 filter f `(9, C)`: f^T H f - 2 f^T g + a constant."""

    def hessian(self, f: Tensor) -> Tensor:
        """H f, `(9, C)`."""

    def gradient(self, f: Tensor) -> Tensor:
        """g - H f, minus half the gradient at f, `(9, C)`."""


@dataclass(frozen=True)
class FilterQuadratic:
    """The data term of Eq. 2 as a `Quadratic`, from its samples.

    x `(K, C, h, w)` features, a `(K, 2, 2, h, w)` and b `(K, h, w)` from `normal_stencil`, gamma `(K,)`.
    """

    x: Tensor
    a: Tensor
    b: Tensor
    gamma: Tensor

    def hessian(self, f: Tensor) -> Tensor:
        """H f, `(9, C)`: convolve, weigh on the score grid, correlate back."""
        out = torch.zeros_like(f)
        for x, a, gamma in zip(self.x.split(BLOCK), self.a.split(BLOCK), self.gamma.split(BLOCK)):
            out += convolve_transposed(x, gamma[:, None, None] * apply_stencil(a, convolve(x, f)))
        return out

    def gradient(self, f: Tensor) -> Tensor:
        """g - H f, minus half the gradient at f, `(9, C)`."""
        out = torch.zeros_like(f)
        for x, a, b, gamma in zip(*(t.split(BLOCK) for t in (self.x, self.a, self.b, self.gamma))):
            out += convolve_transposed(x, gamma[:, None, None] * (b - apply_stencil(a, convolve(x, f))))
        return out


@dataclass(frozen=True)
class UpdateProblem:
    """w2 alone, w1 fixed: the quadratic is one of projected features `(K, c, h, w)`. The problem is linear."""

    quadratic: Quadratic
    lambda_: tuple[float]  # of w2

    def linearize(self, w: Tensors) -> tuple[Operator, Tensors]:
        """See `gauss_newton.Problem`; w is (w2,), w2 `(1, c, 3, 3)`."""
        (ridge,) = (l_j**2 for l_j in self.lambda_)

        def a(p: Tensors) -> Tensors:
            return add((_from_filter(self.quadratic.hessian(_to_filter(p[0]))),), p, times=ridge)

        b = _from_filter(self.quadratic.gradient(_to_filter(w[0])))
        return a, add((b,), w, times=-ridge)

    def precondition(self, g: Tensors) -> Tensors:
        """See `gauss_newton.Problem`."""
        return diagonal_precondition(g, self.lambda_)


@dataclass(frozen=True)
class JointProblem:
    """w1 and w2 together, as in the first frame: residuals of f = w2^T w1, whose derivative is a product rule."""

    quadratic: Quadratic
    lambda_: tuple[float, float]  # of w1, w2

    def linearize(self, w: Tensors) -> tuple[Operator, Tensors]:
        """See `gauss_newton.Problem`; w is (w1, w2), w1 `(c, C, 1, 1)`, w2 `(1, c, 3, 3)`."""
        w1, w2 = w[0][:, :, 0, 0], _to_filter(w[1])  # (c, C), (9, c)
        ridge = tuple(l_j**2 for l_j in self.lambda_)

        def transposed(g: Tensor, p: Tensors, sign: float) -> Tensors:
            """The derivative of f, transposed, times g `(9, C)`, plus the regulariser's part."""
            parts = (w2.T @ g)[:, :, None, None], _from_filter(g @ w1.T)
            return tuple(part + sign * r_j * p_j for part, r_j, p_j in zip(parts, ridge, p, strict=True))

        def a(p: Tensors) -> Tensors:
            df = w2 @ p[0][:, :, 0, 0] + _to_filter(p[1]) @ w1  # (9, C)
            return transposed(self.quadratic.hessian(df), p, 1.0)

        return a, transposed(self.quadratic.gradient(w2 @ w1), w, -1.0)

    def precondition(self, g: Tensors) -> Tensors:
        """See `gauss_newton.Problem`."""
        return diagonal_precondition(g, self.lambda_)


def _to_filter(w2: Tensor) -> Tensor:
    """w2 `(1, c, 3, 3)` -> `(9, c)`. Inverse: `_from_filter`."""
    return w2.flatten(2)[0].T


def _from_filter(f: Tensor) -> Tensor:
    """`(9, c)` -> w2 `(1, c, 3, 3)`."""
    return f.T.unflatten(1, (3, 3))[None]
