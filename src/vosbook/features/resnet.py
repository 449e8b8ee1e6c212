"""ResNets of torchvision's, whole or cut short, with or without weights."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vosbook.errors import InputError
from vosbook.features.backbone import LEVELS, ConvolutionalBackbone, deepest, up_to
from vosbook.features.torchvisions import new_network
from vosbook.weights import as_floats

RESNETS = "resnet18", "resnet50", "resnet101"


class ResNet(ConvolutionalBackbone):
    """A torchvision ResNet up to the deepest level asked for, its batch norms folded into the convolutions."""

    corner = True

    def __init__(self, name: str, state: Mapping[str, Tensor], *, levels: Iterable[str], source: str):
        network = _truncated(name, deepest(levels))
        network.load_state_dict(state, strict=False, assign=True)  # a file's running counts, if any, are not needed
        _fold_batch_norms(network.eval())
        channels = {level: 64 * 2**i * network.layer1[0].expansion for i, level in enumerate(LEVELS)}
        super().__init__(name=name, levels=levels, channels=channels, source=source)
        self.stem = nn.Sequential(network.conv1, network.relu, network.maxpool)
        self.stages = nn.ModuleDict({level: getattr(network, level) for level in up_to(deepest(levels))})
        self.requires_grad_(False).to(memory_format=torch.channels_last)  # a third faster on CPUs

    def extract(self, images: Tensor) -> dict[str, Tensor]:
        convolution, relu, pool = self.stem
        maps = {"stem": relu(convolution(self.normalised(images)))}  # (B, 64, ceil(H / 2), ceil(W / 2))
        x = pool(maps["stem"])
        for level, stage in self.stages.items():
            maps[level] = x = stage(x)
        return maps

    @property
    def stage_channels(self) -> dict[str, int]:
        """The first convolution's, and the levels'."""
        return {"stem": self.stem[0].out_channels, **self.channels}

    @property
    def stage_strides(self) -> dict[str, int]:
        """As `stage_channels`."""
        return {"stem": 2, **self.strides}


def _truncated(name: str, bottom: str) -> Any:
    """torchvision's ResNet without the levels below `bottom` and the classifier; its tensors hold no storage."""
    with torch.device("meta"):  # random initial weights would only be thrown away
        network = new_network(name)
    for child in (*LEVELS[len(up_to(bottom)) :], "fc"):
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


def random_resnet(name: str, *, levels: Iterable[str] = LEVELS) -> ResNet:
    """A ResNet with torchvision's random weights: to be learned from scratch, or to be filled from a checkpoint."""
    return ResNet(name, new_network(name).state_dict(), levels=levels, source=f"{name}, random weights")


# --------------------------------------------------------------------------------------------------- from a file


def load_resnet(
    state: Mapping[str, Tensor], path: Path, *, name: str | None = None, levels: Iterable[str] | None = None
) -> ResNet:
    """The ResNet whose tensors, with torchvision's keys, were read from `path`; None: whichever it is.

    A file may hold the first levels only; `levels` None: all that it holds. InputError: another network, or levels that
    the file lacks.
    """
    held = _held_levels(state, path)
    name = _architecture(state, name, held[-1], path)
    state = as_floats({key: value for key, value in state.items() if not _is_ignored(key)}, path)
    levels = held if levels is None else tuple(levels)
    if lacking := [level for level in levels if level not in held]:
        raise InputError(f"{path} ends at {held[-1]}, and {lacking[-1]} is needed: give a file of {name} that holds it")
    return ResNet(name, state, levels=levels, source=f"{name}, {held[0]} to {held[-1]} from {path.name}")


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


def _architecture(state: Mapping[str, Tensor], name: str | None, bottom: str, path: Path) -> str:
    """The ResNet whose tensors, up to `bottom`, are those of the file; it must be `name` where that is given."""
    shapes = {key: tuple(value.shape) for key, value in state.items() if not _is_ignored(key)}
    complaints = []
    for candidate in (name,) if name else RESNETS:
        tensors = _truncated(candidate, bottom).state_dict()
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
