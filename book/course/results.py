"""The tables that grading writes."""

from collections.abc import Sequence
from pathlib import Path

from course import roster, tables
from course.looks import looks
from course.marks import Graded
from course.platforms import write_canvas, write_moodle
from course.report import summaries
from course.told import BY_HAND, BY_HAND_COLUMNS, LOOKS, LOOKS_COLUMNS, Told

PARTS = ("student", "assignment", "exercise", "points", "of", "verdict", "message", "hint", "look at")
CLASS = ("exercise", "handed in", "answered", "passed", "answers", "verdict", "mistake", "message of one")


def write_tables(graded: Sequence[Graded], problems: Sequence[str], told: Told, out: Path) -> None:
    """Points, parts, the form for points by hand, problems, the class, what to look at, and the platforms' tables."""
    tables.write(out / "grades.csv", ("student", "assignment", "points", "of", "notes"), _totals(graded, told))
    tables.write(out / "exercises.csv", PARTS, [row for one in graded for row in _parts(one)])
    tables.write(out / BY_HAND, BY_HAND_COLUMNS, [row for one in graded for row in _form(one)])
    (out / "problems.txt").write_text("".join(f"{line}\n" for line in problems), "utf-8", errors="backslashreplace")
    tables.write(out / "class.csv", CLASS, _class(graded))
    tables.write(out / LOOKS, LOOKS_COLUMNS, _looks(graded, told))
    _write_platforms(graded, told, out)


def _totals(graded: Sequence[Graded], told: Told) -> list[tuple]:
    return [
        (person.name, one.submission.assignment.name, one.points, one.submission.assignment.points, _notes(one, person))
        for one in graded
        for person in roster.people(one.submission.student, told.roster)
    ]


def _notes(one: Graded, person: roster.Student) -> str:
    waiting = sum(m.points is None for m in one.marks)
    group = [f"by the group {one.submission.student}"] if person.name != one.submission.student else []
    return "; ".join([*group, *one.submission.notes, *([f"{waiting} parts to be read by a person"] if waiting else [])])


def _parts(one: Graded) -> list[tuple]:
    key = one.submission.student, one.submission.assignment.name
    marks = ((m, m.points if one.submission.counts else None) for m in one.marks)
    return [(*key, m.id, points, m.of, m.verdict, m.message, m.hint, " ".join(m.look_at)) for m, points in marks]


def _form(one: Graded) -> list[tuple]:
    key = one.submission.student, one.submission.assignment.name
    written = {part.id for part in one.submission.assignment.written}
    return [(*key, m.id, m.title, m.of, m.points, m.message) for m in one.marks if m.id in written]


def _class(graded: Sequence[Graded]) -> list[tuple]:
    """A row for each way in which answers to an exercise fail; one for an exercise in which none does."""
    rows = []
    for one in summaries(graded):
        key = one.exercise.id, one.handed_in, one.answered, one.passed
        ways = [(len(c.students), c.verdict, c.mistake, c.example) for c in one.clusters] or [(0, "", "", "")]
        rows += [(*key, *way) for way in ways]
    return rows


def _looks(graded: Sequence[Graded], told: Told) -> list[tuple]:
    return [
        (*key, " ".join(sorted(words)), len(students), ", ".join(students), told.looks.get(key, ""))
        for key, (words, students) in looks(graded).items()
    ]


def _write_platforms(graded: Sequence[Graded], told: Told, out: Path) -> None:
    """Whoever is in the table of students has a row, without points where nothing was handed in."""
    points: dict[tuple[str, str], float | None] = {}
    persons = {one.name: one for one in told.roster}
    for one in graded:
        for person in roster.people(one.submission.student, told.roster):
            persons.setdefault(person.name, person)
            key = person.name, one.submission.assignment.name
            points[key] = None if key in points else one.points  # by two folders: see `problems`
    wanted = list({one.submission.assignment.name: one.submission.assignment for one in graded}.values())
    write_canvas(out / "canvas.csv", list(persons.values()), wanted, points)
    write_moodle(out / "moodle.csv", list(persons.values()), wanted, points)
