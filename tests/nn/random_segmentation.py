"""Segmentation networks with random weights, and what they are given."""

import torch
from torch import Tensor, nn

from vosbook.features.backbone import STRIDES
from vosbook.nn.segmentation import SegmentationNetwork

RESNET18 = {"layer1": 64, "layer2": 128, "layer3": 256}
RESNET50 = {"layer1": 256, "layer2": 512, "layer3": 1024, "layer4": 2048}


def random_network(channels: dict[str, int], width: int = 64, *, seed: int = 0) -> SegmentationNetwork:
    """Weights at random, large enough for signals to last; so are the statistics of the batch norms."""
    torch.manual_seed(seed)
    network = SegmentationNetwork(channels, width).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                tensor.normal_(std=0.5)
            for tensor in (module.running_var, module.weight.data):
                tensor.uniform_(0.5, 2)
    return network


def random_features(
    channels: dict[str, int], size: tuple[int, int], *, frames: int = 1, seed: int = 1
) -> dict[str, Tensor]:
    """Of frames of this size, `(frames, C, h_d, w_d)` by level."""
    generator = torch.Generator().manual_seed(seed)
    return {
        d: torch.randn(frames, c, *(-(-n // STRIDES[d]) for n in size), generator=generator).relu()
        for d, c in channels.items()
    }


def random_scores(x: dict[str, Tensor], objects: int, *, seed: int = 2) -> Tensor:
    """As many score maps, on the grid of layer3 where there is one."""
    x_d = x.get("layer3", next(iter(x.values())))
    return torch.randn(objects, 1, *x_d.shape[2:], generator=torch.Generator().manual_seed(seed)).to(x_d)
