"""The target model as a tracker uses it: learn from the first frame, score, insert, update (FRTM, Algorithm 1)."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.target_model.gauss_newton import gauss_newton
from vosbook.target_model.gram import GramMemory
from vosbook.target_model.loss import MIN_PIXELS, Weights, pixel_weights, target_scores
from vosbook.target_model.memory import FirstInsert, SampleMemory
from vosbook.target_model.stencil import FilterQuadratic, JointProblem, UpdateProblem, normal_stencil


@dataclass(frozen=True)
class TargetModelConfig:
    """The paper's settings (section 3.5 and the released code); the last three are options, off by default."""

    c: int = 96  # channels between w1 and w2
    lambda_: tuple[float, float] = (1e-4, 1e-2)  # regularisation of w1, w2; the loss carries their squares
    kappa_min: float = 0.1  # least share of the weight that a target gets, however small it is
    cg_first: tuple[int, ...] = (5, 10, 10, 10, 10)  # CG iterations of each Gauss-Newton step on the first frame
    cg_update: int = 10  # CG iterations of an update, and of the run on w2 alone that ends the first frame
    eta: float = 0.1  # update rate: the newest sample's share of the weight
    k_max: int = 80  # samples in memory
    t_s: int = 8  # frames between updates
    memory: Literal["samples", "gram"] = "samples"  # "gram": the samples' sum, of constant size, without k_max
    first_frame_share: float = 0.0  # share of the weight that the first frame's samples keep; 0: they age like any
    first_insert: FirstInsert = "eta"  # the weight of the first insert; "released": as in the released code

    def __post_init__(self) -> None:
        if self.memory not in ("samples", "gram"):
            raise ValueError(f'memory is "samples" or "gram", got {self.memory!r}')
        if self.first_insert not in ("eta", "released"):
            raise ValueError(f'first_insert is "eta" or "released", got {self.first_insert!r}')
        if self.memory == "gram" and self.first_insert != "eta":
            raise ValueError("the sums of a gram memory give every insert eta of the weight, the first one too")
        if not 0 <= self.first_frame_share < 1:
            raise ValueError(f"first_frame_share is at least 0 and under 1, got {self.first_frame_share}")

    def new_memory(self) -> SampleMemory | GramMemory:
        """An empty memory of the kind chosen."""
        common = {"eta": self.eta, "kappa_min": self.kappa_min, "first_frame_share": self.first_frame_share}
        if self.memory == "gram":
            return GramMemory(**common)
        return SampleMemory(k_max=self.k_max, first_insert=self.first_insert, **common)


FAST = TargetModelConfig(cg_first=(5, 10, 10, 10), cg_update=5)  # "Ours-fast"


def initial_weights(channels: int, c: int, *, seed: int) -> Weights:
    """Random w1 `(c, C, 1, 1)` and w2 `(1, c, 3, 3)`: what PyTorch gives new convolutions after manual_seed(seed)."""
    generator = torch.Generator().manual_seed(seed)
    w = torch.empty(c, channels, 1, 1), torch.empty(1, c, 3, 3)
    return tuple(nn.init.kaiming_uniform_(w_j, a=5**0.5, generator=generator) for w_j in w)


def first_frame_weights(samples: int) -> Tensor:
    """gamma `(K,)` of the first frame and its augmentations: the frame itself counts twice; they sum to 1."""
    gamma = torch.ones(samples)
    gamma[0] = 2
    return gamma / gamma.sum()


class TargetModel:
    """D of one object, with its memory. Tensors stay on the device of the features they are given with."""

    def __init__(self, config: TargetModelConfig = TargetModelConfig()):
        self.config = config
        self.memory = config.new_memory()
        self.w: Weights = ()  # (w1, w2), once learned

    @torch.no_grad()
    def learn_first_frame(self, x: Tensor, y: Tensor, gamma: Tensor | None = None, *, seed: int = 0) -> None:
        """Learn w1 and w2, and begin the memory.

        x `(K, C, h, w)` float features of the first frame and its augmentations, y `(K, 1, H, W)` their labels, bool or
        0..1; gamma `(K,)`, by default `first_frame_weights`. The random start is the same for every object.
        """
        y = y.to(x)
        gamma = (first_frame_weights(len(x)) if gamma is None else gamma).to(x)
        a, b = normal_stencil(y, pixel_weights(y, kappa_min=self.config.kappa_min), grid=x.shape[-2:])
        problem = JointProblem(FilterQuadratic(x, a, b, gamma), self.config.lambda_)
        start = initial_weights(x.shape[1], self.config.c, seed=seed)
        self.w = gauss_newton(problem, tuple(w_j.to(x) for w_j in start), cg_iterations=self.config.cg_first)
        self.memory.fill(self._project(x), a, b, gamma)
        self.update()

    def _project(self, x: Tensor) -> Tensor:
        """w1 * x: `(K, C, h, w)` -> `(K, c, h, w)`. RuntimeError before `learn_first_frame`."""
        if not self.w:
            raise RuntimeError("the target model has learned nothing yet: call learn_first_frame first")
        return F.conv2d(x, self.w[0])

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """s = D(x; w) of features `(B, C, h, w)` -> `(B, 1, h, w)`, about 0 on background and 1 on the target."""
        return target_scores(self._project(x), self.w[1:])

    @torch.no_grad()
    def insert(self, x: Tensor, y: Tensor) -> bool:
        """Remember features x `(1, C, h, w)` with the label y `(1, 1, H, W)` in 0..1 that the tracker gave them.

        Returns False, and remembers nothing, where fewer than 10 pixels of y exceed 0.5: then do not update either.
        """
        y = y.to(x)
        if int((y > 0.5).sum()) < MIN_PIXELS:
            return False
        self.memory.insert(self._project(x), y)
        return True

    @torch.no_grad()
    def update(self) -> None:
        """Learn w2 anew on the memory, from where it is; w1 stays."""
        problem = UpdateProblem(self.memory.quadratic(), self.config.lambda_[1:])
        (w2,) = gauss_newton(problem, self.w[1:], cg_iterations=(self.config.cg_update,))
        self.w = self.w[0], w2
