"""The contour network, OSVOS's with other labels, and masks snapped to what it finds (OSVOS-S, section 3.3)."""

from pathlib import Path

import numpy as np
import torch

from vosbook.contours.snapping import SnapConfig, snap
from vosbook.nn.side_outputs import SideOutputNetwork, load_side_outputs
from vosbook.weights import SHIPPED

METHOD = "contours"  # in the words beside its weights


def load_contours(path: Path = SHIPPED / "contours.safetensors") -> SideOutputNetwork:
    """The network of a weight file, its encoder included. InputError where the file is missing or holds another."""
    return load_side_outputs(path, method=METHOD, remedy="train one with `make run RUN=train_contours`")


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

    def snap(self, frame: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Masks of N objects of a frame uint8 (H, W, 3), bool (N, H, W), snapped: bool (N, H, W)."""
        return snap(masks, find_contours(self.network, frame), self.config)

    def settle(self, frame: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Soft masks (N, H, W) in 0..1, an object's above one half, as soft masks for a merge that are so once snapped.

        On either side of one half the order is p's.
        """
        inner = np.clip(p, 1e-3, 1 - 1e-3)  # so that none is one half
        return np.where(self.snap(frame, p > 0.5), (1 + inner) / 2, inner / 2)
