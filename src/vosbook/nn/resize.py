"""Resizing as a linear map, several times as fast as PyTorch's bicubic interpolation on CPUs."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


@lru_cache(maxsize=64)
def resize_matrix(n_out: int, n_in: int, mode: str = "bicubic") -> Tensor:
    """The float32 matrix `(n_out, n_in)` that resizes one axis as `F.interpolate(align_corners=False)` does.

    `mode` is "bilinear" or "bicubic". In float32 F.interpolate places its samples with errors of 1e-4 pixels; the
    matrix is computed in double precision. It is cached: do not change it.
    """
    rows = torch.eye(n_in, dtype=torch.float64)[None, None]  # (1, 1, n_in, n_in): only the width of images changes
    return F.interpolate(rows, size=(n_in, n_out), mode=mode, align_corners=False)[0, 0].T.float().contiguous()


def double(z: Tensor) -> Tensor:
    """Bicubic upsampling by two: `(N, C, h, w)` -> `(N, C, 2h, 2w)`, channels last in memory.

    As a transposed convolution: each pixel, those beyond the border repeated, spreads to 8 x 8 pixels.
    """
    spread = resize_matrix(10, 5)[1:9, 2].to(z)  # what a pixel far from the border gives along one axis, (8,)
    kernel = torch.outer(spread, spread).expand(z.shape[1], 1, 8, 8)
    z = F.pad(z.contiguous(memory_format=torch.channels_last), (2, 2, 2, 2), mode="replicate")
    return F.conv_transpose2d(z, kernel, stride=2, padding=7, groups=z.shape[1])
