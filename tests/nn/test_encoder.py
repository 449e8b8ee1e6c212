"""Encoders give what their backbones give, with gradients; VGG-16 gives what torchvision's does."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from vosbook.errors import InputError
from vosbook.features import LEVELS, Backbone, load_backbone
from vosbook.nn import encoder
from vosbook.nn.encoder import Encoder, Vgg16, load_vgg16, random_resnet, summed_over_cells


def _images(channels: int = 3, size: tuple[int, int] = (40, 54)) -> Tensor:
    return torch.rand(2, channels, *size, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def resnet() -> Backbone:
    torch.manual_seed(0)
    return random_resnet("resnet18", levels=["layer1", "layer2"])


@pytest.fixture(scope="module")
def vgg() -> tuple[nn.Module, dict[str, Tensor]]:
    """torchvision's convolutions with random weights, and their state."""
    torch.manual_seed(0)
    with torch.device("meta"):  # its classifier would take half a gigabyte
        convolutions = torchvision.models.vgg16().features.eval()
    convolutions.to_empty(device="cpu")
    for parameter in convolutions.parameters():
        parameter.data.normal_(0, (2 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.1)
    return convolutions, {f"features.{key}": value for key, value in convolutions.state_dict().items()}


# -------------------------------------------------------------------------------------------------------------- ResNet


def test_an_encoder_gives_what_its_backbone_gives(resnet):
    maps, expected = Encoder(resnet)(_images()), resnet(_images())
    assert list(maps) == ["layer1", "layer2"]
    for level, features in expected.items():
        torch.testing.assert_close(maps[level], features)


def test_everything_learns_and_the_backbone_stays(resnet):
    learner, before = Encoder(resnet), [p.clone() for p in resnet.parameters()]
    learner(_images())["layer2"].square().mean().backward()
    assert [name for name, p in learner.named_parameters() if p.grad is None or not p.grad.any()] == []
    torch.optim.SGD(learner.parameters(), lr=1.0).step()
    assert all(torch.equal(a, b) for a, b in zip(before, resnet.parameters()))
    assert not any(p.requires_grad for p in resnet.parameters())


def test_further_channels_are_added_to_the_first_convolution(resnet):
    torch.manual_seed(1)
    learner, images = Encoder(resnet, 4), _images(4)
    first = learner.backbone.stem[0]
    colours = (images[:, :3] - resnet.mean) / resnet.std
    expected = resnet.stem[0](colours) + F.conv2d(images[:, 3:], first.weight[:, 3:], stride=2, padding=3)
    normalised = (images - learner.backbone.mean) / learner.backbone.std
    torch.testing.assert_close(first(normalised), expected, rtol=1e-4, atol=1e-5)
    without_mask = torch.cat([images[:, :3], torch.zeros_like(images[:, 3:])], dim=1)
    torch.testing.assert_close(learner(without_mask)["layer2"], resnet(images[:, :3])["layer2"], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(learner(images)["layer2"], resnet(images[:, :3])["layer2"], rtol=1e-2, atol=1e-2)


def test_what_is_new_begins_as_xaviers(resnet):
    torch.manual_seed(1)
    weight = Encoder(resnet, 5).backbone.stem[0].weight.detach()
    bound = (6 / (49 * (5 + 64))) ** 0.5
    assert weight[:, 3:].abs().max().item() == pytest.approx(bound, rel=0.01)
    assert torch.equal(weight[:, :3], resnet.stem[0].weight)


def test_a_state_can_be_put_into_an_encoder_of_random_weights(resnet):
    torch.manual_seed(2)
    learner, other = Encoder(resnet, 4), Encoder(random_resnet("resnet18", levels=["layer1", "layer2"]), 4)
    other.load_state_dict(learner.state_dict())
    torch.testing.assert_close(other(_images(4))["layer2"], learner(_images(4))["layer2"])
    assert other.channels == {"layer1": 64, "layer2": 128}
    with pytest.raises(ValueError, match="name must be one of resnet18"):
        random_resnet("vgg16")


def test_the_gradient_is_that_of_finite_differences():
    class Tiny(Backbone):
        """As few numbers as have a stem and the statistics of colours."""

        def __init__(self):
            super().__init__(name="tiny", levels=["layer1"], channels={"layer1": 2}, source="random")
            self.stem = nn.Sequential(nn.Conv2d(3, 2, 3, stride=4))
            self.register_buffer("mean", torch.full((3, 1, 1), 0.4))
            self.register_buffer("std", torch.full((3, 1, 1), 0.2))

        def extract(self, images):
            return {"layer1": self.stem((images - self.mean) / self.std).tanh()}

    torch.manual_seed(0)
    learner = Encoder(Tiny(), 4).double()
    images = _images(4, (8, 9)).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, *_: learner(x)["layer1"], (images, *learner.parameters()))


# ------------------------------------------------------------------------------------------------------ the filter bank


def test_the_filter_bank_has_nothing_to_learn_and_lays_the_mask_beside():
    bank = load_backbone("filters", levels=["layer1", "layer3"])
    learner, images = Encoder(bank, 4), _images(4, (64, 96)).requires_grad_()
    maps = learner(images)
    assert not list(learner.parameters())
    assert learner.channels == {"layer1": 125, "layer3": 125}
    for level, stride in (("layer1", 4), ("layer3", 16)):
        assert torch.equal(maps[level][:, :124], bank(images.detach()[:, :3])[level])
        torch.testing.assert_close(maps[level][:, 124:], 124**0.5 * F.avg_pool2d(images[:, 3:], stride))
    maps["layer3"].sum().backward()
    assert not images.grad[:, :3].any()
    torch.testing.assert_close(images.grad[:, 3:], torch.full((2, 1, 64, 96), 124**0.5 / 256))
    assert Encoder(bank)(images.detach()[:, :3])["layer1"].shape[1] == 124


# --------------------------------------------------------------------------------------------------------------- VGG-16


@torch.no_grad()
def test_vgg_equals_torchvisions_own_forward_pass(vgg, tmp_path):
    convolutions, state = vgg
    torch.save(state, tmp_path / "vgg16.pth")
    backbone, images = load_vgg16(tmp_path / "vgg16.pth"), _images(size=(64, 96))
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
def test_fc6_is_taken_from_a_file_that_has_it(vgg):
    fc6 = {"classifier.0.weight": torch.full((1, 1), 0.01).expand(4096, 25088), "classifier.0.bias": torch.ones(4096)}
    conv = Vgg16(vgg[1] | fc6).stages["layer4"][-2]
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


# ---------------------------------------------------------------------------------------------------------- wrong input


def test_wrong_input_is_refused(resnet, vgg, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="3 colours and more, got 1"):
        Encoder(resnet, 1)
    with pytest.raises(ValueError, match=r"float \(B, 4, H, W\) in 0..1, got torch.float32 \(2, 3, 40, 54\)"):
        Encoder(resnet, 4)(_images())
    path = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(64, 1, 3, 3)}, path)
    with pytest.raises(InputError, match=r"other.pth is not VGG-16 \(features.0.weight must .* got \(64, 1, 3, 3\)"):
        load_vgg16(path)
    torch.save({key: value for key, value in vgg[1].items() if key != "features.28.bias"}, path)
    with pytest.raises(InputError, match=r"features.28.bias must have the shape \(512,\), got None"):
        load_vgg16(path)

    def offline(*_, **__):
        raise encoder.URLError("no route")

    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", offline)
    with pytest.raises(InputError, match=r"VGG-16's weights cannot be downloaded .*: give their file"):
        load_vgg16()
