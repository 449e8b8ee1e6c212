"""Eq. 2 of OSVOS-S against its closed form, gradients included; and what it has in common with its rivals."""

import pytest
import torch
from torch import nn

from vosbook.nn.conditional import ConditionalClassifier, MaskedClassifier, conditional


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def w():
    return torch.rand(2, 1, 5, 7, dtype=torch.float64)


def linear(channels=6):
    return nn.Conv2d(channels, 1, 1).double()


def test_forward_and_backward_are_the_papers(w):
    f1, f2 = draw(2, 1, 5, 7).requires_grad_(), draw(2, 1, 5, 7).requires_grad_()
    out = conditional(f1, f2, w)
    torch.testing.assert_close(out, w * f1 + (1 - w) * f2)
    g_top = draw(2, 1, 5, 7)
    g1, g2 = torch.autograd.grad(out, (f1, f2), g_top)
    torch.testing.assert_close(g1, w * g_top)
    torch.testing.assert_close(g2, (1 - w) * g_top)


def test_the_gradient_is_that_of_the_function(w):
    f1, f2 = draw(2, 1, 5, 7).requires_grad_(), draw(2, 1, 5, 7).requires_grad_()
    assert torch.autograd.gradcheck(conditional, (f1, f2, w))
    assert torch.autograd.gradcheck(conditional, (f1, f2, w.requires_grad_()))


@pytest.mark.parametrize(("prior", "who"), [(1.0, "instance"), (0.0, "background")])
def test_a_certain_prior_leaves_one_classifier_alone(prior, who):
    layer, x = ConditionalClassifier(linear()), draw(2, 6, 5, 7)
    nn.init.normal_(layer.instance.weight)
    out = layer(torch.full((2, 1, 5, 7), prior, dtype=torch.float64), x)
    assert torch.equal(out, getattr(layer, who)(x))
    out.sum().backward()
    idle = layer.background if who == "instance" else layer.instance
    assert not idle.weight.grad.any() and not idle.bias.grad.any()


def test_it_begins_as_the_classifier_without_a_prior(w):
    start, x = linear(), draw(2, 6, 5, 7)
    torch.testing.assert_close(ConditionalClassifier(start)(w, x), start(x))


def test_masking_multiplies_the_features(w):
    layer, x = MaskedClassifier(linear()), draw(2, 6, 5, 7).requires_grad_()
    masked = layer.classifier(w * x)
    torch.testing.assert_close(layer(w, x), masked)
    mine, theirs = (torch.autograd.grad(out.square().sum(), [x, *layer.parameters()]) for out in (layer(w, x), masked))
    torch.testing.assert_close(mine, theirs)


def test_masking_is_a_background_classifier_without_weights(w):
    start, x = linear(), draw(2, 6, 5, 7)
    layer = ConditionalClassifier(start)
    nn.init.zeros_(layer.background.weight)
    torch.testing.assert_close(layer(w, x), MaskedClassifier(start)(w, x))


def test_masking_cannot_answer_where_the_prior_is_zero():
    layer, w = MaskedClassifier(linear()), torch.zeros(2, 1, 5, 7, dtype=torch.float64)
    out = layer(w, draw(2, 6, 5, 7))
    assert torch.equal(out, torch.full_like(out, layer.classifier.bias.item()))
