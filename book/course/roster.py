"""What the lecturer says of the students: who they are in the learning platform, who works together, and until when.

Both tables are the lecturer's, lie beside the students' folders, and may be missing. `students.csv` has a column
`student`, the name of the folder, and may have `group`, the name of the folder that several hand in together, and the
columns that Canvas or Moodle know people by. `deadlines.csv` has `assignment`, `due` and `percent_per_day`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from course import tables
from vosbook.errors import InputError

STUDENTS, DEADLINES = "students.csv", "deadlines.csv"
TIMESTAMP = "timestamp.txt"  # nbgrader's, beside the notebook
TIME = re.compile(r"\s*(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(\S*)\s*")
DAY = 24 * 3600


@dataclass(frozen=True)
class Student:
    """`known_as`: other columns of the table, e.g. {"Email address": ...}."""

    name: str
    group: str
    known_as: Mapping[str, str]


@dataclass(frozen=True)
class Deadline:
    due: datetime
    percent_per_day: float

    def kept(self, handed_in: datetime) -> tuple[float, int]:
        """The share of the points that is kept, and the days that it is late, begun ones too."""
        days = max(0, ceil((handed_in - self.due).total_seconds() / DAY))
        return max(0.0, 1 - days * self.percent_per_day / 100), days


def students(folder: Path) -> list[Student]:
    rows = tables.read(folder / STUDENTS, ("student",))
    other = [{k: v for k, v in row.items() if k not in ("student", "group", "line")} for row in rows]
    return [Student(row["student"], row.get("group", ""), known_as) for row, known_as in zip(rows, other)]


def people(handed_by: str, roster: Sequence[Student]) -> list[Student]:
    """Who a folder's work counts for: the group's members, or the one student."""
    members = [one for one in roster if one.group == handed_by]
    return members or [one for one in roster if one.name == handed_by] or [Student(handed_by, "", {})]


def deadlines(folder: Path) -> dict[str, Deadline]:
    """By assignment. InputError names the line that cannot be read."""
    found = {}
    path = folder / DEADLINES
    for row in tables.read(path, ("assignment", "due", "percent_per_day")):
        try:
            percent = float(row["percent_per_day"] or 0)
            if not 0 <= percent <= 100:
                raise ValueError
            found[row["assignment"]] = Deadline(time_of(row["due"]), percent)
        except ValueError:
            what = "due must be like 2030-03-01 23:59, percent_per_day 0 to 100"
            raise InputError(f"{path}, line {row['line']}: {what}") from None
    return found


def handed_in(notebook: Path) -> datetime | None:
    """When a notebook was handed in, where a `timestamp.txt` lies beside it. InputError: no time is in that."""
    path = notebook.parent / TIMESTAMP
    if not path.is_file():
        return None
    try:
        return time_of(path.read_text(encoding="utf-8", errors="replace"))
    except ValueError:
        raise InputError(f"{path} holds no time such as 2030-03-01 23:59:00 UTC: mend or delete it") from None


def time_of(text: str) -> datetime:
    """From "2030-03-01 23:59", with seconds, and with a zone, such as UTC, +02:00 or Europe/Rome, or else this
    machine's. ValueError.
    """
    found = TIME.fullmatch(text)
    if found is None:
        raise ValueError(text)
    day, hour, zone = found.groups()
    if re.fullmatch(r"[+-]\d\d:?\d\d|Z|", zone):
        return datetime.fromisoformat(f"{day}T{hour}{zone}").astimezone(UTC)
    try:
        return datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError(text) from None
