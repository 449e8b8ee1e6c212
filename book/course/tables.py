"""Tables that a spreadsheet reads, and those that a person has filled in."""

import csv
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from vosbook.errors import InputError


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A spreadsheet must not take what a student wrote for a formula."""
    with path.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([[_harmless(cell) for cell in row] for row in rows])


def _harmless(cell: Any) -> Any:
    if not isinstance(cell, str):
        return "" if cell is None else f"{cell:g}"
    line = " ".join(cell.split())
    return f"'{line}" if line[:1] in ("=", "+", "-", "@") else line


def read(path: Path, columns: Collection[str]) -> list[dict[str, str]]:
    """Rows of a table that has at least these columns, with `line`, the number of the line; none where it is not there.

    InputError: it cannot be read, or lacks a column.
    """
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # a spreadsheet may have put a mark in front
            rows = csv.DictReader(file)
            if missing := sorted(set(columns) - set(rows.fieldnames or ())):
                raise InputError(f"{path} lacks the column {missing[0]}: it needs {', '.join(columns)}")
            return [{**{k: v or "" for k, v in row.items() if k}, "line": str(rows.line_num)} for row in rows]
    except UnicodeDecodeError:
        raise InputError(f"{path} is not in UTF-8: save it as CSV UTF-8") from None
