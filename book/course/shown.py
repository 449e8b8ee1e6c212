"""A failed case in a form that JSON can hold: what the answer was given, what is right, what it returned.

It runs in the check's process. Masks and frames go as pixels, all else as text. The right value is the local variable
`want` or `expected` of the check that failed.
"""

import base64
import reprlib
import traceback
import zlib
from typing import Any

import numpy as np

WANTED = ("want", "expected")
CHECKS = "checks."  # begins the names of the code of checks
TEXT = 800  # characters
AS_NUMBERS = 60  # an array of at most so many numbers is clearer as such
MOST_PIXELS = 2**17
ITEMS = 8  # of a list that are shown

Shown = dict[str, Any]


def case_of(error: BaseException, names: list[str]) -> list[Shown]:
    """Of an error that `checks.guard` has let through; `names` are those of the answer's parameters."""
    called = getattr(error, "called", None)
    if called is None or not called.calls:
        return []
    args, options = called.given
    named = zip([*names, *map(str, range(len(names) + 1, len(args) + 1))], args)
    shown = [_part(f"given: {name}", value) for name, value in (*named, *options.items())]
    if isinstance(error, AssertionError):
        shown += [_part("expected", value) for value in _wanted(error)]
        shown += [_part("got", called.got)] if called.returned else []
    return shown


def _wanted(error: BaseException) -> list[Any]:
    """At most one value: that of the innermost function of the check that has one."""
    frames = [frame for frame, _ in traceback.walk_tb(_first(error).__traceback__)]
    inside = [frame for frame in frames if frame.f_code.co_filename.startswith(CHECKS)]
    found = [frame.f_locals[name] for frame in reversed(inside) for name in WANTED if name in frame.f_locals]
    return [value for value in found if not callable(value)][:1]


def _first(error: BaseException) -> BaseException:
    """What the guard has put in other words has the traceback."""
    return error.__cause__ or error


def _part(name: str, value: Any) -> Shown:
    try:
        return {"name": name, **(_pixels(value) or {"text": text_of(value)[:TEXT]})}
    except Exception as error:  # of an object that cannot even be printed
        return {"name": name, "text": f"a {type(value).__name__} ({type(error).__name__} when it is shown)"}


def _pixels(value: Any) -> Shown | None:
    array = _array(value)
    if array is None or not AS_NUMBERS < array.size <= MOST_PIXELS or array.dtype not in (np.bool_, np.uint8):
        return None
    if array.ndim != 2 and (array.ndim != 3 or array.shape[2] != 3):
        return None
    packed = base64.b64encode(zlib.compress(array.astype(np.uint8).tobytes())).decode()
    return {"text": _kind(array), "shape": list(array.shape), "pixels": packed}


def _array(value: Any) -> np.ndarray | None:
    if type(value).__module__.startswith("torch") and hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.asarray(value) if isinstance(value, np.ndarray) else None


def _kind(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"


def text_of(value: Any, depth: int = 0) -> str:
    """A value in a few lines; arrays with type and shape, and their numbers where these are few."""
    if (array := _array(value)) is not None:
        numbers = np.array2string(array, precision=4, threshold=AS_NUMBERS, edgeitems=3, separator=", ")
        return f"{_kind(array)}: {numbers}"
    if isinstance(value, dict) and depth < 3:
        items = [f"{text_of(k, depth + 1)}: {text_of(v, depth + 1)}" for k, v in list(value.items())[:ITEMS]]
        return "{" + ", ".join(items) + (", ..." if len(value) > ITEMS else "") + "}"
    if isinstance(value, list | tuple) and depth < 3:
        items = [text_of(one, depth + 1) for one in value[:ITEMS]] + (["..."] if len(value) > ITEMS else [])
        return ("[{}]" if isinstance(value, list) else "({})").format(", ".join(items))
    if isinstance(value, int | float | str | bool | complex | set | frozenset | np.generic) or value is None:
        return reprlib.repr(value)
    return f"a {type(value).__name__}"
