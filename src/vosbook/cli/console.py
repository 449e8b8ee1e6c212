"""What a command says beside its result: progress and notes, both on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from tqdm import tqdm

progress = partial(tqdm, file=sys.stderr, leave=False, disable=None)  # silent where stderr is no terminal


def note(line: str) -> None:
    """A line that the user should know of, beside the progress bar."""
    tqdm.write(line, file=sys.stderr)


@contextmanager
def notes() -> Iterator[Callable[[str], None]]:
    """Yield what takes notes. Off a terminal they wait for the end: a failed run then leaves one line, the error."""
    if sys.stderr.isatty():
        yield note
        return
    held: list[str] = []
    yield held.append
    for line in held:
        note(line)
