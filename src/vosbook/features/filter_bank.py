"""A backbone that has learned nothing: colours and edges."""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from vosbook.features.backbone import LEVELS, Backbone, deepest, up_to


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

    def __init__(self, *, levels: Iterable[str] | None = None):
        """`levels` None: all four."""
        count = self.LIGHTNESS * self.OPPONENT**2 + len(self.SIGMAS) * self.DIRECTIONS
        source = f"filters, a fixed bank of {count} colour and edge filters (nothing learned)"
        super().__init__(name="filters", levels=levels or LEVELS, channels=dict.fromkeys(LEVELS, count), source=source)
        for i, sigma in enumerate(self.SIGMAS):
            self.register_buffer(f"gauss{i}", _gaussian(sigma), persistent=False)
        angles = torch.arange(self.DIRECTIONS) * (2 * math.pi / self.DIRECTIONS)
        directions = torch.stack([angles.cos(), angles.sin()], dim=1)[..., None, None]
        self.register_buffer("directions", directions, persistent=False)  # (8, 2, 1, 1), a 1x1 convolution of (gx, gy)

    @torch.no_grad()
    def extract(self, images: Tensor) -> dict[str, Tensor]:
        half = _halve(images)  # (B, 3, H/2, W/2)
        x = torch.cat([_halve(self.colours(half)), _halve(self.edges(half))], dim=1)  # (B, 124, H/4, W/4)
        maps = {"layer1": x}
        for level in up_to(deepest(self.levels))[1:]:
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
