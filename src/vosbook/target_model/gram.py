"""A memory of constant size without K_max: the samples' normal equations, summed (our option, not in the paper).

With w1 fixed the data term of Eq. 2 is a quadratic in w2's 9c numbers, so a weighted sum of samples is a matrix of
9c x 9c and a vector of 9c, however many they are. Section 3.4's weights need no list of samples either. With r = 1 /
gamma of the newest sample the rule gamma_i = gamma_(i-1) / (1 - eta), then normalise, reads r_i = 1 + (1 - eta)
r_(i-1); it starts at r = 1 / eta and stays there. While nothing is evicted, every insert therefore takes exactly eta
of the whole and leaves 1 - eta to what was there: an exponential moving average.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vosbook.target_model.loss import pixel_weights
from vosbook.target_model.memory import first_frame_excess
from vosbook.target_model.stencil import apply_stencil, normal_stencil


@dataclass(frozen=True)
class GramQuadratic:
    """The same quadratic as `FilterQuadratic`, as a matrix: f^T H f - 2 f^T g + a constant, f `(9, c)` flattened.

    h `(9c, 9c)`, g `(9c,)`.
    """

    h: Tensor
    g: Tensor

    def hessian(self, f: Tensor) -> Tensor:
        """H f, `(9, c)`."""
        return (self.h @ f.flatten()).reshape(f.shape)

    def gradient(self, f: Tensor) -> Tensor:
        """g - H f, minus half the gradient at f, `(9, c)`."""
        return self.g.reshape(f.shape) - self.hessian(f)

    def mixed(self, other: "GramQuadratic", share: float) -> "GramQuadratic":
        """(1 - share) times this and `share` times the other."""
        return GramQuadratic(torch.lerp(self.h, other.h, share), torch.lerp(self.g, other.g, share))


def gram(z: Tensor, a: Tensor, b: Tensor, gamma: Tensor) -> GramQuadratic:
    """H and g of samples z `(K, c, h, w)` with stencils a `(K, 2, 2, h, w)`, b `(K, h, w)` and weights gamma `(K,)`."""
    n = 9 * z.shape[1]
    h, g = z.new_zeros(n, n), z.new_zeros(n)
    for z_k, a_k, b_k, gamma_k in zip(z, a, b, gamma):
        taps = _taps(z_k)  # (9, c, h, w)
        _add_products(h, taps, gamma_k * a_k)
        g += taps.flatten(2).flatten(0, 1) @ (gamma_k * b_k).flatten()  # (9c, h w) (h w)
    return GramQuadratic(h, g)


def _taps(z: Tensor) -> Tensor:
    """z `(c, h, w)` as each of the nine taps of a 3x3 filter sees it, zero beyond the border, `(9, c, h, w)`."""
    c, h, w = z.shape
    padded = z.new_zeros(c, h + 2, w + 2)
    padded[:, 1:-1, 1:-1] = z
    return torch.stack([padded[:, y : y + h, x : x + w] for y in range(3) for x in range(3)])


def _add_products(out: Tensor, taps: Tensor, a: Tensor) -> None:
    """out `(9c, 9c)` += Z S Z^T of the taps Z `(9, c, h, w)` and the stencil S `(2, 2, h, w)`.

    Z S Z^T is symmetric: of a tap's c rows, what is right of the diagonal is computed, and mirrored.
    """
    c = taps.shape[1]
    rows = taps.flatten(2).flatten(0, 1)  # (9c, h w)
    for t, tap in enumerate(taps):
        here, right = slice(t * c, (t + 1) * c), slice((t + 1) * c, None)
        weighed = apply_stencil(a.expand(c, -1, -1, -1, -1), tap).flatten(1)  # (c, h w)
        products = weighed @ rows[t * c :].T  # (c, 9c - t c)
        out[here, t * c :] += products
        out[right, here] += products[:, c:].T


class GramMemory:
    """All samples ever inserted, as their normal equations: two matrices, whatever the length of the video.

    Equal to a `SampleMemory` that evicts nothing. `first_frame_share` as there.
    """

    def __init__(self, *, eta: float = 0.1, kappa_min: float = 0.1, first_frame_share: float = 0.0):
        self.eta, self.kappa_min, self.first_frame_share = eta, kappa_min, first_frame_share
        self.first_share = 1.0  # of the weight, that the first frame's samples have left by section 3.4

    def fill(self, z: Tensor, a: Tensor, b: Tensor, gamma: Tensor) -> None:
        """Begin with the first frame's samples: z `(K, c, h, w)`, a and b of `normal_stencil`, gamma `(K,)`."""
        self._first = self._all = gram(z, a, b, (gamma / gamma.sum()).to(z))
        self.first_share = 1.0

    def insert(self, z: Tensor, y: Tensor) -> None:
        """Add projected features z `(1, c, h, w)` with label y `(1, 1, H, W)`, which gets eta of the weight."""
        a, b = normal_stencil(y, pixel_weights(y, kappa_min=self.kappa_min), grid=z.shape[-2:])
        self._all = self._all.mixed(gram(z, a, b, z.new_ones(1)), self.eta)
        self.first_share *= 1 - self.eta

    def quadratic(self) -> GramQuadratic:
        """The data term over all samples."""
        return self._all.mixed(self._first, first_frame_excess(self.first_share, self.first_frame_share))
