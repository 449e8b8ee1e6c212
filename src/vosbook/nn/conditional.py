"""The conditional classifier of OSVOS-S (Maninis et al., TPAMI 2018, section 4.3), and its rival, feature masking.

A pixel's probability of being foreground is the sum over k of p(i|I, k) p(k|I). There are two k: the pixel lies on one
of the selected instances, or it does not. Each has a linear classifier of its own on the same features; the semantic
prior w = p(k=1|I) weighs them. Both rivals are special cases: two classifiers that are the same are one that knows no
prior, and a second one whose weights are zero is feature masking.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn


def conditional(f1: Tensor, f2: Tensor, w: Tensor) -> Tensor:
    """Eq. 2: f_out = w f1 + (1 - w) f2, for maps `(B, 1, H, W)` and the prior w `(B, 1, H, W)` in 0..1.

    Backward, g1 = w g_top and g2 = (1 - w) g_top: each classifier learns from a pixel as much as it decides there.
    """
    return torch.lerp(f2, f1, w)


class ConditionalClassifier(nn.Module):
    """Two classifiers, one for pixels on the selected instances and one for all others, joined by Eq. 2."""

    def __init__(self, classifier: nn.Module):
        """Both begin as copies of `classifier`, so that the prior makes no difference before anything is learned."""
        super().__init__()
        self.instance = copy.deepcopy(classifier)  # f1
        self.background = copy.deepcopy(classifier)  # f2

    def forward(self, w: Tensor, *features: Any) -> Tensor:
        """The prior `(B, 1, H, W)` in 0..1, and whatever the classifier takes -> logits `(B, 1, H, W)`."""
        return conditional(self.instance(*features), self.background(*features), w)


class MaskedClassifier(nn.Module):
    """Feature masking: one linear classifier, whose features are multiplied by the prior.

    Where the prior is 0 no features are left, and what is answered there is the bias, whatever the image shows.
    """

    def __init__(self, classifier: nn.Conv2d):
        """It begins as a copy of `classifier`, a 1x1 convolution to one channel."""
        super().__init__()
        self.classifier = copy.deepcopy(classifier)

    def forward(self, w: Tensor, *features: Any) -> Tensor:
        """As `ConditionalClassifier.forward`. theta (w x) + b = w (theta x + b) + (1 - w) b: the bias is f2."""
        f1 = self.classifier(*features)
        return conditional(f1, self.classifier.bias[:, None, None].expand_as(f1), w)
