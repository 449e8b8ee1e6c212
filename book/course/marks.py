"""What became of a submission: a mark for each part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from course.collect import Submission


@dataclass(frozen=True)
class Mark:
    """Points for one part of a submission; None until a person has given them. `case` is that of `shown.py`."""

    id: str
    number: str
    title: str
    points: float | None
    of: int
    verdict: str
    message: str = ""
    printed: str = ""
    answer: str = ""
    look_at: tuple[str, ...] = ()  # words in the answer that a person should look at
    case: Sequence[Mapping[str, Any]] = ()
    hint: str = ""


@dataclass(frozen=True)
class Graded:
    """`kept` is the share of the points that is kept where it was handed in late."""

    submission: Submission
    marks: tuple[Mark, ...]
    trouble: str = ""  # why it could not be graded, for the lecturer alone
    kept: float = 1.0

    @property
    def problems(self) -> tuple[str, ...]:
        """A line where nothing of it was graded."""
        why = self.trouble or "; ".join(self.submission.notes)
        name = f"{self.submission.student}, {self.submission.assignment.name}"
        return () if self.submission.counts else (f"{name}: not graded: {why}",)

    @property
    def points(self) -> float | None:
        """The sum so far; None where a person must decide first what counts."""
        total = sum(m.points or 0 for m in self.marks)
        return round(self.kept * total, 2) if self.submission.counts else None
