"""S of FRTM as Figure 3 draws it (Robinson et al., CVPR 2020): every convolution and every resize in its place.

With the same weights it is the same function as `SegmentationNetwork`, which is what runs. There, objects share what
is theirs in common, and the head resizes nine maps where the figure resizes 32. Here they do not, and the code can be
read beside the paper. Width is 64 channels, N the number of objects, and level d has a grid of h_d x w_d cells.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vosbook.nn.segmentation import (
    ChannelAttention,
    Head,
    Refinement,
    ResidualBlock,
    SegmentationNetwork,
    TargetSegmentationEncoder,
)


def plain_segmentation(S: SegmentationNetwork, s: Tensor, x: Mapping[str, Tensor], size: tuple[int, int]) -> Tensor:
    """z_d = R_d(T_d(x_d, s), z_(d+1)), from deep to shallow (section 3.2): as `SegmentationNetwork.forward`."""
    z = None
    for d in reversed(S.levels):
        x_d = x[d].expand(len(s), -1, -1, -1)  # (1 or N, C, h_d, w_d) -> (N, C, h_d, w_d): a frame for every object
        encoding, projection = encode(S.encoders[d], x_d, s)
        deep = projection.mean((2, 3), keepdim=True) if z is None else z  # (N, 64, 1, 1): nothing lies below
        z = refine(S.refinements[d], encoding, deep)  # (N, 64, h_d, w_d)
    return head(S.head, z, size)


def encode(T: TargetSegmentationEncoder, x_d: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    """TSE: the features projected, the score beside them, three convolutions."""
    projection = T.project(x_d)  # (N, C, h_d, w_d) -> (N, 64, h_d, w_d)
    s = bilinear(s, x_d.shape[-2:])  # (N, 1, h, w) -> (N, 1, h_d, w_d)
    both = torch.cat([projection, s], dim=1)  # (N, 64 + 1, h_d, w_d)
    return T.encode(both), projection  # (N, 64, h_d, w_d) each


def refine(R: Refinement, encoding: Tensor, deep: Tensor) -> Tensor:
    """Residual block, channel attention, residual block: `(N, 64, h_d, w_d)` and `(N, 64, ., .)` -> the former's."""
    return residual(R.after, attend(R.attend, residual(R.before, encoding), deep))


def residual(block: ResidualBlock, x: Tensor) -> Tensor:
    """`(N, 64, h_d, w_d)` stays."""
    x = block.enter(x)
    return (x + block.branch(x)).relu()


def attend(CAB: ChannelAttention, shallow: Tensor, deep: Tensor) -> Tensor:
    """Each shallow channel weighed by a number of 0..1, and the deep ones added, in the shallow ones' size."""
    averages = torch.cat([z.mean((2, 3), keepdim=True) for z in (shallow, deep)], dim=1)  # (N, 2 * 64, 1, 1)
    return CAB.gate(averages) * shallow + bilinear(deep, shallow.shape[-2:])


def head(last: Head, z: Tensor, size: tuple[int, int]) -> Tensor:
    """Twice the size, half the channels, twice the size, the frame's size (H, W), one logit: -> `(N, 1, H, W)`."""
    z = last.narrow(twice(z)).relu()  # (N, 64, h, w) -> (N, 32, 2h, 2w)
    return last.score(bilinear(twice(z), size))  # (N, 32, 4h, 4w) -> (N, 32, H, W) -> (N, 1, H, W)


def bilinear(z: Tensor, size: tuple[int, int]) -> Tensor:
    """`(N, C, ., .)` in the size (h, w)."""
    return F.interpolate(z, size=size, mode="bilinear", align_corners=False)


def twice(z: Tensor) -> Tensor:
    """`(N, C, h, w)` -> `(N, C, 2h, 2w)`, bicubic."""
    return F.interpolate(z, scale_factor=2, mode="bicubic", align_corners=False)
