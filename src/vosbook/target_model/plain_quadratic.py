"""The data term of Eq. 2 of FRTM as dense matrices, from its definition: what the stencil and the Gram memory are.

A label has HW pixels, a score map hw cells, a filter 9C numbers. U `(HW, hw)` upsamples scores; of a sample, X
`(hw, 9C)` holds what the filter sees at each cell, and J = U X is the derivative of U(D(x; f)) in f. With V = diag(v),

    sum over k of gamma_k |V_k^(1/2) (J_k f - y_k)|^2 = f^T H f - 2 f^T g + a constant,
    H = sum of gamma_k J_k^T V_k J_k,    g = sum of gamma_k J_k^T V_k y_k.

J is as large as all pixels times all of the filter's numbers: for small examples, and to read.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vosbook.target_model.loss import upsample


def plain_upsampling(grid: tuple[int, int], size: tuple[int, int], *, like: Tensor) -> Tensor:
    """U `(HW, hw)`: a column for each cell of the grid (h, w), what it alone becomes in the size (H, W)."""
    h, w = grid
    cells = torch.eye(h * w, dtype=like.dtype, device=like.device).reshape(h * w, 1, h, w)
    return upsample(cells, size).flatten(1).T  # (hw, 1, H, W) -> (hw, HW) -> (HW, hw)


def plain_normal(y: Tensor, v: Tensor, *, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """U^T V U `(K, hw, hw)` and U^T V y `(K, hw)` of labels y and pixel weights v `(K, 1, H, W)`."""
    U = plain_upsampling(grid, y.shape[-2:], like=y)
    y, v = y.flatten(1)[..., None], v.flatten(1)[..., None]  # (K, HW, 1): v * M is V M, each row times its weight
    return U.T @ (v * U), (U.T @ (v * y))[..., 0]


def plain_quadratic(x: Tensor, y: Tensor, v: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """H `(9C, 9C)` and g `(9C,)` of features x `(K, C, h, w)`, y and v `(K, 1, H, W)`, gamma `(K,)`.

    The filter's numbers are in the order of `(9, C)`: tap by tap, each with all channels.
    """
    U = plain_upsampling(x.shape[-2:], y.shape[-2:], like=y)
    y, v, gamma = y.flatten(1)[..., None], v.flatten(1)[..., None], gamma[:, None, None]  # (K, HW, 1), (K, 1, 1)
    X = F.unfold(x, 3, padding=1)  # (K, C 9, hw): the 3x3 cells around each
    X = X.unflatten(1, (-1, 9)).transpose(1, 2).flatten(1, 2).mT  # -> (K, hw, 9 C)
    J = U @ X  # (K, HW, 9 C)
    return (gamma * J.mT @ (v * J)).sum(0), (gamma * J.mT @ (v * y)).sum(0)[:, 0]
