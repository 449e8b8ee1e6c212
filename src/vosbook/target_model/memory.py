"""The sample memory of FRTM (section 3.4): a fixed number of samples, weighted by age."""

from typing import Literal

import torch
from torch import Tensor

from vosbook.target_model.loss import pixel_weights
from vosbook.target_model.stencil import FilterQuadratic, normal_stencil

FirstInsert = Literal["eta", "released"]


def first_frame_excess(share: float, least: float) -> float:
    """What the first frame's own data term must be mixed in with, so that its share of the weight is `least` or more.

    (1 - excess) share + excess = least, and 0 where the share is large enough.
    """
    return (least - share) / (1 - share) if share < least else 0.0


class SampleMemory:
    """Up to `k_max` samples, in the form in which the update of w2 needs them.

    A sample is its projected features w1 * x, the stencil U^T V U and U^T V y, so no label is kept. All storage is
    allocated by `fill` and never grows.

    With `first_frame_share` above 0, our option, the first frame's samples are never evicted, and where section 3.4
    leaves them less than this share of the weight, they are raised to it and all others lowered in proportion.

    `first_insert` says what the first insert weighs: "eta", exactly eta of the whole, as every
    later one then does; "released", as in the released code, .0826 of the whole where eta is .1.
    """

    def __init__(
        self,
        *,
        k_max: int = 80,
        eta: float = 0.1,
        kappa_min: float = 0.1,
        first_frame_share: float = 0.0,
        first_insert: FirstInsert = "eta",
    ):
        self.k_max, self.eta, self.kappa_min, self.first_frame_share = k_max, eta, kappa_min, first_frame_share
        self.first_insert = first_insert
        self.newest: int | None = None  # index of the last inserted sample
        # Both on the CPU and in double precision: at most 80 numbers, and exact enough to stay normalised.
        self._first = torch.zeros(0, dtype=torch.float64)  # weights of the first frame's samples when they were alone
        self._aged = self._first  # weights of all samples present, by section 3.4; they sum to 1

    def __len__(self) -> int:
        return len(self._aged)

    @property
    def gamma(self) -> Tensor:
        """Weights `(k,)` of the k samples present, which sum to 1."""
        k = len(self._first)
        excess = first_frame_excess(self._aged[:k].sum().item(), self.first_frame_share)
        gamma = (1 - excess) * self._aged
        gamma[:k] += excess * self._first
        return gamma

    def fill(self, z: Tensor, a: Tensor, b: Tensor, gamma: Tensor) -> None:
        """Begin with the first frame's samples: z `(K, c, h, w)`, a and b of `normal_stencil`, gamma `(K,)`.

        ValueError where they are more than k_max, or must stay and leave no room.
        """
        if len(z) > self.k_max:
            raise ValueError(f"{len(z)} first samples do not fit a memory of {self.k_max}")
        if self.first_frame_share and len(z) == self.k_max:
            raise ValueError(f"{len(z)} first samples that stay leave no room in a memory of {self.k_max}")
        self._z, self._a, self._b = (t.new_empty(self.k_max, *t.shape[1:]) for t in (z, a, b))
        self._z[: len(z)], self._a[: len(z)], self._b[: len(z)] = z, a, b
        self._first = self._aged = gamma.double().cpu() / gamma.double().sum().item()
        self.newest = None

    def insert(self, z: Tensor, y: Tensor) -> None:
        """Add projected features z `(1, c, h, w)` with label y `(1, 1, H, W)`; evicts the smallest weight when full."""
        place = self._next_place()
        self._z[place] = z[0]
        a, b = normal_stencil(y, pixel_weights(y, kappa_min=self.kappa_min), grid=z.shape[-2:])
        self._a[place], self._b[place] = a[0], b[0]
        self._weigh(place)

    def _next_place(self) -> int:
        if len(self) < self.k_max:
            return len(self)
        kept = len(self._first) if self.first_frame_share else 0
        return kept + int(self._aged[kept:].argmin())

    def _weigh(self, place: int) -> None:
        """gamma_i = gamma_(i-1) / (1 - eta), then normalise (section 3.4), which gamma_0 = eta begins.

        The paper does not say what the first frame's samples weigh beside gamma_0. With "eta" they have the rest, 1 -
        eta. The released code divides them by 1 - eta, so that the first insert weighs less, eta / (eta + 1 / (1 -
        eta)), and those after it come nearer to eta one by one.
        """
        gamma = torch.cat([self._aged, self._aged.new_zeros(max(0, place + 1 - len(self)))])
        if self.newest is None:
            gamma *= 1 - self.eta if self.first_insert == "eta" else 1 / (1 - self.eta)
            gamma[place] = self.eta
        else:
            gamma[place] = gamma[self.newest] / (1 - self.eta)
        self._aged, self.newest = gamma / gamma.sum(), place

    def quadratic(self) -> FilterQuadratic:
        """The data term over all samples present, as views of the storage."""
        k = len(self)
        return FilterQuadratic(x=self._z[:k], a=self._a[:k], b=self._b[:k], gamma=self.gamma.to(self._z))
