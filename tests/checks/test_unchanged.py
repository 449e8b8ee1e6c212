"""What an answer changes of what it was given is named; what it leaves alone is not."""

import numpy as np
import pytest
import torch
from checks.guard import guarded
from checks.measured import watched
from checks.unchanged import change, taken


def given():
    """A fresh value of every kind that can be changed."""
    return {
        "array": np.array([1.0, np.nan]),
        "tensor": torch.tensor([1.0, np.nan], requires_grad=True),
        "parts": {"a": 1.0, "b": [np.zeros(3), {4}]},
        "pair": (np.arange(2), "text", None),
        "rng": np.random.default_rng(0),
    }


CHANGES = {
    "1 of the 2 numbers of array": lambda v: v["array"].__setitem__(0, 2),
    "2 of the 2 numbers of array": lambda v: v["array"].fill(3),
    "1 of the 2 numbers of tensor": lambda v: v["tensor"].data.__setitem__(0, 2),
    "of another shape": lambda v: v["array"].resize((1, 2), refcheck=False),
    "parts had the keys": lambda v: v["parts"].pop("a"),
    "parts['a'] was 1.0, and is 2 now": lambda v: v["parts"].update(a=2),
    "1 of the 3 numbers of parts['b'][0]": lambda v: v["parts"]["b"][0].__setitem__(0, 1),
    "parts['b'][1] was {4}": lambda v: v["parts"]["b"][1].add(5),
    "parts['b'][0] was array([0., 0., 0.]), and is {4} now": lambda v: v["parts"]["b"].reverse(),
    "parts['b'] had 2 entries": lambda v: v["parts"]["b"].pop(),
    "1 of the 2 numbers of pair[0]": lambda v: v["pair"][0].__setitem__(0, 1),
}


def look(value, before):
    return [told for name in value if (told := change(name, before[name], value[name]))]


def test_what_is_left_alone_is_not_named():
    value = given()
    before = taken(value)
    value["rng"].random()
    value["parts"]["b"][0] = np.zeros(3)  # another object with the same numbers
    assert look(value, before) == []


@pytest.mark.parametrize("told", CHANGES)
def test_a_change_is_named(told):
    value = given()
    before = taken(value)
    CHANGES[told](value)
    (found,) = look(value, before)
    assert told in found


def test_looking_at_a_watched_array_is_not_written_down():
    log: list = []
    value = {"w": watched(np.ones(3), log)}
    assert look(value, taken(value)) == [] and log == []


@guarded
def check_total(total):
    """Accepts whatever sums the array and the list."""
    array, numbers = np.arange(3), [4, 5]
    got = sum(one for one in np.ravel(list(total(array, numbers=numbers))))
    assert got == 12, f"got {got}"


def spoils_the_array(values, numbers):
    values += 1
    return [values.sum() - 3, sum(numbers)]


def spoils_the_list(values, numbers):
    return [values.sum(), numbers.pop() + numbers.pop()]


def spoils_it_late(values, numbers):
    yield values.sum()
    yield sum(numbers)
    numbers.clear()


def test_every_check_says_what_its_answer_changed():
    check_total(lambda values, numbers: [values.sum(), sum(numbers)])
    for answer, told in (
        (spoils_the_array, "spoils_the_array changed what it was given: 3 of the 3 numbers of values"),
        (spoils_the_list, "spoils_the_list changed what it was given: numbers had 2 entries, and has 0 now"),
        (spoils_it_late, "spoils_it_late changed what it was given: numbers had 2 entries"),
    ):
        with pytest.raises(AssertionError) as caught:
            check_total(answer)
        assert told in str(caught.value)
