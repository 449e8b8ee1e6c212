"""Objects of the other process, as far as they can be used from here."""

import re
from functools import cache
from typing import Any


class Remote:
    """An object that stays in the other process. Its class has the special methods that the object has there."""

    __slots__ = ("__name__", "__weakref__", "_number", "_peer")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._peer.ask("get", self, name)

    def _measured(self, *args: Any) -> tuple[Any, tuple[float, int, int, int]]:
        """What a call with these arguments returns, and what it took there."""
        return self._peer.ask("measure", self, *args)

    def _processor_seconds(self) -> float:
        """Used so far by the process that it lives in."""
        return self._peer.other_seconds()


def _next(self: Remote) -> Any:
    found = self._peer.ask("next", self)
    if not found:
        raise StopIteration
    return found[0]


def _iter(self: Remote) -> Any:
    return self if hasattr(type(self), "__next__") else self._peer.ask("iter", self)


SPECIAL = {
    "__call__": lambda self, *args, **options: self._peer.ask("call", self, *args, **options),
    "__next__": _next,
    "__iter__": _iter,
    "__len__": lambda self: self._peer.ask("len", self),
    "__getitem__": lambda self, key: self._peer.ask("item", self, key),
}


def make_remote(peer: Any, number: int, name: str, of_type: str, special: tuple[str, ...]) -> Remote:
    remote = _remote_class(of_type, special)()
    remote._peer, remote._number, remote.__name__ = peer, number, re.sub(r"[^\w.<>]", "?", name)[:80]
    return remote


@cache
def _remote_class(of_type: str, special: tuple[str, ...]) -> type[Remote]:
    """Named like the type of the object, for messages."""
    methods = {one: SPECIAL[one] for one in special}
    return type(re.sub(r"\W", "_", of_type)[:80], (Remote,), {"__slots__": (), **methods})
