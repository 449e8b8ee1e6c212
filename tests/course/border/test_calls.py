"""Calls across the border against the same calls within one process."""

import warnings

import numpy as np
import pytest
import torch
from course.border.peer import Gone, Nonsense


def here(source: str, name: str = "f"):
    namespace = {"np": np, "torch": torch}
    exec(source, namespace)
    return namespace[name]


SAME = "def f(x):\n    return x\n"
VALUES = [
    *(None, True, -7, 2**80, 1.5, float("inf"), "α \ud800", 2 + 3j, b"\0\xff", range(3, 9, 2), slice(1, None, 2), ...),
    *((1, (2.5, "x")), frozenset({1, 2}), np.float32(0.1), np.bool_(True), np.uint8(200), np.dtype("int16"), int),
    *(torch.float16, torch.device("cpu")),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_it_was(answer, value):
    got = answer(SAME)(value)
    assert got == value and type(got) is type(value)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64", "complex64", "U3"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3, 4)])
def test_arrays_keep_type_shape_and_values(answer, dtype, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    got = answer("def f(x):\n    return x.copy(), x.T, np.asarray(x, order='F')")(array)
    for one, right in zip(got, (array, array.T, array)):
        assert one.dtype == right.dtype and one.shape == right.shape and np.array_equal(one, right)


def test_an_array_lies_there_as_it_lies_here(answer):
    """Its axes, that is; a part of an array becomes an array of its own."""
    array = np.arange(24).reshape(2, 3, 4)
    for view in (array, array.T, array.transpose(1, 0, 2), array[:, ::-1], array[::2, :, 1], array[:0]):
        got = answer("def f(x):\n    return x.ravel(order='K').tolist(), x")(view)
        assert got[0] == view.ravel(order="K").tolist() and got[1] is view


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.bfloat16, torch.double, torch.cfloat])
def test_tensors_keep_type_shape_and_values(answer, dtype):
    for shape in ((), (0, 2), (3, 4)):
        tensor = torch.arange(int(np.prod(shape))).reshape(shape).to(dtype)
        got = answer("def f(x):\n    return x.clone(), x.T if x.ndim == 2 else x * 1")(tensor)
        assert got[0].dtype == dtype and torch.equal(got[0], tensor)
        assert torch.equal(got[1], tensor.T if tensor.ndim == 2 else tensor)


def test_containers_hold_what_they_held_and_stay_themselves(answer):
    x = np.zeros(2)
    value = [x, x, {"a": [x], (1, 2): {3}}, None]
    value.append(value)
    got = answer("def f(v):\n    return v, v[0] is v[1] is v[2]['a'][0], v[4] is v, dict(v[2])")(value)
    assert got[0] is value and got[1:3] == (True, True)
    assert got[3] is not value[2] and list(got[3]) == ["a", (1, 2)] and got[3]["a"] is value[2]["a"]


CHANGES = """
def f(array, tensor, rows, table, names, rng, generator):
    array[1] = 9
    tensor.mul_(2)
    rows.append(array)
    del rows[0]
    table["new"] = rows
    names.discard("a")
    return rng.normal(), torch.rand((), generator=generator)
"""


def given():
    array = np.arange(3.0)
    return (
        *(array, torch.ones(2), [1, "x", np.zeros(1)], {"old": array}, {"a", "b"}),
        *(np.random.default_rng(4), torch.Generator().manual_seed(4)),
    )


def test_what_an_answer_changes_in_place_is_changed_for_the_caller(answer):
    there, same = given(), given()
    kept = there[2], there[2][2]
    got, want = answer(CHANGES)(*there), here(CHANGES)(*same)
    assert got[0] == want[0] and torch.equal(got[1], want[1])
    array, tensor, rows, table, names, rng, generator = there
    assert np.array_equal(array, [0, 9, 2]) and torch.equal(tensor, torch.full((2,), 2.0)) and names == {"b"}
    assert rows is kept[0] and rows[0] == "x" and rows[1] is kept[1] and rows[2] is array
    assert table["old"] is array and table["new"] is rows
    assert rng.normal() == same[5].normal()
    assert torch.equal(torch.rand(3, generator=generator), torch.rand(3, generator=same[6]))


def test_an_array_that_may_not_be_changed_may_not_be_there_either(answer):
    array = np.zeros(3)
    array.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        answer("def f(x):\n    x[0] = 1")(array)


def test_functions_and_objects_are_called_where_they_are(answer):
    class Counter:
        def __init__(self):
            self.count, self.log = 0, []

        def up(self, by, *, twice=False):
            self.count += by * (1 + twice)
            self.log.append(by)
            return self.count

        def __call__(self, x):
            return x * self.count

    counter = Counter()
    source = "def f(c, g):\n    c.log.append('mine')\n    return c.up(2), c.up(3, twice=True), c(10), g(c), c.count, c"
    got = answer(source)(counter, lambda c: c is counter)
    assert got[:5] == (2, 8, 80, True, 8) and got[5] is counter
    assert counter.log == [2, 3], "an answer reads attributes, and cannot change them"


def test_a_module_is_used_where_it_is(answer):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh())
    source = "def f(net, x):\n    return net(x), net[0].weight, len(net), [type(p).__name__ for p in net.parameters()]"
    x = torch.randn(4, 3)
    got = answer(source)(net, x)
    assert torch.equal(got[0], net(x)) and torch.equal(got[1], net[0].weight) and got[2:] == (2, ["Tensor"] * 2)


def test_generators_go_step_by_step_in_both_directions(answer):
    log = []

    def numbers():
        for n in range(3):
            log.append(f"asked {n}")
            yield n

    doubled = answer("def f(numbers):\n    for n in numbers:\n        yield 2 * n")(numbers())
    assert type(doubled).__name__ == "generator" and hasattr(doubled, "__next__") and log == []
    for n in doubled:
        log.append(f"got {n}")
    assert log == ["asked 0", "got 0", "asked 1", "got 2", "asked 2", "got 4"]


def test_a_buffer_that_is_used_again_is_seen_to_be(answer):
    def frames():
        buffer = np.zeros(2)
        for n in range(3):
            buffer[:] = n
            yield buffer
        buffer[:] = -1

    keep, copy = "def f(frames):\n    return list(frames)", "def f(frames):\n    return [x.copy() for x in frames]"
    assert [x.tolist() for x in answer(keep)(frames())] == [[-1, -1]] * 3
    assert [x.tolist() for x in answer(copy)(frames())] == [[0, 0], [1, 1], [2, 2]]


def test_what_was_yielded_and_changed_later_is_seen_to_be_changed(answer):
    source = "def f(n):\n    x = np.zeros(1)\n    for _ in range(n):\n        x += 1\n        yield x"
    found = list(answer(source)(3))
    assert [x.item() for x in found] == [3, 3, 3]


def test_a_class_is_made_an_object_of_and_keeps_its_state(answer):
    source = "class T:\n    def start(self, x):\n        self.x = x\n    def step(self, y):\n        return self.x + y"
    made = answer(source, "T")
    one, two = made(), made()
    one.start(np.ones(2))
    two.start(np.zeros(2))
    assert one.step(1).tolist() == [2, 2] and two.step(1).tolist() == [1, 1] and one.x.tolist() == [1, 1]


ERRORS = {
    "return 1 / x": (ZeroDivisionError, "ZeroDivisionError: division by zero (line 2 of the answer)"),
    "return {}['a']": (KeyError, "KeyError: 'a' (line 2 of the answer)"),
    "return np.linalg.inv(np.zeros((2, 2)))": (
        ValueError,
        "LinAlgError: Singular matrix (line 2 of the answer)",
    ),
    "raise NotImplementedError": (NotImplementedError, "NotImplementedError:  (line 2 of the answer)"),
    "raise SystemExit(3)": (RuntimeError, "SystemExit: 3 (line 2 of the answer)"),
    "raise type('Own', (Exception,), {})('why')": (Exception, "Own: why (line 2 of the answer)"),
    "return type('A', (), {'__reduce__': 1})": (None, None),
}


@pytest.mark.parametrize("body", ERRORS)
def test_errors_are_the_nearest_kind_that_python_has(answer, body):
    kind, told = ERRORS[body]
    f = answer(f"def f(x):\n    {body}")
    if kind is None:
        assert not isinstance(f(0), type), "a class stays where it is"
        return
    with pytest.raises(kind) as caught:
        f(0)
    assert caught.value.told == told


def test_errors_of_the_caller_come_back_as_themselves(answer):
    error = LookupError("not there")

    def fail():
        raise error

    with pytest.raises(LookupError) as caught:
        answer("def f(g):\n    return g()")(fail)
    assert caught.value is error
    caught_there = "def f(g):\n    try:\n        g()\n    except LookupError as e:\n        return str(e)"
    assert answer(caught_there)(fail) == "not there"


def test_what_the_check_refuses_cannot_be_caught(answer):
    def refuse(x):
        assert x < 2, f"{x} is too much"
        return x

    f = answer("def f(g):\n    try:\n        return g(5)\n    except BaseException:\n        return g(1)")
    with pytest.raises(AssertionError, match="5 is too much"):
        f(refuse)
    assert f(lambda x: x) == 5, "it is told once"


def test_warnings_and_modes_are_the_callers(answer):
    f = answer("def f(x):\n    y = np.log(x)\n    return y, torch.ones(1, requires_grad=True).mul(2).requires_grad")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert np.isnan(f(np.array(-1.0))[0])
    assert [(one.category, str(one.message)) for one in said] == [(RuntimeWarning, "invalid value encountered in log")]
    with np.errstate(all="ignore"), torch.no_grad(), warnings.catch_warnings(action="error"):
        assert f(np.array(-1.0))[1] is False
    source = "def f(x):\n    with torch.enable_grad():\n        return x.requires_grad_().mul(2).requires_grad"
    learns = answer(source)  # begun here: a process that is begun in a mode inherits it
    assert learns(torch.ones(1)) is True
    with torch.inference_mode():
        assert learns(torch.ones(1)) is False
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        f(np.array(-1.0))


def test_what_a_call_costs_is_measured_there(answer):
    body = "total = 0\n    for i in range(n):\n        total += np.zeros(10**5)[0]\n    return total"
    f = answer(f"def f(n):\n    {body}")
    before = f._processor_seconds()
    got, (seconds, most, lines, largest) = f._measured(50)
    assert got == 0 and 8 * 10**5 <= most < 17 * 10**5 and lines == 1 + 51 + 50 + 1 and largest == 0
    assert 0 < seconds <= f._processor_seconds() - before + 0.02
    outer = answer("def f(n):\n    return (torch.ones(n, 1) * torch.ones(1, n)).sum()[None].expand(10**6)[:1]")
    assert outer._measured(30)[1][3] == 900


def test_a_process_that_ends_is_gone(answer):
    with pytest.raises(Gone):
        answer("import os\ndef f(x):\n    os._exit(0)")(1)


def test_what_is_no_message_is_nonsense(answer):
    write = "def f(x):\n    import os\n    os.write({fd}, {text!r})\n    return 1\n"
    find = "import os, stat\nfd = next(n for n in range(3, 99) if stat.S_ISSOCK(os.fstat(n).st_mode))\n"
    fd = answer(find + "def f(x):\n    return fd")(0)
    for text in (b"\xff" * 64, b"\2" + bytes(7) + b"[]", b"\6" + bytes(7) + b"[3, 4]"):
        with pytest.raises(Nonsense):
            answer(write.format(fd=fd, text=text))(1)
