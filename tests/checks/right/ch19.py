"""Right answers to the exercises of chapter 19 in other styles than the solution's: no check may refuse them."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from functools import reduce

# ------------------------------------------------------------------------------------------------ Exercise 19.2


def sorted_first(rows):
    """Sorts the rows once, into a defaultdict."""
    found = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["id"]):
        if row.get("record") is not None:
            found[row["record"]].append(row["id"])
    return found


def name_by_name(rows):
    """A list for each name that occurs."""
    names = {row["record"] for row in rows if "record" in row}
    return {name: sorted([row["id"] for row in rows if row.get("record") == name]) for name in names}


# ------------------------------------------------------------------------------------------------ Exercise 19.1


def in_fractions(claimed, value):
    """Whole numbers alone."""
    digits = len(claimed.split(".")[1]) if "." in claimed else 0
    return abs(Fraction(repr(value)) - Fraction(claimed)) * 2 * 10**digits <= 1


def between_two_bounds(claimed, value):
    """Half of a 1 in the last place, below and above."""
    half = Decimal(claimed) * 0 + Decimal((0, (5,), Decimal(claimed).as_tuple().exponent - 1))
    return Decimal(claimed) - half <= Decimal(f"{value}") <= Decimal(claimed) + half


# ------------------------------------------------------------------------------------------------ Exercise 19.3


def _off(value, shown):
    return abs(Decimal(str(value)) - Decimal(str(shown))) * 2 > Decimal(1).scaleb(Decimal(str(shown)).as_tuple()[2])


def errors_caught(row, metrics):
    """Walks the path and catches what goes wrong."""
    if row["status"] == "not run":
        return set() if row.get("reason", "") != "" else {"reason"}
    wrong = []
    if row["record"] not in metrics:
        wrong.append("record")
    else:
        try:
            number = reduce(lambda place, part: place[part], row["value"].split("."), metrics[row["record"]])
            if _off(float(number + 0) * row.get("scale", 1), row["measured"]):
                wrong.append("measured")
        except (KeyError, TypeError, IndexError):
            wrong.append("value")
    if row["status"] == "reproduced":
        wrong += ["data"] * (row["measured_on"] != row["data"]) + ["claimed"] * _off(row["measured"], row["claimed"])
    return set(wrong)


def part_by_part(row, metrics):
    """A set that is built up by conditions."""
    if row["status"] == "not run":
        return {"reason"} - ({"reason"} if row.get("reason") else set())
    here = metrics.get(row["record"], "lost")
    record = here != "lost"
    for part in row["value"].split(".") if record else ():
        here = here[part] if isinstance(here, dict) and part in here else None
    number = record and type(here) in (int, float)
    reproduced = row["status"] == "reproduced"
    found = {
        "record": not record,
        "value": record and not number,
        "measured": number and _off(here * row.get("scale", 1), row["measured"]),
        "data": reproduced and row["data"] != row["measured_on"],
        "claimed": reproduced and _off(row["measured"], row["claimed"]),
    }
    return {fault for fault, there in found.items() if there}


RIGHT = {
    "ex19-1": [sorted_first, name_by_name],
    "ex19-2": [in_fractions, between_two_bounds],
    "ex19-3": [errors_caught, part_by_part],
}
