"""Tries mutants of the solutions against the exercises' checks.

    PYTHONPATH=book python tests/checks/campaign.py             # all exercises, on two processes
    PYTHONPATH=book python tests/checks/campaign.py ex04 ex05-1 # those whose names begin so

prints the mutants that pass and are not in `survivors.yml`, which says of each why it is no wrong answer.
"""

import ast
import multiprocessing
import os
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from checks import cases
from mutants import Mutant, mutants
from pipeline.chapters import BOOK, chapter_paths, code_cells, exercise_cells, read_chapter

SURVIVORS = Path(__file__).parent / "survivors.yml"
SEED = 17  # of the cases, so that a mutant's fate does not change from run to run
SECONDS = 2.0  # of the processor that a mutant may take, beyond ten times the solution's
MEMORY = 2**33  # bytes that a process of the campaign may map

KILLED, PASSED, VOID = "killed", "passed", "void"  # void: nothing was there that could be cut or spoiled


class Exercise(NamedTuple):
    """An exercise's name, e.g. "ex04-1", its chapter, and the sources of its solution and its check."""

    name: str
    chapter: Path
    solution: str
    check: str

    @property
    def answer(self) -> str:
        """The name of the answer: the first argument of the check's call."""
        return ast.unparse(ast.parse(self.check).body[-1].value.args[0])


@cache
def exercises() -> dict[str, Exercise]:
    """All of the book, in order."""
    cells = {path: exercise_cells(read_chapter(path)) for path in chapter_paths()}
    return {
        name: Exercise(name, path, answer.source, check.source)
        for path, here in cells.items()
        for name, (answer, check) in here.items()
    }


@cache
def imported(chapter: Path) -> dict[str, Any]:
    """What the chapter's cell of imports defines; chapters run in the book's folder."""
    cell = next(one for one in code_cells(read_chapter(chapter)) if "imports" in one.metadata.get("tags", []))
    before = os.getcwd()  # noqa: PTH109  (put back as it was)
    os.chdir(BOOK)
    try:
        namespace: dict = {"__name__": "__main__"}
        exec(compile(cell.source, chapter.stem, "exec"), namespace)
        return namespace
    finally:
        os.chdir(before)


@cache
def known_survivors() -> dict[str, dict[str, str]]:
    """By exercise: mutants that pass, and why they are no wrong answers."""
    return yaml.safe_load(SURVIVORS.read_text(encoding="utf-8")) or {}


class TooLong(BaseException):
    """The processor's time is up."""


def _ring(*_: Any) -> None:
    raise TooLong


class Touched:
    """What mutants call: it notes whether there was anything to be changed."""

    def __init__(self) -> None:
        self.asked = self.any = False

    def cut(self, value: Any) -> Any:
        """The value without its graph."""
        self.asked = True
        if isinstance(value, tuple | list):
            return type(value)(map(self.cut, value))
        if hasattr(value, "detach"):
            self.any = True
            return value.detach()
        return value

    def spoil(self, result: Any, given: Any) -> Any:
        """The result, and in passing the thing given is changed."""
        self.asked = True
        torch = sys.modules.get("torch")
        if isinstance(given, np.ndarray) and given.size and given.flags.writeable:
            given[...] = ~given if given.dtype == bool else given + 1
        elif torch and isinstance(given, torch.Tensor) and given.numel():
            given.data[...] = ~given.data if given.dtype == torch.bool else given.data + 1
        elif isinstance(given, list) and given:
            given.pop()
        elif isinstance(given, dict | set) and given:
            (given.popitem if isinstance(given, dict) else given.pop)()
        else:
            return result
        self.any = True
        return result


def seconds_of(call: Callable[[], Any]) -> float:
    """Of the processor."""
    begin = time.process_time()
    call()
    return time.process_time() - begin


def run(exercise: Exercise, source: str, touched: Touched) -> None:
    """The answer's check, on cases that are always the same."""
    namespace = {**imported(exercise.chapter), "_cut": touched.cut, "_spoil": touched.spoil}
    cases.use_seed(SEED)
    try:
        with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
            exec(compile(source, exercise.name, "exec"), namespace)
            exec(compile(exercise.check, exercise.name, "exec"), namespace)
    finally:
        cases.use_seed(None)


def fate(exercise: Exercise, mutant: Mutant, seconds: float) -> str:
    """Whether the check lets it pass."""
    touched = Touched()
    imported(exercise.chapter)  # takes its own time
    before = signal.signal(signal.SIGPROF, _ring)
    signal.setitimer(signal.ITIMER_PROF, 10 * seconds + SECONDS)
    try:
        run(exercise, mutant.source, touched)
    except (Exception, TooLong, SystemExit):
        return KILLED
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return VOID if touched.asked and not touched.any else PASSED


def fates(exercise: Exercise, wanted: Callable[[list[Mutant]], list[Mutant]] = list) -> dict[str, str]:
    """By the mutants' names."""
    seconds = seconds_of(lambda: run(exercise, exercise.solution, Touched()))
    return {one.name: fate(exercise, one, seconds) for one in wanted(mutants(exercise.solution))}


def _quietly(name: str) -> tuple[str, dict[str, str]]:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123  (for the rest of the process)
    return name, fates(exercises()[name])


def main(prefixes: list[str]) -> int:
    """The number of exercises whose check lets something new pass."""
    wanted = [name for name in exercises() if not prefixes or name.startswith(tuple(prefixes))]
    total: Counter = Counter()
    open_ = 0
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for name, found in pool.imap(_quietly, wanted):
            kept = known_survivors().get(name, {})
            passed = [one for one, how in found.items() if how == PASSED]
            count = Counter(found.values())
            total += count + Counter(equivalent=len(set(passed) & set(kept)))
            new = [one for one in passed if one not in kept]
            gone = [one for one in kept if one not in passed]
            print(f"{name}: {count[KILLED]} killed, {count[PASSED]} passed, of which {len(new)} are new", flush=True)
            for one in new:
                print(f"    passes: {one}")
            for one in gone:
                print(f"    listed, and does not pass: {one}")
            open_ += bool(new or gone)
    print(dict(total))
    return open_


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
