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
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.chapters import BOOK

from course.runner import STOPPED
from vosbook.errors import InputError

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
    exercise: str
    name: str  # that the answer defines
    answer: str
    check: str


@dataclass(frozen=True)
class Verdict:
    """What became of a job: `verdict` is one of runner's words, `message` says why it is not "passed"."""

    verdict: str
    message: str = ""
    printed: str = ""
    seconds: float = 0.0


def run_jobs(
    jobs: Sequence[Job],
    setups: dict[str, dict[str, str | None]],
    *,
    book: Path = BOOK,
    limits: Limits = Limits(),
    isolation: str = "sandbox",
) -> dict[str, Verdict]:
    """Verdicts by the jobs' ids. `setups`: by name, `imports` (trusted code) and `controls` (a module, or None).
    `book` holds the checks.

    InputError: the isolation that is asked for cannot be had here. RuntimeError: the trusted code failed.
    """
    if isolation == "sandbox":
        require_sandbox()
    verdicts: dict[str, Verdict] = {}
    while left := [job for job in jobs if job.id not in verdicts]:
        begun = None
        task = {"setups": setups, "jobs": [asdict(job) for job in left], "limits": asdict(limits)}
        with tempfile.TemporaryDirectory(prefix="grade-") as folder:
            for line in _lines({**task, "sandboxed": isolation == "sandbox"}, limits, book, Path(folder)):
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


def _lines(task: dict[str, Any], limits: Limits, book: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """What the runner says, line by line, until it ends or is silent for too long."""
    command = _sandbox(limits, book) if task["sandboxed"] else []
    command += [sys.executable, "-s", "-m", "course.runner"]
    paths = [str(book), str(COURSE.parent), str(package_folder())]
    environment = {**ENVIRONMENT, "TMPDIR": "/tmp" if task["sandboxed"] else str(folder)}
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
        process.stdin.write(json.dumps(task).encode())
        process.stdin.close()
        seconds = START_SECONDS
        while select.select([process.stdout], [], [], seconds)[0] and (line := process.stdout.readline()):
            yield json.loads(line)
            seconds = limits.wall_seconds + START_SECONDS / 10
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


def _sandbox(limits: Limits, book: Path) -> list[str]:
    """bubblewrap's command: nothing is visible but system libraries, Python, the package and the checks; no network."""
    visible = [
        "/usr",
        "/etc/ld.so.cache",
        "/etc/alternatives",
        "/etc/fonts",
        sys.base_prefix,
        sys.prefix,
        str(package_folder()),
        *(str(book / name) for name in ("checks", "profiles", "results")),
        *(str(COURSE / name) for name in ("__init__.py", "runner.py")),
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


@cache
def require_sandbox() -> None:
    """InputError where bubblewrap is not here or may not make its namespaces."""
    remedy = "or grade with ISOLATION=limits after reading book/course/graders.md"
    if not _bwrap():
        raise InputError(f"bwrap is not installed: install the package bubblewrap (Linux), {remedy}")
    done = subprocess.run([*_sandbox(Limits(), BOOK), "true"], capture_output=True, text=True, env=ENVIRONMENT)
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise InputError(f"bwrap cannot make a sandbox here ({said}): allow user namespaces, {remedy}")
