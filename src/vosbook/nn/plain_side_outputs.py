"""What stands behind the stages of OSVOS's network, in the paper's order (Maninis et al., TPAMI 2018, section 3.1).

Every channel of every side is enlarged to the image, and then weighed. `SideOutputNetwork`, which is what runs, weighs
first and enlarges one map for each stage; both are linear, so it is the same function. Here the code reads like the
paper's Figure 3. K stages have grids of h_k x w_k cells.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Layer = Callable[[Tensor], Tensor]


def plain_side_outputs(
    maps: Sequence[Tensor],
    side: Sequence[Layer],
    score: Sequence[Layer],
    fuse: Layer,
    enlarge: Sequence[Layer],
    size: tuple[int, int],
) -> tuple[Tensor, list[Tensor]]:
    """The stages' maps `(B, C_k, h_k, w_k)`, shallow to deep -> fused logits and K side scores, `(B, 1, H, W)` each.

    `side` are convolutions to, say, 16 channels, `score` and `fuse` 1x1 convolutions to one. `enlarge` multiplies
    height and width by a stage's stride; what lies beyond `size` (H, W), to the right and below, is cut off.
    """
    H, W = size
    enlarged = [
        grow(conv(x))[..., :H, :W]  # (B, C_k, h_k, w_k) -> (B, 16, h_k, w_k) -> (B, 16, H, W)
        for x, conv, grow in zip(maps, side, enlarge, strict=True)
    ]
    fused = fuse(torch.cat(enlarged, dim=1))  # (B, 16 K, H, W) -> (B, 1, H, W)
    return fused, [weigh(u) for u, weigh in zip(enlarged, score, strict=True)]
