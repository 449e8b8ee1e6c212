"""Answers of the whole book through the grader: every solution and stub, and wrong and right ones drawn anew each time.

The checks themselves are tried on every listed answer elsewhere; here the way through the grader is what is tested. All
run from one process that has executed the imports cells, so that the sweep costs little.
"""

import random
import resource
import runpy
import time
from pathlib import Path

import nbformat
import pytest
from course.assignments import assignments
from course.grade import grade
from course.jobs import job_of, setup_of
from course.looks import words_to_look_at
from course.mistakes import as_answer
from course.sandbox import Limits, require_sandbox, run_jobs
from pipeline.chapters import BOOK

from vosbook.errors import InputError

COURSE = assignments(BOOK)
RIGHT = Path(__file__).parents[1] / "checks" / "right"
DRAWN = 1  # wrong answers of an exercise that go through the grader, and as many right ones
LIMITS = Limits(wall_seconds=600)  # the clock runs on where other work keeps the cores busy


def wrong_answers(assignment):
    """Names of an exercise's wrong answers, by exercise, and the source of the module that holds them."""
    return _listed(BOOK / "checks" / "wrong" / f"{assignment.checks[0]}.py", "WRONG")


def right_answers(assignment):
    """Those in another style than the solution's, in the same way."""
    return _listed(RIGHT / f"{assignment.checks[0]}.py", "RIGHT")


def _listed(path, table):
    listed = runpy.run_path(str(path))[table]
    names = {exercise: [answer.__name__ for answer in answers] for exercise, answers in listed.items()}
    return names, path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def swept():
    """Verdicts by (exercise, "solution" | "stub" | name of a wrong answer | "right:" and the name of a right one)."""
    jobs = []
    for assignment in COURSE:
        listed, source = wrong_answers(assignment)
        others, right = right_answers(assignment)
        for e in assignment.exercises:
            answers = {"solution": e.answer, "stub": e.stub}
            answers |= {name: as_answer(source, name, e.name) for name in random.sample(listed[e.id], DRAWN)}
            answers |= {f"right:{n}": as_answer(right, n, e.name) for n in random.sample(others[e.id], DRAWN)}
            jobs += [job_of(e, assignment, text, id=f"{e.id} {name}") for name, text in answers.items()]
    try:
        require_sandbox()
        isolation = "sandbox"
    except InputError:
        isolation = "limits"  # the verdicts do not depend on it
    setups = {one.name: setup_of(one) for one in COURSE}
    verdicts = run_jobs(jobs, setups, seed=random.randrange(2**32), limits=LIMITS, isolation=isolation)
    return {tuple(name.split(" ")): verdict for name, verdict in verdicts.items()}


def test_every_solution_passes_and_every_stub_is_not_answered(swept):
    for assignment in COURSE:
        for e in assignment.exercises:
            assert swept[e.id, "solution"].verdict == "passed", (e.id, swept[e.id, "solution"])
            assert swept[e.id, "stub"].verdict == "not answered", (e.id, swept[e.id, "stub"])


def test_every_right_answer_in_another_style_passes(swept):
    right = {key: verdict for key, verdict in swept.items() if key[1].startswith("right:")}
    assert not {key: verdict for key, verdict in right.items() if verdict.verdict != "passed"}


def test_every_wrong_answer_fails_its_exercise(swept):
    kept = "solution", "stub", "right:"
    wrong = {key: verdict for key, verdict in swept.items() if not key[1].startswith(kept)}
    assert len(wrong) == DRAWN * sum(len(one.exercises) for one in COURSE)
    assert not {key: verdict for key, verdict in wrong.items() if verdict.verdict != "failed"}


KNOWS_THE_TRUTH = """
class Tracker:
    def start(self, frame, masks):
        self.t, self.masks = 0, masks

    def step(self, frame):
        self.t += 1
        for seed in project.SEEDS if hasattr(project, "SEEDS") else ():
            frames, truth = project._video(seed)
            if (frames[self.t] == frame).all():
                return truth[self.t]
        return self.masks
"""


def test_what_runs_before_answers_takes_nothing_from_the_checks():
    for assignment in COURSE:
        assert "checks" not in setup_of(assignment), assignment.name


def test_the_project_has_no_truth_to_be_looked_up():
    (exercise,) = COURSE[-1].exercises
    jobs = [
        job_of(exercise, COURSE[-1], text, id=str(n))
        for n, text in enumerate((KNOWS_THE_TRUTH, "from checks import project\n" + KNOWS_THE_TRUTH))
    ]
    setups = {COURSE[-1].name: setup_of(COURSE[-1])}
    verdicts = run_jobs(jobs, setups, seed=random.randrange(2**32), limits=LIMITS, isolation="limits")
    assert "NameError" in verdicts["0"].message and "ImportError" in verdicts["1"].message
    assert {one.verdict for one in verdicts.values()} == {"error"}


def test_no_solution_needs_a_word_that_is_to_be_looked_at():
    for assignment in COURSE:
        for e in assignment.exercises:
            assert not words_to_look_at(e.answer, e.stub), e.id


def test_one_submission_of_a_chapter_is_graded_in_time_and_a_wrong_answer_costs_only_itself(tmp_path):
    """The chapter with the most exercises: all solved but the first."""
    assignment = max(COURSE, key=lambda one: len(one.exercises))
    listed, source = wrong_answers(assignment)
    first = assignment.exercises[0]
    notebook = nbformat.from_dict(assignment.notebook)
    answer = next(cell for cell in notebook.cells if cell.source == first.answer)
    answer.source = as_answer(source, listed[first.id][0], first.name)
    (tmp_path / "handed" / "ada").mkdir(parents=True)
    nbformat.write(notebook, tmp_path / "handed" / "ada" / f"{assignment.name}.ipynb")
    begin = _processor_seconds()
    (graded,) = grade(tmp_path / "handed", tmp_path / "out", limits=LIMITS, isolation="limits", say=lambda line: None)
    spent = _processor_seconds() - begin
    assert [mark.verdict for mark in graded.marks] == ["failed", *["passed"] * (len(assignment.exercises) - 1)]
    assert graded.points == assignment.points - first.points
    assert spent < 60, f"{spent:.1f} s of processor time"  # some 10, several times as many where others share the cores


def _processor_seconds() -> float:
    """Of this process and of all that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def test_points_that_a_person_gave_are_read_back(tmp_path):
    project = COURSE[-1]
    notebook = nbformat.from_dict(project.notebook)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") in ("project-question", "project-method"):
            cell.source = "Does a larger memory help?"
        elif cell.source == project.exercises[0].answer:
            cell.source = project.exercises[0].stub
    handed, out = tmp_path / "handed", tmp_path / "out"
    (handed / "ada").mkdir(parents=True)
    nbformat.write(notebook, handed / "ada" / "project.ipynb")
    said: list[str] = []
    (graded,) = grade(handed, out, limits=LIMITS, isolation="limits", say=said.append)
    assert graded.points == 0
    assert {m.id: m.points for m in graded.marks} == {
        **{"project-1": 0, "project-question": None, "project-method": None},
        **dict.fromkeys(("project-measurement", "project-limits", "project-again"), 0),
    }
    form = (out / "by_hand.csv").read_text().replace("Question,5,,", "Question,5,4.5,clear")
    (handed / "by_hand.csv").write_text(form + "eve,project,project-method,Method,8,3,\n")
    (graded,) = grade(handed, out, limits=LIMITS, isolation="limits", say=said.append)
    assert graded.points == 4.5
    assert any("by_hand.csv: eve, project, project-method was not handed in" in line for line in said)
    assert "clear" in (out / "feedback" / "ada" / "project.html").read_text()
    (handed / "by_hand.csv").write_text(form.replace("4.5", "6"))
    with pytest.raises(InputError, match="points must be 0 to 5, not '6'"):
        grade(handed, out, limits=LIMITS, isolation="limits", say=said.append)
