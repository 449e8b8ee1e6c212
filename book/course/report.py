"""Pages: one for each submission, and one of the class for the lecturer."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course.assignments import Assignment, Exercise
from course.marks import Graded, Mark
from course.pictures import drawn
from course.verdicts import MISSING, PASSED

NUMBER = re.compile(r"-?\d[\d.]*(?:e[+-]?\d+)?")
KIND = 160  # characters of a message that tell its kind


@dataclass(frozen=True)
class Cluster:
    """Answers that fail in one way: by the same mistake, or with the same message but for its numbers."""

    verdict: str
    mistake: str
    example: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """Of an exercise over the class."""

    assignment: Assignment
    exercise: Exercise
    handed_in: int
    answered: int
    passed: int
    clusters: tuple[Cluster, ...]  # the most common first

    @property
    def rate(self) -> float | None:
        return self.passed / self.answered if self.answered else None


def summaries(graded: Sequence[Graded]) -> list[Summary]:
    found: dict[tuple[Assignment, Exercise], list[tuple[str, Mark]]] = defaultdict(list)
    for one in graded:
        marks = {mark.id: mark for mark in one.marks}
        for exercise in one.submission.assignment.exercises if one.submission.counts else ():
            found[one.submission.assignment, exercise].append((one.submission.student, marks[exercise.id]))
    return [_summary(*key, marks) for key, marks in found.items()]


def _summary(assignment: Assignment, exercise: Exercise, marks: Sequence[tuple[str, Mark]]) -> Summary:
    count = Counter(mark.verdict for _, mark in marks)
    alike: dict[tuple[str, str], list[tuple[str, Mark]]] = defaultdict(list)
    for student, mark in marks:
        if mark.verdict not in (PASSED, MISSING):
            alike[mark.verdict, mark.hint or kind_of(mark.message)].append((student, mark))
    clusters = [
        Cluster(verdict, group[0][1].hint, group[0][1].message, tuple(student for student, _ in group))
        for (verdict, _), group in sorted(alike.items(), key=lambda item: -len(item[1]))
    ]
    answered = len(marks) - count[MISSING]
    return Summary(assignment, exercise, len(marks), answered, count[PASSED], tuple(clusters))


def kind_of(message: str) -> str:
    """A message without its numbers: cases differ in these."""
    return NUMBER.sub("#", " ".join(message.split()))[:KIND]


def write_pages(graded: Sequence[Graded], out: Path, *, not_held: Sequence[str]) -> None:
    """`out/feedback/STUDENT/ASSIGNMENT.html`, and `out/class.html`."""
    for one in graded:
        page = out / "feedback" / one.submission.student / f"{one.submission.assignment.name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(_feedback(one, not_held), "utf-8", errors="backslashreplace")
    text = _template("class.html").render(summaries=summaries(graded))
    (out / "class.html").write_text(text, "utf-8", errors="backslashreplace")


def _feedback(one: Graded, not_held: Sequence[str]) -> str:
    style = HtmlFormatter(noclasses=True, nowrap=False, style="friendly")
    listings = {mark.id: highlight(mark.answer, PythonLexer(), style) for mark in one.marks if mark.number}
    cases = {mark.id: drawn(mark.case) for mark in one.marks}
    return _template("feedback.html").render(one=one, listings=listings, cases=cases, sandboxed=not not_held)


@cache
def _template(name: str) -> Any:
    return Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template(name)
