"""Trainable encoders: a backbone of `features.py` with gradients, and VGG-16 as S2S has it.

A backbone is frozen and sees three colours. An encoder learns, and may see more: S2S's Initializer takes a mask beside
the image. The weights of the colours stay as they were; those of what is new begin as Xavier's (S2S, section 4.3).
"""

import copy
import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from urllib.error import URLError

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from vosbook.errors import InputError
from vosbook.features import LEVELS, RESNETS, Backbone, FilterBank, ResNet, load_backbone
from vosbook.weights import read_tensors

FC6 = 4096  # channels of VGG-16's first fully connected layer


class Encoder(nn.Module):
    """A backbone, copied, that learns; batch norms are part of its convolutions.

    `levels`, `channels` and `strides` are the backbone's. The filter bank has nothing to learn; what it is given beside
    the colours is averaged over the cells of every level and laid beside its features, so that `channels` grow; times
    the root of their number, for a single map among C is else too faint to be learned from.
    """

    def __init__(self, backbone: Backbone, in_channels: int = 3):
        """`in_channels`: 3 colours, then whatever else the encoder is given, each in 0..1."""
        super().__init__()
        if in_channels < 3:
            raise ValueError(f"in_channels are 3 colours and more, got {in_channels}")
        self.backbone = copy.deepcopy(backbone).requires_grad_(True)
        self.in_channels = in_channels
        self.levels, self.strides, self.channels = backbone.levels, backbone.strides, dict(backbone.channels)
        if in_channels > 3 and isinstance(backbone, FilterBank):
            self.channels = {level: n + in_channels - 3 for level, n in self.channels.items()}
        elif in_channels > 3:
            self._widen(in_channels - 3)

    def _widen(self, more: int) -> None:
        """Let the first convolution take `more` channels, which are not normalised."""
        conv, mean, std = self.backbone.stem[0], self.backbone.mean, self.backbone.std
        fresh = torch.empty(conv.out_channels, self.in_channels, *conv.kernel_size, device=conv.weight.device)
        nn.init.xavier_uniform_(fresh)
        weight = torch.cat([conv.weight.detach(), fresh[:, 3:]], dim=1)
        conv.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
        conv.in_channels = self.in_channels
        self.backbone.mean = torch.cat([mean, mean.new_zeros(more, 1, 1)])  # (3 + more, 1, 1)
        self.backbone.std = torch.cat([std, std.new_ones(more, 1, 1)])

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Images `(B, in_channels, H, W)`, float in 0..1 -> `{level: (B, C, ceil(H / stride), ceil(W / stride))}`."""
        if images.ndim != 4 or images.shape[1] != self.in_channels or not images.is_floating_point():
            wanted = f"float (B, {self.in_channels}, H, W) in 0..1"
            raise ValueError(f"images must be {wanted}, got {images.dtype} {tuple(images.shape)}")
        if isinstance(self.backbone, FilterBank):
            colours, others = images.split([3, self.in_channels - 3], dim=1)
            maps = self.backbone(colours)
            return {level: _beside(maps[level], others) for level in self.levels}
        maps = self.backbone.extract(images)
        return {level: maps[level] for level in self.levels}


def _beside(features: Tensor, others: Tensor) -> Tensor:
    """`(B, C, h, w)` and `(B, n, H, W)` -> `(B, C + n, h, w)`, the second averaged over its cells, times root C."""
    if others.shape[1] == 0:
        return features
    others = math.sqrt(features.shape[1]) * F.adaptive_avg_pool2d(others, features.shape[-2:])
    return torch.cat([features, others.to(features)], dim=1)


def random_resnet(name: str, *, levels: Iterable[str] = LEVELS) -> ResNet:
    """A ResNet with torchvision's random weights: to be learned from scratch, or to be filled from a checkpoint."""
    if name not in RESNETS:
        raise ValueError(f"name must be one of {', '.join(RESNETS)}, got {name!r}")
    return ResNet(name, RESNETS[name][0]().state_dict(), levels=levels, source=f"{name}, random weights")


# ------------------------------------------------------------------------------------------------------------- VGG-16


class Vgg16(Backbone):
    """VGG-16 up to fc6, as S2S's Initializer and Encoder have it.

    Its levels are what pool2, pool3 and pool4 give, and, as "layer4", fc6 over pool5: a 1x1 convolution from 512 to
    4096 channels and a ReLU. Pools round up, so that sizes are as in the other backbones.

    The paper turns fc6 into a 1x1 convolution. VGG's own fc6 looks at 7x7 cells and does not fit into that; it is
    summed over them, which gives its very answer wherever the 7x7 cells are alike. Without weights fc6 begins as
    Xavier's.
    """

    PLAN = ((3, 64, 2), (64, 128, 2), (128, 256, 3), (256, 512, 3), (512, 512, 3))  # channels in and out, convolutions

    def __init__(self, state: Mapping[str, Tensor] | None = None, *, source: str = "vgg16, random weights"):
        """`state` has torchvision's keys: features.0.weight to features.28.bias, and may have classifier.0's (fc6).

        None: Xavier's random weights. ValueError names a tensor that is missing or has another shape.
        """
        channels = dict(zip(LEVELS, (128, 256, 512, FC6)))
        super().__init__(name="vgg16", levels=LEVELS, channels=channels, source=source)
        first, second, third, fourth, fifth = (_stage(*plan) for plan in self.PLAN)
        fc6 = [nn.Conv2d(512, FC6, 1), nn.ReLU(inplace=True)]
        self.stem = nn.Sequential(*first, *second)
        stages = (nn.Sequential(*layers) for layers in (third, fourth, fifth + fc6))
        self.stages = nn.ModuleDict(dict(zip(LEVELS[1:], stages)))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)
        self._fill(state)
        self.requires_grad_(False).to(memory_format=torch.channels_last)

    def extract(self, images: Tensor) -> dict[str, Tensor]:
        x = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        maps = {"layer1": self.stem(x)}
        for _, level in pairwise(LEVELS):
            maps[level] = self.stages[level](list(maps.values())[-1])
        return maps

    def _fill(self, state: Mapping[str, Tensor] | None) -> None:
        *convolutions, fc6 = [m for m in self.modules() if isinstance(m, nn.Conv2d)]
        for conv in (*convolutions, fc6):
            nn.init.xavier_uniform_(conv.weight)
            nn.init.zeros_(conv.bias)
        if state is None:
            return
        for conv, number in zip(convolutions, (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)):  # torchvision's
            for kind in ("weight", "bias"):
                _copy(state, f"features.{number}.{kind}", getattr(conv, kind))
        if "classifier.0.weight" in state:
            weight = {"classifier.0.weight": summed_over_cells(state["classifier.0.weight"], 512)}
            _copy(weight, "classifier.0.weight", fc6.weight)
            _copy(state, "classifier.0.bias", fc6.bias)


def _stage(c_in: int, c_out: int, count: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for c in (c_in, *[c_out] * (count - 1)):
        layers += [nn.Conv2d(c, c_out, 3, padding=1), nn.ReLU(inplace=True)]
    return [*layers, nn.MaxPool2d(2, ceil_mode=True)]


def summed_over_cells(weight: Tensor, channels: int) -> Tensor:
    """A fully connected layer over cells, `(out, channels * cells)` -> a 1x1 convolution, `(out, channels, 1, 1)`."""
    return weight.unflatten(1, (channels, -1)).sum(2)[..., None, None]


def _copy(state: Mapping[str, Tensor], key: str, parameter: nn.Parameter) -> None:
    held = tuple(state[key].shape) if key in state else None
    if held != tuple(parameter.shape):
        raise ValueError(f"{key} must have the shape {tuple(parameter.shape)}, got {held}")
    parameter.data.copy_(state[key])


def load_vgg16(weights: str | Path | None = None) -> Vgg16:
    """VGG-16 with the weights of a file that has torchvision's keys; None: torchvision's own, downloaded once (528 MB).

    InputError: no network, or a file that is not VGG-16.
    """
    if weights is None:
        try:
            state = torchvision.models.VGG16_Weights.IMAGENET1K_V1.get_state_dict(progress=False)
        except (URLError, OSError) as error:
            raise InputError(f"VGG-16's weights cannot be downloaded ({error}): give their file") from None
        return Vgg16(state, source="vgg16, torchvision's ImageNet weights")
    state = read_tensors(weights)
    try:
        return Vgg16(state, source=f"vgg16, from {Path(weights).name}")
    except ValueError as error:
        raise InputError(f"{weights} is not VGG-16 ({error}): give torchvision's weights of vgg16") from None


# ------------------------------------------------------------------------------------------------------------- by name


def empty_encoder(name: str, *, levels: Iterable[str], in_channels: int = 3) -> Encoder:
    """An encoder with random weights, to be filled from a file."""
    if name == "filters":
        return Encoder(FilterBank(levels=levels), in_channels)
    return Encoder(Vgg16() if name == "vgg16" else random_resnet(name, levels=levels), in_channels)


def pretrained_encoder(name: str, *, levels: Iterable[str], in_channels: int = 3) -> Encoder:
    """An encoder with the weights of its backbone. InputError where they cannot be had."""
    if name == "vgg16":
        return Encoder(load_vgg16(), in_channels)
    backbone = load_backbone(name, levels=levels)
    if backbone.name != name:
        raise InputError(f"no weights of {name}: put a file of them into VOSBOOK_DATA/weights")
    return Encoder(backbone, in_channels)
