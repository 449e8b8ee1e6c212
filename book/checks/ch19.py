"""Checks of chapter 19. Each compares values on several cases, and its message says what was seen, not the answer."""

import copy
from decimal import Decimal

import numpy as np
from checks import cases
from checks.guard import guarded

# ------------------------------------------------------------------------------------------------ exercise 19.2


def ids_by_record(rows):
    """What the exercise asks for: with this the chapter goes on where there is no answer yet."""
    found: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: row["id"]):
        if row.get("record"):
            found.setdefault(row["record"], []).append(row["id"])
    return found


@guarded
def check_by_record(by_record):
    """Exercise 19.2."""
    rng = cases.generator()
    names = ["official", "ablation", "official_small", None]
    rows = [{"id": f"row-{n}", "paper": "X"} | ({"record": r} if r else {}) for n, r in enumerate(names * 4)]
    shuffled = [rows[n] for n in rng.permutation(len(rows))]
    tables = {
        "two records and a row without one": [
            {"id": "b", "record": "r1"},
            {"id": "a", "record": "r1"},
            {"id": "c", "record": "r2"},
            {"id": "d", "status": "not run", "reason": "no data"},
        ],
        "a capital and small letters": [{"id": i, "record": "r"} for i in ("b", "C", "a")],
        "sixteen rows in no order": shuffled,
        "no row has a record": [{"id": "a", "status": "not run", "reason": "no data"}],
        "no rows": [],
    }
    for name, rows in tables.items():
        want, got = ids_by_record(rows), by_record(rows)
        assert isinstance(got, dict), f"{name}: a dict is asked for, got {type(got).__name__}"
        records = sorted(map(str, got))
        assert set(got) == set(want), f"{name}: the records are {sorted(want)}, got {records}"
        for record, ids in got.items():
            assert isinstance(ids, list), f"{name}: {record} has a {type(ids).__name__}, and a list is asked for"
            assert ids == want[record], f"{name}: the rows of {record} are {want[record]}, got {ids}"


# ------------------------------------------------------------------------------------------------ exercise 19.1


def same_digits(claimed, value):
    """What the exercise asks for: with this the chapter goes on where there is no answer yet."""
    step = Decimal(1).scaleb(Decimal(claimed).as_tuple().exponent)
    return 2 * abs(Decimal(str(value)) - Decimal(claimed)) <= step


@guarded
def check_same(same):
    """Exercise 19.1."""
    numbers = {
        ("85.6", 85.6): True,
        ("85.6", 85.6449): True,
        ("85.6", 85.651): False,
        ("85.6", 85.551): True,
        ("85.6", 85.549): False,
        ("82", 82.4): True,
        ("82", 82.6): False,
        ("82.0", 82.4): False,
        ("82.0", 81.96): True,
        ("0.05", 0.0549): True,
        ("0.05", 0.06): False,
        ("-2.0", -2.04): True,
        ("-2.0", 2.0): False,
        ("-0.4", -0.46): False,
        ("1.50", 1.504): True,
        ("1.50", 1.51): False,
        ("12", 12.5): True,
        ("12", 11.5): True,
        ("13", 12.5): True,
        ("11", 11.5): True,
        ("0.25", 0.0): False,
        ("0.05", 0.055): True,
        ("0.05", 0.045): True,
        ("0.06", 0.055): True,
        ("0.2", 0.15): True,
        ("2.68", 2.675): True,
        ("-0.2", -0.15): True,
        ("-0.2", -0.1499): False,
        ("0.0", 0.05): True,
        ("0.0", -0.06): False,
        ("2079", 2079.0): True,
        ("2079", 2080.0): False,
    }
    for (claimed, value), want in (numbers | _drawn_numbers()).items():
        got = same(claimed, value)
        assert isinstance(got, bool | np.bool_), f"a bool is asked for, got {got!r}"
        assert got == want, f"printed {claimed}, measured {value!r}: the answer is {want}, got {got}"


def _drawn_numbers():
    """What is printed with so many digits, and numbers somewhat less and more than half a step away from it."""
    rng, found = cases.generator(), {}
    for digits in (0, 1, 2, 3, 4):
        for _ in range(4):
            printed = Decimal(int(rng.integers(-9999, 10000))).scaleb(-digits)
            half = Decimal("0.5").scaleb(-digits)
            for away in ("0.9", "1", "1.00000001", "1.1", "-0.8", "-1", "-1.00000001", "-1.9"):
                found[f"{printed:f}", float(printed + half * Decimal(away))] = abs(float(away)) <= 1
    return found


# ------------------------------------------------------------------------------------------------ exercise 19.3

METRICS = {
    "official": {"osvos": {"J": {"mean": 0.79771, "recall": 0.936}, "T": 0.378}, "sequences": 20},
    "times": {"frame": 0.1834, "note": "on a CPU", "half": 12.5, "nothing": 0.0, "none": 0, "list": [1.0]},
    "empty": {},
}
GOOD = {
    "id": "x",
    "claimed": 79.8,
    "data": "DAVIS",
    "status": "reproduced",
    "record": "official",
    "value": "osvos.J.mean",
    "scale": 100,
    "measured": 79.8,
    "measured_on": "DAVIS",
}


def _without(row, key):
    return {k: v for k, v in row.items() if k != key}


@guarded
def check_faults(faults):
    """Exercise 19.3."""
    other = GOOD | {"status": "direction holds", "claimed": 86.5, "measured_on": "five sequences"}
    plain = {"value": "frame", "record": "times", "measured": 0.18, "claimed": 0.18}
    half = {"value": "half"}
    not_run = {"id": "y", "claimed": 1.0, "data": "DAVIS", "status": "not run"}
    rows = {
        "all is well": (GOOD, set()),
        "another value on other data, and said so": (other, set()),
        "contradicted, which is no fault": (other | {"status": "contradicted"}, set()),
        "contradicted, though the number is the claimed one": (GOOD | {"status": "contradicted"}, set()),
        "direction holds, and the number is the claimed one": (GOOD | {"status": "direction holds"}, set()),
        "a record that is not there": (GOOD | {"record": "lost"}, {"record"}),
        "a path that ends nowhere": (GOOD | {"value": "osvos.F.mean"}, {"value"}),
        "a path that stops too early": (GOOD | {"value": "osvos.J"}, {"value"}),
        "a path that goes on behind a number": (GOOD | {"value": "osvos.T.mean"}, {"value"}),
        "a path that leads to words": (GOOD | {"record": "times", "value": "note"}, {"value"}),
        "a whole number": (GOOD | {"value": "sequences", "scale": 1, "measured": 20, "claimed": 20}, set()),
        "the record says another number": (GOOD | {"measured": 79.7}, {"measured", "claimed"}),
        "no scale": (_without(GOOD, "scale") | plain, set()),
        "no scale, three digits": (_without(GOOD, "scale") | plain | {"measured": 0.183}, set()),
        "a scale that is missing": (_without(GOOD, "scale"), {"measured"}),
        "more digits than are right": (GOOD | {"measured": 79.81, "claimed": 79.8}, {"measured"}),
        "more digits, all right": (GOOD | {"measured": 79.77}, set()),
        "half a step away, upwards": (_without(GOOD, "scale") | plain | half | {"measured": 13, "claimed": 13}, set()),
        "half a step away, downwards": (
            _without(GOOD, "scale") | plain | half | {"measured": 12, "claimed": 12},
            set(),
        ),
        "reproduced on other data": (GOOD | {"measured_on": "five sequences"}, {"data"}),
        "reproduced, another value": (GOOD | {"claimed": 80.2}, {"claimed"}),
        "reproduced, and nothing is right": (
            GOOD | {"claimed": 80.2, "measured_on": "other", "record": "lost"},
            {"claimed", "data", "record"},
        ),
        "direction, the record says another number": (other | {"measured": 80.1}, {"measured"}),
        "a measured 0": (GOOD | {"record": "times", "value": "nothing", "measured": 0.0, "claimed": 0.0}, set()),
        "a counted 0": (GOOD | {"record": "times", "value": "none", "measured": 0, "claimed": 0}, set()),
        "a measured 0, shown as another number": (
            GOOD | {"record": "times", "value": "nothing", "measured": 0.1, "claimed": 0.1},
            {"measured"},
        ),
        "a path to a list": (GOOD | {"record": "times", "value": "list"}, {"value"}),
        "a record without numbers": (GOOD | {"record": "empty"}, {"value"}),
        "below zero": (GOOD | {"scale": -100, "measured": -79.8, "claimed": -79.8}, set()),
        "below zero, the sign is lost": (GOOD | {"scale": -100}, {"measured"}),
        "shown in more digits than claimed": (GOOD | {"measured": 79.77, "claimed": 79.7}, {"claimed"}),
        "direction, no record": (other | {"record": "lost"}, {"record"}),
        "not run, and a record that is not there": (not_run | {"reason": "no data", "record": "lost"}, set()),
        "not run, though there are numbers": (
            GOOD | {"status": "not run", "reason": "no data", "measured": 1.0},
            set(),
        ),
        "not run, and why": (not_run | {"reason": "no data"}, set()),
        "not run": (not_run, {"reason"}),
        "not run, an empty reason": (not_run | {"reason": ""}, {"reason"}),
    }
    for name, (row, want) in rows.items():
        try:
            got = faults(dict(row), copy.deepcopy(METRICS))
        except (KeyError, TypeError, AttributeError) as error:
            raise AssertionError(f"{name}: ended with {type(error).__name__}: {error}") from None
        assert isinstance(got, set), f"{name}: a set is asked for, got {type(got).__name__}"
        assert got == want, f"{name}: {sorted(want) or 'no faults'}, got {sorted(got) or 'no faults'}, for {row}"
