"""Gradients through calls that cross the border, against autograd within one process."""

import pytest
import torch

ANSWERS = {
    "its own work": "def f(step, x):\n    return (x * x).sum() + 0 * step(x).sum()",
    "one call": "def f(step, x):\n    return step(x)",
    "in a chain": "def f(step, x):\n    for _ in range(3):\n        x = step(x) * x\n    return x.exp()",
    "two uses of one result": "def f(step, x):\n    y = step(x)\n    return y * y + step(y + x)",
    "several results": "def f(step, x):\n    y = step(x)\n    return torch.stack([y, y * x]), y",
    "detached on the way": "def f(step, x):\n    return step(step(x).detach()) + x",
    "no gradient at all": "def f(step, x):\n    with torch.no_grad():\n        return step(x)",
    "what was given": "def f(step, x):\n    return x",
    "changed in place": "def f(step, x):\n    y = step(x)\n    y[0] = 0\n    return y * x",
}


class Step:
    """A function with a weight of its own, which only the judge has."""

    def __init__(self):
        self.w = torch.tensor([0.5, -1.0, 2.0], dtype=torch.double, requires_grad=True)

    def __call__(self, x):
        return (x * self.w + 0.1).tanh() + 0.1  # whose last operation lets its result be changed


def gradients(f, x, step):
    """The results, and the gradients of a weighted sum of them in x and in the step's weight."""
    got = f(step, x)
    parts = got if isinstance(got, tuple) else (got,)
    weights = (torch.linspace(1, 2, part.numel(), dtype=torch.double).reshape(part.shape) for part in parts)
    weighted = sum((part * weight).sum() for part, weight in zip(parts, weights))
    if not weighted.requires_grad:
        return parts, None
    return parts, torch.autograd.grad(weighted, (x, step.w), allow_unused=True)


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("leaf", [True, False])
def test_gradients_are_those_of_one_process(answer, name, leaf):
    x = torch.tensor([0.3, 0.2, -0.7], dtype=torch.double, requires_grad=True)
    given = x if leaf else x * 1
    step, namespace = Step(), {"torch": torch}
    exec(ANSWERS[name], namespace)
    got, slopes = gradients(answer(ANSWERS[name]), given, step)
    want, right = gradients(namespace["f"], given, step)
    for a, b in zip(got, want):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-14)
        assert a.requires_grad == b.requires_grad
    assert (slopes is None) == (right is None)
    for a, b in zip(slopes or (), right or ()):
        assert (a is None or not a.any()) == (b is None or not b.any())
        if b is not None and b.any():
            torch.testing.assert_close(a, b, rtol=0, atol=1e-13)


def test_an_answer_may_differentiate_through_the_checks_function(answer):
    source = """
def f(step, x):
    x = x.detach().clone().requires_grad_()
    (step(step(x)) ** 2).sum().backward()
    return x.grad
"""
    x, step, namespace = torch.tensor([0.3, 0.2, -0.7], dtype=torch.double), Step(), {"torch": torch}
    exec(source, namespace)
    torch.testing.assert_close(answer(source)(step, x), namespace["f"](step, x), rtol=0, atol=1e-14)


def test_gradients_come_after_other_calls_too(answer):
    f, x = answer("def f(x):\n    return x ** 3"), torch.tensor(2.0, requires_grad=True)
    first, second = f(x), f(f(x))
    f(torch.ones(1))
    assert torch.autograd.grad(second, x)[0].item() == 9 * 2.0**8
    assert torch.autograd.grad(first, x)[0].item() == 12


def test_backward_fills_grad(answer):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    answer("def f(x):\n    return (x * x).sum()")(x).backward()
    assert x.grad.tolist() == [2.0, 4.0]
