"""Values as messages. Both ends know what can be changed in place by a number, and tell each other what changed."""

import itertools
from collections import namedtuple
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

from course.border.gradients import Graph, needs_gradient
from course.border.remote import SPECIAL, Remote, make_remote
from course.border.values import KINDS, PLAIN, Parts, kind_of, make_constant, take_constant

Blobs = list[bytes]


class Exchange:
    """What one end knows. `first` is 0 or 1, so that both give numbers of their own; `may_refer` says of which objects
    the other end may hold a `Remote`.
    """

    def __init__(self, peer: Any, *, first: int, may_refer: Callable[[Any], bool]):
        self.peer, self.may_refer, self.numbers = peer, may_refer, itertools.count(first, 2)
        self.graph = Graph(peer.ask_gradients)
        self.values: dict[int, Any] = {}
        self.snapshots: dict[int, Parts] = {}  # what the other end knows of the values
        self.number_of: dict[int, int] = {}  # by id
        self.own: list[Any] = []  # for which the other end has a `Remote`
        self.own_number: dict[int, int] = {}  # by id
        self.remotes: WeakValueDictionary[int, Remote] = WeakValueDictionary()

    # ------------------------------------------------------------------------------------------------ out

    def pack(self, value: Any, blobs: Blobs, *, shared: bool = True) -> Any:
        """The value as JSON; raw bytes go to `blobs`. Not `shared`: what the other end changes there stays there.

        TypeError: what it is cannot cross.
        """
        if type(value) in PLAIN:
            return value
        if id(value) in self.number_of:
            return ["known", self.number_of[id(value)]]
        if isinstance(value, Remote):
            return ["yours", value._number]
        if (constant := take_constant(value)) is not None:
            return constant
        if isinstance(value, tuple | frozenset | slice):
            return self._pack_fixed(value, blobs, shared)
        return self._pack_value(value, blobs, shared)

    def _pack_fixed(self, value: Any, blobs: Blobs, shared: bool) -> list:
        parts = (value.start, value.stop, value.step) if isinstance(value, slice) else value
        items = [self.pack(part, blobs, shared=shared) for part in parts]
        if hasattr(value, "_fields"):
            return ["named", type(value).__name__, list(value._fields), items]
        return [next(t.__name__ for t in (tuple, frozenset, slice) if isinstance(value, t)), items]

    def _pack_value(self, value: Any, blobs: Blobs, shared: bool) -> list:
        if (kind := kind_of(value)) is None:
            return self._refer(value)
        number, parts = next(self.numbers), kind.take(value)
        if shared:
            self._remember(number, value, parts)
        told = self.graph.send(number, value) if needs_gradient(value) else None
        children = [self.pack(child, blobs, shared=shared) for child in parts.children]
        return ["value", number, kind.name, parts.header, _add(parts.blob, blobs), children, told, shared]

    def _remember(self, number: int, value: Any, parts: Parts) -> None:
        self.values[number], self.snapshots[number], self.number_of[id(value)] = value, parts, number

    def _refer(self, value: Any) -> list:
        if not self.may_refer(value):
            raise TypeError(f"a value of the type {type(value).__name__} cannot be handed over: {value!r:.80}")
        if id(value) not in self.own_number:
            self.own_number[id(value)] = len(self.own)
            self.own.append(value)
        name = getattr(value, "__name__", type(value).__name__)
        special = [one for one in SPECIAL if hasattr(type(value), one)]
        return ["mine", self.own_number[id(value)], str(name), type(value).__name__, special]

    def news(self, blobs: Blobs) -> list:
        """What has changed here since the other end heard of it."""
        changed = []
        for number, value in list(self.values.items()):
            parts = kind_of(value).take(value)
            if not parts.same(self.snapshots[number]):
                self.snapshots[number] = parts
                children = [self.pack(child, blobs) for child in parts.children]
                changed.append([number, parts.header, _add(parts.blob, blobs), children])
        return changed

    @contextmanager
    def undone_on_error(self):
        """What an attempt to pack has given a number is forgotten where it fails."""
        before = set(self.values)
        try:
            yield
        except BaseException:
            for number in set(self.values) - before:
                self.snapshots.pop(number)
                self.number_of.pop(id(self.values.pop(number)))
            raise

    def forget(self) -> None:
        """Nothing that was sent is of use any more, but for gradients."""
        for known in (self.values, self.snapshots, self.number_of):
            known.clear()

    # ------------------------------------------------------------------------------------------------ in

    def unpack(self, item: Any, blobs: Blobs) -> Any:
        """The value of what `pack` gave at the other end."""
        if not isinstance(item, list):
            return item
        tag, *rest = item
        unpackers = {
            "known": self.values.__getitem__,
            "yours": self.own.__getitem__,
            "mine": self._remote,
            "tuple": lambda items: tuple(self.unpack(one, blobs) for one in items),
            "frozenset": lambda items: frozenset(self.unpack(one, blobs) for one in items),
            "slice": lambda items: slice(*(self.unpack(one, blobs) for one in items)),
            "named": lambda name, fields, items: namedtuple(name, fields)(*(self.unpack(i, blobs) for i in items)),
            "value": lambda *parts: self._make(*parts, blobs),
        }
        return unpackers[tag](*rest) if tag in unpackers else make_constant(tag, rest)

    def _remote(self, number: int, name: str, of_type: str, special: list[str]) -> Remote:
        remote = self.remotes.get(number)
        if remote is None:
            self.remotes[number] = remote = make_remote(self.peer, number, name, of_type, tuple(special))
        return remote

    def _make(self, number, name, header, blob, children, told, shared, blobs) -> Any:
        kind = KINDS[name]
        value = kind.new(header, blobs[blob])
        if told:
            value = self.graph.receive(number, value, told)
        if shared:
            self._remember(number, value, Parts())  # before its children, which may hold it
        if children:
            kind.fill(value, Parts(header, blobs[blob], tuple(self.unpack(child, blobs) for child in children)))
        if shared:
            self.snapshots[number] = kind.take(value)
        return value

    def learn(self, changed: list, blobs: Blobs) -> None:
        """Change what changed at the other end."""
        for number, header, blob, children in changed:
            if number in self.values:
                value = self.values[number]
                parts = Parts(header, blobs[blob], tuple(self.unpack(child, blobs) for child in children))
                kind_of(value).fill(value, parts)
                self.snapshots[number] = kind_of(value).take(value)


def _add(blob: bytes, blobs: Blobs) -> int:
    blobs.append(blob)
    return len(blobs) - 1
