"""Backbones: where their weights come from, which levels they give, with which strides and channels.

A backbone turns images `(B, 3, H, W)` into feature maps, one per level. Levels carry torchvision's names, "layer1" to
"layer4" (conv2_x to conv5_x in Table 1 of the ResNet paper), and have strides 4, 8, 16 and 32 in every backbone here.
"""

import hashlib
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vosbook.errors import InputError
from vosbook.weights import find_weights, read_tensors

LEVELS = ("layer1", "layer2", "layer3", "layer4")
STRIDES = {"layer1": 4, "layer2": 8, "layer3": 16, "layer4": 32}
RESNETS = {
    "resnet18": (torchvision.models.resnet18, torchvision.models.ResNet18_Weights.IMAGENET1K_V1),
    "resnet50": (torchvision.models.resnet50, torchvision.models.ResNet50_Weights.IMAGENET1K_V1),
    "resnet101": (torchvision.models.resnet101, torchvision.models.ResNet101_Weights.IMAGENET1K_V1),
}
BACKBONES = (*RESNETS, "filters")

log = logging.getLogger(__name__)


class Backbone(nn.Module, ABC):
    """A frozen feature extractor: evaluation mode, no gradient.

    `levels` are the levels it returns, shallow to deep; `channels` and `strides` say what each one is; `source` is one
    line saying where the weights came from.
    """

    def __init__(self, *, name: str, levels: Iterable[str], channels: Mapping[str, int], source: str):
        super().__init__()
        self.name = name
        self.levels = tuple(level for level in LEVELS if level in tuple(levels))
        self.channels = {level: channels[level] for level in self.levels}
        self.strides = {level: STRIDES[level] for level in self.levels}
        self.source = source

    @abstractmethod
    def extract(self, images: Tensor) -> dict[str, Tensor]:
        """Feature maps of at least `self.levels`."""

    @torch.no_grad()
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """RGB images `(B, 3, H, W)`, float in 0..1 -> `{level: (B, C, ceil(H / stride), ceil(W / stride))}`.

        A ResNet's maps lie channels last in memory, as its convolutions and those that follow want them.
        """
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(f"images must be float (B, 3, H, W) in 0..1, got {images.dtype} {tuple(images.shape)}")
        maps = self.extract(images)
        return {level: maps[level] for level in self.levels}


class SharedBackbone(Backbone):
    """A backbone for several segmenters of one video: images that it has just seen it does not look at again."""

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


# ---------------------------------------------------------------------------------------------------- ResNet


class ResNet(Backbone):
    """A torchvision ResNet up to the deepest level asked for, its batch norms folded into the convolutions."""

    def __init__(self, name: str, state: Mapping[str, Tensor], *, levels: Iterable[str], source: str):
        network = _truncated(name, _deepest(levels))
        network.load_state_dict(state, strict=False, assign=True)  # a file's running counts, if any, are not needed
        _fold_batch_norms(network.eval())
        channels = {level: 64 * 2**i * network.layer1[0].expansion for i, level in enumerate(LEVELS)}
        super().__init__(name=name, levels=levels, channels=channels, source=source)
        self.stem = nn.Sequential(network.conv1, network.relu, network.maxpool)
        self.stages = nn.ModuleDict({level: getattr(network, level) for level in _up_to(_deepest(levels))})
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)
        self.requires_grad_(False).to(memory_format=torch.channels_last)  # a third faster on CPUs

    def extract(self, images: Tensor) -> dict[str, Tensor]:
        x = (images - self.mean) / self.std  # ImageNet's statistics (3, 1, 1)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        maps = {}
        for level, stage in self.stages.items():
            maps[level] = x = stage(x)
        return maps


def _deepest(levels: Iterable[str]) -> str:
    return max(levels, key=LEVELS.index)


def _up_to(level: str) -> tuple[str, ...]:
    return LEVELS[: LEVELS.index(level) + 1]


def _truncated(name: str, deepest: str) -> torchvision.models.ResNet:
    """torchvision's ResNet without the levels below `deepest` and the classifier; its tensors hold no storage."""
    with torch.device("meta"):  # random initial weights would only be thrown away
        network = RESNETS[name][0]()
    for child in (*LEVELS[LEVELS.index(deepest) + 1 :], "fc"):
        delattr(network, child)
    return network


def _fold_batch_norms(module: nn.Module) -> None:
    """Multiply each batch norm into the convolution before it (evaluation mode: both are affine)."""
    pairs = [("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"), ("0", "1")]  # "0", "1": a block's downsample
    children = dict(module.named_children())
    for conv, norm in pairs:
        if isinstance(children.get(norm), nn.BatchNorm2d):
            setattr(module, conv, fuse_conv_bn_eval(children[conv], children[norm]))
            setattr(module, norm, nn.Identity())
    for child in children.values():
        _fold_batch_norms(child)


# ------------------------------------------------------------------------------------------------ filter bank


class FilterBank(Backbone):
    """A fixed bank of filters with a ResNet's strides, for work without weights: no learning, no file, no network.

    Every level holds the same 124 channels, averaged over its cells of 4x4 to 32x32 pixels: 100 of colour (a soft
    histogram, 4 of lightness x 5 x 5 of the two opponent colours) and 24 of edges (8 directions at 3 scales, rectified,
    so that averaging does not cancel them). An average over cells makes a linear model's score grow with the share of
    the cell that the target covers.
    """

    LIGHTNESS, OPPONENT = 4, 5  # bins
    SIGMAS = (1.0, 2.0, 4.0)  # scales of the derivatives, in pixels of the half-size image
    DIRECTIONS = 8

    def __init__(self, *, levels: Iterable[str] = LEVELS):
        count = self.LIGHTNESS * self.OPPONENT**2 + len(self.SIGMAS) * self.DIRECTIONS
        source = f"filters, a fixed bank of {count} colour and edge filters (nothing learned)"
        super().__init__(name="filters", levels=levels, channels=dict.fromkeys(LEVELS, count), source=source)
        for i, sigma in enumerate(self.SIGMAS):
            self.register_buffer(f"gauss{i}", _gaussian(sigma), persistent=False)
        angles = torch.arange(self.DIRECTIONS) * (2 * math.pi / self.DIRECTIONS)
        directions = torch.stack([angles.cos(), angles.sin()], dim=1)[..., None, None]
        self.register_buffer("directions", directions, persistent=False)  # (8, 2, 1, 1), a 1x1 convolution of (gx, gy)

    def extract(self, images: Tensor) -> dict[str, Tensor]:
        half = _halve(images)  # (B, 3, H/2, W/2)
        x = torch.cat([_halve(self.colours(half)), _halve(self.edges(half))], dim=1)  # (B, 124, H/4, W/4)
        maps = {"layer1": x}
        for level in LEVELS[1 : 1 + LEVELS.index(_deepest(self.levels))]:
            maps[level] = x = _halve(x)
        return maps

    def colours(self, images: Tensor) -> Tensor:
        """Soft histogram bin of every pixel, `(B, 3, H, W)` -> `(B, 100, H, W)`, summing to one over the bins."""
        r, g, b = images.unbind(1)  # (B, H, W) each
        lightness = _soft_bins((r + g + b) / 3, self.LIGHTNESS)  # (B, l, H, W)
        red_green = _soft_bins(_opponent(r - g), self.OPPONENT)  # (B, a, H, W)
        blue_yellow = _soft_bins(_opponent(b - (r + g) / 2), self.OPPONENT)  # (B, b, H, W)
        return torch.einsum("nlhw,nahw,nbhw->nlabhw", lightness, red_green, blue_yellow).flatten(1, 3)

    def edges(self, images: Tensor) -> Tensor:
        """Rectified derivatives of the lightness, `(B, 3, H, W)` -> `(B, scales * directions, H, W)`."""
        lightness = images.mean(dim=1, keepdim=True)
        maps = []
        for i, sigma in enumerate(self.SIGMAS):
            smooth = _blur(lightness, getattr(self, f"gauss{i}"))
            gradient = sigma * torch.cat([_difference(smooth, -1), _difference(smooth, -2)], dim=1)  # (B, 2, H, W)
            maps.append(F.conv2d(gradient, self.directions).relu())
        return torch.cat(maps, dim=1).sqrt()  # sqrt: faint edges count too


def _halve(x: Tensor) -> Tensor:
    """Average 2x2 cells; a last odd row or column is averaged alone, so that sizes round up as a ResNet's do."""
    return F.avg_pool2d(x, 2, ceil_mode=True)


def _opponent(difference: Tensor) -> Tensor:
    """Colour difference in -1..1 -> 0..1, steeper near grey, where most of a photograph's colours lie."""
    return (torch.tanh(4 * difference) + 1) / 2


def _soft_bins(values: Tensor, bins: int) -> Tensor:
    """Values `(B, H, W)` in 0..1 -> weights `(B, bins, H, W)` of the two nearest bin centres, summing to one."""
    centres = torch.arange(bins, device=values.device)[:, None, None]  # (bins, 1, 1)
    return (1 - (values[:, None] * (bins - 1) - centres).abs()).clamp(min=0)


def _gaussian(sigma: float) -> Tensor:
    """A Gaussian, `(1, 1, 1, k)`, summing to one."""
    radius = math.ceil(2.5 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    return (kernel / kernel.sum()).reshape(1, 1, 1, -1)


def _blur(image: Tensor, kernel: Tensor) -> Tensor:
    """Blur `(B, 1, H, W)` along both axes; beyond the border the last pixel goes on."""
    radius = kernel.shape[-1] // 2
    padded = F.pad(image, (radius,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel), kernel.transpose(-1, -2))


def _difference(image: Tensor, dim: int) -> Tensor:
    """Central difference along the last (x) or second last (y) axis; zero across the border."""
    padding = (1, 1, 0, 0) if dim == -1 else (0, 0, 1, 1)
    padded = F.pad(image, padding, mode="replicate")
    size = image.shape[dim]
    return (padded.narrow(dim, 2, size) - padded.narrow(dim, 0, size)) / 2


# ---------------------------------------------------------------------------------------------------- loading


def load_backbone(
    name: str | None = None,
    *,
    weights: str | Path | None = None,
    levels: Iterable[str] | None = None,
    device: str | torch.device = "cpu",
    note: Callable[[str], None] = log.warning,
) -> Backbone:
    """Load a backbone: "resnet18", "resnet50", "resnet101" or "filters"; None takes whatever ResNet `weights` holds.

    ResNet weights are taken from the file `weights`; else from a file in the folder `weights` under the environment
    variable VOSBOOK_DATA whose name starts with `name` (None: resnet18); else from torchvision, downloaded once. Where
    none can be had the filter bank takes their place, and `note` is called with one line that says so. `levels` None:
    all the levels that the file holds.

    InputError: a damaged file, other keys, a file that would run code, or a level that the file lacks.
    """
    if name is not None and name not in BACKBONES:
        raise InputError(f"there is no backbone {name}: choose one of {', '.join(BACKBONES)}")
    if levels is not None and (unknown := set(levels) - set(LEVELS)):
        raise ValueError(f"levels are {LEVELS}, got {sorted(unknown)}")
    if name == "filters":
        return FilterBank(levels=levels or LEVELS).to(device)
    path = Path(weights) if weights is not None else _find(name or "resnet18")
    if path is None:
        note(
            f"no {name or 'resnet18'} weights: VOSBOOK_DATA/weights has none, and torchvision's cannot be downloaded. "
            "Using the fixed filter bank instead: it knows colours and edges only, so masks will be worse"
        )
        return FilterBank(levels=levels or LEVELS).to(device)
    return _load_resnet(name, path, levels).to(device)


def _find(name: str) -> Path | None:
    return find_weights(name, RESNETS[name][1].url)


def _load_resnet(name: str | None, path: Path, levels: Iterable[str] | None) -> ResNet:
    state = read_tensors(path)
    held = _held_levels(state, path)
    name = _architecture(state, name, held[-1], path)
    state = _as_floats(state, path)
    levels = held if levels is None else tuple(levels)
    if lacking := [level for level in levels if level not in held]:
        raise InputError(f"{path} ends at {held[-1]}, and {lacking[-1]} is needed: give a file of {name} that holds it")
    return ResNet(name, state, levels=levels, source=f"{name}, {held[0]} to {held[-1]} from {path.name}")


def _as_floats(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors that are used, as float32. InputError where one holds no plain, finite numbers."""
    state = {key: value for key, value in state.items() if not _is_ignored(key)}
    for key, value in state.items():
        plain = value.is_floating_point() and value.layout == torch.strided and not value.is_meta
        if not plain or not value.isfinite().all():
            raise InputError(f"{path} holds no plain finite numbers in {key}: save the weights again, or take others")
    return {key: value.float() for key, value in state.items()}


def _held_levels(state: Mapping[str, Tensor], path: Path) -> tuple[str, ...]:
    """The levels, from layer1 on, of which the file holds anything."""
    held = []
    for level in LEVELS:
        if not any(key.startswith(f"{level}.") for key in state):
            break
        held.append(level)
    if "conv1.weight" not in state or not held:
        found = ", ".join(sorted(state)[:3]) or "none"
        raise InputError(
            f"{path} has the keys {found}, ...: give ResNet weights with torchvision's keys (conv1.weight, bn1.weight, "
            "layer1.0.conv1.weight, ...)"
        )
    return tuple(held)


def _architecture(state: Mapping[str, Tensor], name: str | None, deepest: str, path: Path) -> str:
    """The ResNet whose tensors, up to `deepest`, are those of the file; it must be `name` where that is given."""
    shapes = {key: tuple(value.shape) for key, value in state.items() if not _is_ignored(key)}
    complaints = []
    for candidate in (name,) if name else RESNETS:
        tensors = _truncated(candidate, deepest).state_dict()
        wanted = {key: tuple(value.shape) for key, value in tensors.items() if not _is_ignored(key)}
        differing = sorted(key for key in wanted | shapes if wanted.get(key) != shapes.get(key))
        if not differing:
            return candidate
        key = differing[0]
        says = f"is not {candidate}: {key} has the shape {shapes.get(key)}, expected {wanted.get(key)}"
        complaints.append((len(differing), says))
    raise InputError(f"{path} {min(complaints)[1]}: give torchvision's weights of {name or ', '.join(RESNETS)}")


def _is_ignored(key: str) -> bool:
    """The classifier and the training counters of batch norm are not used."""
    return key.startswith("fc.") or key.endswith("num_batches_tracked")
