"""Points as the learning platforms import them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from course import tables
from course.assignments import Assignment
from course.roster import Student

# What each platform knows a person by; the table of students may have any of these columns.
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE = ("Username", "ID number", "Email address", "Full name", "Identifier")
Points = Mapping[tuple[str, str], float | None]  # by student and assignment


def write_canvas(path: Path, roster: Sequence[Student], wanted: Sequence[Assignment], points: Points) -> None:
    """For Canvas, *Grades*, *Import*: a row of the points possible, then one for each student."""
    possible = ["    Points Possible", *[""] * (len(CANVAS) - 1), *(one.points for one in wanted)]
    rows = [_row(one, CANVAS, "Student", wanted, points) for one in roster]
    tables.write(path, [*CANVAS, *(_title(one) for one in wanted)], [possible, *rows])


def write_moodle(path: Path, roster: Sequence[Student], wanted: Sequence[Assignment], points: Points) -> None:
    """For Moodle, *Grades*, *Import*, *CSV file*: people by the columns that the table of students has."""
    known = [name for name in MOODLE if any(one.known_as.get(name) for one in roster)] or ["Full name"]
    rows = [_row(one, known, "Full name", wanted, points) for one in roster]
    tables.write(path, [*known, *(_title(one) for one in wanted)], rows)


def _row(one: Student, columns: Sequence[str], name: str, wanted: Sequence[Assignment], points: Points) -> list:
    told = [one.known_as.get(column) or (one.name if column == name else "") for column in columns]
    return [*told, *(points.get((one.name, assignment.name)) for assignment in wanted)]


def _title(assignment: Assignment) -> str:
    return f"{assignment.name} ({assignment.points} points)"
