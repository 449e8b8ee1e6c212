"""The contour network, OSVOS's with other labels, and masks snapped to what it finds (OSVOS-S, section 3.3)."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from vosbook.contours.snapping import SnapConfig, snap
from vosbook.errors import InputError
from vosbook.features import FilterBank, read_tensors
from vosbook.nn.encoder import Encoder, random_resnet
from vosbook.nn.side_outputs import SideOutputNetwork
from vosbook.training.checkpoint import SHIPPED, load_network, read_about


@dataclass(frozen=True)
class ContourConfig:
    """Of the network. The paper's backbone is VGG-16; that of the package's is a ResNet-18."""

    backbone: str = "resnet18"
    levels: tuple[str, ...] = ("layer1", "layer2", "layer3")
    channels: int = 16  # of every side


def describe(config: ContourConfig) -> dict[str, str]:
    """The words in a weight file by which `load_contours` knows the network again."""
    return {"method": "contours", "config": json.dumps(asdict(config))}


def load_contours(path: Path = SHIPPED / "contours.safetensors") -> SideOutputNetwork:
    """The network of a weight file, its encoder included. InputError where the file is missing or holds another."""
    about = read_about(path)
    if about.get("method") != "contours":
        read_tensors(path)  # which says so where the file is missing or damaged
        raise InputError(f"{path} is no contour network: train one with `make run RUN=train_contours`")
    settings = json.loads(about["config"])
    config = ContourConfig(**settings | {"levels": tuple(settings["levels"])})
    if config.backbone == "filters":
        backbone = FilterBank(levels=config.levels)
    else:
        backbone = random_resnet(config.backbone, levels=config.levels)
    network = SideOutputNetwork(Encoder(backbone), channels=config.channels)
    load_network(path, network)
    return network.eval()


@torch.no_grad()
def find_contours(network: SideOutputNetwork, frame: np.ndarray) -> np.ndarray:
    """The probability that a contour passes through each pixel of a frame uint8 (H, W, 3): float32 (H, W) in 0..1."""
    device = network.fuse.weight.device
    image = torch.from_numpy(np.ascontiguousarray(frame)).to(device).permute(2, 0, 1)[None].float() / 255
    return network.logits(image).sigmoid()[0, 0].float().cpu().numpy()  # (1, 1, H, W) -> (H, W)


class Snapper:
    """Snaps the masks of a frame to the contours that a network finds in it."""

    def __init__(self, network: SideOutputNetwork, config: SnapConfig = SnapConfig()):  # noqa: B008 - frozen
        self.network, self.config = network, config

    @classmethod
    def load(cls, path: Path = SHIPPED / "contours.safetensors", *, device: str = "cpu") -> "Snapper":
        """With a weight file's network, the package's own by default. InputError: no such file."""
        return cls(load_contours(path).to(device))

    def snap(self, frame: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Soft masks of N objects of a frame uint8 (H, W, 3), float (N, H, W) in 0..1 -> bool (N, H, W)."""
        return snap(p, find_contours(self.network, frame), self.config)
