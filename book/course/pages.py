"""The course's pages on the site. Minutes, points and difficulty are the chapters' own, so that none goes stale."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from course.assignments import Assignment, assignments

EFFORT = re.compile(r"\{\{ effort ([\w ]+) \}\}")


def course_pages(book: Path) -> dict[str, str]:
    """Text of every page of the course by its file name, e.g. "course/syllabus.md"; none where there is no course."""
    folder, course = book / "course", assignments(book)
    pages = {f"course/{path.name}": path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
    if not pages:
        return {}
    pages["course/syllabus.md"] = EFFORT.sub(lambda m: effort(m[1].split(), course), pages["course/syllabus.md"])
    pages["course/exercises.md"] = exercise_table(course)
    pages["course/project.md"] = _prose(next(one for one in course if one.name == "project"))
    return pages


def effort(names: Sequence[str], course: Iterable[Assignment]) -> str:
    """Minutes and points of the assignments whose name is given, or begins with the number given."""
    parts = [e for one in course if one.name.split("_")[0] in names for e in (*one.exercises, *one.written)]
    if not parts:
        return "–"
    return f"{sum(getattr(e, 'minutes', 0) for e in parts)} minutes, {sum(e.points for e in parts)} points"


def exercise_table(course: Iterable[Assignment]) -> str:
    """A table for each assignment, and what all of them come to."""
    course = list(course)
    every = [exercise for one in course for exercise in one.exercises]
    lines = [
        "# Exercises",
        f"{len(every)} exercises in {len(course)} assignments: {sum(e.minutes for e in every)} minutes,"
        f" {sum(one.points for one in course)} points. Difficulty is 1 to 3: a warm-up, one that needs the chapter, and"
        " one that is hard. Minutes are the authors' estimates; they were not measured on students.",
    ]
    for one in course:
        rows = [f"| {e.number} | {e.title} | {e.difficulty} | {e.minutes} | {e.points} |" for e in one.exercises]
        rows += [f"| | {part.title}, graded by hand | | | {part.points} |" for part in one.written]
        head = "| exercise | title | difficulty | minutes | points |\n| --- | --- | --- | --- | --- |\n"
        lines += [f"## {one.title}", head + "\n".join(rows)]
    return "\n\n".join(lines) + "\n"


def _prose(assignment: Assignment) -> str:
    """What a notebook says, without its code and without the cells that are to be filled in."""
    cells = [cell for cell in assignment.notebook.cells if cell.cell_type == "markdown"]
    return "\n\n".join(cell.source for cell in cells if "nbgrader" not in cell.metadata) + "\n"
