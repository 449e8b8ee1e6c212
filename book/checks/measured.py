"""What a call of an answer costs: for exercises whose text forbids a slow or a wasteful way."""

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np


class Spent(NamedTuple):
    """Of one call: seconds of processor time, bytes of numpy's arrays at their height, lines of Python, and the numbers
    in the largest tensor that was made.
    """

    seconds: float
    bytes: int
    lines: int
    largest: int


def measure(call: Callable, *args: Any) -> tuple[Any, Spent]:
    """What `call(*args)` returns, and what it took."""
    lines = 0

    def count(frame, event, _):
        nonlocal lines
        if frame.f_globals is globals():  # what looks at tensors is not the answer's
            return None
        lines += event == "line"
        return count

    before = sys.gettrace()
    with _sizes_of_tensors() as sizes:
        start = time.process_time()
        tracemalloc.start()
        sys.settrace(count)
        try:
            got = call(*args)
        finally:
            sys.settrace(before)
            seconds = time.process_time() - start
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    return got, Spent(seconds, most, lines, max(sizes, default=0))


@contextmanager
def _sizes_of_tensors() -> Iterator[list[int]]:
    """Of all that torch's operations make: how many numbers lie in memory, where a view lies where its base does."""
    sizes: list[int] = []
    if (torch := sys.modules.get("torch")) is None:
        yield sizes
        return
    from torch.utils._python_dispatch import TorchDispatchMode

    class Sizes(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            made = function(*args, **(kwargs or {}))
            for one in made if isinstance(made, tuple | list) else [made]:
                if isinstance(one, torch.Tensor):
                    sizes.append(one.untyped_storage().nbytes() // one.element_size())
            return made

    with Sizes():
        yield sizes


class Watched(np.ndarray):
    """An array that writes down in `log` what is done with it: the operation's name, and the size of its result."""

    log: list[tuple[str, int]]

    def __array_finalize__(self, other):
        self.log = getattr(other, "log", [])

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if out is not None:
            options["out"] = tuple(map(_plain, out))
        return self._note(ufunc.__name__, getattr(ufunc, method)(*map(_plain, inputs), **options))

    def __array_function__(self, function, types, args, kwargs):
        return self._note(function.__name__, function(*_plain(args), **{k: _plain(v) for k, v in kwargs.items()}))

    def _note(self, name, result):
        self.log.append((name, int(np.size(result))))
        return watched(result, self.log) if np.ndim(result) and isinstance(result, np.ndarray) else result


def _plain(value):
    """Without the watch, in lists and tuples too."""
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return np.asarray(value) if isinstance(value, Watched) else value


def watched(array: np.ndarray, log: list[tuple[str, int]]) -> Watched:
    """The array, whose operations are from now on written into `log`."""
    array = array.view(Watched)
    array.log = log
    return array
