"""A student's code under limits that the operating system enforces: bubblewrap's namespaces, and resource limits.

`run_jobs` starts `runner.py` in the sandbox. Where that process itself is brought down, the answer that was running is
scored as stopped and a new one goes on with the rest.
"""

import importlib.util
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.chapters import BOOK

from course.verdicts import STOPPED
from vosbook.errors import InputError

INSIDE = ("__init__.py", "runner.py", "processes.py", "shown.py", "verdicts.py", "border")  # of this folder
SHARED = ("measured",)  # modules of checks that answers' processes have too: they hold nothing that is right
LENGTH = struct.Struct("<Q")
START_SECONDS = 300  # for the imports, on a machine with other work
COURSE = Path(__file__).parent
ISOLATION = ("sandbox", "limits")
ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",
    "MPLBACKEND": "Agg",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
}


@dataclass(frozen=True)
class Limits:
    """What one exercise of one student may use."""

    seconds: int = 20  # of processor time, each process
    wall_seconds: int = 60
    memory_mb: int = 2048  # more than the imports need
    file_mb: int = 8  # each file, and what is printed
    scratch_mb: int = 256  # all files; a sandbox's
    processes: int = 32  # threads too; a sandbox's


@dataclass(frozen=True)
class Job:
    """An answer and the check that judges it. `setup` names what runs before them."""

    id: str
    setup: str
    name: str  # that the answer defines
    parameters: tuple[str, ...]  # of the function of that name
    answer: str
    check: str
    checks: tuple[str, ...]  # modules that the check needs
    given: tuple[tuple[str, str], ...] = ()  # modules of checks and their names that the stub uses


@dataclass(frozen=True)
class Verdict:
    """What became of a job: `verdict` is one of runner's words, `message` says why it is not "passed"."""

    verdict: str
    message: str = ""
    printed: str = ""
    seconds: float = 0.0
    case: list[dict[str, Any]] = field(default_factory=list)  # that failed: see shown.py


def run_jobs(
    jobs: Sequence[Job],
    setups: dict[str, str],
    *,
    seed: int,
    book: Path = BOOK,
    limits: Limits = Limits(),
    isolation: str = "sandbox",
) -> dict[str, Verdict]:
    """Verdicts by the jobs' ids. `setups`: trusted code by name. `book` holds the checks, whose cases are drawn from
    `seed`, an integer of 0 or more, which no answer can find.

    InputError: the isolation that is asked for cannot be had here. RuntimeError: the trusted code failed.
    """
    require(isolation)
    verdicts: dict[str, Verdict] = {}
    sources = {path.stem: path.read_text(encoding="utf-8") for path in (book / "checks").glob("*.py")}
    shared = {name: sources[name] for name in SHARED}
    known = {"setups": setups, "shared": shared, "limits": asdict(limits), "sandboxed": isolation == "sandbox"}
    while left := [job for job in jobs if job.id not in verdicts]:
        begun = None
        hidden = {"checks": sources, "seed": seed, "jobs": [asdict(job) for job in left]}
        with tempfile.TemporaryDirectory(prefix="grade-") as folder:
            for line in _lines(known, hidden, limits, Path(folder)):
                if "begin" in line:
                    begun = line["begin"]
                else:
                    done = line.pop("id")
                    verdicts[done] = Verdict(**line)
            if begun is None:
                complaint = (Path(folder) / "stderr").read_text(errors="replace").strip()
                raise RuntimeError(f"what runs before the answers failed: {complaint[-2000:] or 'it said nothing'}")
        verdicts.setdefault(begun, Verdict(STOPPED, "the process that runs the checks was ended"))
    return verdicts


def _lines(
    known: dict[str, Any], hidden: dict[str, Any], limits: Limits, folder: Path
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """What the runner says, line by line, until it ends or is silent for too long."""
    command = _sandbox(limits) if known["sandboxed"] else []
    command += [sys.executable, "-s", "-m", "course.runner"]
    paths = [str(COURSE.parent), str(package_folder())]
    environment = {**ENVIRONMENT, "TMPDIR": "/tmp" if known["sandboxed"] else str(folder)}
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "MPLCONFIGDIR": _font_cache()}
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    try:
        for text in (json.dumps(known).encode(), json.dumps(hidden).encode()):
            process.stdin.write(LENGTH.pack(len(text)) + text)
        process.stdin.close()
        seconds = START_SECONDS
        while select.select([process.stdout], [], [], seconds)[0] and (line := process.stdout.readline()):
            yield json.loads(line)
            seconds = START_SECONDS + 10 * limits.wall_seconds  # the runner itself sees to the limits
    except BrokenPipeError:
        return  # it ended before it had read its task
    finally:
        _kill_group(process.pid)  # what dies with it is in its own process namespace, or in its group
        process.wait()
        process.stdout.close()


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@cache
def _font_cache() -> str:
    """matplotlib's list of fonts, which takes seconds to make: where an import outside the sandbox has put it."""
    import matplotlib

    return matplotlib.get_cachedir()


def package_folder() -> Path:
    """Where the package `vosbook` is imported from."""
    return Path(importlib.util.find_spec("vosbook").origin).parents[1]


# ---------------------------------------------------------------------------------------------------- bubblewrap


def _sandbox(limits: Limits) -> list[str]:
    """bubblewrap's command: nothing is visible but system libraries, Python and the package; no network."""
    visible = [
        "/usr",
        "/etc/ld.so.cache",
        "/etc/alternatives",
        "/etc/fonts",
        sys.base_prefix,
        sys.prefix,
        str(package_folder()),
        *(str(COURSE / name) for name in INSIDE),
        _font_cache(),
    ]
    command = [_bwrap(), "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    if os.getuid() == 0:  # the runner stays root, without its powers, and gives each answer another user's number
        command[1:2] = ["--unshare-ipc", "--unshare-net", "--unshare-pid", "--unshare-uts"]
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_KILL"]
    command += ["--perms", "1777", "--size", str(limits.scratch_mb * 2**20), "--tmpfs", "/tmp"]
    for path in (Path(path) for path in visible if Path(path).exists()):
        for parent in reversed([p for p in path.parents[:-1] if p != Path("/tmp")]):  # the answer's user must pass
            command += ["--perms", "0755", "--dir", str(parent)]
        command += ["--ro-bind", str(path), str(path)]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        place = Path("/") / name
        if place.is_symlink():
            command += ["--symlink", str(place.readlink()), str(place)]
        elif place.exists():
            command += ["--ro-bind", str(place), str(place)]
    return [*command, "--proc", "/proc", "--dev", "/dev", "--chdir", "/tmp", "--"]


def _bwrap() -> str:
    """Where it is installed; the sandbox's own search path is not where to look."""
    return shutil.which("bwrap") or ""


def require(isolation: str) -> None:
    """InputError where there is no such isolation here."""
    if sys.platform == "win32":
        raise InputError("answers cannot be run on Windows itself: grade in WSL, the Windows Subsystem for Linux")
    if isolation == "sandbox":
        require_sandbox()


def not_held(isolation: str) -> tuple[str, ...]:
    """In words, what an answer is not kept from."""
    if isolation == "sandbox":
        return ()
    lines = ["files: an answer can read and change all that you can", "network: an answer can use it"]
    if os.getuid() == 0:
        lines.append("the check: as root, an answer can read its memory; grade as another user")
    if (Path("/proc") / "self" / "task").is_dir():
        return tuple(lines)
    return (
        *lines,
        "processes: what an answer leaves running goes on, and its time and memory are limited for each process alone",
        "memory: this system does not hold a process to a limit",
    )


@cache
def require_sandbox() -> None:
    """InputError where bubblewrap is not here or may not make its namespaces."""
    remedy = "or grade with ISOLATION=limits after reading book/course/graders.md"
    if not _bwrap():
        raise InputError(f"bwrap is not installed: install the package bubblewrap (Linux), {remedy}")
    done = subprocess.run([*_sandbox(Limits()), "true"], capture_output=True, text=True, env=ENVIRONMENT)
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise InputError(f"bwrap cannot make a sandbox here ({said}): allow user namespaces, {remedy}")
