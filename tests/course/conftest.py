"""A course with one small assignment, whose checks need no library, so that a sandbox starts in a moment."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from course.assignments import Assignment, assignments
from course.grade import grade
from course.marks import Graded
from course.sandbox import Limits, require_sandbox
from pipeline.chapters import BOOK, shared_checks

from vosbook.errors import InputError

CHAPTER = """# %% [markdown]
# # A tiny chapter

# %% tags=["imports"]
import math

from checks import ch00
"""
EXERCISE = """
# %% [markdown]
# ### Exercise 0.{n} · {title}
# *difficulty {n} of 3 · {minutes} minutes · {n} points*

# %% nbgrader={{"grade": false, "grade_id": "ex00-{n}", "locked": false, "schema_version": 3, "solution": true, "task": false}} jupyter={{"source_hidden": true}}
def {name}(x):
    ### BEGIN SOLUTION
    return {solution}
    ### END SOLUTION


# %% nbgrader={{"grade": true, "grade_id": "ex00-{n}-check", "locked": true, "points": {n}, "schema_version": 3, "solution": false, "task": false}}
ch00.check_{name}({name})
"""  # noqa: E501
SOLUTIONS = {"double": "x + x  # twice", "root": "math.sqrt(x) * 1.0", "negative": "0 - x * 1"}
CHECKS = """import math

from checks.guard import guarded

VALUES = (0.0, 2.5, 1.0, 4.0)
SECRET = "what no answer may find"


def _compare(answer, expected):
    for x in VALUES:
        assert math.isclose(answer(x), expected(x)), f"of {x} it gives {answer(x)}, which is not right"


@guarded
def check_double(double):
    _compare(double, lambda x: 2 * x)


@guarded
def check_root(root):
    _compare(root, lambda x: x**0.5)


@guarded
def check_negative(negative):
    _compare(negative, lambda x: -x)
"""
WRONG = """
def square(x):
    '''Squares it.'''
    return x * x


def same(x):
    '''Gives it back as it is.'''
    return x


WRONG = {"ex00-1": [square, same], "ex00-2": [square, same], "ex00-3": [square, same]}
"""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """The folder of a book whose only chapter is `00_tiny`, with exercises `double`, `root` and `negative`."""
    book = tmp_path_factory.mktemp("tiny") / "book"
    for name in ("checks/wrong", "profiles", "results"):
        (book / name).mkdir(parents=True)
    parts = [
        EXERCISE.format(n=n, title=name.title(), minutes=5 * n, name=name, solution=solution)
        for n, (name, solution) in enumerate(SOLUTIONS.items(), 1)
    ]
    (book / "00_tiny.py").write_text(CHAPTER + "".join(parts))
    (book / "profiles" / "smoke.yml").write_text("description: none\n")
    for path in shared_checks(BOOK):
        shutil.copy(path, book / "checks")
    (book / "checks" / "ch00.py").write_text(CHECKS)
    (book / "checks" / "wrong" / "ch00.py").write_text(WRONG)
    return book


@pytest.fixture(scope="session")
def sandbox() -> str:
    """The isolation "sandbox", where it can be had."""
    try:
        require_sandbox()
    except InputError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(f"THE SANDBOX WAS NOT TESTED. {error}")
    return "sandbox"


LIMITS = Limits(seconds=1, wall_seconds=10, memory_mb=256)  # asleep


@dataclass(frozen=True)
class Desk:
    """Where students' work is put, and graded."""

    book: Path
    folder: Path
    assignment: Assignment
    limits: Limits = LIMITS

    def put(
        self,
        student: str,
        answers: dict[str, str] | None = None,
        *,
        name: str = "00_tiny",
        edit: Callable | None = None,
    ) -> Path:
        """The student's notebook, with answers by function name in place of the stubs; all others are solved."""
        notebook = nbformat.from_dict(self.assignment.notebook)
        for cell in notebook.cells:
            for e in self.assignment.exercises:
                if cell.source == e.answer and answers is not None and e.name in answers:
                    cell.source = e.stub if answers[e.name] is None else answers[e.name]
        if edit:
            edit(notebook)
        path = self.folder / student / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(notebook))
        return path

    def grade(self, isolation: str = "limits", **options) -> tuple[dict[str, Graded], list[str]]:
        said: list[str] = []
        out = self.folder.parent / "out"
        options |= {"limits": self.limits, "isolation": isolation, "say": said.append}
        done = grade(self.folder, out, **{"book": self.book, **options})
        return {one.submission.student: one for one in done}, said

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.folder.parent / "out" / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def desk(tiny, tmp_path) -> Desk:
    (tmp_path / "handed").mkdir()
    return Desk(tiny, tmp_path / "handed", assignments(tiny)[0])
