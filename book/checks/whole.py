"""Whether whole numbers that were returned are integers by their type: a float is no length and no index."""

from typing import Any

import numpy as np


def assert_integers(case: str, got: Any) -> None:
    """Raise AssertionError unless the number `got`, or all numbers of a list or an array, are of an integer type."""
    kind = np.asarray(got).dtype
    assert kind.kind in "iu", f"{case}: the type of a whole number is an integer, such as int; got {got!r:.60} ({kind})"
