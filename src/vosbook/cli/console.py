"""What a command says beside its result: progress and notes, both on stderr."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from tqdm import tqdm

from vosbook.output import visible

progress = partial(tqdm, file=sys.stderr, leave=False, disable=None)  # silent where stderr is no terminal


def note(line: str) -> None:
    """A line that the user should know of, beside the progress bar."""
    tqdm.write(visible(line), file=sys.stderr)


@contextmanager
def notes() -> Iterator[Callable[[str], None]]:
    """Yield what takes notes; what the library warns of meanwhile is one too.

    Off a terminal they wait for the end: a failed run then leaves one line, the error.
    """
    held: list[str] = []
    take = note if sys.stderr.isatty() else held.append
    handler = _Notes(take)
    library = logging.getLogger("vosbook")
    library.addHandler(handler)
    try:
        yield take
    finally:
        library.removeHandler(handler)
    for line in held:
        note(line)


class _Notes(logging.Handler):
    """Hands what is logged on, as lines."""

    def __init__(self, take: Callable[[str], None]):
        super().__init__(logging.WARNING)
        self.take = take

    def emit(self, record: logging.LogRecord) -> None:
        self.take(record.getMessage())
