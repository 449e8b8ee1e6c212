"""Networks with random weights, and files of them; no test here may find weights that it did not make."""

from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from vosbook import weights as weight_files
from vosbook.features.torchvisions import new_network


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr(weight_files, "_download", lambda url: None)


def lively_resnet(name: str) -> nn.Module:
    """torchvision's network with random weights and lively batch norms (fresh ones would be almost the identity)."""
    torch.manual_seed(0)
    with torch.device("meta"):  # torchvision's own initialisation takes seconds
        network = new_network(name).eval()
    network.to_empty(device="cpu")
    for parameter in network.parameters():
        parameter.data.normal_(0, (2 / parameter[0].numel()) ** 0.5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.2, 0.2)
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2)
    return network


@pytest.fixture(scope="package")
def resnet50() -> nn.Module:
    return lively_resnet("resnet50")


@pytest.fixture(scope="package")
def resnet18() -> nn.Module:
    return lively_resnet("resnet18")


@pytest.fixture()
def weights(resnet18, tmp_path) -> Path:
    """A complete ResNet-18 file as torchvision writes it."""
    torch.save(resnet18.state_dict(), tmp_path / "resnet18.pth")
    return tmp_path / "resnet18.pth"


@pytest.fixture(scope="package")
def vgg_state() -> tuple[nn.Module, dict[str, Tensor]]:
    """torchvision's convolutions with random weights, and their state."""
    torch.manual_seed(0)
    with torch.device("meta"):  # its classifier would take half a gigabyte
        convolutions = torchvision.models.vgg16().features.eval()
    convolutions.to_empty(device="cpu")
    for parameter in convolutions.parameters():
        parameter.data.normal_(0, (2 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.1)
    return convolutions, {f"features.{key}": value for key, value in convolutions.state_dict().items()}
