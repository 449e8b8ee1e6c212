"""Wrong answers to the exercises of chapter 19, named after the mistake."""

from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby

# ------------------------------------------------------------------------------------------------ Exercise 19.2


def unsorted(rows):
    """In the order of the rows."""
    found = {}
    for row in rows:
        if "record" in row:
            found.setdefault(row["record"], []).append(row["id"])
    return found


def last_one_only(rows):
    """Each row takes the place of the one before."""
    return {row["record"]: [row["id"]] for row in rows if "record" in row}


def rows_without_a_record(rows):
    """Those under None."""
    names = {row.get("record") for row in rows}
    return {name: sorted(row["id"] for row in rows if row.get("record") == name) for name in names}


def beginnings(rows):
    """A record whose name begins with another's counts for both."""
    names = {row["record"] for row in rows if "record" in row}
    return {name: sorted(r["id"] for r in rows if r.get("record", "").startswith(name)) for name in names}


def neighbours_grouped(rows):
    """Groups rows that follow each other: a record that comes again takes its own place."""
    rows = [row for row in rows if "record" in row]
    return {name: sorted(row["id"] for row in part) for name, part in groupby(rows, key=lambda row: row["record"])}


def in_sets(rows):
    """Sets in place of sorted lists."""
    found = {}
    for row in rows:
        if "record" in row:
            found.setdefault(row["record"], set()).add(row["id"])
    return found


def small_letters_first(rows):
    """Sorts without regard to capitals."""
    return {name: sorted(ids, key=str.lower) for name, ids in unsorted(rows).items()}


def by_their_numbers(rows):
    """Sorts by length first, so that row-2 comes before row-10."""
    return {name: sorted(ids, key=lambda i: (len(i), i)) for name, ids in unsorted(rows).items()}


def record_by_id(rows):
    """The way that is already there: the record of every id."""
    return {row["id"]: [row["record"]] for row in rows if "record" in row}


def taken_from_the_rows(rows):
    """Right, and takes the records out of the caller's rows."""
    found = {}
    for row in rows:
        if "record" in row:
            found.setdefault(row.pop("record"), []).append(row["id"])
    return {name: sorted(ids) for name, ids in found.items()}


def sorted_backwards(rows):
    """From the last id to the first."""
    return {name: sorted(ids, reverse=True) for name, ids in unsorted(rows).items()}


# ------------------------------------------------------------------------------------------------ Exercise 19.1


def _within(claimed, value, tolerance):
    return bool(abs(Decimal(str(value)) - Decimal(claimed)) <= Decimal(tolerance))


def one_decimal(claimed, value):
    """As if every paper printed one decimal."""
    return _within(claimed, value, "0.05")


def a_whole_step(claimed, value):
    """A whole step away counts."""
    return _within(claimed, value, Decimal(1).scaleb(Decimal(claimed).as_tuple().exponent))


def one_percent(claimed, value):
    """Within one percent."""
    return _within(claimed, value, abs(Decimal(claimed)) / 100)


def zeros_do_not_count(claimed, value):
    """82.0 is read as 82."""
    digits = Decimal(claimed).normalize().as_tuple().exponent
    return _within(claimed, value, Decimal(1).scaleb(digits) / 2)


def cut_off(claimed, value):
    """The digits beyond are cut off, not rounded."""
    places = len(claimed.partition(".")[2])
    return bool(int(value * 10**places) == int(Decimal(claimed) * 10**places))


def rounded_to_even(claimed, value):
    """Python's round, which takes a half to the even neighbour: 12.5 is then 12 and not 13."""
    return round(value, len(claimed.partition(".")[2])) == float(claimed)


def without_the_sign(claimed, value):
    """Compares the sizes."""
    step = Decimal(1).scaleb(Decimal(claimed).as_tuple().exponent)
    return bool(abs(abs(Decimal(str(value))) - abs(Decimal(claimed))) <= step / 2)


def exact_binary_value(claimed, value):
    """Takes a float for the binary fraction that it is: .15 then lies below .15."""
    step = Decimal(1).scaleb(Decimal(claimed).as_tuple().exponent)
    return bool(abs(Decimal(value) - Decimal(claimed)) <= step / 2)


def half_does_not_count(claimed, value):
    """Less than half a step, not at most."""
    step = Decimal(1).scaleb(Decimal(claimed).as_tuple().exponent)
    return bool(abs(Decimal(str(value)) - Decimal(claimed)) < step / 2)


def halves_away_from_zero(claimed, value):
    """Rounds halves up in size alone: 11.5 is 12, and no longer 11."""
    printed = Decimal(claimed)
    return Decimal(str(value)).quantize(printed, ROUND_HALF_UP) == printed


def formatted(claimed, value):
    """Prints the value with as many digits, and compares text."""
    return f"{value:.{len(claimed.partition('.')[2])}f}" == claimed


def tolerance_in_floats(claimed, value):
    """Subtracts floats: half a step is then a little more or less."""
    return bool(abs(float(claimed) - value) <= 0.5 * 10.0 ** -len(claimed.partition(".")[2]))


def first_digits(claimed, value):
    """Looks whether the value's digits begin with those that are printed."""
    return str(value).startswith(claimed)


def a_millionth_more(claimed, value):
    """Adds a millionth for the rounding of floats."""
    return abs(value - float(claimed)) <= 0.5 * 10 ** -len(claimed.partition(".")[2]) + 1e-6


# ------------------------------------------------------------------------------------------------ Exercise 19.3


def _fits(value, shown):
    shown = Decimal(str(shown))
    return abs(Decimal(str(value)) - shown) <= Decimal(1).scaleb(shown.as_tuple().exponent) / 2


def _number(row, metrics):
    place = metrics.get(row["record"])
    for part in row["value"].split("."):
        place = place.get(part) if isinstance(place, dict) else None
    return place if isinstance(place, int | float) else None


def _faults(row, metrics, *, scale=True, always=False):
    if row["status"] == "not run":
        return set() if row.get("reason") else {"reason"}
    found, number = set(), _number(row, metrics)
    if row["record"] not in metrics:
        found.add("record")
    elif number is None:
        found.add("value")
    elif not _fits(number * (row.get("scale", 1) if scale else 1), row["measured"]):
        found.add("measured")
    if always or row["status"] == "reproduced":
        found |= {"data"} if row["measured_on"] != row["data"] else set()
        found |= set() if _fits(row["measured"], row["claimed"]) else {"claimed"}
    return found


def scale_forgotten(row, metrics):
    """The record's unit."""
    return _faults(row, metrics, scale=False)


def every_status_is_reproduced(row, metrics):
    """Asks the same value and data of all."""
    return _faults(row, metrics, always=True)


def first_fault_only(row, metrics):
    """Stops at the first."""
    return set(sorted(_faults(row, metrics))[:1])


def an_empty_reason_will_do(row, metrics):
    """Only looks whether there is one."""
    return set() if "reason" in row else _faults(row, metrics)


def numbers_are_not_compared(row, metrics):
    """Believes what is shown."""
    return _faults(row, metrics) - {"measured"}


def measured_against_the_claim(row, metrics):
    """Compares the record with the claim, and what is shown with nothing."""
    return _faults(row | {"measured": row.get("claimed", 0)}, metrics)


def rounded_to_even_again(row, metrics):
    """Python's round in place of half a step to either side."""
    found, number = _faults(row, metrics), _number(row, metrics) if "record" in row else None
    if number is not None:
        digits = len(str(row["measured"]).partition(".")[2])
        fits = round(number * row.get("scale", 1), digits) == row["measured"]
        found = found - {"measured"} | (set() if fits else {"measured"})
    return found


def data_not_looked_at(row, metrics):
    """The same value on other data is reproduced."""
    return _faults(row, metrics) - {"data"}


def stops_early_is_fine(row, metrics):
    """Whatever the path leads to is a value."""
    found = _faults(row, metrics)
    return found - {"value"} if row.get("value") == "osvos.J" else found


def zero_is_missing(row, metrics):
    """Takes a measured 0 for no number."""
    found = _faults(row, metrics)
    number = _number(row, metrics) if "record" in row and row["status"] != "not run" else None
    return found - {"measured"} | {"value"} if number == 0 else found


def record_lost_and_value_too(row, metrics):
    """Where there is no record it also misses the value."""
    found = _faults(row, metrics)
    return found | {"value"} if "record" in found else found


def not_run_is_looked_at(row, metrics):
    """Asks a row that is not run for its record."""
    found = _faults(row, metrics)
    lost = row["status"] == "not run" and row.get("record", "official") not in metrics
    return found | {"record"} if lost else found


def whole_numbers_are_no_numbers(row, metrics):
    """Accepts floats only."""
    found = _faults(row, metrics)
    number = _number(row, metrics) if "record" in row and row["status"] != "not run" else None
    return found - {"measured"} | {"value"} if isinstance(number, int) else found


def sizes_compared(row, metrics):
    """Compares without signs."""
    return _faults(row | {k: abs(row[k]) for k in ("scale", "measured", "claimed") if k in row}, metrics)


def claim_to_the_digits_of_the_measured(row, metrics):
    """Rounds the claim to the measured digits, not the other way round."""
    found = _faults(row, metrics) - {"claimed"}
    if row["status"] == "reproduced" and not _fits(row["claimed"], row["measured"]):
        found.add("claimed")
    return found


def data_only_where_the_value_is_right(row, metrics):
    """Looks at the data only where nothing else is wrong."""
    found = _faults(row, metrics)
    return found - {"data"} if len(found) > 1 else found


def contradicted_must_differ(row, metrics):
    """Asks of what is contradicted that it does not round to the claim."""
    found = _faults(row, metrics)
    alike = row["status"] == "contradicted" and _fits(row["measured"], row["claimed"])
    return found | {"claimed"} if alike else found


def not_run_without_numbers(row, metrics):
    """Gives a row that is not run a fault for its numbers."""
    if row["status"] == "not run" and "measured" in row:
        return {"measured"}
    return _faults(row, metrics)


def shown_in_two_digits(row, metrics):
    """Rounds what is recorded to two digits before it compares."""
    number = _number(row, metrics)
    if number is None or row["status"] == "not run":
        return _faults(row, metrics)
    rounded = round(number * row.get("scale", 1), 2)
    fault = set() if _fits(rounded, row["measured"]) else {"measured"}
    return _faults(row, metrics) - {"measured"} | fault


WRONG = {
    "ex19-1": [
        unsorted,
        last_one_only,
        rows_without_a_record,
        beginnings,
        neighbours_grouped,
        in_sets,
        small_letters_first,
        by_their_numbers,
        record_by_id,
        taken_from_the_rows,
        sorted_backwards,
    ],
    "ex19-2": [
        one_decimal,
        a_whole_step,
        one_percent,
        zeros_do_not_count,
        cut_off,
        rounded_to_even,
        without_the_sign,
        exact_binary_value,
        half_does_not_count,
        halves_away_from_zero,
        formatted,
        tolerance_in_floats,
        first_digits,
        a_millionth_more,
    ],
    "ex19-3": [
        scale_forgotten,
        every_status_is_reproduced,
        first_fault_only,
        an_empty_reason_will_do,
        numbers_are_not_compared,
        measured_against_the_claim,
        rounded_to_even_again,
        data_not_looked_at,
        stops_early_is_fine,
        zero_is_missing,
        record_lost_and_value_too,
        not_run_is_looked_at,
        whole_numbers_are_no_numbers,
        sizes_compared,
        claim_to_the_digits_of_the_measured,
        data_only_where_the_value_is_right,
        contradicted_must_differ,
        not_run_without_numbers,
        shown_in_two_digits,
    ],
}
