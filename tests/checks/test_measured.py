"""What a call costs, against calls whose cost is known."""

import numpy as np
from checks.measured import measure, watched


def loop(n):
    total = 0
    for i in range(n):
        total += i
    return total


def test_lines_of_python_are_counted():
    (got, few), (_, many) = measure(loop, 10), measure(loop, 1010)
    assert got == 45
    assert many.lines - few.lines == 2 * 1000


def test_bytes_are_those_at_the_height():
    def one_by_one(n):
        return sum(float(np.zeros(n).sum()) for _ in range(5))

    def at_once(n):
        return sum(float(x.sum()) for x in [np.zeros(n) for _ in range(5)])

    n = 10**5
    small, large = measure(one_by_one, n)[1].bytes, measure(at_once, n)[1].bytes
    assert 8 * n <= small < 9 * n and 40 * n <= large < 41 * n


def test_a_watched_array_writes_down_what_is_made_with_it():
    log: list = []
    w = watched(np.full((2, 3), 0.5), log)
    made = np.asarray(np.exp(1 - w) * np.ones((4, 2, 3)))
    assert np.array_equal(made, np.full((4, 2, 3), np.exp(0.5)))
    assert log == [("subtract", 6), ("exp", 6), ("multiply", 24)]
    log.clear()
    assert float(np.concatenate([w, w]).sum()) == 6
    assert log == [("concatenate", 12), ("add", 1)]
    w += 1
    assert np.array_equal(np.asarray(w), np.full((2, 3), 1.5)) and log[2:] == [("add", 6)]
