"""Every exercise's check: fails on the stub, fails on each wrong answer, passes on the solution.

An answer may rely on the chapter's cell of imports and on nothing else, so that is all that runs before it.
"""

import ast
import importlib
import os
import re
from functools import cache

import pytest
from pipeline.chapters import BOOK, chapter_paths, code_cells, exercise_cells, read_chapter, without_solution

CHAPTERS = {path.stem: path for path in chapter_paths()}
MINIMUM = 3  # exercises a chapter, and wrong answers an exercise


@cache
def chapter(name: str):
    return read_chapter(CHAPTERS[name])


@cache
def wrong_answers(name: str) -> dict:
    return importlib.import_module(f"checks.wrong.ch{name[:2]}").WRONG


@cache
def imported(name: str) -> dict:
    """What the chapter's cell of imports defines; chapters run in the book's folder."""
    cell = next(cell for cell in code_cells(chapter(name)) if "imports" in cell.metadata.get("tags", []))
    before = os.getcwd()  # noqa: PTH109  (put back as it was)
    os.chdir(BOOK)
    try:
        namespace: dict = {"__name__": "__main__"}
        exec(compile(cell.source, f"{name}: imports", "exec"), namespace)
        return namespace
    finally:
        os.chdir(before)


EXERCISES = [(name, exercise) for name in CHAPTERS for exercise in exercise_cells(chapter(name))]
every_exercise = pytest.mark.parametrize(("name", "exercise"), EXERCISES)


def run(name: str, source: str, namespace: dict | None = None) -> dict:
    namespace = dict(imported(name)) if namespace is None else namespace
    exec(compile(source, f"{name}: cell", "exec"), namespace)
    return namespace


def answer_name(check: str) -> str:
    """The name of the answer: the first argument of the check's call."""
    call = ast.parse(check).body[-1].value
    assert isinstance(call, ast.Call), f"a check cell is one call, not: {check}"
    return ast.unparse(call.args[0])


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_has_exercises_with_difficulty_time_and_points(name):
    assert len(exercise_cells(chapter(name))) >= MINIMUM
    prose = "\n".join(cell.source for cell in chapter(name).cells if cell.cell_type == "markdown")
    titles = re.findall(r"^### Exercise \d+\.\d+ · .+$", prose, re.MULTILINE)
    lines = re.findall(r"^\*difficulty ([123]) of 3 · \d+ minutes? · (\d+) points?\*$", prose, re.MULTILINE)
    assert len(titles) == len(lines) == len(exercise_cells(chapter(name)))
    points = [check.metadata["nbgrader"]["points"] for _, check in exercise_cells(chapter(name)).values()]
    assert [int(stated) for _, stated in lines] == points
    levels = {int(level) for level, _ in lines}
    assert min(levels) == 1 and max(levels) == 3, f"{name} needs a warm-up and one that is hard, has {levels}"


@every_exercise
def test_the_cells_carry_what_nbgrader_needs(name, exercise):
    answer, check = (cell.metadata["nbgrader"] for cell in exercise_cells(chapter(name))[exercise])
    assert (answer["grade"], answer["solution"], answer["locked"]) == (False, True, False)
    assert (check["grade"], check["solution"], check["locked"]) == (True, False, True)
    assert exercise.startswith(f"ex{name[:2]}-")
    source = exercise_cells(chapter(name))[exercise][0].source
    assert without_solution(source) != source


@every_exercise
def test_the_solution_is_folded_away_in_jupyterlab(name, exercise):
    answer, check = exercise_cells(chapter(name))[exercise]
    assert answer.metadata.get("jupyter") == {"source_hidden": True}
    assert "jupyter" not in check.metadata


@every_exercise
def test_the_solution_passes(name, exercise):
    answer, check = exercise_cells(chapter(name))[exercise]
    run(name, check.source, run(name, answer.source))


@every_exercise
def test_the_stub_fails(name, exercise):
    answer, check = exercise_cells(chapter(name))[exercise]
    with pytest.raises((NotImplementedError, AssertionError)):
        run(name, check.source, run(name, without_solution(answer.source)))


@every_exercise
def test_a_forgotten_return_is_named(name, exercise):
    check = exercise_cells(chapter(name))[exercise][1].source
    with pytest.raises(AssertionError, match="does it end with a `return`"):
        run(name, check, {**imported(name), answer_name(check): lambda *given, **options: None})


@every_exercise
def test_wrong_answers_are_named_after_the_mistake(name, exercise):
    answers = wrong_answers(name)[exercise]
    assert len(answers) >= MINIMUM
    assert len({wrong.__name__ for wrong in answers}) == len(answers)
    assert all(wrong.__doc__ for wrong in answers)


@pytest.mark.parametrize(
    ("name", "exercise", "wrong"),
    [(n, e, w) for n, e in EXERCISES for w in wrong_answers(n)[e]],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_wrong_answer_fails_with_a_message(name, exercise, wrong):
    check = exercise_cells(chapter(name))[exercise][1].source
    with pytest.raises(AssertionError) as caught:
        run(name, check, {**imported(name), answer_name(check): wrong})
    assert len(str(caught.value)) > 20, "the message must help"


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_imports_change_nothing_that_other_chapters_answers_feel(name):
    """The grader executes all of them in one process: numbers under 1e-38 once broke another chapter's answer."""
    source = next(c.source for c in code_cells(chapter(name)) if "imports" in c.metadata.get("tags", []))
    kinds = (ast.Import, ast.ImportFrom)
    assert all(isinstance(line, kinds) for line in ast.parse(source).body), source
