"""Otter's test files: one for each exercise, with its points, which pass the solution and nothing less."""

import runpy
import sys
import types

import pytest
from checks import guard
from course.assignments import assignments
from course.otter import write_tests
from pipeline.chapters import BOOK

(ASSIGNMENT,) = [one for one in assignments(BOOK) if one.name.startswith("02_")]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """What each file defines, by its name. Otter's decorator leaves the function as it is, here as there."""
    stand_in = types.ModuleType("otter.test_files")
    stand_in.test_case = lambda **options: lambda function: function
    monkeypatch.setitem(sys.modules, "otter", types.ModuleType("otter"))
    monkeypatch.setitem(sys.modules, "otter.test_files", stand_in)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "ex99_1.py").write_text("of another course")
    write_tests(ASSIGNMENT, tmp_path / "tests")
    return {path.stem: runpy.run_path(str(path)) for path in sorted((tmp_path / "tests").iterdir())}


def test_there_is_one_for_each_exercise_with_its_points(files):
    assert list(files) == [one.id.replace("-", "_") for one in ASSIGNMENT.exercises]
    found = {of["name"]: of["points"] for of in files.values()}
    assert found == {one.id: one.points for one in ASSIGNMENT.exercises}
    assert not any(of["OK_FORMAT"] for of in files.values())


def test_the_solution_passes_and_the_stub_does_not(files, monkeypatch):
    monkeypatch.chdir(BOOK)
    for exercise, of in zip(ASSIGNMENT.exercises, files.values(), strict=True):
        for answer, passes in ((exercise.answer, True), (exercise.stub, False)):
            env: dict = {}
            exec(ASSIGNMENT.imports, env)
            exec(answer, env)
            if passes:
                of["passes"](env)
            else:
                with pytest.raises((AssertionError, NotImplementedError)):
                    of["passes"](env)


def test_the_library_in_the_place_of_an_answer_has_no_points(files, monkeypatch):
    """The chapter's later cells call the answer's name something else where it did not pass."""
    monkeypatch.chdir(BOOK)
    first, test = ASSIGNMENT.exercises[0], next(iter(files.values()))
    env: dict = {}
    exec(ASSIGNMENT.imports, env)
    exec(first.answer, env)
    right = env[first.name]
    test["passes"](env)
    env[first.name] = guard.yours(lambda *given: None, right)
    with pytest.raises(AssertionError, match="had not passed when its check's cell ran"):
        test["passes"](env)
