"""The trunk that comes with the package: learned features where nothing can be downloaded.

It is the encoder of the package's RVOS: ImageNet's ResNet-18 up to conv4_x, of which layer2 and layer3 learned on while
the network was trained on DAVIS 2016 and synthetic video. Of the encoders that come with the package it has moved least
from ImageNet's, so a segmentation network that was trained on those features reads it as well.
"""

from collections.abc import Iterable

import torch

from vosbook.features.resnet import ResNet, random_resnet
from vosbook.weights import SHIPPED, read_tensors

NAME = "resnet18-davis"
ARCHITECTURE = "resnet18"
LEVELS = ("layer1", "layer2", "layer3")
FILE, PREFIX = SHIPPED / "rvos.safetensors", "encoder.backbone."


def shipped_trunk(*, levels: Iterable[str] | None = None) -> ResNet:
    """The trunk with some of `LEVELS`; None: all of them. Its `name` is `NAME`, so that nobody takes it for ImageNet's.

    ValueError for a level that it has not.
    """
    levels = LEVELS if levels is None else tuple(levels)
    if lacking := [level for level in levels if level not in LEVELS]:
        raise ValueError(f"the package's trunk ends at {LEVELS[-1]}, got {lacking}")
    trunk = random_resnet(ARCHITECTURE, levels=levels)
    held = {k.removeprefix(PREFIX): v.float() for k, v in read_tensors(FILE).items() if k.startswith(PREFIX)}
    trunk.load_state_dict({key: held[key] for key in trunk.state_dict()})
    trunk.name, trunk.source = NAME, f"{NAME}, the encoder of the package's {FILE.name} ({ARCHITECTURE})"
    return trunk.to(memory_format=torch.channels_last)
