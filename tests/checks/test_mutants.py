"""Generated wrong answers: that they are made and tried, that a sample of them fails, and that the
listed survivors are there.

All of them are tried by `campaign.py`.
"""

import random
from pathlib import Path

import pytest
from campaign import KILLED, PASSED, VOID, Exercise, exercises, fate, fates, imported, known_survivors
from mutants import Mutant, mutants

SAMPLE = 2  # mutants of each exercise
ENOUGH = 20  # mutants of an exercise, on the average

SOLUTION = '''
def span(values, low):
    """Largest less smallest of those from `low` on."""
    found = [value for value in values if value >= low]
    return max(found) - min(found[:3]) if found else 0
'''


def test_every_kind_of_change_is_made_once():
    made = {one.name: one.source for one in mutants(SOLUTION)}
    changed = {name.split(" -> ")[-1] for name in made}
    for line in (
        "found = [value for value in values if value > low]",
        "found = [value for value in values]",
        "found = _cut([value for value in values if value >= low])",
        "return max(found) + min(found[:3]) if found else 0",
        "return min(found) - min(found[:3]) if found else 0",
        "return max(found) - min(found[:]) if found else 0",
        "return max(found) - min(found[:4]) if found else 0",
        "return max(found) if found else 0",
        "return max(found) - min(found[:3]) if found else 1",
        "return max(found) - min(found[:3])",
        "return 0",
    ):
        assert line in changed, line
    assert {f"changes what it was given as {one}" for one in ("values", "low")} < set(made)
    assert sum("_spoil(" in source for source in made.values()) == 2
    assert len(set(made.values())) == len(made) and all("Largest less smallest" in text for text in made.values())


def test_a_line_that_occurs_twice_is_told_by_a_number():
    source = "def f(x):\n    x = x + 1\n    x = x + 1\n    return x\n"
    names = [one.name for one in mutants(source)]
    assert "x = x + 1 -> x = x - 1" in names and "x = x + 1 -> x = x - 1 (#2)" in names


CHECK = """
def check(answer):
    value = [3]
    assert answer(value) == 4 and value == [3]


check(answer)
"""
FATES = {
    "return x[0] + 1": PASSED,
    "return x[0] - 1": KILLED,
    "return x[1]": KILLED,
    "return 4 * sum(1 for one in iter(int, 1)) / 0": KILLED,  # never ends
    "raise SystemExit": KILLED,
    "return _cut(x[0] + 1)": VOID,
    "return _spoil(x[0] + 1, x[0])": VOID,
    "return _spoil(x[0] + 1, x)": KILLED,
}


@pytest.mark.parametrize("body", FATES)
def test_a_mutant_passes_or_does_not(body):
    first = next(iter(exercises().values()))
    exercise = Exercise("made up", first.chapter, "", CHECK)
    assert fate(exercise, Mutant("", f"def answer(x):\n    {body}\n"), 0.0) == FATES[body]


def test_there_are_many():
    counts = [len(mutants(one.solution)) for one in exercises().values()]
    assert sum(counts) > ENOUGH * len(counts), counts


def test_those_listed_as_no_wrong_answers_exist_and_have_a_reason():
    for name, listed in known_survivors().items():
        made = {one.name for one in mutants(exercises()[name].solution)}
        assert set(listed) <= made, f"{name}: {set(listed) - made}"
        assert all(isinstance(reason, str) and len(reason) > 10 for reason in listed.values()), name


@pytest.mark.parametrize("name", known_survivors())
def test_a_sample_of_them_fails(name):
    known = known_survivors()[name]

    def some(made):
        made = [one for one in made if one.name not in known]
        return random.Random(name).sample(made, min(SAMPLE, len(made)))

    found = fates(exercises()[name], some)
    assert PASSED not in found.values(), found


def test_imports_of_a_chapter_run_in_its_folder():
    before = Path.cwd()
    assert "np" in imported(next(iter(exercises().values())).chapter)
    assert Path.cwd() == before
