"""What all checks have in common: how an answer is called, and what is said of one that returns nothing of use."""

import inspect
import reprlib
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper, wraps
from types import CodeType
from typing import Any, TypeVar
from weakref import WeakSet

from checks import cases
from checks.measured import Spent, measure
from checks.unchanged import change, taken

Answer = TypeVar("Answer", bound=Callable)
_passed: WeakSet = WeakSet()  # answers whose check has passed in this process
_stand_ins: WeakSet = WeakSet()  # the library's, that stand in the place of an answer which has not passed


class Called:
    """An answer as its check calls it. It remembers the last call, and whether any call gave anything but None."""

    def __init__(self, answer: Callable):
        update_wrapper(self, answer)
        self.answer, self.name = answer, getattr(answer, "__name__", "the answer")
        self.given: tuple[tuple, dict] = ((), {})
        self.got: Any = None  # where it has `returned`
        self.calls, self.returned, self.useful, self.raised = 0, False, False, None
        self.late: list[tuple] = []  # what generators were given, which go on after the call

    def __call__(self, *args: Any, **options: Any) -> Any:
        with self._noting(args, options):
            self.got = self.answer(*args, **options)
        return self.got

    def measured(self, *args: Any) -> tuple[Any, Spent]:
        """What it returns, and what that took. Where bytes and lines are counted, seconds are not typical."""
        with self._noting(args, {}):
            there = getattr(self.answer, "_measured", None)  # of an answer in another process
            self.got, spent = there(*args) if there else measure(self.answer, *args)
        return self.got, Spent(*spent)

    def processor_seconds(self) -> float:
        """That the process of the answer has used so far."""
        return getattr(self.answer, "_processor_seconds", time.process_time)()

    @contextmanager
    def _noting(self, args: tuple, options: dict) -> Iterator[None]:
        self.calls, self.given, self.got, self.returned = self.calls + 1, (args, options), None, False
        named = {**dict(zip(self._names(len(args)), args)), **options}
        before = taken(named)
        try:
            yield
        except BaseException as error:
            self.raised = error
            raise
        self.returned = True
        self.useful |= self.got is not None
        if hasattr(self.got, "__next__"):
            self.late.append((before, named))
        else:
            self._look_after(before, named)

    def _names(self, count: int) -> list[str]:
        """What the answer calls what it is given; in another process that is not known."""
        try:
            names = list(inspect.signature(self.answer).parameters)
        except (TypeError, ValueError):
            names = []
        return [names[i] if i < len(names) else f"argument {i + 1}" for i in range(count)]

    def _look_after(self, before: dict, named: dict) -> None:
        found = [change(name, before[name], value) for name, value in named.items()]
        told = next((one for one in found if one), None)
        assert told is None, f"{self.name} changed what it was given: {told}"

    def look_after_generators(self) -> None:
        for before, named in self.late:
            self._look_after(before, named)


def guarded(check: Callable[[Any], None]) -> Callable[[Any], None]:
    """Decorates every check. What goes wrong in the check because of what the answer returned is an AssertionError
    that says so; an answer that never returned anything is asked for its `return`, and one that changed an array, a
    tensor or a container that it was given is told which. Errors of the answer stay its own.
    """

    @wraps(check)
    def run(answer: Callable) -> None:
        called = Called(answer)
        cases.begin()
        try:
            check(called)
            called.look_after_generators()
        except Exception as error:
            reason = _explained(error, called)
            reason.called = called  # for the grader's feedback
            if isinstance(reason, AssertionError):
                reason.args = (f"{reason}{cases.how_to_draw_again()}",)
            if reason is error:
                raise
            raise reason from error
        _passed.add(answer)
        if _in_a_notebook():
            print(f"{called.name}: passed")

    return run


def yours(answer: Answer, otherwise: Answer) -> Answer:
    """What the cells after an exercise go on with: `answer` where its check has passed, else the library's `otherwise`.

    It prints which of the two that is, so that nobody takes the library's result for their own.
    """
    name = getattr(answer, "__name__", "the answer")
    passed = answer in _passed
    print(f"from here on: {f'your {name}' if passed else f'the library, since your {name} has not passed yet'}")
    if not passed:
        _stand_ins.add(otherwise)
    return answer if passed else otherwise


def own(answer: Answer) -> Answer:
    """The answer, for a grader that sees a notebook at its end. AssertionError where `yours` took the library's."""
    assert answer not in _stand_ins, "the answer had not passed when its check's cell ran"
    return answer


def tried(case: str, answer: Callable, *given: Any) -> Any:
    """What the answer returns; an error of its own is an AssertionError that says in which case.

    For cases in which an error is a mistake that many make, such as an object that is absent.
    """
    try:
        return answer(*given)
    except (ArithmeticError, LookupError, RuntimeError, ValueError) as error:
        if isinstance(error, NotImplementedError):
            raise
        raise AssertionError(f"{case}: it raises {error!r}") from error


def _in_a_notebook() -> bool:
    """A grader's process and a test have no use for what a check prints."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def _explained(error: Exception, called: Called) -> Exception:
    """The error itself, or one that says what the reader can do about it."""
    if error is called.raised or isinstance(error, NotImplementedError) or _is_of(called.answer, error):
        return error
    if called.raised and error.__cause__ is called.raised:  # `tried` says in which case it was raised
        return error
    if called.calls and not called.useful:
        return AssertionError(f"{called.name} returned None: does it end with a `return`?")
    if isinstance(error, AssertionError) or not called.calls:
        return error
    returned = f"a {type(called.got).__name__}: {reprlib.repr(called.got)}"
    why = f"{type(error).__name__}: {error}"
    return AssertionError(f"{called.name} returned something that cannot be used ({why}). It returned {returned}")


def _is_of(answer: Any, error: Exception) -> bool:
    """Whether it passed through the answer's own code, in a generator or a method, say."""
    parts = vars(answer).values() if inspect.isclass(answer) else [answer]
    own = {code for part in parts if inspect.isfunction(part) for code in _codes(part.__code__)}
    passed = {frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)}
    return getattr(error, "of_the_answer", False) or not own.isdisjoint(passed)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Of a function and of all that are defined within it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _codes(part)
