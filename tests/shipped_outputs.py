"""What the networks that come with the package say of one drawn clip, and the file that remembers it.

After a network was trained again, or features were changed on purpose: `python tests/shipped_outputs.py` writes the
file anew. The clip is drawn in whole numbers, and nothing of it is resized, so it is the same everywhere.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vosbook.contours.detector import load_contours
from vosbook.features.backbone import Backbone
from vosbook.features.filter_bank import FilterBank
from vosbook.features.shipped import shipped_trunk
from vosbook.methods.rvos import load_rvos
from vosbook.methods.s2s import load_s2s
from vosbook.nn.segmentation import SegmentationNetwork
from vosbook.nn.side_outputs import SideOutputNetwork, load_side_outputs
from vosbook.weights import SHIPPED, load_network

REMEMBERED = Path(__file__).with_suffix(".json")
SIZE, FRAMES, CELL = (96, 128), 3, 16


@cache
def drawn_clip() -> tuple[Tensor, Tensor]:
    """A striped ellipse that moves over a chequered ground: frames `(1, T, 3, H, W)`, masks `(1, T, 1, H, W)`."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    grain = (37 * y + 91 * x + 13 * x * y) % 41
    ground = np.stack([60 + y // 2, 90 + x // 2, 50 + (y // 12 + x // 12) % 2 * 40], axis=-1) + grain[..., None]
    frames, masks = np.zeros((FRAMES, *SIZE, 3), int), np.zeros((FRAMES, *SIZE), bool)
    for t in range(FRAMES):
        v, u = y - 44 - 3 * t, x - 50 - 6 * t
        stripe = u // 6 % 2 * 50
        thing = np.stack([190 - stripe, 90 + v + stripe, 40 + grain + stripe], axis=-1)
        masks[t] = 4 * v**2 + 3 * u**2 < 3600
        frames[t] = np.where(masks[t, ..., None], thing, ground)
    images = torch.from_numpy(frames).permute(0, 3, 1, 2)[None].float() / 255  # (T, H, W, 3) -> (1, T, 3, H, W)
    return images, torch.from_numpy(masks)[None, :, None].float()


def _contours() -> Tensor:
    return load_contours().logits(drawn_clip()[0][:, 0])


def _parent() -> SideOutputNetwork:
    return load_side_outputs(SHIPPED / "osvos.safetensors", method="osvos", remedy="")


def _osvos() -> Tensor:
    return _parent().logits(drawn_clip()[0][:, 0])


def _s2s() -> Tensor:
    return load_s2s(SHIPPED / "s2s.safetensors").eval()(*drawn_clip())[0, -1:]


def _rvos() -> Tensor:
    frames, masks = drawn_clip()
    return load_rvos(SHIPPED / "rvos.safetensors")(frames, masks[:, :1])[0, -1:]


def _rvos_zero_shot() -> Tensor:
    return load_rvos(SHIPPED / "rvos_zero_shot.safetensors", method="rvos-zero-shot")(drawn_clip()[0])[0, -1:]


def _frtm(name: str, backbone: Backbone) -> Tensor:
    """S on the first frame, the mask's share of each cell in the place of D's scores."""
    frames, masks = drawn_clip()
    network = SegmentationNetwork(backbone.channels)
    load_network(SHIPPED / f"{name}.safetensors", network)
    return network.eval()(F.avg_pool2d(masks[:, 0], CELL), backbone(frames[:, 0]), SIZE)


def _frtm_filters() -> Tensor:
    return _frtm("frtm_filters", FilterBank())


def _frtm_resnet18() -> Tensor:
    """ImageNet's ResNet is not in the package. OSVOS's parent began with it, and holds what became of it."""
    return _frtm("frtm_resnet18", _parent().encoder.backbone)


def _frtm_davis() -> Tensor:
    return _frtm("frtm_resnet18-davis", shipped_trunk())


NETWORKS: dict[str, Callable[[], Tensor]] = {  # by file: logits (1, N, H, W), of the last frame it answers
    "contours": _contours,
    "osvos": _osvos,
    "s2s": _s2s,
    "rvos": _rvos,
    "rvos_zero_shot": _rvos_zero_shot,
    "frtm_filters": _frtm_filters,
    "frtm_resnet18": _frtm_resnet18,
    "frtm_resnet18-davis": _frtm_davis,
}


@torch.no_grad()
def summary(name: str) -> np.ndarray:
    """The mean logit of every cell of 16 x 16 pixels: float64 (N, 6, 8)."""
    return F.avg_pool2d(NETWORKS[name]().double(), CELL)[0].numpy()


if __name__ == "__main__":
    rows = [f'"{name}": {json.dumps(summary(name).round(3).tolist())}' for name in NETWORKS]
    REMEMBERED.write_text("{\n" + ",\n".join(rows) + "\n}\n")
