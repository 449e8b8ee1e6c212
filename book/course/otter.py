"""Otter's test files for an assignment: one for each exercise, which runs the check of its cell.

They are of Otter's kind that raises: a check that fails says why, and Otter shows it. The checks themselves travel as
support files, as `graders.md` says.
"""

import shutil
from pathlib import Path

from course.assignments import Assignment, Exercise

TEST = '''"""Exercise {number}, {title}: as its check's cell in the notebook."""

from checks.guard import own
from otter.test_files import test_case

OK_FORMAT = False
name = "{id}"
points = {points}


@test_case()
def passes(env):
    own(eval({name!r}, env))  # later cells go on with the library's where the answer did not pass
    exec({check!r}, env)
'''


def write_tests(assignment: Assignment, folder: Path) -> None:
    """Write `folder/ex02_1.py` and so on, and nothing else into the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for exercise in assignment.exercises:
        path = folder / f"{exercise.id.replace('-', '_')}.py"
        path.write_text(_test_of(exercise), encoding="utf-8")


def _test_of(exercise: Exercise) -> str:
    return TEST.format(
        **{name: getattr(exercise, name) for name in ("number", "title", "id", "points", "name", "check")}
    )
