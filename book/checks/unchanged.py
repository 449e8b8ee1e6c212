"""Whether what an answer was given is afterwards as it was: arrays, tensors, and containers of them."""

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

PLAIN = (bool, int, float, str, np.generic, set)


def taken(value: Any) -> Any:
    """A copy of what can be changed in place; all else as it is."""
    if isinstance(value, np.ndarray):
        return np.array(value, subok=False)
    if _is_tensor(value):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: taken(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [taken(one) for one in value]
    return set(value) if isinstance(value, set) else value


def change(name: str, before: Any, now: Any) -> str | None:
    """What happened to `now`, called `name`, since `before` was taken of it; None where nothing did."""
    if isinstance(now, np.ndarray):
        return _change_of_numbers(name, before, np.asarray(now))
    if _is_tensor(now):
        return _change_of_numbers(name, before, now.detach())
    if isinstance(now, dict):
        if list(now) != list(before):
            return f"{name} had the keys {list(before)}, and has {list(now)} now"
        return _first(change(f"{name}[{key!r}]", before[key], one) for key, one in now.items())
    if isinstance(now, list | tuple):
        if len(now) != len(before):
            return f"{name} had {len(before)} entries, and has {len(now)} now"
        return _first(change(f"{name}[{i}]", old, one) for i, (old, one) in enumerate(zip(before, now)))
    return None if now is before or _equal(before, now) else f"{name} was {before!r:.60}, and is {now!r:.60} now"


def _equal(before: Any, now: Any) -> bool:
    plain = isinstance(now, PLAIN) and type(now) is type(before)
    return plain and bool(now == before or (now != now and before != before))


def _change_of_numbers(name: str, before: Any, now: Any) -> str | None:
    """Of an array or a tensor. NaN equals NaN."""
    if type(before) is not type(now) or before.shape != now.shape:
        return f"{name} is another object, or of another shape now"
    differ = (now != before) & ((now == now) | (before == before))
    count = int(differ.sum())
    return f"{count} of the {np.prod(now.shape, dtype=int)} numbers of {name} are others now" if count else None


def _first(changes: Iterable[str | None]) -> str | None:
    return next((one for one in changes if one), None)


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)
