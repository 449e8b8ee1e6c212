"""What runs inside the sandbox: every answer and its check in a process of its own. It imports nothing of the course.

On stdin, one JSON object: `setups` (by name: `imports`, the trusted cell that runs before answers, and `controls`, the
module of known wrong answers), `jobs` (each `id`, `setup`, `exercise`, `name`, `answer`, `check`), `limits` and
`sandboxed`. On stdout, a line of JSON as a job begins and one with its verdict.

The imports cell is executed once; each job is a fork of that process, so that no answer sees or changes another. A
verdict counts only with the token of its job: what an answer prints, or writes to other files, is not read as one.
"""

import ast
import asyncio
import contextlib
import ctypes
import importlib
import importlib.util
import inspect
import json
import os
import re
import resource
import secrets
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import ModuleType

UID = 61717  # as root, answers run under this number, which belongs to nobody
TEXT = 3000  # characters of a message or of what an answer printed
PASSED, FAILED, MISSING, ERROR, STOPPED, TAMPERED = "passed", "failed", "not answered", "error", "stopped", "tampered"
UNREAD = "not graded"  # nobody looked: the notebook could not be read, or is one of several
OPTIONS = re.compile(r"^(-[a-zA-Z]+ ?\d*\s+)+")  # of a line magic
MB = 2**20
PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 4, 38  # linux/prctl.h


def main() -> None:
    task = json.load(sys.stdin)
    _prctl(PR_SET_DUMPABLE, 0)  # else an answer of the same user could open this process's memory and files
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.dup2(1, 0)
    setups = {name: _set_up(setup) for name, setup in task["setups"].items()}
    for job in task["jobs"]:
        print(json.dumps({"begin": job["id"]}), file=channel)
        verdict = _run(job, setups[job["setup"]], task["limits"], sandboxed=task["sandboxed"])
        print(json.dumps({"id": job["id"], **verdict}), file=channel)


def _prctl(what: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(what, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {what}")


def _set_up(setup: dict) -> dict:
    """Execute the imports cell. The checks are loaded once more, apart from the modules that an answer can import."""
    namespace: dict = {"__name__": "__main__"}
    exec(compile(setup["imports"], "imports", "exec"), namespace)
    modules = {n: m for n, m in namespace.items() if isinstance(m, ModuleType) and m.__name__.startswith("checks.")}
    checks = {name: _second_copy(module) for name, module in modules.items()}
    wrong = importlib.import_module(setup["controls"]).WRONG if setup["controls"] else {}
    return {"namespace": namespace, "checks": checks, "wrong": wrong}


def _second_copy(module: ModuleType) -> ModuleType:
    copy = importlib.util.module_from_spec(module.__spec__)
    module.__spec__.loader.exec_module(copy)
    return copy


# ------------------------------------------------------------------------------------------------ from outside


def _run(job: dict, setup: dict, limits: dict, *, sandboxed: bool) -> dict:
    """One job in a child process; what it left running is killed with it."""
    token = secrets.token_hex(16)
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as printed:
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            _child(job, setup, limits, writing, printed.fileno(), token, sandboxed=sandboxed)
        os.close(writing)
        status, stopped = _wait(child, start, limits, sandboxed=sandboxed)
        _kill_rest(child, sandboxed=sandboxed)
        verdict = _verdict(reading, token)
        os.close(reading)
        printed.seek(max(0, printed.seek(0, os.SEEK_END) - TEXT))
        output = printed.read().decode(errors="replace")
    if stopped or verdict is None:
        verdict = {"verdict": STOPPED, "message": stopped or _death(status, limits)}
    return {**verdict, "printed": output, "seconds": round(time.monotonic() - start, 2)}


def _wait(child: int, start: float, limits: dict, *, sandboxed: bool) -> tuple[int, str | None]:
    """The child's exit status, and why it was stopped."""
    pause, room = 0.001, limits["memory_mb"] * MB + 2 * _resident(os.getpid())
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status, None
        reason = None
        if time.monotonic() - start > limits["wall_seconds"]:
            reason = f"it did not end within {limits['wall_seconds']} s"
        elif sum(_resident(pid) for pid in _pids(child, sandboxed=sandboxed)) > room:
            reason = f"all its processes together used more than {limits['memory_mb']} MB"
        if reason:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1], reason
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def _pids(child: int, *, sandboxed: bool) -> list[int]:
    """In the sandbox every process but the first and this one is the answer's; outside it only the child is known."""
    if not sandboxed:
        return [child]
    return [int(path.name) for path in Path("/proc").glob("[1-9]*") if path.name not in ("1", str(os.getpid()))]


def _resident(pid: int) -> int:
    """Bytes of a process that lie in memory and come from no file."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0  # it has ended
    return (int(resident) - int(shared)) * resource.getpagesize()


def _kill_rest(child: int, *, sandboxed: bool) -> None:
    try:
        if sandboxed:
            os.kill(-1, signal.SIGKILL)  # all but this one and the sandbox's first
        else:
            os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        return
    if not sandboxed:
        return
    with contextlib.suppress(ChildProcessError):
        while True:  # their places in the process table are taken until they are waited for
            os.waitpid(-1, 0)
    while any(_resident(pid) for pid in _pids(child, sandboxed=True)):  # orphans, for which the first process waits:
        time.sleep(0.001)  # what they have not given back yet would count as the next answer's


def _verdict(reading: int, token: str) -> dict | None:
    """The line with the token. A pipe holds 64 KB; an answer that fills it is stopped by its time."""
    os.set_blocking(reading, False)
    try:
        lines = os.read(reading, 2**16).splitlines()
    except BlockingIOError:  # something that outlived the child holds the pipe's other end
        return None
    mark = f"{token} ".encode()
    found = [line[len(mark) :] for line in lines if line.startswith(mark)]
    return json.loads(found[-1]) if found else None


def _death(status: int, limits: dict) -> str:
    if not os.WIFSIGNALED(status):
        return "its process ended before the check did"
    if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        return f"it used more than {limits['seconds']} s of processor time, or was killed"
    return f"its process was ended by {signal.Signals(os.WTERMSIG(status)).name}"


# ------------------------------------------------------------------------------------------ inside the child


def _child(
    job: dict, setup: dict, limits: dict, report: int, printed: int, token: str, *, sandboxed: bool
) -> None:  # fmt: skip
    """Never returns."""
    try:
        os.setsid()
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        sys.stdout = os.fdopen(1, "w", buffering=1, errors="backslashreplace", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
        os.dup2(report, 3)
        os.closerange(4, 4096)
        _limit(limits, sandboxed=sandboxed)
        verdict, message = _grade(job, setup)
        sys.stdout.flush()
        message = message[:TEXT].encode(errors="backslashreplace").decode()  # half a surrogate pair cannot be written
        line = json.dumps({"verdict": verdict, "message": message})
        os.write(3, f"\n{token} {line}\n".encode())
    finally:
        os._exit(0)


def _limit(limits: dict, *, sandboxed: bool) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    wanted = {
        resource.RLIMIT_CPU: limits["seconds"],
        resource.RLIMIT_AS: used + limits["memory_mb"] * MB,
        resource.RLIMIT_FSIZE: limits["file_mb"] * MB,
        resource.RLIMIT_CORE: 0,
    }
    if sandboxed:  # elsewhere the user's other processes would count
        wanted[resource.RLIMIT_NPROC] = limits["processes"]
        if os.getuid() == 0:
            os.setgroups([])
            os.setresgid(UID, UID, UID)
            os.setresuid(UID, UID, UID)
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
    for what, most in wanted.items():
        resource.setrlimit(what, (most, most))
    os.chdir(tempfile.mkdtemp())


def _grade(job: dict, setup: dict) -> tuple[str, str]:
    """Execute answer and check; then make sure that the check still rejects what it must."""
    namespace = setup["namespace"]
    try:
        _answer(job["answer"], namespace)
        namespace.update(setup["checks"])
        exec(compile(job["check"], "check", "exec"), namespace)
    except NotImplementedError:
        return MISSING, "not answered yet: NotImplementedError"
    except AssertionError as error:
        return FAILED, str(error)
    except BaseException as error:  # SystemExit too
        return ERROR, _describe(error)
    wrong = setup["wrong"].get(job["exercise"])
    if wrong and _accepts(job, namespace, wrong[0]):
        return TAMPERED, "after this answer had run, the check accepted an answer that is known to be wrong"
    return PASSED, ""


class _Shell:
    """What a notebook's cell finds behind `get_ipython()`: magics that run Python run it, the others do nothing."""

    def __init__(self, namespace: dict):
        self.namespace = namespace

    def run_line_magic(self, name: str, line: str) -> None:
        if name in ("time", "timeit", "prun"):
            exec(OPTIONS.sub("", line), self.namespace)

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        print(f"%%{name} is not run here, nor is its cell")

    def system(self, command: str) -> list:
        print(f"!{command} is not run here")
        return []

    getoutput = system


def _answer(source: str, namespace: dict) -> None:
    """Execute a cell as a notebook does: `await` may stand outside a function."""
    shell = _Shell(namespace)
    namespace |= {"get_ipython": lambda: shell, "display": print}
    code = compile(source, "answer", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    done = eval(code, namespace)
    if inspect.iscoroutine(done):
        asyncio.run(done)


def _accepts(job: dict, namespace: dict, wrong: object) -> bool:
    try:
        exec(compile(job["check"], "check", "exec"), {**namespace, job["name"]: wrong})
    except BaseException:
        return False
    return True


def _describe(error: BaseException) -> str:
    places = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "answer"]
    where = f" (line {places[-1]} of the answer)" if places else ""
    return f"{type(error).__name__}: {error}{where}"


if __name__ == "__main__":
    main()
