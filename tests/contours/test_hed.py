"""HED against a plain forward pass of its own, its files, and what it finds with real weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vosbook.contours.detector import Snapper, find_contours
from vosbook.contours.hed import WIDTHS, Hed, load_hed
from vosbook.datasets.catalog import load_sequence
from vosbook.errors import InputError
from vosbook.weights import save_tensors

STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))  # torchvision's numbers of VGG-16's convolutions


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    generator, channels, tensors = torch.Generator().manual_seed(0), 3, {}
    for width, numbers in zip(WIDTHS, STAGES):
        for number in numbers:
            scale = (2 / (9 * channels)) ** 0.5
            tensors[f"features.{number}.weight"] = scale * torch.randn(width, channels, 3, 3, generator=generator)
            tensors[f"features.{number}.bias"] = 0.1 * torch.randn(width, generator=generator)
            channels = width
    for k, width in enumerate(WIDTHS, 1):
        tensors[f"side{k}.weight"] = torch.randn(1, width, 1, 1, generator=generator) / width
        tensors[f"side{k}.bias"] = torch.randn(1, generator=generator)
    tensors["fuse.weight"] = torch.randn(1, 5, 1, 1, generator=generator)
    tensors["fuse.bias"] = torch.randn(1, generator=generator)
    return tensors


@pytest.fixture(scope="module")
def path(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("hed") / "hed.safetensors"
    save_tensors(path, state, {"source": "random"})
    return path


def plain(state, images):
    """The logits by the paper's figure, layer by layer: (B, 3, H, W) -> (B, 1, H, W)."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x, sides = (images - mean[:, None, None]) / std[:, None, None], []
    for k, numbers in enumerate(STAGES, 1):
        if k > 1:
            x = F.max_pool2d(x, 2, ceil_mode=True)
        for number in numbers:
            x = F.relu(F.conv2d(x, state[f"features.{number}.weight"], state[f"features.{number}.bias"], padding=1))
        side = F.conv2d(x, state[f"side{k}.weight"], state[f"side{k}.bias"])
        sides.append(F.interpolate(side, images.shape[-2:], mode="bilinear"))
    return F.conv2d(torch.cat(sides, 1), state["fuse.weight"], state["fuse.bias"])


def test_the_network_equals_a_plain_forward_pass(path, state):
    images = torch.rand(2, 3, 37, 50, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(load_hed(path).logits(images), plain(state, images), rtol=1e-4, atol=1e-4)


def test_another_file_is_refused_by_name(state, tmp_path):
    for key, message in (("side3.weight", "no side3.weight"), ("features.28.bias", "features.28.bias")):
        save_tensors(tmp_path / "part.safetensors", {k: v for k, v in state.items() if k != key}, {})
        with pytest.raises(InputError, match=rf"part\.safetensors is not HED.*{message}"):
            load_hed(tmp_path / "part.safetensors")
    save_tensors(tmp_path / "wide.safetensors", state | {"fuse.weight": torch.zeros(1, 4, 1, 1)}, {})
    with pytest.raises(InputError, match=r"wide\.safetensors is not HED"):
        load_hed(tmp_path / "wide.safetensors")


@pytest.fixture(scope="module")
def real(davis) -> Hed:
    """With the weights that learned from BSDS500."""
    return load_hed(davis / "weights" / "vgg16-hed-bsds500.safetensors")


def test_the_real_network_finds_the_edge_of_a_disc(real):
    rows, columns = np.mgrid[:96, :128]
    distance = np.hypot(rows - 48, columns - 64)
    frame = np.where((distance < 28)[..., None], (210, 90, 40), (40, 110, 60)).astype(np.uint8)
    contours = find_contours(real, frame)
    assert contours[np.abs(distance - 28) < 1].mean() > 0.8
    assert contours[(distance < 18) | (distance > 40)].mean() < 0.2


def test_a_snapper_takes_it_and_contours_lie_at_outlines_of_real_objects(real):
    sequence = load_sequence("davis2016/blackswan")
    frame, truth = sequence.frames[0][::2, ::2], sequence.labels(0)[::2, ::2] > 0
    contours = find_contours(real, frame)
    outline = truth ^ np.roll(truth, 1, axis=0)
    assert contours[outline].mean() > 2 * contours.mean()
    snapped = Snapper(real).snap(frame, truth[None])[0]
    assert (snapped & truth).sum() / (snapped | truth).sum() > 0.9
