"""Values that can be changed in place, taken apart and put together again: arrays, tensors, containers, generators.

Nothing here unpickles. What comes from the other process is bytes of a named type, and JSON.
"""

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

PLAIN = (type(None), bool, int, float, str)
LETTERS = "biufcU"  # kinds of numpy types that cross: bool, integers, floats, complex numbers, text
MARKED = "checks.measured"  # the only module whose kinds of arrays exist in both processes


@dataclass(frozen=True)
class Parts:
    """What a value is made of: something that JSON can hold, raw bytes, and other values."""

    header: Any = None
    blob: bytes = b""
    children: Sequence[Any] = ()

    def same(self, other: "Parts") -> bool:
        """Children are compared as objects, except for plain ones."""
        alike = self.header == other.header and self.blob == other.blob and len(self.children) == len(other.children)
        return alike and all(map(_same, self.children, other.children))


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, PLAIN) and a == b)


class Kind:
    """How values of one kind come apart. `new` makes one without its children, `fill` gives a value new contents."""

    name: str

    def fits(self, value: Any) -> bool:
        raise NotImplementedError

    def take(self, value: Any) -> Parts:
        raise NotImplementedError

    def new(self, header: Any, blob: bytes) -> Any:
        raise NotImplementedError

    def fill(self, value: Any, parts: Parts) -> None:
        raise NotImplementedError


class Lists(Kind):
    name = "list"

    def fits(self, value):
        return isinstance(value, list)

    def take(self, value):
        return Parts(children=tuple(value))

    def new(self, header, blob):
        return []

    def fill(self, value, parts):
        value[:] = parts.children


class Dicts(Kind):
    """Keys and values in turn."""

    name = "dict"

    def fits(self, value):
        return isinstance(value, dict)

    def take(self, value):
        return Parts(children=tuple(part for item in value.items() for part in item))

    def new(self, header, blob):
        return {}

    def fill(self, value, parts):
        value.clear()
        value.update(zip(parts.children[::2], parts.children[1::2], strict=True))


class Sets(Kind):
    name = "set"

    def fits(self, value):
        return isinstance(value, set)

    def take(self, value):
        return Parts(children=tuple(value))

    def new(self, header, blob):
        return set()

    def fill(self, value, parts):
        value.clear()
        value.update(parts.children)


def _as_in_memory(array: np.ndarray) -> list[int]:
    """The axes, from the one with the longest steps to the one with the shortest."""
    axes = list(range(array.ndim))
    return axes if array.flags.c_contiguous else sorted(axes, key=lambda axis: -abs(array.strides[axis]))


class Arrays(Kind):
    """numpy's; also the kinds of `checks.measured`, whose log is the array's only child."""

    name = "array"

    def fits(self, value):
        return isinstance(value, np.ndarray) and value.dtype.kind in LETTERS

    def take(self, value):
        marked = type(value).__name__ if type(value).__module__ == MARKED else None
        axes = _as_in_memory(value)
        header = [value.dtype.str, list(value.shape), value.flags.writeable, marked, axes]
        log = (value.log,) if marked and hasattr(value, "log") else ()
        return Parts(header, value.view(np.ndarray).transpose(axes).tobytes(), log)

    def new(self, header, blob):
        dtype, shape, writeable, marked, axes = header
        array = np.frombuffer(bytearray(blob), _numpy_type(dtype)).reshape([shape[axis] for axis in axes])
        array = array.transpose(np.argsort(axes)) if axes else array
        array.flags.writeable = writeable
        return array if marked is None else array.view(getattr(importlib.import_module(MARKED), marked))

    def fill(self, value, parts):
        if parts.children:
            (value.log,) = parts.children
        dtype, shape, writeable, _, axes = parts.header
        now = self.new([dtype, shape, writeable, None, axes], parts.blob)
        if np.asarray(value).tobytes() != now.tobytes() or value.shape != now.shape:
            if value.shape != now.shape:
                value.resize(now.shape, refcheck=False)
            np.copyto(value.view(np.ndarray), now, casting="no")


class Tensors(Kind):
    """PyTorch's, dense and on the processor; what leads to gradients is added by `gradients.py`."""

    name = "tensor"

    def fits(self, value):
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(value, torch.Tensor)

    def take(self, value):
        import torch

        flat = value.detach().to_dense() if value.layout != torch.strided else value.detach()
        flat = flat.cpu().clone(memory_format=torch.contiguous_format).reshape(-1)  # with steps of one, not of zero
        header = [str(value.dtype).removeprefix("torch."), list(value.shape)]
        return Parts(header, flat.view(torch.uint8).numpy().tobytes())

    def new(self, header, blob):
        import torch

        name, shape = header
        dtype = _torch_dtype(name)
        flat = torch.frombuffer(bytearray(blob), dtype=dtype) if blob else torch.empty(0, dtype=dtype)
        return flat.reshape(shape)

    def fill(self, value, parts):
        import torch

        with torch.no_grad():
            value.copy_(self.new(parts.header, parts.blob))


class Generators(Kind):
    """numpy's `default_rng()`: both processes draw from one sequence."""

    name = "generator"

    def fits(self, value):
        return isinstance(value, np.random.Generator) and isinstance(value.bit_generator, np.random.PCG64)

    def take(self, value):
        return Parts(value.bit_generator.state)

    def new(self, header, blob):
        made = np.random.default_rng()
        made.bit_generator.state = header
        return made

    def fill(self, value, parts):
        value.bit_generator.state = parts.header


class TorchGenerators(Kind):
    name = "torch generator"

    def fits(self, value):
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(value, torch.Generator)

    def take(self, value):
        return Parts(blob=value.get_state().numpy().tobytes())

    def new(self, header, blob):
        import torch

        made = torch.Generator()
        self.fill(made, Parts(blob=blob))
        return made

    def fill(self, value, parts):
        import torch

        value.set_state(torch.frombuffer(bytearray(parts.blob), dtype=torch.uint8))


KINDS = {kind.name: kind for kind in (Lists(), Dicts(), Sets(), Arrays(), Tensors(), Generators(), TorchGenerators())}


def kind_of(value: Any) -> Kind | None:
    return next((kind for kind in KINDS.values() if kind.fits(value)), None)


# ------------------------------------------------------------------------------------- values that do not change


def take_constant(value: Any) -> list | None:
    """A value of the small kinds as JSON, e.g. ["complex", 1.0, 2.0]; None for any other."""
    if isinstance(value, np.generic) and value.dtype.kind in LETTERS:
        return ["scalar", value.dtype.str, value.tobytes().hex()]
    if isinstance(value, complex):
        return ["complex", value.real, value.imag]
    if isinstance(value, bytes | bytearray):
        return ["bytes", value.hex()]
    if isinstance(value, range):
        return ["range", value.start, value.stop, value.step]
    if isinstance(value, np.dtype) and value.kind in LETTERS:
        return ["dtype", value.str]
    if value is Ellipsis:
        return ["ellipsis"]
    return _take_type(value)


def _take_type(value: Any) -> list | None:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.dtype | torch.device):
        return ["torch dtype" if isinstance(value, torch.dtype) else "device", str(value).removeprefix("torch.")]
    if isinstance(value, type) and value in TYPES.values():
        return ["type", next(name for name, one in TYPES.items() if one is value)]
    return None


TYPES = {t.__name__: t for t in (bool, int, float, complex, str, list, tuple, dict, set)}
TYPES |= {f"numpy.{t.__name__}": t for t in (np.bool_, np.uint8, np.int16, np.int32, np.int64, np.float32, np.float64)}


def make_constant(tag: str, rest: list) -> Any:
    """What `take_constant` took. KeyError: an unknown tag."""
    return _MAKE[tag](*rest)


def _numpy_type(name: str) -> np.dtype:
    dtype = np.dtype(name)
    if dtype.kind not in LETTERS:
        raise ValueError(f"arrays of {dtype} do not cross")
    return dtype


def _torch_dtype(name: str) -> Any:
    import torch

    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype)
    return dtype


def _device(name: str) -> Any:
    import torch

    return torch.device(name)


_MAKE = {
    "scalar": lambda dtype, digits: np.frombuffer(bytes.fromhex(digits), _numpy_type(dtype))[0],
    "complex": complex,
    "bytes": bytes.fromhex,
    "range": range,
    "dtype": _numpy_type,
    "ellipsis": lambda: Ellipsis,
    "torch dtype": _torch_dtype,
    "device": _device,
    "type": TYPES.__getitem__,
}
