"""HED (Xie and Tu, ICCV 2015): contours that a VGG-16 learned from people's drawings, beside our own contour network.

    score_k = up(1x1 convolution of what pool k is given, to 1)    k = 1 to 5
    fused   = 1x1 convolution of the five, side by side, to 1

Nothing here trains it: a file has its weights.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosbook.errors import InputError
from vosbook.features.vgg16 import Vgg16
from vosbook.weights import as_floats, read_tensors

WIDTHS = (64, 128, 256, 512, 512)  # channels before the five pools


class Hed(nn.Module):
    """The network. `find_contours` and `Snapper` take it as they take our own."""

    def __init__(self, trunk: Vgg16):
        super().__init__()
        self.trunk = trunk
        self.score = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in WIDTHS)
        self.fuse = nn.Conv2d(len(WIDTHS), 1, 1)

    def logits(self, images: Tensor) -> Tensor:
        """RGB images `(B, 3, H, W)`, float in 0..1 -> logits of a contour, `(B, 1, H, W)`."""
        maps = self.trunk.maps_before_pools(images)
        scores = (score(x) for score, x in zip(self.score, maps, strict=True))  # (B, 1, h_k, w_k) each
        enlarged = [F.interpolate(s, images.shape[-2:], mode="bilinear", align_corners=False) for s in scores]
        return self.fuse(torch.cat(enlarged, dim=1))


def load_hed(path: Path) -> Hed:
    """HED of a file with torchvision's keys of VGG-16 (`features.N`), and `side1` to `side5` and `fuse`.

    InputError: the file is missing, damaged, or holds something else.
    """
    state = as_floats(read_tensors(path), path)
    try:
        network = Hed(Vgg16(state, source=f"vgg16, from {path.name}"))
        for k, score in enumerate(network.score, 1):
            score.load_state_dict({kind: state[f"side{k}.{kind}"] for kind in ("weight", "bias")})
        network.fuse.load_state_dict({kind: state[f"fuse.{kind}"] for kind in ("weight", "bias")})
    except KeyError as missing:
        raise InputError(f"{path} is not HED: it has no {missing.args[0]}") from None
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path} is not HED ({error})") from None
    return network.eval().requires_grad_(False)
