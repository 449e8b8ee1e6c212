"""The network of OSVOS (Maninis et al., TPAMI 2018, section 3.1): each stage of a backbone speaks about every pixel.

    side_k  = 3x3 convolution of stage k, to 16 channels
    score_k = up(1x1 convolution of side_k, to 1)         deep supervision: with a loss of its own
    fused   = 1x1 convolution of all up(side_k), side by side, to 1

up is bilinear and does not learn. It treats channels alike, a 1x1 convolution pixels alike, so the two may change
places. Here the convolution comes first: one channel per stage is enlarged in the place of 16, with the same answer.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.nn.encoder import Encoder, empty_encoder
from vosbook.weights import load_described

STD = 1e-3  # of the first weights of the 1x1 convolutions (as in the authors' ports)


@dataclass(frozen=True)
class SideOutputConfig:
    """Which network it is; the paper's by default."""

    backbone: str = "vgg16"
    levels: tuple[str, ...] = ("layer1", "layer2", "layer3", "layer4")  # of a ResNet or the filter bank
    channels: int = 16  # of every side


@dataclass(frozen=True)
class SideOutputs:
    """Logits of B images, positive where the object is."""

    fused: Tensor  # (B, 1, H, W)
    sides: tuple[Tensor, ...]  # (B, 1, H, W) each, shallow to deep


class Fuse(nn.Conv2d):
    """A 1x1 convolution of the enlarged sides, which enlarges after it has weighed them."""

    def __init__(self, levels: int, channels: int = 16):
        """`levels` sides of `channels` each."""
        super().__init__(levels * channels, 1, 1)
        _small(self)

    def forward(self, sides: Iterable[Tensor], enlarge: Iterable["Upsample"], size: tuple[int, int]) -> Tensor:
        """Sides `(B, channels, h_k, w_k)`, shallow to deep, and what enlarges each -> logits `(B, 1, H, W)`."""
        sides = list(sides)
        weights = self.weight.chunk(len(sides), dim=1)  # (1, channels, 1, 1) each
        parts = (up(F.conv2d(side, w), size) for side, w, up in zip(sides, weights, enlarge, strict=True))
        return sum(parts, start=self.bias[:, None, None])


class Upsample(nn.Module):
    """Bilinear enlargement by a stage's stride, then a cut to the image: the frozen layer of the paper.

    A cell of a pooling network lies in the middle of its stride x stride pixels. Those of a ResNet, whose kernels are
    odd, lie on the first of them (`corner`); so they are enlarged, for a contour would else be off by half a cell.
    """

    def __init__(self, stride: int, *, corner: bool):
        super().__init__()
        self.stride, self.corner = stride, corner

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """`(B, C, ceil(H / stride), ceil(W / stride))` -> `(B, C, H, W)`; beyond the border the last value goes on."""
        if self.corner:
            x = F.pad(x, (0, 1, 0, 1), mode="replicate")
            whole = [self.stride * (n - 1) + 1 for n in x.shape[-2:]]
            x = F.interpolate(x, size=whole, mode="bilinear", align_corners=True)
        else:
            x = F.interpolate(x, scale_factor=self.stride, mode="bilinear", align_corners=False)
        return x[..., : size[0], : size[1]]


class SideOutputNetwork(nn.Module):
    """OSVOS's network; with other labels, its contour network."""

    def __init__(self, encoder: Encoder, *, channels: int = 16):
        """`channels` of every side. The stages and their names are the backbone's."""
        super().__init__()
        self.encoder = encoder
        backbone = encoder.backbone
        widths, strides, corner = backbone.stage_channels, backbone.stage_strides, backbone.corner
        self.levels = tuple(widths)
        for parameter in backbone.beyond_stages():
            parameter.requires_grad_(False)
        self.side = nn.ModuleDict({level: nn.Conv2d(n, channels, 3, padding=1) for level, n in widths.items()})
        self.score = nn.ModuleDict({level: _small(nn.Conv2d(channels, 1, 1)) for level in self.levels})
        self.upsample = nn.ModuleDict({level: Upsample(strides[level], corner=corner) for level in self.levels})
        self.fuse = Fuse(len(self.levels), channels)
        for conv in self.side.values():  # the authors' N(0, .001) begins too faint where steps are few
            nn.init.kaiming_normal_(conv.weight, nonlinearity="linear")
            nn.init.zeros_(conv.bias)
        self.to(memory_format=torch.channels_last)

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """RGB images `(B, 3, H, W)`, float in 0..1 -> side_k by level, `(B, channels, h_k, w_k)`, shallow to deep."""
        maps = self.encoder.backbone.stage_maps(images)
        return {level: self.side[level](maps[level]) for level in self.levels}

    def logits(self, images: Tensor) -> Tensor:
        """Images as `features` takes them -> the fused logits alone, `(B, 1, H, W)`."""
        return self.fuse(self.features(images).values(), self.upsample.values(), images.shape[-2:])

    def forward(self, images: Tensor) -> SideOutputs:
        """Images as `features` takes them -> all outputs."""
        sides, size = self.features(images), images.shape[-2:]
        scores = (self.upsample[level](self.score[level](side), size) for level, side in sides.items())
        return SideOutputs(self.fuse(sides.values(), self.upsample.values(), size), tuple(scores))

    def parameter_groups(self, lr: float, *, weight_decay: float = 2e-4) -> list[dict[str, Any]]:
        """The parameters as an optimizer takes them, with the authors' multipliers of the learning rate.

        Stages and sides 1, side scores .1, fusion .01, biases twice that; biases do not decay.
        """
        rates = {"encoder": 1.0, "side": 1.0, "score": 0.1, "fuse": 0.01}
        groups = []
        for part, rate in rates.items():
            named = [(name, p) for name, p in getattr(self, part).named_parameters() if p.requires_grad]
            weights = [p for name, p in named if not name.endswith("bias")]
            biases = [p for name, p in named if name.endswith("bias")]
            groups.append({"params": weights, "lr": rate * lr, "weight_decay": weight_decay})
            groups.append({"params": biases, "lr": 2 * rate * lr, "weight_decay": 0.0})
        return [group for group in groups if group["params"]]  # the filter bank has nothing to learn


def _small(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.normal_(conv.weight, std=STD)
    nn.init.zeros_(conv.bias)
    return conv


# ---------------------------------------------------------------------------------------------------------- loss


def balanced_bce(logits: Tensor, y: Tensor, *, normalised: bool = False) -> Tensor:
    """Class-balanced cross-entropy (Eq. 1), a mean over images: logits and y `(B, 1, H, W)`, y 0 or 1 -> scalar.

        L = - beta sum over Y+ of log p - (1 - beta) sum over Y- of log(1 - p),   beta = |Y-| / |Y|

    beta is each image's own. Both classes weigh |Y+| |Y-| / |Y| together, so that an image without object, or without
    background, teaches nothing.

    The paper's loss is this sum: its gradients grow with the number of pixels, about 410 000 at 480x854, which is why
    its learning rate is 1e-8. `normalised` divides by that number; a rate of .004 then makes the very same steps, and
    keeps its meaning at another size.
    """
    if logits.shape != y.shape:
        raise ValueError(f"logits and y must have one shape (B, 1, H, W), got {tuple(logits.shape)}, {tuple(y.shape)}")
    logits = logits.float()
    beta = 1 - y.mean(dim=(1, 2, 3), keepdim=True)  # (B, 1, 1, 1)
    loss = beta * y * F.softplus(-logits) + (1 - beta) * (1 - y) * F.softplus(logits)
    return loss.mean() if normalised else loss.sum() / len(y)


def deep_loss(outputs: SideOutputs, y: Tensor, *, side_weight: float, normalised: bool = True) -> Tensor:
    """`balanced_bce` of the fused output and, times `side_weight`, of every side (deep supervision)."""
    sides = sum(balanced_bce(side, y, normalised=normalised) for side in outputs.sides)
    return balanced_bce(outputs.fused, y, normalised=normalised) + side_weight * sides


# --------------------------------------------------------------------------------------------------------- files


def build_side_outputs(config: SideOutputConfig, make_encoder: Callable[..., Encoder]) -> SideOutputNetwork:
    """The network of a configuration. `make_encoder(name, levels=...)` is one of `nn.encoder`'s, which see."""
    return SideOutputNetwork(make_encoder(config.backbone, levels=config.levels), channels=config.channels)


def load_side_outputs(path: Path, *, method: str, remedy: str) -> SideOutputNetwork:
    """The network of a weight file, its encoder included: no other file is needed.

    InputError, which ends in `remedy`, where the file was not written for `method`.
    """

    def build(config: SideOutputConfig) -> SideOutputNetwork:
        return build_side_outputs(config, empty_encoder)

    return load_described(path, SideOutputConfig, build, method=method, remedy=remedy)
