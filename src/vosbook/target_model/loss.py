"""The linear target model D and its weighted L2 loss (Robinson et al., CVPR 2020, Eq. 1, 2 and 4).

Symbols: x features `(K, C, h, w)`, y labels `(K, 1, H, W)` in 0..1, s = D(x; w) scores on the feature grid, U bilinear
upsampling to the labels' size, v pixel weights, gamma sample weights, lambda_ regularisation.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = tuple[Tensor, ...]  # (w1, w2), or (w2,) where the features are already projected by w1

MIN_PIXELS = 10  # with fewer target pixels than this, a label says too little about the target to be weighted by it


def target_scores(x: Tensor, w: Weights) -> Tensor:
    """D(x; w) = w2 * (w1 * x), Eq. 1: features `(K, C, h, w)` -> scores `(K, 1, h, w)`, about 0 to 1 but unclamped.

    w1 is `(c, C, 1, 1)`, w2 is `(1, c, 3, 3)` with a zero border. With w = (w2,), x is the projection w1 * x.
    """
    for w_j in w:
        x = F.conv2d(x, w_j, padding=w_j.shape[-1] // 2)
    return x


def upsample(s: Tensor, size: tuple[int, int]) -> Tensor:
    """U of Eq. 2: bilinear from `(K, 1, h, w)` to `(K, 1, H, W)`; `size` is (H, W)."""
    return F.interpolate(s, size=size, mode="bilinear", align_corners=False)


def target_influence(y: Tensor) -> Tensor:
    """kappa_hat, the share of target pixels (y > 0.5) of every sample `(K, 1, 1, 1)`; 0.1 where they are under 10."""
    target = (y > 0.5).flatten(1).sum(1)  # (K,)
    share = target.to(y.dtype) / y[0].numel()
    return torch.where(target < MIN_PIXELS, 0.1, share)[:, None, None, None]


def pixel_weights(y: Tensor, *, kappa_min: float = 0.1) -> Tensor:
    """v of Eq. 4: float labels `(K, 1, H, W)` -> positive weights of that shape, averaging 1 in every sample.

    The target's pixels share the weight kappa = max(kappa_min, kappa_hat), the background's 1 - kappa. Soft labels are
    split at 0.5. A target that fills the frame has no background, and all its weights are 1.
    """
    kappa_hat = target_influence(y)
    kappa = kappa_hat.clamp(min=kappa_min)
    background = (1 - kappa) / (1 - kappa_hat).clamp(min=torch.finfo(y.dtype).tiny)
    return torch.where(y > 0.5, kappa / kappa_hat, background)


def data_residual(s: Tensor, y: Tensor, v: Tensor, gamma: Tensor) -> Tensor:
    """sqrt(gamma v) (U(s) - y) at every pixel, `(K, 1, H, W)`; gamma is `(K,)`.

    v enters by its root: the released code, which made the published numbers, lets the squared loss carry v once,
    where Eq. 2 as printed would carry v squared.
    """
    return (gamma[:, None, None, None] * v).sqrt() * (upsample(s, y.shape[-2:]) - y)


def residuals(w: Weights, x: Tensor, y: Tensor, v: Tensor, gamma: Tensor, *, lambda_: tuple[float, ...]) -> Weights:
    """All residuals of Eq. 2: the data term `(K, 1, H, W)`, then lambda_j w_j for each layer in w.

    The loss term of a layer is therefore lambda_j^2 |w_j|^2 (so in the released code; Eq. 2 prints lambda_j |w_j|^2).
    """
    return data_residual(target_scores(x, w), y, v, gamma), *(l_j * w_j for l_j, w_j in zip(lambda_, w, strict=True))


def target_loss(w: Weights, x: Tensor, y: Tensor, v: Tensor, gamma: Tensor, *, lambda_: tuple[float, ...]) -> Tensor:
    """L_D of Eq. 2, a scalar: the sum of all squared residuals, over pixels and not averaged."""
    return sum((r * r).sum() for r in residuals(w, x, y, v, gamma, lambda_=lambda_))
