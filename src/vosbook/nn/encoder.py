"""Trainable encoders: backbones with gradients, by name.

A backbone is frozen and sees three colours. An encoder learns, and may see more: S2S's Initializer takes a mask beside
the image.
"""

import copy
from collections.abc import Iterable

from torch import Tensor, nn

from vosbook.errors import InputError
from vosbook.features import empty_backbone, load_backbone
from vosbook.features.backbone import Backbone


class Encoder(nn.Module):
    """A backbone, copied, that learns; batch norms are part of its convolutions.

    `levels`, `channels` and `strides` are the backbone's; how it takes what it is given beside the colours is for the
    backbone to say (`Backbone.widen`).
    """

    def __init__(self, backbone: Backbone, in_channels: int = 3):
        """`in_channels`: 3 colours, then whatever else the encoder is given, each in 0..1."""
        super().__init__()
        if in_channels < 3:
            raise ValueError(f"in_channels are 3 colours and more, got {in_channels}")
        self.backbone = copy.deepcopy(backbone).requires_grad_(True)
        if in_channels > 3:
            self.backbone.widen(in_channels - 3)
        self.in_channels = in_channels
        self.levels, self.strides, self.channels = backbone.levels, backbone.strides, self.backbone.channels

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Images `(B, in_channels, H, W)`, float in 0..1 -> `{level: (B, C, ceil(H / stride), ceil(W / stride))}`."""
        return self.backbone.features(images)


def empty_encoder(name: str, *, levels: Iterable[str], in_channels: int = 3) -> Encoder:
    """An encoder with random weights, to be filled from a file."""
    return Encoder(empty_backbone(name, levels=levels), in_channels)


def pretrained_encoder(name: str, *, levels: Iterable[str], in_channels: int = 3) -> Encoder:
    """An encoder with the weights of its backbone. InputError where they cannot be had."""
    backbone = load_backbone(name, levels=levels)
    if backbone.name != name:
        raise InputError(f"no weights of {name}: put a file of them into VOSBOOK_DATA/weights")
    return Encoder(backbone, in_channels)
