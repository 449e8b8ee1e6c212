"""Gradients that are cut, missing or wrong are told from right ones."""

import pytest
import torch
from checks.gradients import compare_gradients, leaves


def right(x, y):
    return x * y.sum(), (x**2).mean()


def same_in_other_words(x, y):
    return x * y.mean() * y.numel(), x.square().sum() / x.numel()


def under_no_grad(x, y):
    with torch.no_grad():
        return right(x, y)


def second_cut(x, y):
    return right(x, y)[0], right(x, y)[1].detach()


def y_cut(x, y):
    return right(x, y.detach())


def errors_that_cancel(x, y):
    """Values and the sum of the gradients are right; those of single numbers are not."""
    return x * y.sum() + (x.roll(1) - x.roll(1).detach()) - (x - x.detach()), (x**2).mean()


@pytest.fixture
def given():
    rng = torch.Generator().manual_seed(0)
    return leaves(x=torch.randn(4, generator=rng), y=torch.randn(3, generator=rng))


def test_the_same_function_in_other_words_passes(given):
    compare_gradients("case", same_in_other_words(**given), right(**given), given)
    compare_gradients("case", right(**given)[1], right(**given)[1], given)  # of which y is no part
    cut = {name: tensor.detach() for name, tensor in given.items()}
    compare_gradients("case", right(**given), [one.detach() for one in right(**cut)], given, tolerance=float("inf"))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (under_no_grad, "no gradient comes through"),
        (second_cut, "the gradient of x is off"),
        (y_cut, "no gradient reaches y"),
        (errors_that_cancel, "the gradient of x is off"),
    ],
)
def test_another_gradient_is_named(answer, told, given):
    for mine, theirs in zip(answer(**given), right(**given)):
        assert torch.allclose(mine, theirs)
    with pytest.raises(AssertionError, match=f"case: .*{told}"):
        compare_gradients("case", answer(**given), right(**given), given)
