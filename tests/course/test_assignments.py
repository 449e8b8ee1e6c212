"""The student's version holds no solution, the instructor's all; both are nbgrader's, and the folder is complete."""

import json
import re
import time

import nbformat
import pytest
from course.assignments import assignments, make_course
from nbgrader.api import Gradebook
from pipeline.chapters import BOOK, chapter_paths, exercise_cells, read_chapter

from vosbook.profiles import book_folder, load_profile

SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder that `make course` writes, its assignments, and the processor's seconds that it took."""
    out, begin = tmp_path_factory.mktemp("course"), time.process_time()
    chosen = make_course(out, say=lambda line: None)
    return out, chosen, time.process_time() - begin


def texts(folder):
    """Everything written in a folder, by file: of notebooks every string as a reader sees it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            yield path, "\n".join(_strings(json.loads(text))) if path.suffix in (".ipynb", ".json") else text


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        yield from value if isinstance(value, dict) else ()
        parts = list(value.values() if isinstance(value, dict) else value)
        if parts and all(isinstance(part, str) for part in parts):
            yield "".join(parts)  # a cell's source is a list of lines
        for part in parts:
            yield from _strings(part)


def solution_lines(assignment):
    """Lines that stand in solutions and nowhere else in the notebook."""
    answers = {e.answer for e in assignment.exercises}
    rest = "\n".join(cell.source for cell in assignment.notebook.cells if cell.source not in answers)
    lines = [line.strip() for a in answers for part in SOLUTION.findall(a) for line in part.splitlines()]
    return {line for line in lines if len(line) >= 12 and line not in rest}


def test_every_chapter_with_exercises_and_the_project_is_an_assignment(built):
    out, chosen, _ = built
    chapters = [path.stem for path in chapter_paths() if exercise_cells(read_chapter(path))]
    assert [one.name for one in chosen] == [*chapters, "project"]
    for version in ("source", "release"):
        assert {path.name for path in (out / version).iterdir()} == {*chapters, "project"}


def test_no_solution_is_in_what_students_get(built):
    out, chosen, _ = built
    for assignment in chosen:
        lines = solution_lines(assignment)
        assert len(lines) >= 3, f"{assignment.name}: the test looks for nothing"
        given = dict(texts(out / "release" / assignment.name))
        for path, text in given.items():
            assert "SOLUTION" not in text, path
            assert not [line for line in lines if line in text], path
        instructors = dict(texts(out / "source" / assignment.name))
        assert all(any(line in text for text in instructors.values()) for line in lines)


def test_students_find_stubs_to_fill_in_and_locked_checks(built):
    out, chosen, _ = built
    for assignment in chosen:
        notebook = nbformat.read(out / "release" / assignment.name / f"{assignment.name}.ipynb", as_version=4)
        cells = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata}
        for exercise in assignment.exercises:
            answer, check = cells[exercise.id], cells[f"{exercise.id}-check"]
            assert answer.source == exercise.stub and "raise NotImplementedError()" in answer.source
            assert check.source == exercise.check and check.metadata.editable is False
            assert check.metadata.nbgrader.points == exercise.points
            assert "jupyter" not in answer.metadata, "the cell to work on must not be folded away"
        assert not [c for c in notebook.cells if c.get("outputs") or c.get("execution_count")]
        assert "To hand in" in notebook.cells[0].source


def test_nbgrader_knows_every_point(built):
    out, chosen, _ = built
    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as gradebook:
        assert {one.name: gradebook.find_assignment(one.name).max_score for one in chosen} == {
            one.name: one.points for one in chosen
        }


def test_an_assignment_stands_by_itself(built, monkeypatch):
    out, chosen, _ = built
    for assignment in chosen:
        folder = out / "release" / assignment.name
        monkeypatch.chdir(folder)
        assert book_folder() == folder
        assert load_profile("smoke").name == "smoke"
        for name in assignment.checks:
            namespace = {"__name__": f"checks.{name}", "__file__": name}
            exec((folder / "checks" / f"{name}.py").read_text(), namespace)
            for exercise in assignment.exercises:
                assert callable(eval(exercise.check.split("(")[0].split(".")[1], namespace))


def test_records_that_a_chapter_names_travel_with_it(built):
    out, _, _ = built
    names = {path.name for path in (out / "release" / "08_frtm" / "results").iterdir()}
    assert "frtm_ablation_small.json" in names
    assert names <= {path.name for path in (BOOK / "results").iterdir()}


def test_the_claims_travel_with_the_chapter_that_reads_them(built):
    out, chosen, _ = built
    reading = {one.name for one in chosen if "claims.yml" in one.path.read_text(encoding="utf-8")}
    assert {path.parent.name for path in (out / "release").glob("*/claims.yml")} == reading


def test_all_student_versions_take_less_than_a_minute(built):
    assert built[2] < 60


def test_making_it_again_replaces_it(tiny, tmp_path):
    for title in ("Once", "Twice"):
        chapter = tiny / "00_tiny.py"
        chapter.write_text(re.sub("# # .*", f"# # {title}", chapter.read_text()))
        make_course(tmp_path, book=tiny, say=lambda line: None)
    made = nbformat.read(tmp_path / "release" / "00_tiny" / "00_tiny.ipynb", as_version=4)
    assert made.cells[0].source.startswith("# Twice")


def test_effort_is_what_the_chapter_says(tiny):
    (assignment,) = assignments(tiny)
    assert [(e.number, e.title, e.difficulty, e.minutes, e.points) for e in assignment.exercises] == [
        ("0.1", "Double", 1, 5, 1),
        ("0.2", "Root", 2, 10, 2),
        ("0.3", "Negative", 3, 15, 3),
    ]
    assert assignment.points == 6
