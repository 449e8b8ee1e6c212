"""ResNets give what torchvision's own forward pass gives."""

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from vosbook.errors import InputError
from vosbook.features import load_backbone
from vosbook.features.backbone import LEVELS
from vosbook.features.resnet import random_resnet


def _hooked_features(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """What torchvision's own forward pass gives at each level, for images that it expects normalised."""
    maps = {}
    for level in LEVELS:
        getattr(network, level).register_forward_hook(lambda m, i, out, level=level: maps.update({level: out}))
    normalise = torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.no_grad():
        network(normalise(images))
    return maps


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_equals_torchvisions_own_forward_pass(name, request, tmp_path):
    network = request.getfixturevalue(name)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    backbone = load_backbone(weights=tmp_path / "weights.pth")
    images = torch.rand(2, 3, 70, 101)
    assert (backbone.name, backbone.levels) == (name, LEVELS)
    maps = backbone(images)
    for level, want in _hooked_features(network, images).items():
        assert maps[level].shape == want.shape
        assert maps[level].shape[1] == backbone.channels[level]
        assert torch.allclose(maps[level], want, atol=1e-5 * want.abs().max())


def test_a_file_may_hold_the_first_levels_only(resnet18, tmp_path):
    held = ("conv1", "bn1", "layer1", "layer2")
    state = {key: value for key, value in resnet18.state_dict().items() if key.startswith(held)}
    safetensors.torch.save_file(state, tmp_path / "resnet18-short.safetensors")
    backbone = load_backbone("resnet18", weights=tmp_path / "resnet18-short.safetensors")
    assert backbone.levels == ("layer1", "layer2")
    assert "resnet18-short" in backbone.source
    with pytest.raises(InputError, match=r"resnet18-short\.safetensors ends at layer2, and layer4 is needed"):
        load_backbone("resnet18", weights=tmp_path / "resnet18-short.safetensors", levels=["layer2", "layer4"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_weights_of_any_precision_are_computed_with_in_float32(resnet18, tmp_path, dtype):
    state = {key: value.to(dtype) for key, value in resnet18.state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "w.safetensors")
    backbone = load_backbone(weights=tmp_path / "w.safetensors", levels=["layer1"])
    assert backbone(torch.rand(1, 3, 32, 32))["layer1"].dtype == torch.float32


def test_only_the_levels_asked_for_are_computed(weights):
    backbone = load_backbone(weights=weights, levels=["layer2"])
    assert list(backbone(torch.rand(1, 3, 64, 64))) == ["layer2"]
    assert "layer3" not in backbone.stages


def test_features_carry_no_gradient_but_can_be_learned_from(weights):
    maps = load_backbone(weights=weights, levels=["layer1"])(torch.rand(1, 3, 32, 32, requires_grad=True))["layer1"]
    assert not maps.requires_grad and not maps.is_inference()


def test_images_of_a_wrong_kind_show_their_shape(weights):
    backbone = load_backbone(weights=weights, levels=["layer1"])
    with pytest.raises(ValueError, match=r"uint8.*\(1, 3, 32, 32\)"):
        backbone(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))


def test_its_stages_are_the_first_convolution_and_the_levels():
    torch.manual_seed(0)
    resnet = random_resnet("resnet18", levels=["layer1", "layer2"])
    images = torch.rand(2, 3, 38, 54, generator=torch.Generator().manual_seed(0))
    stages, levels = resnet.stage_maps(images), resnet(images)
    assert list(stages) == ["stem", "layer1", "layer2"]
    for level, wanted in levels.items():
        torch.testing.assert_close(stages[level], wanted)
    assert stages["stem"].shape == (2, 64, 19, 27)
    torch.testing.assert_close(levels["layer1"], resnet.stages["layer1"](F.max_pool2d(stages["stem"], 3, 2, 1)))
