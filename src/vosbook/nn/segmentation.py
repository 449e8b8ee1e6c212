"""The segmentation network S of FRTM (Robinson et al., CVPR 2020, section 3.2 and Figure 3).

S turns the target model's coarse scores s into a mask at full resolution. From deep to shallow, each level d of the
backbone gives z_d = R_d(T_d(x_d, s), z_(d+1)): T encodes features and scores together, R refines what came from below.

N objects share one frame's features: scores are `(N, 1, h, w)`, features `(N, C, h, w)`, or `(1, C, h, w)` for all.
`plain_segmentation` is the same function with every convolution and resize where Figure 3 draws it.
"""

from collections.abc import Mapping
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.features.backbone import LEVELS
from vosbook.nn.resize import double, resize_matrix

WIDTH = 64  # channels throughout


class TargetSegmentationEncoder(nn.Module):
    """T_d: the features projected to 64 channels, the score beside them, three convolutions."""

    def __init__(self, channels: int, width: int = WIDTH):
        super().__init__()
        self.project = nn.Sequential(nn.Conv2d(channels, width, 1), nn.ReLU(inplace=True), nn.Conv2d(width, width, 1))
        self.encode = nn.Sequential(
            nn.Conv2d(width + 1, width + 1, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width + 1, width + 1, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width + 1, width, 3, padding=1),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Features `(N or 1, C, h, w)`, scores `(N, 1, ., .)` -> the encoding and the projection, `(N, 64, h, w)`."""
        projection = self.project(x.contiguous(memory_format=torch.channels_last))  # (N or 1, 64, h, w)
        s = F.interpolate(s, size=x.shape[-2:], mode="bilinear", align_corners=False).to(projection)
        # The first convolution of [projection, s] is the sum of one of each; all objects share the projection's.
        first, rest = self.encode[0], self.encode[1:]
        w_projection, w_s = first.weight.split([projection.shape[1], 1], dim=1)
        z = F.conv2d(projection, w_projection, first.bias, padding=1) + F.conv2d(s, w_s, padding=1)  # (N, 64 + 1, h, w)
        return rest(z), projection.expand(len(s), -1, -1, -1)


class ResidualBlock(nn.Module):
    """A 1x1 convolution, then two 3x3 ones whose result is added to it; the shape stays."""

    def __init__(self, width: int = WIDTH):
        super().__init__()
        self.enter = nn.Conv2d(width, width, 1)
        self.branch = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return (x + self.branch(x)).relu_()


class ChannelAttention(nn.Module):
    """CAB: weighs the shallow channels by what both inputs hold on average, and adds the deep ones."""

    def __init__(self, width: int = WIDTH):
        super().__init__()
        self.gate = nn.Sequential(nn.Conv2d(2 * width, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1), nn.Sigmoid())

    def forward(self, shallow: Tensor, deep: Tensor) -> Tensor:
        """`(N, 64, h, w)` and the smaller `(N, 64, ., .)` -> `(N, 64, h, w)`."""
        pooled = torch.cat([shallow.mean((2, 3), keepdim=True), deep.mean((2, 3), keepdim=True)], dim=1)
        return shallow * self.gate(pooled) + F.interpolate(
            deep, size=shallow.shape[-2:], mode="bilinear", align_corners=False
        )


class Refinement(nn.Module):
    """R_d: residual block, channel attention with the deeper level's result, residual block."""

    def __init__(self, width: int = WIDTH):
        super().__init__()
        self.before = ResidualBlock(width)
        self.attend = ChannelAttention(width)
        self.after = ResidualBlock(width)

    def forward(self, encoding: Tensor, deep: Tensor) -> Tensor:
        return self.after(self.attend(self.before(encoding), deep))


class Head(nn.Module):
    """The shallowest result, stride 4, to one logit per pixel of the frame.

    As the paper has it: x2 bicubic, `narrow`, ReLU, x2 bicubic, bilinear to the frame's size, `score`. What follows the
    ReLU is linear, and resizing treats all channels alike; so the 32 channels are first reduced to the nine products
    that the taps of `score` need, and nine maps instead of 32 are resized. The result is the same.
    """

    def __init__(self, width: int = WIDTH):
        super().__init__()
        self.narrow = nn.Conv2d(width, width // 2, 3, padding=1)
        self.score = nn.Conv2d(width // 2, 1, 3, padding=1)

    def forward(self, z: Tensor, size: tuple[int, int]) -> Tensor:
        """`(N, 64, h, w)` -> `(N, 1, H, W)`; `size` is (H, W)."""
        z = self.narrow(double(z)).relu_()  # (N, 32, 2h, 2w)
        taps = self.score.weight[0].permute(2, 1, 0).flatten(0, 1) @ z.flatten(2)  # (N, dx dy, 2h 2w), dx outermost
        taps = taps.unflatten(2, z.shape[2:]).unflatten(1, (3, 3)).flatten(2, 3)  # (N, dx, dy 2h, 2w)
        u_y, u_x = (_shifted(n_out, n_in).to(taps) for n_out, n_in in zip(size, z.shape[2:]))
        rows = (u_y @ taps).transpose(1, 2).flatten(2)  # (N, dx, H, 2w) -> (N, H, dx 2w)
        return (rows @ u_x.T)[:, None] + self.score.bias


@lru_cache(maxsize=16)
def _shifted(n_out: int, n_in: int) -> Tensor:
    """x2 bicubic, then bilinear to n_out, of one axis as a matrix; and that matrix moved down, not at all, and up.

    Side by side, `(n_out, 3 n_in)`. What moves in from beyond the border is zero, as in a zero-padded convolution.
    """
    u = resize_matrix(n_out, 2 * n_in, "bilinear") @ resize_matrix(2 * n_in, n_in, "bicubic")
    padded = F.pad(u, (0, 0, 1, 1))  # a row of zeros before and after
    return torch.cat([padded[d : d + n_out] for d in range(3)], dim=1)


class SegmentationNetwork(nn.Module):
    """S over any set of backbone levels. `channels` says how many features each has, e.g. `{"layer1": 64, ...}`."""

    def __init__(self, channels: Mapping[str, int], width: int = WIDTH):
        super().__init__()
        if not channels or not set(channels) <= set(LEVELS):
            raise ValueError(f"channels must name at least one level of {', '.join(LEVELS)}, got {dict(channels)}")
        self.levels = tuple(level for level in LEVELS if level in channels)  # shallow to deep
        self.channels = {d: channels[d] for d in self.levels}
        self.encoders = nn.ModuleDict({d: TargetSegmentationEncoder(channels[d], width) for d in self.levels})
        self.refinements = nn.ModuleDict({d: Refinement(width) for d in self.levels})
        self.head = Head(width)
        self.to(memory_format=torch.channels_last)

    def forward(self, s: Tensor, x: Mapping[str, Tensor], size: tuple[int, int]) -> Tensor:
        """Scores s `(N, 1, h, w)` and features by level -> logits `(N, 1, H, W)` of the masks; `size` is (H, W).

        ValueError where a level is missing, or scores or features have another shape.
        """
        self._check(s, x)
        z = None
        for d in reversed(self.levels):
            encoding, projection = self.encoders[d](x[d], s)
            deep = projection.mean((2, 3), keepdim=True) if z is None else z  # nothing lies below the deepest level
            z = self.refinements[d](encoding, deep)
        return self.head(z, size)

    def _check(self, s: Tensor, x: Mapping[str, Tensor]) -> None:
        if s.ndim != 4 or s.shape[1] != 1:
            raise ValueError(f"scores must be (N, 1, h, w), got {tuple(s.shape)}")
        if missing := [d for d in self.levels if d not in x]:
            raise ValueError(f"features must hold {', '.join(missing)} too, got {', '.join(x)}")
        for d, channels in self.channels.items():
            if x[d].ndim != 4 or x[d].shape[1] != channels or x[d].shape[0] not in (1, len(s)):
                wanted = f"(1 or {len(s)}, {channels}, h, w)"
                raise ValueError(f"features of {d} must be {wanted}, got {tuple(x[d].shape)}")
