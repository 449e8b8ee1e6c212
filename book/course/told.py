"""What the lecturer has said, in tables beside the students' folders."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from course import roster, tables
from course.collect import Submission
from course.looks import Key
from vosbook.errors import InputError

ByHand = Mapping[tuple[str, str, str], tuple[float | None, str]]  # points and comment by student, assignment, part
BY_HAND, LOOKS = "by_hand.csv", "looks.csv"
BY_HAND_COLUMNS = ("student", "assignment", "part", "title", "of", "points", "comment")
LOOKS_COLUMNS = ("exercise", "lines", "words", "answers", "students", "decision")


class Told:
    """Points by hand, decisions on what to look at, students and deadlines. `problems`: what does not fit.

    InputError: a table that cannot be read.
    """

    def __init__(self, folder: Path, handed: Sequence[Submission]):
        self.by_hand = _read_by_hand(folder / BY_HAND)
        rows = tables.read(folder / LOOKS, LOOKS_COLUMNS)
        self.looks: dict[Key, str] = {(row["exercise"], row["lines"]): row["decision"].strip() for row in rows}
        self.roster, self.deadlines = roster.students(folder), roster.deadlines(folder)
        known = {(one.student, one.assignment.name, part.id) for one in handed for part in one.assignment.written}
        lost = [key for key in self.by_hand if key not in known]
        self.problems = [f"{folder / BY_HAND}: {', '.join(key)} was not handed in" for key in lost]
        self.problems += _twice(self.roster, handed)


def _twice(known: Sequence[roster.Student], handed: Sequence[Submission]) -> list[str]:
    """Students who handed an assignment in alone and in a group: no platform is told any points."""
    given = {(one.student, one.assignment.name) for one in handed if one.file}
    both = [(one, name) for one in known for folder, name in given if one.group == folder != one.name]
    return [
        f"{one.name}, {name}: handed in alone and by the group {one.group}: remove one of them"
        for one, name in both
        if (one.name, name) in given
    ]


def _read_by_hand(path: Path) -> ByHand:
    """Points and comment by student, assignment and part. InputError names the line that cannot be read."""
    given = {}
    for row in tables.read(path, BY_HAND_COLUMNS):
        try:
            points = float(row["points"]) if row["points"].strip() else None
            if points is not None and not 0 <= points <= float(row["of"]):
                raise ValueError
        except ValueError:
            message = f"{path}, line {row['line']}: points must be 0 to {row['of']}, not {row['points']!r}"
            raise InputError(message) from None
        given[row["student"], row["assignment"], row["part"]] = points, row["comment"]
    return given
