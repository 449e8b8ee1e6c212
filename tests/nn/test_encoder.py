"""Encoders give what their backbones give, with gradients; by name they are whole or random."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from vosbook.errors import InputError
from vosbook.features.backbone import Backbone, ConvolutionalBackbone
from vosbook.features.resnet import ResNet, random_resnet
from vosbook.nn.encoder import Encoder, empty_encoder, pretrained_encoder


def _images(channels: int = 3, size: tuple[int, int] = (40, 54)) -> Tensor:
    return torch.rand(2, channels, *size, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def resnet() -> Backbone:
    torch.manual_seed(0)
    return random_resnet("resnet18", levels=["layer1", "layer2"])


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


def test_the_gradient_is_that_of_finite_differences():
    class Tiny(ConvolutionalBackbone):
        """As few numbers as have a stem."""

        def __init__(self):
            super().__init__(name="tiny", levels=["layer1"], channels={"layer1": 2}, source="random")
            self.stem = nn.Sequential(nn.Conv2d(3, 2, 3, stride=4))

        def extract(self, images):
            return {"layer1": self.stem(self.normalised(images)).tanh()}

    torch.manual_seed(0)
    learner = Encoder(Tiny(), 4).double()
    images = _images(4, (8, 9)).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, *_: learner(x)["layer1"], (images, *learner.parameters()))


def test_wrong_input_is_refused(resnet):
    with pytest.raises(ValueError, match="3 colours and more, got 1"):
        Encoder(resnet, 1)
    with pytest.raises(ValueError, match=r"float \(B, 4, H, W\) in 0..1, got torch.float32 \(2, 3, 40, 54\)"):
        Encoder(resnet, 4)(_images())


def test_an_encoder_by_name_has_its_backbones_weights_or_random_ones(monkeypatch, tmp_path):
    assert empty_encoder("resnet18", levels=["layer1"], in_channels=4).channels == {"layer1": 64}
    with pytest.raises(InputError, match="no backbone resnet17: choose one of"):
        empty_encoder("resnet17", levels=["layer1"])
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    monkeypatch.setattr("vosbook.weights._download", lambda url: None)
    with pytest.raises(InputError, match="no weights of resnet18: put a file of them into VOSBOOK_DATA/weights"):
        pretrained_encoder("resnet18", levels=["layer1"])
    (tmp_path / "weights").mkdir()
    state = torchvision.models.resnet18().state_dict()
    torch.save(state, tmp_path / "weights" / "resnet18.pth")
    learner = pretrained_encoder("resnet18", levels=["layer1"])
    wanted = ResNet("resnet18", state, levels=["layer1"], source="here").state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in learner.backbone.state_dict().items())
    assert all(parameter.requires_grad for parameter in learner.parameters())
