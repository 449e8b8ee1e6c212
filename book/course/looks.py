"""What in an answer a person should look at, and each kind of it once: not the same line of a hundred students."""

import ast
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache

from course.assignments import Exercise
from course.cells import plain_python
from course.marks import Graded
from course.verdicts import PASSED

# Words that no solution of the book needs, and that an answer which does something else can hardly do without.
LOOK_AT = re.compile(
    r"(?!__init__\b|__call__\b|__iter__\b)\b\w*__\w*"
    r"|\b(?:import|exec|eval|compile|open|input|globals|vars|getattr|setattr|delattr|sys|os|builtins|inspect|ctypes|gc"
    r"|subprocess|socket|signal|checks|ch\d\d|vosbook|_getframe|gi_frame|cr_frame|tb_frame|f_back|f_globals|f_locals)\b"
)
Key = tuple[str, str]  # an exercise, and the lines to look at


def words_to_look_at(answer: str, stub: str) -> tuple[str, ...]:
    """What a person should look at, each word once, where it stands more often than in the stub."""
    found = LOOK_AT.findall(_as_read(answer))
    return tuple(Counter(found) - Counter(LOOK_AT.findall(stub)))


def _as_read(source: str) -> str:
    """As Python reads names: a letter of another width is the same letter."""
    return unicodedata.normalize("NFKC", source)


def library_names(answer: str, exercise: Exercise, imports: str) -> tuple[str, ...]:
    """Names from `vosbook` that an answer uses and the solution does without: the thing itself may be among them."""
    used = _names(plain_python(answer)) - _names(exercise.answer)
    return tuple(sorted(used & _from_library(imports)))


def _names(source: str) -> set[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


@cache
def _from_library(imports: str) -> frozenset[str]:
    lines = [node for node in ast.parse(imports).body if isinstance(node, ast.ImportFrom)]
    names = (alias for line in lines if (line.module or "").split(".")[0] == "vosbook" for alias in line.names)
    return frozenset(alias.asname or alias.name for alias in names)


def looks(graded: Iterable[Graded]) -> dict[Key, tuple[set[str], list[str]]]:
    """Words and students by exercise and lines; of answers that passed, for the others have gained nothing."""
    found: dict[Key, tuple[set[str], list[str]]] = defaultdict(lambda: (set(), []))
    for one in graded:
        for mark in one.marks:
            if mark.look_at and mark.verdict == PASSED:
                words, students = found[mark.id, _lines(mark.answer, mark.look_at)]
                words.update(mark.look_at)
                students.append(one.submission.student)
    return dict(sorted(found.items(), key=lambda item: (item[0][0], -len(item[1][1]))))


def _lines(answer: str, words: tuple[str, ...]) -> str:
    """Those that hold one of the words, without their indentation."""
    any_of = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in words))
    return " | ".join(" ".join(line.split()) for line in _as_read(answer).splitlines() if any_of.search(line))
