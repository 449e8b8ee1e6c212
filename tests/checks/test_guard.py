"""What every check does with an answer that returns nothing of use, or breaks."""

import numpy as np
import pytest
from checks import cases
from checks.guard import guarded, tried, yours


@guarded
def check_double(double):
    """Accepts twice the array."""
    for n in (1, 3):
        x = np.arange(n)
        got = double(x)
        right = got.shape == x.shape and np.array_equal(got, 2 * x)
        assert right, f"of {x} it gives {got}"


@guarded
def check_doubles(doubles):
    """Accepts a generator that doubles."""
    assert [item + 0 for item in doubles([1, 2])] == [2, 4], "not doubled"


def message(check, answer) -> str:
    with pytest.raises(AssertionError) as caught:
        check(answer)
    return str(caught.value).split("\n +")[0].split("\nassert")[0]  # pytest adds to a message


def test_a_right_answer_passes_and_a_wrong_one_keeps_its_message():
    check_double(lambda x: x + x)
    assert message(check_double, lambda x: x) == "of [0 1 2] it gives [0 1 2]"


def test_a_forgotten_return_is_named():
    def double(x):
        x + x

    assert message(check_double, double) == "double returned None: does it end with a `return`?"
    assert message(check_doubles, double).startswith("double returned None")


def test_none_after_something_is_no_forgotten_return():
    told = message(check_double, lambda x: 2 * x if len(x) == 1 else None)
    assert "return`" not in told and "AttributeError: 'NoneType' object has no attribute 'shape'" in told


def test_what_cannot_be_used_is_shown():
    told = message(check_double, lambda x: [1, 2])
    assert "AttributeError: 'list' object has no attribute 'shape'" in told and "It returned a list: [1, 2]" in told
    with pytest.raises(TypeError, match="'int' object is not callable"):
        check_double(5)


def test_an_error_that_many_make_is_told_with_its_case():
    @guarded
    def check(first):
        assert tried("an empty list", first, []) is None

    def first(values):
        raise NotImplementedError

    check(lambda values: values[0] if values else None)
    assert message(check, lambda values: values[0]).startswith("an empty list: it raises IndexError")
    with pytest.raises(NotImplementedError):
        check(first)


def test_errors_of_the_answer_stay_its_own():
    def double(x):
        return x / "2"

    def doubles(values):
        yield values[5]

    class Late:
        def __init__(self, values):
            self.values = values

        def __iter__(self):
            yield self.values["a"]

    with pytest.raises(TypeError, match="ufunc"):
        check_double(double)
    with pytest.raises(IndexError):
        check_doubles(doubles)
    with pytest.raises(TypeError, match="list indices"):
        check_doubles(Late)
    with pytest.raises(NotImplementedError):
        check_double(lambda x: (_ for _ in ()).throw(NotImplementedError()))


@guarded
def check_drawn(answer):
    """Draws a number, and accepts nothing."""
    drawn = cases.generator().integers(1000), cases.torch_generator().initial_seed()
    right = answer(drawn) == 0
    if not right:
        raise AssertionError(f"{drawn}")


def test_cases_are_drawn_anew_and_again_on_demand(monkeypatch):
    first, second = message(check_drawn, lambda drawn: 1), message(check_drawn, lambda drawn: 1)
    assert first != second
    seed = int(first.split("use_seed(")[1].split(")")[0])
    monkeypatch.setattr(cases, "_fixed", None)  # put back at the end
    cases.use_seed(seed)
    again = message(check_drawn, lambda drawn: 1)
    assert again == first.split("\n")[0] == message(check_drawn, lambda drawn: 1)
    assert "seed" not in again


def test_the_seed_is_named_only_where_something_was_drawn():
    assert "seed" not in message(check_double, lambda x: x)


def test_the_cells_after_an_exercise_go_on_with_an_answer_that_passed_and_else_with_the_librarys(capsys):
    @guarded
    def check(answer):
        assert answer(1) == 2, "one more is asked for"

    def right(x):
        return x + 1

    def wrong(x):
        return x

    check(right)
    with pytest.raises(AssertionError):
        check(wrong)
    assert yours(right, wrong) is right
    assert yours(wrong, right) is right
    assert capsys.readouterr().out.splitlines() == [
        "from here on: your right",
        "from here on: the library, since your wrong has not passed yet",
    ]
