"""One end of the border: it asks the other process to call, read or go on, and does what it is asked.

The judge lets the pupil call functions that it was given, iterate, and use public methods of objects, and nothing else.
The pupil has no secrets, and none of its words are run by the judge.
"""

import builtins
import json
import socket
import struct
import sys
import time
import traceback
import types
import warnings
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from course.border.exchange import Blobs, Exchange
from course.border.remote import Remote
from course.border.values import PLAIN

HEAD = struct.Struct("<Q")
MOST_BYTES = 2**29  # of a message
ANSWER = "answer"  # what the code of an answer is called in tracebacks
CLOSED = types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.GeneratorType, type, types.ModuleType


class Gone(BaseException):
    """The other process has ended. No check catches this by accident."""


class Nonsense(BaseException):
    """What the other process sent is no message of this kind."""


class Peer:
    """What both ends have in common. `ops` are what the other end may ask for."""

    ops: frozenset[str] = frozenset()

    def __init__(self, channel: socket.socket, *, first: int):
        self.channel, self.depth = channel, 0
        self.exchange = Exchange(self, first=first, may_refer=self.may_refer)
        self.raised: list[BaseException] = []  # of which the other end was told

    def may_refer(self, value: Any) -> bool:
        return True

    # ------------------------------------------------------------------------------------------------ asking

    def ask(self, op: str, of: Remote | None = None, *args: Any, **options: Any) -> Any:
        """What the other end answers; it may ask back before. What is raised there is raised here."""
        self.depth += 1
        try:
            self._say({"op": op, "of": None if of is None else of._number, "mode": _mode()}, (args, options))
            while "op" in (heard := self._hear())[0]:
                self._serve(*heard)
        finally:
            self.depth -= 1
        message, value = heard
        for name, text in message.get("said", ()):
            warnings.warn(text, _named(name, Warning, UserWarning), stacklevel=3)
        if "failed" in message:
            raise self._error(message["failed"])
        return value

    def ask_gradients(self, number: int, gradient: Any, sources: Any) -> list:
        return self.ask("pull", None, number, gradient, tuple(sources))

    def _error(self, told: dict) -> Exception:
        """The exception of the other end, as the nearest kind that Python itself has."""
        if told["yours"] is not None:
            return self.raised[told["yours"]]
        kind = next((k for k in (_named(name, Exception, None) for name in told["names"]) if k), RuntimeError)
        try:
            error = kind(*told["args"])
        except TypeError:  # it takes other arguments
            error = RuntimeError(told["told"])
        error.number_there, error.told, error.of_the_answer = told["number"], told["told"], True
        return error

    # ------------------------------------------------------------------------------------------------ serving

    def _serve(self, message: dict, value: Any) -> None:
        """Do what was asked, and reply."""
        said: list[list[str]] = []
        try:
            with self._as_asked(message["mode"], said):
                done = self._do(message["op"], message["of"], *value)
            return self._say({"said": said}, done, shared=message["op"] != "get")
        except (Gone, Nonsense):
            raise
        except BaseException as error:  # SystemExit too
            self._say({"said": said, "failed": self._describe(error)}, None)

    def _do(self, op: str, number: int | None, args: tuple, options: dict) -> Any:
        if op not in self.ops:
            raise Nonsense(op)
        subject = None if number is None else self.exchange.own[number]
        return getattr(self, f"op_{op}")(subject, *args, **options)

    def op_call(self, subject, /, *args, **options):
        return subject(*args, **options)

    def op_get(self, subject, name):
        return getattr(subject, name)

    def op_next(self, subject):
        """A tuple with the next item; empty at the end."""
        try:
            return (next(subject),)
        except StopIteration:
            return ()

    def op_iter(self, subject):
        return iter(subject)

    def op_len(self, subject):
        return len(subject)

    def op_item(self, subject, key):
        return subject[key]

    def op_pull(self, subject, number, gradient, sources):
        return tuple(self.exchange.graph.pull(number, gradient, sources))

    @contextmanager
    def _as_asked(self, mode: dict, said: list):
        with ExitStack() as stack:
            stack.enter_context(np.errstate(**mode["errors"]))
            if torch := sys.modules.get("torch"):
                stack.enter_context(torch.set_grad_enabled(mode["gradients"]))
                if mode["inference"]:
                    stack.enter_context(torch.inference_mode())
            yield

    def _describe(self, error: BaseException) -> dict:
        self.raised.append(error)
        plain = all(type(arg) in PLAIN for arg in error.args)
        return {
            "names": [kind.__name__ for kind in type(error).__mro__],
            "args": list(error.args) if plain else [str(error)],
            "told": f"{type(error).__name__}: {error}{place_in_answer(error)}",
            "number": len(self.raised) - 1,
            "yours": getattr(error, "number_there", None),
        }

    # ------------------------------------------------------------------------------------------------ the channel

    def _say(self, message: dict, value: Any, *, shared: bool = True) -> None:
        blobs: Blobs = []
        with self.exchange.undone_on_error():
            message["value"] = self.exchange.pack(value, blobs, shared=shared)
            message["news"] = self.exchange.news(blobs)
        text = json.dumps([message, [len(blob) for blob in blobs]]).encode()
        try:
            self.channel.sendall(b"".join([HEAD.pack(len(text)), text, *blobs]))
        except OSError as error:
            raise Gone from error

    def _hear(self) -> tuple[dict, Any]:
        (length,) = HEAD.unpack(self._read(HEAD.size))
        try:
            message, sizes = json.loads(self._read(length))
            blobs = [self._read(size) for size in sizes]
            self._heard(message)
            value = self.exchange.unpack(message["value"], blobs)
            self.exchange.learn(message["news"], blobs)
        except (Gone, Nonsense):
            raise
        except Exception as error:  # whatever the other end may have made up
            raise Nonsense(f"{type(error).__name__}: {error}") from error
        return message, value

    def _heard(self, message: dict) -> None:
        """Before what it brings is read."""

    def _read(self, count: int) -> bytes:
        if not 0 <= count <= MOST_BYTES:
            raise Nonsense(f"{count} bytes")
        got = bytearray()
        while len(got) < count:
            try:
                part = self.channel.recv(min(count - len(got), 2**20))
            except OSError as error:
                raise Gone from error
            if not part:
                raise Gone
            got += part
        return bytes(got)


class Judge(Peer):
    """The end of the check. It is told of what it refused, whatever the answer makes of that."""

    ops = frozenset({"call", "get", "next", "iter", "len", "item", "pull"})

    def __init__(self, channel: socket.socket, pupil: int):
        super().__init__(channel, first=0)
        self.pupil, self.refusal = pupil, None  # a process number; an AssertionError

    def answer(self, source: str, name: str, given: dict[str, dict[str, Any]]) -> Any:
        """Execute an answer there, with the objects that it is given by the name of a module and their own. What it
        defines as `name`.
        """
        answer = self.ask("answer", None, source, name, given)
        self.exchange.remotes.clear()  # so that what is there from now on belongs to a call
        return answer

    def ask(self, op, of=None, *args, **options):
        try:
            return super().ask(op, of, *args, **options)
        finally:
            if self.depth == 0 and self.refusal is not None:
                refusal, self.refusal = self.refusal, None
                raise refusal

    def may_refer(self, value):
        """A class or a module of the check leads to all that it knows."""
        return not isinstance(value, type | types.ModuleType)

    def op_get(self, subject, name):
        if name.startswith("_") or isinstance(subject, CLOSED):
            raise AttributeError(f"an answer does not get at {name!r} of {type(subject).__name__}")
        return getattr(subject, name)

    def _describe(self, error):
        if isinstance(error, AssertionError) and self.refusal is None:
            self.refusal = error
        return super()._describe(error)

    def _say(self, message, value, *, shared=True):
        if self.depth == 1 and "op" in message and message["op"] != "pull" and not len(self.exchange.remotes):
            self.exchange.forget()
            message["forget"] = True
        super()._say(message, value, shared=shared)

    def other_seconds(self) -> float:
        """Of all threads of that process, by its clock, which has a number in Linux."""
        return time.clock_gettime(~self.pupil << 3 | 2)


class Pupil(Peer):
    """The end of the answer. `run` executes an answer's source and gives what it defines."""

    ops = Judge.ops | {"answer", "measure"}

    def __init__(self, channel: socket.socket, run: Any):
        super().__init__(channel, first=1)
        self.op_answer = lambda _, source, name, given: run(source, name, given)

    def serve(self) -> None:
        """Until the judge has ended."""
        while True:
            try:
                self._serve(*self._hear())
            except Gone:
                return

    def op_measure(self, subject, *args):
        from checks.measured import measure

        got, spent = measure(subject, *args)
        return got, tuple(spent)

    def _heard(self, message):
        if message.get("forget"):
            self.exchange.forget()

    @contextmanager
    def _as_asked(self, mode, said):
        """The judge is told of warnings; what it wants to hear of them is its own filters' business."""
        with super()._as_asked(mode, said), warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            try:
                yield
            finally:
                said += [[one.category.__name__, str(one.message)] for one in heard]


def place_in_answer(error: BaseException) -> str:
    """The last line of the answer that an error passed through, in words."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == ANSWER]
    return f" (line {lines[-1]} of the answer)" if lines else ""


def _mode() -> dict:
    torch = sys.modules.get("torch")
    return {
        "errors": np.geterr(),
        "gradients": torch is None or torch.is_grad_enabled(),
        "inference": torch is not None and torch.is_inference_mode_enabled(),
    }


def _named(name: Any, of: type, otherwise: Any) -> Any:
    found = getattr(builtins, name, None) if isinstance(name, str) else None
    return found if isinstance(found, type) and issubclass(found, of) else otherwise
