"""What leads from the objects that an answer is given to what it must not know."""

import math

import pytest

SECRET = "the right value"


def helper(x):
    return SECRET, x


class Thing:
    """An object of the check."""

    want = SECRET
    kind = type
    module = math

    def __init__(self):
        self._hidden, self.open, self.other = SECRET, 3, helper

    def method(self):
        return 1


ATTEMPTS = {
    "globals": "return g.__globals__",
    "globals_by_getattr": "return getattr(g, '__glo' + 'bals__')",
    "past_the_remote": "return type(g).__getattr__(g, '_x')",
    "asks_by_itself": "return g._peer.ask('get', g, '__globals__')",
    "closure": "return g._peer.ask('get', g, '__closure__')",
    "code": "return t._peer.ask('get', t.method, '__func__')",
    "private": "return t._peer.ask('get', t, '_hidden')",
    "class": "return t._peer.ask('get', t, '__class__')",
    "dict": "return t._peer.ask('get', t, '__dict__')",
    "class_in_attribute": "return t.kind",
    "module_in_attribute": "return t.module",
    "frame": "return n._peer.ask('get', n, 'gi_frame')",
    "attribute_of_a_function": "return g._peer.ask('get', g, 'note')",
    "runs_source": "return g._peer.ask('answer', None, 'x = 1', 'x', {})",
    "measures": "return g._peer.ask('measure', g)",
    "numbers": "g._number = 10**6\n    return g(1)",
    "negative_numbers": "return g._peer.ask('call', type('R', (), {'_number': None})())",
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_ends_in_an_error(answer, name):
    helper.note = SECRET
    f = answer(f"def f(t, g, n):\n    {ATTEMPTS[name]}")
    with pytest.raises(BaseException) as caught:
        f(Thing(), helper, (i for i in range(3)))
    assert SECRET not in str(caught.value)


def test_what_may_be_reached_is_there(answer):
    source = "def f(t, g, n):\n    return t.open, t.method(), t.other(2)[1], next(n), t.want"
    assert answer(source)(Thing(), helper, iter([7])) == (3, 1, 2, 7, SECRET)


def test_an_object_that_calls_everything_equal_is_not_believed(answer):
    methods = ("__eq__(self, other)", "__bool__(self)", "__len__(self)")
    class_ = "".join(["class A:\n", *(f"    def {one}:\n        return True\n" for one in methods)])
    got = answer(class_ + "def f(x):\n    return A()")(1)
    assert got != 3 and (got == 3) is False
