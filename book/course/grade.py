"""From a folder of submissions to tables of points and pages of feedback, without a server or a network."""

import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from pipeline.chapters import BOOK

from course import roster
from course.assignments import Assignment, Exercise, Written, assignments
from course.collect import Submission, collect
from course.jobs import job_of, setup_of
from course.kept import Kept, seed_of
from course.looks import library_names, words_to_look_at
from course.marks import Graded, Mark
from course.mistakes import Hints, hints
from course.report import write_pages
from course.results import write_tables
from course.sandbox import Job, Limits, Verdict, not_held, package_folder, require, run_jobs
from course.told import ByHand, Told
from course.verdicts import FAILED, MISSING, PASSED, UNREAD
from vosbook.errors import InputError

WORKERS = 2
Run = Callable[[Assignment, Sequence[Job]], dict[str, Verdict]]
TEXT_STUB = "YOUR ANSWER HERE"  # nbgrader's


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
    """Grade all that lies in `submissions` and write tables and pages to `out`: see graders.md.

    Cases are drawn from `seed`; None: from that of the last grading into `out`, or from one that is drawn now.
    What the lecturer says lies beside the students' folders: `by_hand.csv`, `looks.csv`, `students.csv`,
    `deadlines.csv`. InputError: what cannot be read, an assignment that is not in the course, no sandbox.
    """
    course = assignments(book)
    if only is not None and not (course := [one for one in course if one.name == only]):
        raise InputError(f"{only} is no assignment: they are {', '.join(one.name for one in assignments(book))}")
    require(isolation)
    handed, problems = collect(submissions, course)
    told = Told(submissions, handed)
    kept = Kept(out, book, [seed := seed_of(out, seed), limits, isolation])

    def run(assignment: Assignment, jobs: Sequence[Job]) -> dict[str, Verdict]:
        setup = setup_of(assignment)
        options = {"seed": seed, "book": book, "limits": limits, "isolation": isolation}
        return kept.run(jobs, setup, lambda left: run_jobs(left, {assignment.name: setup}, **options))

    with ThreadPoolExecutor(WORKERS) as pool:
        graded = _with_hints(list(pool.map(partial(_grade_one, told=told, run=run), handed)), book, run)
    kept.save()
    for one in graded:
        say(_line(one))
    problems += [*told.problems, *(line for one in graded for line in one.problems)]
    problems += [f"NOT HELD without a sandbox: {line}" for line in not_held(isolation)]
    for problem in problems:
        say(f"NOTE {problem}")
    write_tables(graded, problems, told, out)
    write_pages(graded, out, not_held=not_held(isolation))
    return graded


def _line(result: Graded) -> str:
    one = result.submission
    points = "not graded" if result.points is None else f"{result.points:g} of {one.assignment.points}"
    return f"{one.student}, {one.assignment.name}: {points}" + "".join(f"; {note}" for note in one.notes)


def _grade_one(submission: Submission, *, told: Told, run: Run) -> Graded:
    assignment = submission.assignment
    asked = [e for e in assignment.exercises if submission.answers.get(e.id, e.stub).strip() != e.stub.strip()]
    jobs = [job_of(e, assignment, submission.answers[e.id]) for e in asked]
    verdicts, trouble = {}, ""
    try:
        if jobs:
            verdicts = run(assignment, jobs)
    except RuntimeError as error:  # the course's own code failed: nobody's points may depend on that
        trouble = f"could not be graded: {error}"
        note = "could not be graded: the course's own code failed, which is not your fault"
        submission = replace(submission, notes=(*submission.notes, note), counts=False)
    marks = [_mark(e, submission, verdicts.get(e.id)) for e in assignment.exercises]
    marks += [_written(part, submission, told.by_hand) for part in assignment.written]
    return _late(Graded(submission, tuple(marks), trouble), told)


def _late(graded: Graded, told: Told) -> Graded:
    """With what is taken off for the days after the deadline."""
    one = graded.submission
    deadline = told.deadlines.get(one.assignment.name)
    if deadline is None or one.file is None:
        return graded
    if (time := roster.handed_in(one.file)) is None:
        return replace(graded, submission=replace(one, notes=(*one.notes, "when it was handed in is not known")))
    kept, days = deadline.kept(time)
    if days == 0:
        return graded
    note = f"{days} {'day' if days == 1 else 'days'} late: {100 * (1 - kept):g} % off"
    return replace(graded, submission=replace(one, notes=(*one.notes, note)), kept=kept)


def _with_hints(graded: list[Graded], book: Path, run: Run) -> list[Graded]:
    """Whoever failed with the message of one known wrong answer is told its mistake."""
    failed: dict[str, set[str]] = defaultdict(set)
    known = {one.submission.assignment.name: one.submission.assignment for one in graded}
    for one in graded:
        failed[one.submission.assignment.name] |= {mark.id for mark in one.marks if mark.verdict == FAILED}
    found = {name: hints(known[name], exercises, book, run) for name, exercises in failed.items()}
    return [_hinted(one, found[one.submission.assignment.name]) for one in graded]


def _hinted(one: Graded, found: Hints) -> Graded:
    marks = (
        replace(mark, hint=found.get((mark.id, mark.message), "")) if mark.verdict == FAILED else mark
        for mark in one.marks
    )
    return replace(one, marks=tuple(marks))


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
        _look_at(answer, exercise, submission.assignment) if verdict else (),
        got.case,
    )


def _look_at(answer: str, exercise: Exercise, assignment: Assignment) -> tuple[str, ...]:
    words = words_to_look_at(answer, exercise.stub)
    return (*words, *(name for name in library_names(answer, exercise, assignment.imports) if name not in words))


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


def _written(part: Written, submission: Submission, given: ByHand) -> Mark:
    """A text's points are a person's; one that was not written has none."""
    text = submission.texts.get(part.id, "")
    if text.strip() in ("", TEXT_STUB):
        return Mark(part.id, "", part.title, 0, part.points, MISSING)
    points, comment = given.get((submission.student, submission.assignment.name, part.id), (None, ""))
    verdict = "to be read" if points is None else "read"
    return Mark(part.id, "", part.title, points, part.points, verdict, comment, answer=text)
