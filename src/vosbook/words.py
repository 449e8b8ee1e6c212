"""Names and numbers in the sentences that users read."""

from collections.abc import Iterable


def some(names: Iterable[str], most: int = 4) -> str:
    """The first few names, and how many more there are."""
    names = list(names)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def count(number: int, noun: str) -> str:
    """Such as "1 object", "2 objects"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
