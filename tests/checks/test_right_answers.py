"""Answers in other styles than the solutions' pass, whatever cases are drawn. They lie in `right/chNN.py`."""

import importlib
from pathlib import Path

import pytest
from campaign import exercises, imported

CHAPTERS = sorted(path.stem for path in (Path(__file__).parent / "right").glob("ch[0-9][0-9].py"))
RIGHT = {
    (name, answer.__name__): answer
    for chapter in CHAPTERS
    for name, answers in importlib.import_module(f"right.{chapter}").RIGHT.items()
    for answer in answers
}


@pytest.mark.parametrize(("name", "style"), RIGHT)
def test_a_right_answer_in_another_style_passes(name, style):
    exercise = exercises()[name]
    exec(exercise.check, {**imported(exercise.chapter), exercise.answer: RIGHT[name, style]})


def test_there_are_two_for_every_exercise():
    for name in exercises():
        if f"ch{name[2:4]}" in CHAPTERS:
            assert sum(exercise == name for exercise, _ in RIGHT) >= 2, name
