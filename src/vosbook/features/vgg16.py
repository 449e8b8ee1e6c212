"""VGG-16, the backbone of S2S and OSVOS in their papers."""

from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor, nn

from vosbook.errors import InputError
from vosbook.features.backbone import LEVELS, ConvolutionalBackbone, deepest, up_to
from vosbook.weights import as_floats

FC6 = 4096  # channels of VGG-16's first fully connected layer


class Vgg16(ConvolutionalBackbone):
    """VGG-16 up to the deepest level asked for, with fc6 as S2S's Initializer and Encoder have it.

    Its levels are what pool2, pool3 and pool4 give, and, as "layer4", fc6 over pool5: a 1x1 convolution from 512 to
    4096 channels and a ReLU. Pools round up, so that sizes are as in the other backbones.

    The paper turns fc6 into a 1x1 convolution. VGG's own fc6 looks at 7x7 cells and does not fit into that; it is
    summed over them, which gives its very answer wherever the 7x7 cells are alike. Without weights fc6 begins as
    Xavier's.
    """

    STAGES = ("stage2", "stage3", "stage4", "stage5")  # whose maps OSVOS looks at: stage 1 has no side in its paper
    PLAN = ((3, 64, 2), (64, 128, 2), (128, 256, 3), (256, 512, 3), (512, 512, 3))  # channels in and out, convolutions

    def __init__(
        self,
        state: Mapping[str, Tensor] | None = None,
        *,
        levels: Iterable[str] = LEVELS,
        source: str = "vgg16, random weights",
    ):
        """`state` has torchvision's keys: features.0.weight to features.28.bias, and may have classifier.0's (fc6).

        None: Xavier's random weights. ValueError names a tensor that is missing or has another shape.
        """
        channels = dict(zip(LEVELS, (128, 256, 512, FC6)))
        super().__init__(name="vgg16", levels=levels, channels=channels, source=source)
        first, second, third, fourth, fifth = (_stage(*plan) for plan in self.PLAN)
        fc6 = [nn.Conv2d(512, FC6, 1), nn.ReLU(inplace=True)]
        self.stem = nn.Sequential(*first, *second)
        stages = (nn.Sequential(*layers) for layers in (third, fourth, fifth + fc6))
        self.stages = nn.ModuleDict(dict(zip(LEVELS[1:], stages)))
        self._fill(state)
        for level in LEVELS[len(up_to(deepest(self.levels))) :]:
            del self.stages[level]
        self.requires_grad_(False).to(memory_format=torch.channels_last)

    def extract(self, images: Tensor) -> dict[str, Tensor]:
        maps = {"layer1": (x := self.stem(self.normalised(images)))}
        for level, stage in self.stages.items():
            maps[level] = x = stage(x)
        return maps

    @property
    def stage_channels(self) -> dict[str, int]:
        """Of stage 2 to the last."""
        return dict(zip(self.STAGES, (128, 256, 512, 512)[: 1 + len(self.stages)]))

    @property
    def stage_strides(self) -> dict[str, int]:
        """As `stage_channels`."""
        return dict(zip(self.STAGES, (2, 4, 8, 16)[: 1 + len(self.stages)]))

    def stage_maps(self, images: Tensor) -> dict[str, Tensor]:
        """What pool2 to pool5 are given, as in OSVOS's paper."""
        return dict(zip(self.STAGES, self.maps_before_pools(images)[1:]))

    def maps_before_pools(self, images: Tensor) -> list[Tensor]:
        """What pool1 to the last pool are given, of images as `forward` takes them."""
        self._check(images)
        x, maps = self.normalised(images), []
        for layer in chain(self.stem, *self.stages.values()):
            if isinstance(layer, nn.MaxPool2d):
                maps.append(x)
            if len(maps) == 2 + len(self.stages):  # nothing of the last pool and of fc6 is looked at
                break
            x = layer(x)
        return maps

    def beyond_stages(self) -> list[nn.Parameter]:
        """fc6's."""
        return list(self.stages["layer4"][-2].parameters()) if "layer4" in self.stages else []

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


def load_vgg16(
    state: Mapping[str, Tensor], path: Path, *, name: str | None = None, levels: Iterable[str] | None = None
) -> Vgg16:
    """VGG-16, whose tensors, with torchvision's keys, were read from `path`. InputError: another network."""
    used = {key: value for key, value in state.items() if key.startswith(("features.", "classifier.0."))}
    try:
        return Vgg16(as_floats(used, path), levels=levels or LEVELS, source=f"vgg16, from {path.name}")
    except ValueError as error:
        raise InputError(f"{path} is not VGG-16 ({error}): give torchvision's weights of vgg16") from None
