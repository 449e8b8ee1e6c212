"""The Base net of FRTM's ablation (Robinson et al., CVPR 2020, section 4.1): the segmentation network without D.

What D learns online, two convolutions learned offline must tell from the reference frame alone. The paper gives neither
kernels nor widths: 3x3 and 64 are our choice.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.nn.segmentation import WIDTH, SegmentationNetwork


class BaseNet(nn.Module):
    """A target encoder in the place of D, and S, which reads its score as it would read D's."""

    def __init__(self, channels: Mapping[str, int], *, level: str = "layer3", width: int = WIDTH):
        """`channels` of the backbone by level, as S takes them; `level` is what the encoder sees (conv4_x)."""
        super().__init__()
        self.level = level
        self.encode_target = nn.Sequential(
            nn.Conv2d(channels[level] + 1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )
        self.compare = nn.Sequential(
            nn.Conv2d(channels[level] + width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 1, 3, padding=1)
        )
        self.segmentation = SegmentationNetwork(channels, width)

    def encode(self, x_ref: Tensor, y_ref: Tensor) -> Tensor:
        """Features of the reference frame `(N, C, h, w)` and its mask `(N, 1, H, W)` in 0..1 -> `(N, 64, h, w)`."""
        y_ref = F.interpolate(y_ref, size=x_ref.shape[-2:], mode="area").to(x_ref)  # (N, 1, h, w) share of each cell
        return self.encode_target(torch.cat([x_ref, y_ref], dim=1))

    def score(self, target: Tensor, x: Tensor) -> Tensor:
        """An encoded target `(N, 64, h, w)` and a frame's features `(N or 1, C, h, w)` -> s `(N, 1, h, w)`."""
        x = x.expand(len(target), -1, -1, -1)
        return self.compare(torch.cat([x, target.to(x)], dim=1))

    def forward(self, x_ref: Tensor, y_ref: Tensor, x: Mapping[str, Tensor], size: tuple[int, int]) -> Tensor:
        """Reference features and mask, features by level of the frame -> logits `(N, 1, H, W)`; `size` is (H, W)."""
        return self.segment(self.encode(x_ref, y_ref), x, size)

    def segment(self, target: Tensor, x: Mapping[str, Tensor], size: tuple[int, int]) -> Tensor:
        """`forward` for a target that has been encoded before: so a video's first frame is looked at once."""
        return self.segmentation(self.score(target, x[self.level]), x, size)
