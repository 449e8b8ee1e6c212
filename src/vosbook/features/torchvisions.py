"""What is torchvision's. It takes longer to import than all the rest, so that is done where it is asked for."""

from typing import Any


def new_network(name: str) -> Any:
    """torchvision's network of this name, an `nn.Module` with random weights."""
    from torchvision.models import get_model

    return get_model(name, weights=None)


def weights_url(name: str) -> str:
    """Where its weights lie that were learned from ImageNet, the first that torchvision had."""
    from torchvision.models import get_model_weights

    return get_model_weights(name)["IMAGENET1K_V1"].url
