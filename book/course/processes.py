"""What the processes of an answer use, as far as the operating system tells: Linux tells all of it."""

import os
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")


def tells() -> bool:
    """Whether the processes that an answer starts can be seen, counted and ended."""
    return (PROC / "self" / "task").is_dir()


@dataclass(frozen=True)
class Use:
    """Of several processes: seconds on a processor, seconds on one or waiting for one, bytes in memory."""

    processor: float = 0.0
    awake: float = 0.0
    memory: int = 0

    def __add__(self, other: "Use") -> "Use":
        return Use(self.processor + other.processor, self.awake + other.awake, self.memory + other.memory)


def use_of(pid: int) -> Use:
    """Of a process and of its children that have ended. Bytes that come from a file are not counted."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        processor = sum(map(int, fields[11:15])) / TICK  # utime, stime, cutime, cstime
        awake = sum(map(_awake, (PROC / str(pid) / "task").iterdir()))
        _, resident, shared, *_ = (PROC / str(pid) / "statm").read_text().split()
    except OSError:
        return Use()  # it has ended, or this system does not tell
    return Use(processor, max(awake, processor), (int(resident) - int(shared)) * resource.getpagesize())


def _awake(task: Path) -> float:
    """Seconds that a thread ran, or waited for its turn."""
    try:
        running, waiting, _ = (task / "schedstat").read_text().split()
    except (OSError, ValueError):
        return 0.0
    return (int(running) + int(waiting)) / 1e9


def descendants(pid: int) -> list[int]:
    """Processes that a process has started, and those that they have, dead ones too until they are waited for."""
    children: dict[int, list[int]] = {}
    for one, parent in _parents():
        children.setdefault(parent, []).append(one)
    found, todo = [], [pid]
    while todo:
        new = children.get(todo.pop(), [])
        found += new
        todo += new
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for path in PROC.glob("[1-9]*"):
        try:
            yield int(path.name), int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended


def end_descendants() -> dict[int, int]:
    """Kill all that this process has started, and wait for it; exit statuses by process number.

    They are stopped before they are killed, so that none of them can go on starting others.
    """
    statuses = {}
    while alive := descendants(os.getpid()):
        for what in (signal.SIGSTOP, signal.SIGKILL):
            for pid in alive:
                _send(pid, what)
        statuses |= _wait_for_all()
    return statuses


def _send(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        return


def _wait_for_all() -> dict[int, int]:
    """Statuses of the children that have ended, or do within a moment."""
    statuses = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return statuses
        if pid == 0:
            time.sleep(0.001)
            return statuses
        statuses[pid] = status
