"""From a folder of submissions to a table of points and a page of feedback for each, without a server or a network."""

import ast
import csv
import re
import secrets
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from pipeline.chapters import BOOK
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course.assignments import Assignment, Exercise, Written, assignments
from course.cells import plain_python
from course.collect import Submission, collect
from course.sandbox import Job, Limits, Verdict, not_held, package_folder, run_jobs
from course.verdicts import MISSING, PASSED, UNREAD
from vosbook.errors import InputError

WORKERS = 2
ByHand = Mapping[tuple[str, str, str], tuple[float | None, str]]  # points and comment by student, assignment, part
TEXT_STUB = "YOUR ANSWER HERE"  # nbgrader's
BY_HAND = "by_hand.csv"
BY_HAND_COLUMNS = ("student", "assignment", "part", "title", "of", "points", "comment")
# Words that no solution of the book needs and that an answer which attacks the grader can hardly do without.
LOOK_AT = re.compile(
    r"(?!__init__\b|__call__\b|__iter__\b)\b\w*__\w*"
    r"|\b(?:import|exec|eval|compile|open|input|globals|vars|getattr|setattr|delattr|sys|os|builtins|inspect|ctypes|gc"
    r"|subprocess|socket|signal|checks|ch\d\d|vosbook|_getframe|gi_frame|cr_frame|tb_frame|f_back|f_globals|f_locals)\b"
)


@dataclass(frozen=True)
class Mark:
    """Points for one part of a submission; None until a person has given them."""

    id: str
    number: str
    title: str
    points: float | None
    of: int
    verdict: str
    message: str = ""
    printed: str = ""
    answer: str = ""
    look_at: tuple[str, ...] = ()  # words in the answer that a person should look at


@dataclass(frozen=True)
class Graded:
    submission: Submission
    marks: tuple[Mark, ...]
    trouble: str = ""  # why it could not be graded, for the lecturer alone

    @property
    def problems(self) -> tuple[str, ...]:
        """A line where nothing of it was graded."""
        why = self.trouble or "; ".join(self.submission.notes)
        name = f"{self.submission.student}, {self.submission.assignment.name}"
        return () if self.submission.counts else (f"{name}: not graded: {why}",)

    @property
    def points(self) -> float | None:
        """The sum so far; None where a person must decide first what counts."""
        return sum(m.points or 0 for m in self.marks) if self.submission.counts else None


def setup_of(assignment: Assignment) -> str:
    """What runs before an assignment's answers: its imports, without the checks."""
    tree = ast.parse(assignment.imports)
    tree.body = [line for line in tree.body if not (isinstance(line, ast.ImportFrom) and line.module == "checks")]
    return ast.unparse(tree)


def job_of(exercise: Exercise, assignment: Assignment, answer: str, *, id: str | None = None) -> Job:
    modules = assignment.checks
    return Job(
        id=id or exercise.id,
        setup=assignment.name,
        name=exercise.name,
        answer=plain_python(answer),
        check=exercise.check,
        checks=modules,
        given=_used(exercise.stub, modules),
    )


def _used(stub: str, modules: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """What a stub uses of the checks' modules, e.g. ("ch05", "labels_of")."""
    nodes = [node for node in ast.walk(ast.parse(stub)) if isinstance(node, ast.Attribute)]
    pairs = {(node.value.id, node.attr) for node in nodes if isinstance(node.value, ast.Name)}
    return tuple(sorted((module, name) for module, name in pairs if module in modules))


def grade(
    submissions: Path,
    out: Path,
    *,
    book: Path = BOOK,
    only: str | None = None,
    seed: int | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    isolation: str = "sandbox",
    say: Callable[[str], None] = print,
) -> list[Graded]:
    """Grade all that lies in `submissions` and write `out/grades.csv`, `out/exercises.csv`, `out/feedback/`.

    Cases are drawn from `seed`; None: from one that is drawn now.
    `submissions/by_hand.csv`, where it is there, holds the points that a person gave; `out/by_hand.csv` is the form.
    InputError: what cannot be read, an assignment that is not in the course, no sandbox.
    """
    course = assignments(book)
    if only is not None and not (course := [one for one in course if one.name == only]):
        raise InputError(f"{only} is no assignment: they are {', '.join(one.name for one in assignments(book))}")
    handed, problems = collect(submissions, course)
    given = _read_by_hand(submissions / BY_HAND)
    known = {(one.student, one.assignment.name, part.id) for one in handed for part in one.assignment.written}
    problems += [f"{submissions / BY_HAND}: {', '.join(key)} was not handed in" for key in given if key not in known]
    seed = secrets.randbits(64) if seed is None else seed
    run = partial(run_jobs, seed=seed, book=book, limits=limits, isolation=isolation)
    work = partial(_grade_one, given=given, run=run)
    graded = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for result in pool.map(work, handed):
            graded.append(result)
            say(_line(result))
    problems += [line for one in graded for line in one.problems]
    problems += [f"NOT HELD without a sandbox: {line}" for line in not_held(isolation)]
    for problem in problems:
        say(f"NOTE {problem}")
    _write(graded, problems, out, isolation=isolation)
    return graded


def _line(result: Graded) -> str:
    one = result.submission
    points = "not graded" if result.points is None else f"{result.points:g} of {one.assignment.points}"
    return f"{one.student}, {one.assignment.name}: {points}" + "".join(f"; {note}" for note in one.notes)


def _grade_one(submission: Submission, *, given: ByHand, run: Callable[..., dict[str, Verdict]]) -> Graded:
    assignment = submission.assignment
    asked = [e for e in assignment.exercises if submission.answers.get(e.id, e.stub).strip() != e.stub.strip()]
    jobs = [job_of(e, assignment, submission.answers[e.id]) for e in asked]
    verdicts, trouble = {}, ""
    try:
        if jobs:
            verdicts = run(jobs, {assignment.name: setup_of(assignment)})
    except RuntimeError as error:  # the course's own code failed: nobody's points may depend on that
        trouble = f"could not be graded: {error}"
        note = "could not be graded: the course's own code failed, which is not your fault"
        submission = replace(submission, notes=(*submission.notes, note), counts=False)
    marks = [_mark(e, submission, verdicts.get(e.id)) for e in assignment.exercises]
    marks += [_written(part, submission, given) for part in assignment.written]
    return Graded(submission, tuple(marks), trouble)


def _mark(exercise: Exercise, submission: Submission, verdict: Verdict | None) -> Mark:
    answer = submission.answers.get(exercise.id)
    got = verdict or _unasked(answer, submission)
    return Mark(
        exercise.id,
        exercise.number,
        exercise.title,
        exercise.points if got.verdict == PASSED else 0,
        exercise.points,
        got.verdict,
        _without_places(got.message),
        _without_places(got.printed),
        answer or "",
        words_to_look_at(answer, exercise.stub) if verdict else (),
    )


def _unasked(answer: str | None, submission: Submission) -> Verdict:
    """Of an answer that was not run."""
    if not submission.counts:
        return Verdict(UNREAD, "; ".join(submission.notes))
    return Verdict(MISSING, "the cell is as it was given out" if answer is not None else "no answer cell")


@cache
def _places() -> re.Pattern:
    """Folders of this machine that Python may name in a message."""
    folders = {sys.prefix, sys.base_prefix, package_folder(), BOOK.parent, Path.home(), tempfile.gettempdir()}
    names = sorted({str(folder) for folder in folders} - {"/", "/usr"}, key=len, reverse=True)
    return re.compile("|".join(rf"{re.escape(name)}(?=/|\b)" for name in names))


def _without_places(text: str) -> str:
    """A student is told which file, and not where the lecturer keeps it."""
    return _places().sub("...", text)


def words_to_look_at(answer: str, stub: str) -> tuple[str, ...]:
    """What a person should look at, each word once, where it stands more often than in the stub."""
    found = LOOK_AT.findall(unicodedata.normalize("NFKC", answer))  # as Python reads names
    return tuple(Counter(found) - Counter(LOOK_AT.findall(stub)))


def _written(part: Written, submission: Submission, given: ByHand) -> Mark:
    """A text's points are a person's; one that was not written has none."""
    text = submission.texts.get(part.id, "")
    if text.strip() in ("", TEXT_STUB):
        return Mark(part.id, "", part.title, 0, part.points, MISSING)
    points, comment = given.get((submission.student, submission.assignment.name, part.id), (None, ""))
    verdict = "to be read" if points is None else "read"
    return Mark(part.id, "", part.title, points, part.points, verdict, comment, answer=text)


# ------------------------------------------------------------------------------------------- points by a person


def _read_by_hand(path: Path) -> ByHand:
    """Points and comment by student, assignment and part. InputError names the line that cannot be read."""
    if not path.is_file():
        return {}
    given = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if missing := set(BY_HAND_COLUMNS) - set(rows.fieldnames or ()):
            raise InputError(f"{path} lacks the column {min(missing)}: start from the one that grading writes")
        for row in rows:
            try:
                points = float(row["points"]) if row["points"].strip() else None
                if points is not None and not 0 <= points <= float(row["of"]):
                    raise ValueError
            except ValueError:
                message = f"{path}, line {rows.line_num}: points must be 0 to {row['of']}, not {row['points']!r}"
                raise InputError(message) from None
            given[row["student"], row["assignment"], row["part"]] = points, row["comment"]
    return given


# ------------------------------------------------------------------------------------------------------ results


def _write(graded: Sequence[Graded], problems: Sequence[str], out: Path, *, isolation: str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    totals, parts, form = [], [], []
    for one in graded:
        student, assignment = one.submission.student, one.submission.assignment
        waiting = sum(m.points is None for m in one.marks)
        notes = [*one.submission.notes, *([f"{waiting} parts to be read by a person"] if waiting else [])]
        totals.append((student, assignment.name, one.points, assignment.points, "; ".join(notes)))
        for m in one.marks:
            points = m.points if one.submission.counts else None
            parts.append((student, assignment.name, m.id, points, m.of, m.verdict, m.message, " ".join(m.look_at)))
        written = {part.id: part for part in assignment.written}
        hand = [m for m in one.marks if m.id in written]
        form += [(student, assignment.name, m.id, m.title, m.of, m.points, m.message) for m in hand]
    _csv(out / "grades.csv", ("student", "assignment", "points", "of", "notes"), totals)
    columns = ("student", "assignment", "exercise", "points", "of", "verdict", "message", "look at")
    _csv(out / "exercises.csv", columns, parts)
    _csv(out / BY_HAND, BY_HAND_COLUMNS, form)
    (out / "problems.txt").write_text("".join(f"{line}\n" for line in problems), "utf-8", errors="backslashreplace")
    template = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template(
        "feedback.html"
    )
    for one in graded:
        page = out / "feedback" / one.submission.student / f"{one.submission.assignment.name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(_feedback(one, template, isolation), "utf-8", errors="backslashreplace")


def _feedback(one: Graded, template: Any, isolation: str) -> str:
    style = HtmlFormatter(noclasses=True, nowrap=False, style="friendly")
    listings = {mark.id: highlight(mark.answer, PythonLexer(), style) for mark in one.marks if mark.number}
    return template.render(one=one, listings=listings, isolation=isolation)


def _csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A spreadsheet must not take what a student wrote for a formula."""
    with path.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([[_harmless(cell) for cell in row] for row in rows])


def _harmless(cell: Any) -> Any:
    if not isinstance(cell, str):
        return "" if cell is None else f"{cell:g}"
    line = " ".join(cell.split())
    return f"'{line}" if line[:1] in ("=", "+", "-", "@") else line
