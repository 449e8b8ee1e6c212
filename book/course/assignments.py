"""Assignments from the chapters' own cells: nbgrader's `source` (for the instructor) and `release` (for the student).

An assignment is a folder with one notebook and all that the notebook reads: the checks of its exercises, the profiles,
and the records that it names. It runs wherever the package `vosbook` is installed.
"""

import ast
import base64
import logging
import os
import re
import shutil
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from pipeline.chapters import (
    BOOK,
    as_python,
    chapter_paths,
    code_cells,
    exercise_cells,
    read_chapter,
    record_paths,
    shared_checks,
    without_solution,
)

TITLE = re.compile(r"^### Exercise ([\dP]+\.\d+) · (.+)$", re.MULTILINE)
GRADE_ID = re.compile(r'"grade_id": "([^"]+)"')
EFFORT = re.compile(r"^\*difficulty ([123]) of 3 · (\d+) minutes? · (\d+) points?\*$", re.MULTILINE)
COURSE_ID = "vos-from-scratch"
CONFIG = f"""c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "{COURSE_ID}"
c.ExecutePreprocessor.timeout = 600  # seconds for a cell: some train a network
"""
HOW_TO_HAND_IN = """
> **To hand in.** Replace the line `raise NotImplementedError()` of each answer cell, run the check under it, and hand
> in this file under its own name. Only the answer cells are read. An answer may use what the imports cell defines, and
> nothing else: not other cells of this notebook, nor cells that you add.
"""
PACKED = '''"""Checks of an assignment, packed so that nobody reads an answer by accident. They are run as they are."""

import base64
import zlib

exec(compile(zlib.decompress(base64.b85decode("{}")), __file__, "exec"))
'''


@dataclass(frozen=True)
class Exercise:
    """One exercise: its answer cell and the check under it. `id` is the answer's grade_id, e.g. "ex03-1"."""

    id: str
    number: str  # as printed, e.g. "3.1"
    title: str
    difficulty: int
    minutes: int
    points: int
    answer: str  # with the solution
    check: str

    @property
    def name(self) -> str:
        """The name that the answer must define: the first argument of the check's call."""
        return ast.unparse(ast.parse(self.check).body[-1].value.args[0])

    @property
    def stub(self) -> str:
        """The answer cell as the student gets it."""
        return without_solution(self.answer)


@dataclass(frozen=True)
class Written:
    """A text that a person reads and gives points for."""

    id: str
    title: str
    points: int


@dataclass(frozen=True)
class Assignment:
    """A chapter, or the final project, as work to hand in. `name` is its file's stem, e.g. "03_linear_model"."""

    name: str
    path: Path

    @cached_property
    def ids(self) -> frozenset[str]:
        """Of its exercises and texts, from the file's text: to read it as a notebook takes much longer."""
        found = GRADE_ID.findall(self.path.read_text(encoding="utf-8"))
        return frozenset(one for one in found if not one.endswith("-check"))

    @cached_property
    def notebook(self) -> NotebookNode:
        return read_chapter(self.path)

    @cached_property
    def title(self) -> str:
        return re.search(r"^# +(.+)$", self.notebook.cells[0].source, re.MULTILINE)[1]

    @cached_property
    def imports(self) -> str:
        """The cell that runs before every answer."""
        return next(c.source for c in code_cells(self.notebook) if "imports" in c.metadata.get("tags", []))

    @cached_property
    def checks(self) -> tuple[str, ...]:
        """Modules of `book/checks` that the imports cell names, e.g. ("ch03",)."""
        lines = [line for line in ast.parse(self.imports).body if isinstance(line, ast.ImportFrom)]
        return tuple(alias.name for line in lines if line.module == "checks" for alias in line.names)

    @cached_property
    def exercises(self) -> tuple[Exercise, ...]:
        return tuple(self._exercise(*pair) for pair in exercise_cells(self.notebook).items())

    def _exercise(self, name: str, cells: tuple[NotebookNode, NotebookNode]) -> Exercise:
        answer, check = cells
        prose = "\n\n".join(c.source for c in self.notebook.cells[: self.notebook.cells.index(answer)])
        (number, title), (difficulty, minutes, points) = TITLE.findall(prose)[-1], EFFORT.findall(prose)[-1]
        return Exercise(name, number, title, *map(int, (difficulty, minutes, points)), answer.source, check.source)

    @cached_property
    def written(self) -> tuple[Written, ...]:
        """Cells of text that are graded by hand."""
        parts = [cell for cell in self.notebook.cells if cell.cell_type == "markdown" and "nbgrader" in cell.metadata]
        return tuple(self._written(cell) for cell in parts)

    def _written(self, cell: NotebookNode) -> Written:
        prose = "\n\n".join(c.source for c in self.notebook.cells[: self.notebook.cells.index(cell)])
        mark = cell.metadata["nbgrader"]
        return Written(mark["grade_id"], re.findall(r"^### (.+)$", prose, re.MULTILINE)[-1], mark["points"])

    @property
    def points(self) -> int:
        return sum(part.points for part in (*self.exercises, *self.written))


def assignments(book: Path = BOOK) -> list[Assignment]:
    """One for every chapter that has exercises, in order, and the final project."""
    paths = [*chapter_paths(book), *(path for path in [book / "course" / "project.py"] if path.is_file())]
    return [one for one in (Assignment(path.stem, path) for path in paths) if one.ids]


# ------------------------------------------------------------------------------------------- source and release


def make_course(
    out: Path, *, book: Path = BOOK, only: str | None = None, say: Callable[[str], None] = print
) -> list[Assignment]:
    """Write `out/source` and `out/release`, and nbgrader's gradebook and configuration, for all assignments or one.

    The release is nbgrader's own conversion of the source: solutions replaced by its stub, checks locked.
    """
    chosen = [one for one in assignments(book) if only in (None, one.name)]
    for folder in ("source", "release") if only is None else ():
        shutil.rmtree(out / folder, ignore_errors=True)
    for assignment in chosen:
        write_source(assignment, out / "source" / assignment.name, book=book)
    (out / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    _release(out, chosen)
    points = sum(one.points for one in chosen)
    say(f"{len(chosen)} assignments, {sum(len(one.exercises) for one in chosen)} exercises, {points} points")
    return chosen


def write_source(assignment: Assignment, folder: Path, *, book: Path = BOOK) -> None:
    """The instructor's folder of one assignment. Solutions are in the notebook's answer cells, and nowhere else."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "checks").mkdir(parents=True)
    nbformat.write(_instructors(assignment), folder / f"{assignment.name}.ipynb")
    for path in (*(book / "checks" / f"{name}.py" for name in assignment.checks), *shared_checks(book)):
        packed = base64.b85encode(zlib.compress(path.read_bytes(), 9)).decode()
        (folder / "checks" / path.name).write_text(PACKED.format(packed), encoding="utf-8")
    shutil.copytree(book / "profiles", folder / "profiles")
    (folder / "results").mkdir()
    code = as_python(assignment.notebook)
    for record in record_paths(book, code):
        shutil.copy(record, folder / "results")
    if "claims.yml" in code:
        shutil.copy(book / "claims.yml", folder)


def _instructors(assignment: Assignment) -> NotebookNode:
    notebook = nbformat.from_dict(assignment.notebook)
    for cell in notebook.cells:
        cell.metadata.pop("jupyter", None)  # the book folds answers away; here they are what is worked on
    notebook.cells[0].source += "\n" + HOW_TO_HAND_IN
    return notebook


def _release(out: Path, chosen: list[Assignment]) -> None:
    from nbgrader.apps import NbGraderAPI  # 1 s, and only here
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.utils import setenv
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(out.resolve())
    config.CourseDirectory.course_id = COURSE_ID
    nbgrader = NbGraderAPI(CourseDirectory(config=config), config=config)
    nbgrader.log.setLevel(logging.ERROR)
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    for assignment in chosen:
        with setenv(PATH=programs):  # it calls alembic, which lies beside this Python
            done = nbgrader.generate_assignment(assignment.name, force=True, create=True)
        if not done["success"]:
            raise RuntimeError(f"nbgrader could not make {assignment.name}:\n{done.get('error') or done.get('log')}")
