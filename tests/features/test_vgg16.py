"""VGG-16 gives what torchvision's does, and takes fc6 as S2S has it."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from vosbook.errors import InputError
from vosbook.features import load_backbone
from vosbook.features.backbone import LEVELS
from vosbook.features.vgg16 import Vgg16, summed_over_cells
from vosbook.nn.encoder import Encoder


def _images(channels: int = 3, size: tuple[int, int] = (40, 54)) -> Tensor:
    return torch.rand(2, channels, *size, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_vgg_equals_torchvisions_own_forward_pass(vgg_state, tmp_path):
    convolutions, state = vgg_state
    torch.save(state, tmp_path / "vgg16.pth")
    backbone, images = load_backbone("vgg16", weights=tmp_path / "vgg16.pth"), _images(size=(64, 96))
    assert "vgg16.pth" in backbone.source
    normalise = torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    x, maps = normalise(images), backbone(images)
    pools = dict(zip((9, 16, 23), LEVELS))  # torchvision's numbers of pool2, pool3 and pool4
    for number, layer in enumerate(convolutions):
        x = layer(x)
        if number in pools:
            torch.testing.assert_close(maps[pools[number]], x, rtol=1e-4, atol=1e-4 * x.abs().max().item())
    fc6 = backbone.stages["layer4"][-2]
    assert fc6.weight.shape == (4096, 512, 1, 1)
    expected = F.conv2d(x, fc6.weight, fc6.bias).relu()
    assert expected.std() > 0
    torch.testing.assert_close(maps["layer4"], expected, rtol=1e-4, atol=1e-4 * expected.max().item())


@torch.no_grad()
def test_fc6_as_1x1_gives_its_own_answer_where_all_cells_are_alike():
    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(10, 6 * 49, generator=generator)  # of 6 channels on 7x7 cells
    x = torch.randn(1, 6, 1, 1, generator=generator).expand(1, 6, 7, 7)
    conv = summed_over_cells(weight, 6)
    assert conv.shape == (10, 6, 1, 1)
    expected = x.flatten(1) @ weight.T  # as torchvision's classifier reads it
    torch.testing.assert_close(F.conv2d(x, conv)[0, :, 3, 3], expected[0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_fc6_is_taken_from_a_file_that_has_it(vgg_state):
    fc6 = {"classifier.0.weight": torch.full((1, 1), 0.01).expand(4096, 25088), "classifier.0.bias": torch.ones(4096)}
    conv = Vgg16(vgg_state[1] | fc6).stages["layer4"][-2]
    torch.testing.assert_close(conv.weight, torch.full_like(conv.weight, 0.49))
    assert (conv.bias == 1).all()


def test_vgg_without_weights_learns_from_xaviers_and_takes_a_mask():
    torch.manual_seed(0)
    learner = Encoder(Vgg16(), 4)
    maps = learner(_images(4, (33, 40)))
    assert {level: tuple(m.shape[1:]) for level, m in maps.items()} == {
        "layer1": (128, 9, 10),
        "layer2": (256, 5, 5),
        "layer3": (512, 3, 3),
        "layer4": (4096, 2, 2),
    }
    maps["layer4"].square().mean().backward()
    assert learner.backbone.stem[0].weight.grad[:, 3].any()
    bound = (6 / (512 + 4096)) ** 0.5
    assert learner.backbone.stages["layer4"][-2].weight.abs().max().item() == pytest.approx(bound, rel=0.001)


def test_vggs_stages_are_taken_before_they_are_pooled():
    torch.manual_seed(0)
    vgg, images = Vgg16(), _images(size=(32, 48))
    x = (images - vgg.mean) / vgg.std
    stages, seen = vgg.stage_maps(images), []
    layers = [*vgg.stem, *vgg.stages["layer2"], *vgg.stages["layer3"]]
    for layer in [*layers, *vgg.stages["layer4"]][:-3]:  # not pool5, fc6 and its ReLU
        if isinstance(layer, nn.MaxPool2d):
            seen.append(x)
        x = layer(x)
    for got, wanted in zip(stages.values(), [*seen[1:], x], strict=True):
        torch.testing.assert_close(got, wanted)
    assert [tuple(m.shape[1:]) for m in stages.values()] == [(128, 16, 24), (256, 8, 12), (512, 4, 6), (512, 2, 3)]
    half = Vgg16(levels=["layer2"])
    half.load_state_dict({name: value for name, value in vgg.state_dict().items() if name in half.state_dict()})
    for got, wanted in zip(half.stage_maps(images).items(), stages.items()):
        assert got[0] == wanted[0] and torch.equal(got[1], wanted[1])
    assert list(half.stage_maps(images)) == ["stage2", "stage3"] and not half.beyond_stages()
    assert torch.equal(half(images)["layer2"], vgg(images)["layer2"])


def test_only_fc6_is_beyond_its_stages():
    torch.manual_seed(0)
    learner = Encoder(Vgg16()).backbone
    sum(x.square().mean() for x in learner.stage_maps(_images(size=(32, 32))).values()).backward()
    without = [parameter for parameter in learner.parameters() if parameter.grad is None]
    assert [id(p) for p in without] == [id(p) for p in learner.beyond_stages()] and len(without) == 2


def test_what_is_no_vgg_is_refused(vgg_state, tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(64, 1, 3, 3)}, path)
    with pytest.raises(InputError, match=r"other.pth is not VGG-16 \(features.0.weight must .* got \(64, 1, 3, 3\)"):
        load_backbone("vgg16", weights=path)
    torch.save({key: value for key, value in vgg_state[1].items() if key != "features.28.bias"}, path)
    with pytest.raises(InputError, match=r"features.28.bias must have the shape \(512,\), got None"):
        load_backbone("vgg16", weights=path)
    torch.save(vgg_state[1] | {"features.28.bias": torch.full((512,), torch.nan)}, path)
    with pytest.raises(InputError, match=r"other.pth holds no plain finite numbers in features.28.bias"):
        load_backbone("vgg16", weights=path)
