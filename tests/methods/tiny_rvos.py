"""A small RVOS with random weights: an encoder of one convolution a level."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.features.backbone import STRIDES
from vosbook.methods.rvos import RvosConfig, RvosNetwork

CHANNELS = {"layer1": 5, "layer2": 6, "layer3": 7}
TINY = RvosConfig(hidden=16, slots=4, size=None)


class TinyEncoder(nn.Module):
    """Features of means over squares."""

    def __init__(self, channels: dict[str, int]):
        super().__init__()
        self.channels, self.levels = dict(channels), tuple(channels)
        self.convolutions = nn.ModuleDict({d: nn.Conv2d(3, c, 1) for d, c in channels.items()})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {
            d: convolution(F.avg_pool2d(images, STRIDES[d], ceil_mode=True))
            for d, convolution in self.convolutions.items()
        }


def tiny_network(*, channels: dict[str, int] = CHANNELS, seed: int = 0, **changes: object) -> RvosNetwork:
    """With larger weights than a training begins with, so that all of its inputs matter."""
    torch.manual_seed(seed)
    network = RvosNetwork(TinyEncoder(channels), replace(TINY, **changes)).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    return network
