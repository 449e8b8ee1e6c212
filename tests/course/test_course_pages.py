"""The course's pages: numbers from the chapters, no solution, links that lead somewhere."""

import re

from course.assignments import assignments
from course.pages import course_pages, effort, exercise_table
from pipeline.chapters import BOOK


def test_the_table_has_every_exercise_of_the_chapters():
    course = assignments(BOOK)
    table = exercise_table(course)
    for assignment in course:
        assert f"## {assignment.title}\n" in table
        for e in assignment.exercises:
            assert f"| {e.number} | {e.title} | {e.difficulty} | {e.minutes} | {e.points} |" in table
    assert f"{sum(one.points for one in course)} points" in table


def test_effort_adds_up(tiny):
    course = assignments(tiny)
    assert effort(["00"], course) == "30 minutes, 6 points"
    assert effort(["14"], course) == "–"


def test_pages_are_filled_and_linked():
    pages = course_pages(BOOK)
    assert set(pages) == {f"course/{name}.md" for name in ("syllabus", "exercises", "project", "graders")}
    for name, text in pages.items():
        assert "{{" not in text, name
        assert all(f"course/{target}" in pages for target in re.findall(r"\]\((\w+\.md)\)", text)), name
    weeks = re.findall(r"^\| (\d+) \| [\d, ]+ \|", pages["course/syllabus.md"], re.MULTILINE)
    assert weeks == [str(week) for week in range(1, 13)]
    assert "cKDTree" not in pages["course/project.md"]
    assert pages["course/project.md"].count("| points | rubric |") == 5
