"""Named wrong answers to the exercises: who fails as one of them does has probably made its mistake."""

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

from course.assignments import Assignment
from course.jobs import job_of
from course.sandbox import Verdict
from course.verdicts import FAILED

Hints = Mapping[tuple[str, str], str]  # by exercise and message


def as_answer(source: str, wrong: str, name: str) -> str:
    """A cell that defines what a module of wrong answers calls `wrong`. It may import the library, which an answer may
    not; of the checks it has what the stub has.
    """
    source = re.sub(r"^from checks import .*$", "", source, flags=re.MULTILINE)
    return f"module = {{**globals(), '__name__': 'wrong'}}\nexec({source!r}, module)\n{name} = module[{wrong!r}]\n"


@cache
def listed(source: str) -> dict[str, dict[str, str]]:
    """Of a module of wrong answers, without importing it: by exercise their names, and the mistakes that they make."""
    tree = ast.parse(source)
    made = {one.name: ast.get_docstring(one) for one in tree.body if isinstance(one, ast.FunctionDef | ast.ClassDef)}
    table = next(one.value for one in tree.body if isinstance(one, ast.Assign) and one.targets[0].id == "WRONG")
    rows = {key.value: value.elts for key, value in zip(table.keys, table.values)}
    return {
        exercise: {
            one.id: made[one.id].splitlines()[0] for one in answers if isinstance(one, ast.Name) and made.get(one.id)
        }
        for exercise, answers in rows.items()
    }


def hints(
    assignment: Assignment, exercises: Iterable[str], book: Path, run: Callable[..., dict[str, Verdict]]
) -> Hints:  # fmt: skip
    """The mistake behind a check's message, where one wrong answer, and no other, gets that message."""
    found: dict[tuple[str, str], str] = {}
    doubtful = set()
    for (exercise, wrong), verdict in _verdicts(assignment, set(exercises), book, run).items():
        key = exercise, verdict.message
        if verdict.verdict == FAILED:
            doubtful |= {key} if key in found else set()
            found[key] = wrong
    return {key: hint for key, hint in found.items() if key not in doubtful}


def _verdicts(assignment, wanted, book, run) -> dict[tuple[str, str], Verdict]:
    """By exercise and mistake."""
    path = book / "checks" / "wrong" / f"{assignment.checks[0]}.py"
    source = path.read_text(encoding="utf-8") if path.is_file() else "WRONG = {}"
    jobs, mistakes = [], {}
    for exercise in (one for one in assignment.exercises if one.id in wanted):
        for wrong, mistake in listed(source).get(exercise.id, {}).items():
            id = f"{exercise.id} {wrong}"
            jobs.append(job_of(exercise, assignment, as_answer(source, wrong, exercise.name), id=id))
            mistakes[id] = exercise.id, mistake
    return {mistakes[id]: verdict for id, verdict in run(assignment, jobs).items()}
