"""The segmentation network written out plainly, as the paper has it: what the tests and the benchmark compare with."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vosbook.nn.segmentation import SegmentationNetwork


class PlainSegmentation:
    """The same function of the same weights: every convolution and resize where Figure 3 puts it, one object."""

    def __init__(self, network: SegmentationNetwork):
        self.state = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def conv(self, name: str, x: Tensor) -> Tensor:
        weight = self.state[f"{name}.weight"]
        return F.conv2d(x, weight, self.state.get(f"{name}.bias"), padding=weight.shape[-1] // 2)

    def batch_norm(self, name: str, x: Tensor) -> Tensor:
        mean, var, weight, bias = (
            self.state[f"{name}.{key}"][:, None, None] for key in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-5).sqrt() * weight + bias

    def encoder(self, name: str, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        projection = self.conv(f"{name}.project.2", self.conv(f"{name}.project.0", x).relu())
        z = torch.cat([projection, _bilinear(s, x.shape[2:])], dim=1)
        for i in (0, 2, 4):
            z = self.conv(f"{name}.encode.{i}", z).relu()
        return z, projection

    def residual_block(self, name: str, x: Tensor) -> Tensor:
        x = self.conv(f"{name}.enter", x)
        y = self.batch_norm(f"{name}.branch.1", self.conv(f"{name}.branch.0", x)).relu()
        return (x + self.conv(f"{name}.branch.3", y)).relu()

    def attention(self, name: str, shallow: Tensor, deep: Tensor) -> Tensor:
        pooled = torch.cat([F.adaptive_avg_pool2d(z, 1) for z in (shallow, deep)], dim=1)
        gate = self.conv(f"{name}.gate.2", self.conv(f"{name}.gate.0", pooled).relu()).sigmoid()
        return gate * shallow + _bilinear(deep, shallow.shape[2:])

    def head(self, z: Tensor, size: tuple[int, int]) -> Tensor:
        z = self.conv("head.narrow", _twice(z)).relu()
        return self.conv("head.score", _bilinear(_twice(z), size))

    def __call__(self, s: Tensor, x: dict[str, Tensor], size: tuple[int, int]) -> Tensor:
        z = None
        for d in sorted(x, reverse=True):  # deep to shallow
            encoding, projection = self.encoder(f"encoders.{d}", x[d], s)
            deep = F.adaptive_avg_pool2d(projection, 1) if z is None else z
            z = self.residual_block(f"refinements.{d}.before", encoding)
            z = self.attention(f"refinements.{d}.attend", z, deep)
            z = self.residual_block(f"refinements.{d}.after", z)
        return self.head(z, size)


def _bilinear(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)
