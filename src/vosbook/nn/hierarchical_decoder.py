"""The decoder of RVOS (Ventura et al., CVPR 2019, section 3.2, Figure 2): a ConvLSTM for each level, deep to shallow.

One call is one object in one frame, a cell of the recurrence; a batch of cells is as good. At every level the ConvLSTM
sees the frame's features f', the deeper level's answer upsampled by two, B2(h), and the object's previous mask S (Eq.
1); and what it answered for the previous object of the frame and for the object in the previous frame (Eq. 2).
`plain_hierarchical_decoder` has the equations as they are written.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.features.backbone import LEVELS, STRIDES
from vosbook.nn.conv_lstm import SpaceTimeConvLSTM
from vosbook.nn.wavefront import State

Levels = tuple[Tensor, ...]  # one for each level, deep to shallow


class HierarchicalDecoder(nn.Module):
    """The decoder over any set of a backbone's levels. `channels` says how many features each has.

    The deepest ConvLSTM has `hidden` channels, every further one half as many: 128, 64, 32 and 16 in the paper. Without
    `space`, `time` or `mask` the cells lack that input.
    """

    def __init__(
        self,
        channels: Mapping[str, int],
        hidden: int = 128,
        *,
        space: bool = True,
        time: bool = True,
        mask: bool = True,
    ):
        super().__init__()
        if not channels or not set(channels) <= set(LEVELS):
            raise ValueError(f"channels must name at least one level of {', '.join(LEVELS)}, got {dict(channels)}")
        self.levels = tuple(level for level in reversed(LEVELS) if level in channels)  # deep to shallow
        if hidden % 2 ** (len(self.levels) - 1):
            raise ValueError(f"hidden is halved {len(self.levels) - 1} times, got {hidden}")
        self.hidden = tuple(hidden // 2**k for k in range(len(self.levels)))
        self.space, self.time, self.mask = space, time, mask
        self.project, self.cells = nn.ModuleDict(), nn.ModuleDict()
        for k, level in enumerate(self.levels):
            deep = self.hidden[k - 1] if k else 0  # channels of B2(h)
            width = deep or hidden  # of f'
            self.project[level] = nn.Sequential(
                nn.Conv2d(channels[level], width, 3, padding=1), nn.BatchNorm2d(width)
            )  # no ReLU: as in the authors' code
            self.cells[level] = SpaceTimeConvLSTM(width + deep + mask, self.hidden[k], space=space, time=time)
        self.score = nn.Conv2d(self.hidden[-1], 1, 3, padding=1)
        self.to(memory_format=torch.channels_last)

    def share(self, x: Mapping[str, Tensor]) -> Levels:
        """What a frame's features `(B, C, h, w)` by level add to the gates `(B, 4 hidden, h, w)` of all its objects."""
        if missing := [level for level in self.levels if level not in x]:
            raise ValueError(f"features must hold {', '.join(missing)} too, got {', '.join(x)}")
        return tuple(self.cells[level].share(self.project[level](x[level])) for level in self.levels)

    def pool(self, p: Tensor) -> Levels:
        """Masks `(n, 1, H, W)` in 0..1 at the strides of the levels: the maximum of each square, `(n, 1, h, w)`."""
        p = p.contiguous(memory_format=torch.channels_last)
        return tuple(F.max_pool2d(p, STRIDES[level], ceil_mode=True) for level in self.levels)

    def forward(
        self, shared: Levels, masks: Levels | None = None, space: State | None = None, time: State | None = None
    ) -> tuple[Tensor, State, State]:
        """Run n cells: the shallowest answer `(n, hidden, h, w)`, and what goes on over space and over time.

        `shared` is what `share` made of each cell's frame, `masks` what `pool` made of the object's previous mask.
        Over space go h of every level and then c of every level, over time h alone; None is zeros.
        """
        n = len(self.levels)
        h_space, c = (space[:n], space[n:]) if space else ((None,) * n, (None,) * n)
        h_time = time or (None,) * n
        h: list[Tensor] = []
        memory: list[Tensor] = []
        for k, cell in enumerate(self.cells.values()):
            parts = [resize(h[-1], shared[k].shape[-2:])] if k else []
            parts += [masks[k]] if self.mask and masks is not None else []
            x = torch.cat([part.to(shared[k]) for part in parts], dim=1) if parts else None
            h_k, c_k = cell(x, h_space[k], c[k], h_time[k], shared=shared[k])
            h.append(h_k)
            memory.append(c_k)
        return h[-1], (*h, *memory) if self.space else (), tuple(h) if self.time else ()

    def logits(self, h: Tensor) -> Tensor:
        """The shallowest answers `(n, hidden, h, w)` -> logits of the masks at half the stride, `(n, 1, 2h, 2w)`."""
        return self.score(resize(h, (2 * h.shape[-2], 2 * h.shape[-1])))


def resize(z: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps `(n, C, ., .)` in the size (h, w): bilinear, corners upon corners, as in the authors' code."""
    return F.interpolate(z, size=size, mode="bilinear", align_corners=True)
