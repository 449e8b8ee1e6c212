"""Gradients across the border: autograd's graph of one process goes on in that of the other.

A tensor that needs a gradient is sent with the list of received tensors that it was made from. Here it becomes the
result of a `Crossing` of those. Where autograd comes back to it, the other process is asked for the gradients of its
own part of the way, from what it sent to what it had received, and for no more: the way on is this process's graph.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any


def needs_gradient(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor) and value.requires_grad


@cache
def _crossing() -> Any:
    import torch  # many exercises need none

    class Crossing(torch.autograd.Function):
        """From the tensors that were sent to the one that came back for them."""

        @staticmethod
        def forward(ctx, graph, number, sources, data, dummy, *inputs):
            ctx.graph, ctx.number, ctx.sources = graph, number, sources
            return data.clone()

        @staticmethod
        def backward(ctx, gradient):
            nothing = (None,) * 5
            if ctx.graph.partial or not ctx.sources:
                return nothing + (None,) * len(ctx.sources)
            return nothing + tuple(ctx.graph.ask(ctx.number, gradient, ctx.sources))

    return Crossing


class Graph:
    """What one process knows of tensors with gradients: those it sent and those it received, by number.

    `ask(number, gradient, sources)` gives the gradients of the sources: it is `pull` of the other process.
    """

    def __init__(self, ask: Any):
        self.ask = ask
        self.sent: dict[int, Any] = {}
        self.received: dict[int, Any] = {}
        self.partial = False

    def send(self, number: int, tensor: Any) -> dict[str, Any]:
        """What the other process needs beside the values."""
        self.sent[number] = tensor
        return {"leaf": tensor.is_leaf, "sources": sorted(set(self._sources(tensor)))}

    def receive(self, number: int, data: Any, told: dict[str, Any]) -> Any:
        """A tensor whose gradient leads on to the tensors that it was made from."""
        import torch

        if told["leaf"] and not told["sources"]:
            self.received[number] = data.requires_grad_()
            return data
        with torch.enable_grad():
            dummy = torch.empty(0, requires_grad=True)  # so that the result needs a gradient in any case
            inputs = (self.sent[one] for one in told["sources"])
            crossed = _crossing().apply(self, number, tuple(told["sources"]), data, dummy, *inputs)
            self.received[number] = crossed
            return crossed.clone()  # which may be changed in place

    def pull(self, number: int, gradient: Any, sources: Sequence[int]) -> list[Any]:
        """Gradients of received tensors, from that of a sent one, through this process's own graph."""
        import torch

        before, self.partial = self.partial, True
        try:
            wanted = [self.received[one] for one in sources]
            made = self.sent[number]
            return list(torch.autograd.grad(made, wanted, gradient, retain_graph=True, allow_unused=True))
        finally:
            self.partial = before

    def _sources(self, tensor: Any) -> Iterator[int]:
        """Numbers of the received tensors that the graph of a tensor comes to first."""
        leaves = {id(one): number for number, one in self.received.items() if one.is_leaf}
        if id(tensor) in leaves:
            yield leaves[id(tensor)]
        todo, seen = [tensor.grad_fn], {None}
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            if getattr(node, "graph", None) is self:
                yield node.number
            elif id(getattr(node, "variable", None)) in leaves:
                yield leaves[id(node.variable)]
            else:
                todo += [parent for parent, _ in node.next_functions]
