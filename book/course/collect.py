"""What was handed in: a folder for each student, with notebooks. Nothing is dropped without a line that says so."""

import re
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course.assignments import Assignment
from vosbook.errors import InputError

# The lecturer's own tables, beside the students' folders.
OWN_FILES = {"by_hand.csv", "looks.csv", "students.csv", "deadlines.csv"}
NO_NOTEBOOK = dict.fromkeys((".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"), "is an archive: unpack it")
MOST_BYTES = 20 * 2**20  # a larger notebook is not read
# What operating systems, archives, drives and editors leave behind, beside all names that begin with "." or "~$".
LEFTOVERS = {"__MACOSX", "__pycache__", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information"}
LEFTOVERS |= {"Thumbs.db", "desktop.ini"}
GIVEN = {"checks", "profiles", "results", "claims.yml", "timestamp.txt"}  # lie in what was handed out, or beside it


@dataclass(frozen=True)
class Submission:
    """One student's work on one assignment. Without a `file`, nothing is graded, and `notes` say why.

    `answers` and `texts` are by grade_id; `counts` is False where the work stands unread and so has no points.
    """

    student: str
    assignment: Assignment
    file: Path | None = None
    answers: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    counts: bool = True


@dataclass(frozen=True)
class _File:
    """A notebook as found: what it holds, or why that cannot be read. `name` is its path in the student's folder."""

    path: Path
    name: str
    notebook: NotebookNode | None = None
    trouble: str = ""


def collect(folder: Path, course: Sequence[Assignment]) -> tuple[list[Submission], list[str]]:
    """Submissions, one for every student and every assignment that anybody handed in; and lines on what is left over.

    `folder/STUDENT/**/NAME.ipynb`; a notebook under another name is known by its cells. InputError: no such folder, or
    no student in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: name the one that holds a folder for each student")
    here = [path for path in sorted(folder.iterdir()) if not is_leftover(path)]
    students = [path for path in here if path.is_dir()]
    if not students:
        raise InputError(f"{folder} holds no folder: put each student's notebooks into {folder}/STUDENT/")
    loose = [path for path in here if path not in students and path.name not in OWN_FILES]
    problems = [f"{path}: not in a student's folder, and not graded: move it to {folder}/STUDENT/" for path in loose]
    problems += _one_name(students)
    found: dict[tuple[str, str], list[_File]] = defaultdict(list)
    for student in students:
        for file in sorted((_read(path, student) for path in _files(student)), key=_is_no_notebook):
            name = _belongs_to(file, course)
            if name is None or (_is_no_notebook(file) and found[student.name, name]):
                problems.append(f"{file.path}: {file.trouble or 'holds no exercise of this course'}; not graded")
            else:
                found[student.name, name].append(file)
    wanted = [one for one in course if any(name == one.name for _, name in found)]
    submissions = [_submission(s.name, one, found.get((s.name, one.name), [])) for s in students for one in wanted]
    return submissions, problems


def is_leftover(path: Path) -> bool:
    return path.name in LEFTOVERS or path.name.startswith((".", "~$"))


def _files(student: Path) -> list[Path]:
    """All that a student handed in, without what was given out and what machines left behind."""
    paths = [path for path in sorted(student.rglob("*")) if path.is_symlink() or not path.is_dir()]
    own = [path for path in paths if not any(map(is_leftover, _below(path, student)))]
    return [path for path in own if not {part.name for part in _below(path, student)} & GIVEN]


def _below(path: Path, folder: Path) -> list[Path]:
    """The path and the folders that it lies in, up to `folder`."""
    return [path, *(parent for parent in path.parents if folder in parent.parents)]


def _one_name(students: list[Path]) -> list[str]:
    """Folders whose names a person would read as the same: both are graded, under their own spelling."""
    spelled = defaultdict(list)
    for student in students:
        spelled[unicodedata.normalize("NFKC", student.name).casefold().strip()].append(student.name)
    twice = [names for names in spelled.values() if len(names) > 1]
    return [f"{' and '.join(map(repr, names))}: one name, spelled in several ways? each is graded" for names in twice]


def _is_no_notebook(file: _File) -> bool:
    """A text or an archive, say. It stands for the student's work only where no notebook does."""
    return file.path.suffix.lower() != ".ipynb"


def _read(path: Path, student: Path) -> _File:
    name = path.relative_to(student).as_posix()
    if path.suffix.lower() != ".ipynb":
        return _File(path, name, trouble=NO_NOTEBOOK.get(path.suffix.lower(), "is no notebook (.ipynb)"))
    if path.is_symlink() or not path.is_file():
        return _File(path, name, trouble="is a link or no file")
    if (size := path.stat().st_size) > MOST_BYTES:
        most = MOST_BYTES // 2**20
        return _File(path, name, trouble=f"is {size / 2**20:.0f} MB: clear its outputs (at most {most} MB)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a copied cell has a second cell's id: the notebook is read all the same
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
    except Exception as error:  # whatever a file may hold
        return _File(path, name, trouble=f"is not a notebook ({_first_line(error)})")
    return _File(path, name, notebook)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:120]}" if lines else type(error).__name__


def _graded(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """Cells by grade_id; of several with one id the last, as when the notebook is run."""
    marks = ((cell.metadata.get("nbgrader"), cell) for cell in notebook.cells)
    return {m["grade_id"]: cell for m, cell in marks if isinstance(m, dict) and isinstance(m.get("grade_id"), str)}


def _belongs_to(file: _File, course: Sequence[Assignment]) -> str | None:
    """The assignment with the most of the notebook's cells; where it holds none or is broken, the one of its name."""
    ids = set(_graded(file.notebook)) if file.notebook else set()
    shared = {one.name: len(ids & one.ids) for one in course}
    best = max(shared, key=shared.get, default=None)
    if best is not None and shared[best]:
        return best
    named = [one.name for one in course if re.match(re.escape(one.name) + r"(?![\w])", file.path.stem)]
    return named[0] if named else None


def _submission(student: str, assignment: Assignment, files: list[_File]) -> Submission:
    if not files:
        return Submission(student, assignment, notes=("nothing was handed in",))
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        note = f"several notebooks, none graded: keep one of {names}"
        return Submission(student, assignment, notes=(note,), counts=False)
    (file,) = files
    if file.notebook is None:
        return Submission(student, assignment, file.path, notes=(f"{file.name} {file.trouble}",), counts=False)
    cells = _graded(file.notebook)
    answers = {e.id: cells[e.id].source for e in assignment.exercises if e.id in cells}
    texts = {w.id: cells[w.id].source for w in assignment.written if w.id in cells}
    notes = [f"handed in as {file.path.name}"] if file.path.stem != assignment.name else []
    return Submission(student, assignment, file.path, answers, texts, (*notes, *_changes(file.notebook, assignment)))


def _changes(notebook: NotebookNode, assignment: Assignment) -> list[str]:
    """What differs from the notebook that was given out, where that matters. The given one is what is graded."""
    cells, notes = _graded(notebook), []
    every = [cell.metadata.get("nbgrader") for cell in notebook.cells]
    ids = [mark.get("grade_id") for mark in every if isinstance(mark, dict)]
    for exercise in assignment.exercises:
        check = cells.get(f"{exercise.id}-check")
        if exercise.id not in cells:
            notes.append(f"{exercise.number}: the answer cell is missing (the cell, or its nbgrader metadata)")
        if ids.count(exercise.id) > 1:
            notes.append(f"{exercise.number}: {ids.count(exercise.id)} answer cells, of which the last counts")
        if check is None:
            notes.append(f"{exercise.number}: the check was removed; the course's own was run")
        elif check.source.strip() != exercise.check.strip():
            notes.append(f"{exercise.number}: the check was edited; the course's own was run")
        elif check.metadata["nbgrader"].get("points") != exercise.points:
            notes.append(f"{exercise.number}: the points were edited; the course's own count")
    return notes
