"""Names and numbers in sentences."""

import pytest

from vosbook.words import count, some


@pytest.mark.parametrize(
    ("names", "most", "want"),
    [("b", 2, "b"), ("ba", 2, "b, a"), ("bca", 2, "b, c and 1 more"), ("edcba", 4, "e, d, c, b and 1 more")],
)
def test_the_first_names_and_how_many_more(names, most, want):
    assert some(iter(names), most) == want


def test_a_noun_after_its_number():
    assert [count(n, "object") for n in (0, 1, 2)] == ["0 objects", "1 object", "2 objects"]
