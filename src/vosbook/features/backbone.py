"""What a backbone is: images in, a map of features out for each of its levels.

Levels carry torchvision's names for a ResNet's, "layer1" to "layer4" (conv2_x to conv5_x in Table 1 of its paper), and
have strides 4, 8, 16 and 32 in every backbone here.
"""

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = ("layer1", "layer2", "layer3", "layer4")
STRIDES = {"layer1": 4, "layer2": 8, "layer3": 16, "layer4": 32}


class Backbone(nn.Module, ABC):
    """A feature extractor. One that is called is frozen; `nn.encoder.Encoder` makes a copy of it learn.

    `levels` are the levels it returns, shallow to deep; `channels` and `strides` say what each one is; `source` is one
    line saying where the weights came from. `extract` is all that a backbone must have. It may have better than what
    follows there: how it takes more than colours (S2S), and what its stages are (OSVOS).
    """

    corner = False  # True: a cell lies on the first of its pixels, as odd kernels with a stride have it, not amid them

    def __init__(self, *, name: str, levels: Iterable[str], channels: Mapping[str, int], source: str):
        super().__init__()
        self.name = name
        self.levels = tuple(level for level in LEVELS if level in tuple(levels))
        self.channels = {level: channels[level] for level in self.levels}
        self.strides = {level: STRIDES[level] for level in self.levels}
        self.source = source
        self.in_channels = 3

    @abstractmethod
    def extract(self, images: Tensor) -> dict[str, Tensor]:
        """RGB images `(B, 3, H, W)`, float in 0..1 -> maps `(B, C, ceil(H / stride), ceil(W / stride))` by level.

        Of at least `levels`, with gradients where there is something to learn.
        """

    @torch.no_grad()
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """As `features`, frozen."""
        return self.features(images)

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Images `(B, in_channels, H, W)`, float in 0..1 -> `{level: (B, C, ceil(H / stride), ceil(W / stride))}`.

        A ResNet's maps lie channels last in memory, as its convolutions and those that follow want them.
        """
        self._check(images)
        maps = self._see(images)
        return {level: maps[level] for level in self.levels}

    def _see(self, images: Tensor) -> dict[str, Tensor]:
        """Maps of images `(B, in_channels, H, W)`."""
        maps, others = self.extract(images[:, :3]), images[:, 3:]
        return {level: _beside(maps[level], others) for level in self.levels}

    def _check(self, images: Tensor) -> None:
        if images.ndim != 4 or images.shape[1] != self.in_channels or not images.is_floating_point():
            wanted = f"float (B, {self.in_channels}, H, W) in 0..1"
            raise ValueError(f"images must be {wanted}, got {images.dtype} {tuple(images.shape)}")

    @property
    def device(self) -> torch.device:
        """Where its numbers are, and with them its maps."""
        return next(chain(self.buffers(), self.parameters()), torch.empty(0)).device

    # ------------------------------------------------------------------------------------- more than colours

    def widen(self, more: int) -> None:
        """Take images with `more` channels beside the colours, in 0..1.

        Here they are averaged over the cells of every level and laid beside its features, so that `channels` grow;
        times the root of their number, for a single map among C is else too faint to be learned from.
        """
        self.in_channels += more
        self.channels = {level: n + more for level, n in self.channels.items()}

    # ------------------------------------------------------------------------------------------------ stages

    @property
    def stage_channels(self) -> dict[str, int]:
        """Channels of `stage_maps`, shallow to deep. Here the stages are the levels."""
        return dict(self.channels)

    @property
    def stage_strides(self) -> dict[str, int]:
        """Strides of `stage_maps`, in the same order."""
        return dict(self.strides)

    def stage_maps(self, images: Tensor) -> dict[str, Tensor]:
        """What the stages hold before they are pooled, `(B, C, h, w)` each, of images as `features` takes them."""
        self._check(images)
        maps = self._see(images)
        return {stage: maps[stage] for stage in self.stage_channels}

    def beyond_stages(self) -> list[nn.Parameter]:
        """The parameters that none of `stage_maps` depends on."""
        return []


def _beside(features: Tensor, others: Tensor) -> Tensor:
    """`(B, C, h, w)` and `(B, n, H, W)` -> `(B, C + n, h, w)`, the second averaged over its cells, times root C."""
    if others.shape[1] == 0:
        return features
    others = math.sqrt(features.shape[1]) * F.adaptive_avg_pool2d(others, features.shape[-2:])
    return torch.cat([features, others.to(features)], dim=1)


class ConvolutionalBackbone(Backbone):
    """A network of convolutions, the first of which is `stem[0]`, over images normalised by ImageNet's statistics."""

    stem: nn.Sequential
    mean: Tensor  # (in_channels, 1, 1), of the images that the weights are for
    std: Tensor

    def __init__(self, *, name: str, levels: Iterable[str], channels: Mapping[str, int], source: str):
        super().__init__(name=name, levels=levels, channels=channels, source=source)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)

    def normalised(self, images: Tensor) -> Tensor:
        """Images `(B, in_channels, H, W)` in 0..1 as the stem wants them, channels last in memory."""
        return ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)

    def _see(self, images: Tensor) -> dict[str, Tensor]:
        return self.extract(images)

    def widen(self, more: int) -> None:
        """Let the first convolution take `more` channels, which are not normalised.

        The weights of the colours stay; those of what is new begin as Xavier's (S2S, section 4.3).
        """
        self.in_channels += more
        conv = self.stem[0]
        fresh = torch.empty(conv.out_channels, self.in_channels, *conv.kernel_size, device=conv.weight.device)
        nn.init.xavier_uniform_(fresh)
        weight = torch.cat([conv.weight.detach(), fresh[:, -more:]], dim=1)
        conv.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
        conv.in_channels = self.in_channels
        self.mean = torch.cat([self.mean, self.mean.new_zeros(more, 1, 1)])  # (3 + more, 1, 1)
        self.std = torch.cat([self.std, self.std.new_ones(more, 1, 1)])


def deepest(levels: Iterable[str]) -> str:
    """The deepest of some levels."""
    return max(levels, key=LEVELS.index)


def up_to(level: str) -> tuple[str, ...]:
    """The levels from the first to this one."""
    return LEVELS[: LEVELS.index(level) + 1]


class SharedBackbone(Backbone):
    """A backbone for several segmenters of one video: images that it has just seen it does not look at again.

    It shares the levels; stages of another kind it has not.
    """

    def __init__(self, backbone: Backbone, *, keep: int = 8):
        """`keep`: how many answers are remembered, each to one batch of images."""
        super().__init__(name=backbone.name, levels=backbone.levels, channels=backbone.channels, source=backbone.source)
        self.backbone, self.keep = backbone, keep
        self._answers: dict[bytes, dict[str, Tensor]] = {}  # by digest of the images, the oldest first

    def extract(self, images: Tensor) -> dict[str, Tensor]:
        key = hashlib.sha256(images.cpu().numpy().tobytes() + repr(images.shape).encode()).digest()
        if key not in self._answers:
            self._answers[key] = self.backbone(images)
        if len(self._answers) > self.keep:
            del self._answers[next(iter(self._answers))]
        return self._answers[key]
