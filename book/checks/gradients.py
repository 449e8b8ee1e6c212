"""Gradients of answers: whether they come through, and the right ones; and answers that are gradients themselves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from checks import cases
from checks.guard import tried
from torch import Tensor

Outputs = Tensor | Sequence[Tensor]


def by_hand(answer: Callable, *given: Any) -> Any:
    """What an answer returns that is to do without automatic differentiation, which is switched off meanwhile."""
    with torch.inference_mode():
        return tried("without automatic differentiation", answer, *given)


def leaves(**tensors: Tensor) -> dict[str, Tensor]:
    """Copies of the tensors that want a gradient, for an answer that is given them by name or in this order."""
    return {name: tensor.detach().clone().requires_grad_() for name, tensor in tensors.items()}


def compare_gradients(case: str, got: Outputs, want: Outputs, of: Mapping[str, Tensor], tolerance=1e-3) -> None:
    """Raise AssertionError unless `got` has the gradients of `want` with respect to the tensors `of`, both made from
    them. Outputs are summed with weights drawn at random, so that no errors cancel. `tolerance` is relative to the
    largest number of a gradient.
    """
    got, want = _listed(got), _listed(want)
    rng = cases.torch_generator()
    weights = [torch.randn(one.shape, generator=rng, dtype=one.dtype) for one in want]
    right = _gradients(want, weights, of)
    assert any(one.requires_grad for one in got) or not any(map(_tells, right)), (
        f"{case}: the values are right, but no gradient comes through; was something detached, or made under no_grad?"
    )
    for name, mine, theirs in zip(of, _gradients(got, weights, of), right):
        assert _tells(mine) or not _tells(theirs), f"{case}: the values are right, but no gradient reaches {name}"
        if theirs is None and mine is None:
            continue
        theirs = torch.zeros_like(mine) if theirs is None else theirs
        off, most = (mine - theirs).abs().max().item(), theirs.abs().max().item()
        near = off <= tolerance * max(most, 1e-6)
        assert near, (
            f"{case}: the values are right; the gradient of {name} is off by {off:.2g}, its largest is {most:.2g}"
        )


def _listed(outputs: Outputs) -> list[Tensor]:
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def _gradients(outputs, weights, of) -> Sequence[Tensor | None]:
    pairs = [(one, weight) for one, weight in zip(outputs, weights, strict=True) if one.requires_grad]
    if not pairs:
        return [None] * len(of)
    total = sum((one * weight).sum() for one, weight in pairs)
    return torch.autograd.grad(total, list(of.values()), allow_unused=True, retain_graph=True)


def _tells(gradient: Tensor | None) -> bool:
    return gradient is not None and bool(gradient.abs().max() > 0)
