"""Features of images: the backbones that can be had, by name, and where their weights come from."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vosbook.errors import InputError
from vosbook.features import shipped
from vosbook.features.backbone import LEVELS, Backbone
from vosbook.features.filter_bank import FilterBank
from vosbook.features.resnet import RESNETS, load_resnet, random_resnet
from vosbook.features.shipped import shipped_trunk
from vosbook.features.torchvisions import weights_url
from vosbook.features.vgg16 import Vgg16, load_vgg16
from vosbook.weights import find_weights, read_tensors

DEFAULT = "resnet18"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Architecture:
    """What the registry knows of a backbone."""

    name: str
    empty: Callable[..., Backbone]  # empty(levels=...): with random weights, or complete where nothing is learned
    load: Callable[..., Backbone] | None = None  # load(tensors, path, name=..., levels=...); None: it needs no file
    mark: str = ""  # a tensor by which a file of such weights is known


BACKBONES = {
    row.name: row
    for row in (
        *(Architecture(name, partial(random_resnet, name), load_resnet, mark="conv1.weight") for name in RESNETS),
        Architecture("vgg16", Vgg16, load_vgg16, mark="features.0.weight"),
        Architecture(shipped.NAME, shipped_trunk),
        Architecture("filters", FilterBank),
    )
}


def load_backbone(
    name: str | None = None,
    *,
    weights: str | Path | None = None,
    levels: Iterable[str] | None = None,
    device: str | torch.device = "cpu",
    note: Callable[[str], None] = log.warning,
) -> Backbone:
    """Load one of `BACKBONES`; None takes whatever the file `weights` holds.

    Weights are taken from the file `weights`; else from a file in the folder `weights` under the environment variable
    VOSBOOK_DATA whose name starts with `name` (None: resnet18); else from torchvision, downloaded once. Where none can
    be had the package's own trunk takes their place, or the filter bank where a level is asked for that the trunk has
    not; `note` is called with one line that says so. `levels` None: all the levels that the file or the trunk holds.

    InputError: a damaged file, other keys, a file that would run code, or a level that the file lacks.
    """
    if levels is not None and (unknown := set(levels) - set(LEVELS)):
        raise ValueError(f"levels are {LEVELS}, got {sorted(unknown)}")
    wanted = _architecture(name or DEFAULT)
    if wanted.load is None:
        return wanted.empty(levels=levels).to(device)
    path = Path(weights) if weights is not None else find_weights(wanted.name, weights_url(wanted.name))
    if path is None:
        return _in_place_of(wanted.name, levels, note).to(device)
    state = read_tensors(path)
    load = wanted.load if name is not None else _loader_of(state, path)
    return load(state, path, name=name, levels=levels).to(device)


def _in_place_of(name: str, levels: Iterable[str] | None, note: Callable[[str], None]) -> Backbone:
    """What the package has where the weights of the backbone `name` cannot be had."""
    none = f"no {name} weights: VOSBOOK_DATA/weights has none, and torchvision's cannot be downloaded. "
    if levels is None or set(levels) <= set(shipped.LEVELS):
        note(f"{none}Using the package's own trunk, a ResNet-18 that learned from ImageNet, then from DAVIS 2016")
        return shipped_trunk(levels=levels)
    note(f"{none}Using the fixed filter bank instead: it knows colours and edges only, so masks will be worse")
    return FilterBank(levels=levels)


def empty_backbone(name: str, *, levels: Iterable[str] = LEVELS) -> Backbone:
    """One of `BACKBONES` with random weights, to be learned from scratch or filled from a file; or complete."""
    return _architecture(name).empty(levels=levels)


def backbone_for(path: Path, about: Mapping[str, str], **options: Any) -> Backbone:
    """The backbone whose features a network has learned from: `about` are the words beside it in the file `path`.

    `options` are those of `load_backbone`. InputError where its weights cannot be had.
    """
    backbone = load_backbone(about["backbone"], levels=about["levels"].split(), **options)
    if backbone.name != about["backbone"]:
        raise InputError(f"{path} needs {about['backbone']}, whose weights are not here: give --backbone-weights")
    return backbone


def _architecture(name: str) -> Architecture:
    if name not in BACKBONES:
        raise InputError(f"there is no backbone {name}: choose one of {', '.join(BACKBONES)}")
    return BACKBONES[name]


def _loader_of(state: Mapping[str, Tensor], path: Path) -> Callable[..., Backbone]:
    """What loads the file with these tensors. InputError where they are none of a backbone's."""
    for row in BACKBONES.values():
        if row.load is not None and row.mark in state:
            return row.load
    for row in BACKBONES.values():
        for key in state if row.mark else ():
            if key.endswith(f".{row.mark}"):
                prefix = key.removesuffix(row.mark)
                raise InputError(f"{path} has {prefix} before its keys, as in {key}: save it with torchvision's keys")
    found = ", ".join(sorted(state)[:3]) or "none"
    marks = " or ".join(sorted({row.mark for row in BACKBONES.values() if row.mark}))
    raise InputError(
        f"{path} has the keys {found}, ...: give a backbone's weights with torchvision's keys ({marks}, ...)"
    )
