"""What runs inside the sandbox. Every answer has a process of its own, and its check another one.

    runner            executes the imports cells; then reads checks, answers and the seed of the cases
    ├── nursery       forked before the runner read them: what it does not know, no answer can find
    │   └── pupil     an answer, under limits
    └── judge         the check of that answer, which it calls across the border (`border/`)

On stdin, two JSON objects, each after its length: `setups` (imports cells by name), `shared` (sources of the modules of
`checks` that both sides have), `limits`, `sandboxed`; and `checks` (sources), `seed`, `jobs` (each `id`, `setup`,
`exercise`, `name`, `given`, `answer`, `check`). On stdout a line of JSON as a job begins, and one with its verdict.
"""

import ast
import asyncio
import builtins
import ctypes
import importlib
import importlib.abc
import importlib.util
import inspect
import json
import os
import re
import resource
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from course.border.peer import ANSWER, Gone, Judge, Nonsense, Pupil, place_in_answer
from course.processes import Use, descendants, end_descendants, tells, use_of
from course.shown import case_of
from course.verdicts import ERROR, FAILED, MISSING, PASSED, STOPPED

UID = 61717  # as root, answers run under this number, which belongs to nobody
TEXT = 3000  # characters of a message or of what an answer printed
LENGTH = struct.Struct("<Q")
MB = 2**20
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 4, 36, 38  # linux/prctl.h
OPTIONS = re.compile(r"^(-[a-zA-Z]+ ?\d*\s+)+")  # of a line magic
LIBRARY = "checks", "vosbook"  # what an answer may not import


def main() -> None:
    task = _read_object()
    _prctl(PR_SET_DUMPABLE, 0)  # else an answer of the same user could open this process's memory and files
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    sys.meta_path.insert(0, checks := Checks(task["shared"]))
    namespaces = {name: _execute_imports(source) for name, source in task["setups"].items()}
    nursery = Nursery(namespaces, task["limits"], sandboxed=task["sandboxed"])
    secrets = _read_object()
    checks.sources |= secrets["checks"]
    importlib.import_module("checks.cases").use_seed(secrets["seed"])
    for name in {name for job in secrets["jobs"] for name in job["checks"]}:
        importlib.import_module(f"checks.{name}")  # a check that is broken is nobody's answer
    for job in secrets["jobs"]:
        print(json.dumps({"begin": job["id"]}), file=lines)
        verdict = run_job(job, namespaces[job["setup"]], nursery, task["limits"])
        print(json.dumps({"id": job["id"], **verdict}), file=lines)


def _read_object() -> Any:
    """One JSON object from stdin, and not a byte of what follows it."""
    (length,) = LENGTH.unpack(_read(LENGTH.size))
    return json.loads(_read(length))


def _read(count: int) -> bytes:
    got = b""
    while len(got) < count:
        part = os.read(0, min(count - len(got), MB))
        if not part:
            raise EOFError("the task ends too early")
        got += part
    return got


def _prctl(what: int, value: int) -> None:
    """Linux only; elsewhere nothing."""
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(what, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {what}")


class Checks(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The package `checks`, from texts: no file of it is in the sandbox."""

    def __init__(self, sources: dict[str, str]):
        self.sources = sources  # by the module's name in the package

    def find_spec(self, name, path=None, target=None):
        if name == "checks" or name.removeprefix("checks.") in self.sources:
            return importlib.util.spec_from_loader(name, self, is_package=name == "checks")
        return None

    def exec_module(self, module: ModuleType) -> None:
        source = self.sources.get(module.__name__.removeprefix("checks."), "")
        exec(compile(source, module.__name__, "exec"), vars(module))


def _execute_imports(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "imports", "exec"), namespace)
    return namespace


# ------------------------------------------------------------------------------------------------ one job


def run_job(job: dict, namespace: dict, nursery: "Nursery", limits: dict) -> dict:
    """Answer and check in two processes, watched from here."""
    judges, pupils = socket.socketpair()
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as told:
        start = time.monotonic()
        pupil = nursery.begin(job["setup"], pupils, printed.fileno())
        judge = os.fork()
        if judge == 0:
            pupils.close()  # else the channel would stay open, and the judge wait, when the pupil has gone
            _judge(job, namespace, judges, pupil, limits, told.fileno())
        for one in (judges, pupils):
            one.close()
        stopped = _watch(judge, nursery, start, limits)
        status = nursery.end(pupil)
        told.seek(0)
        text = told.read()
        printed.seek(max(0, printed.seek(0, os.SEEK_END) - TEXT))
        output, seconds = printed.read().decode(errors="replace"), round(time.monotonic() - start, 2)
    if stopped or not text:
        return {**_told(STOPPED, stopped or _death(status, limits)), "printed": output, "seconds": seconds}
    return {**json.loads(text), "printed": output, "seconds": seconds}


def _watch(judge: int, nursery: "Nursery", start: float, limits: dict) -> str | None:
    """Wait until the judge has ended; why it was not waited for any longer."""
    pause, room = 0.001, limits["memory_mb"] * MB + 2 * use_of(os.getpid()).memory
    while not (ended := os.waitpid(judge, os.WNOHANG))[0]:
        used = sum(map(use_of, descendants(nursery.pid)), Use())
        asleep = time.monotonic() - start - used.awake - use_of(judge).awake
        reason = None
        if used.processor > limits["seconds"]:
            reason = f"it used more than its {limits['seconds']} s of processor time"
        elif asleep > limits["wall_seconds"]:
            reason = f"it did not end within {limits['wall_seconds']} s"
        elif used.memory > room:
            reason = f"all its processes together used more than {limits['memory_mb']} MB"
        if reason:
            os.kill(judge, signal.SIGKILL)
            os.waitpid(judge, 0)
            return reason
        time.sleep(pause)
        pause = min(2 * pause, 0.1)
    return "the check came to no end with what the answer returned" if ended[1] else None


def _death(status: int | None, limits: dict) -> str:
    """What the exit status of a pupil says that did not stay to the end; None: it did not end by itself."""
    if status is None or not os.WIFSIGNALED(status):
        return "its process ended before the check did"
    if os.WTERMSIG(status) == signal.SIGXCPU:
        return f"it used more than its {limits['seconds']} s of processor time"
    return f"its process was ended by {signal.Signals(os.WTERMSIG(status)).name}"


# ------------------------------------------------------------------------------------------------ the judge


def _judge(job: dict, namespace: dict, channel: socket.socket, pupil: int, limits: dict, told: int) -> None:
    """The check's process: it writes its verdict, or nothing where the pupil has gone. Never returns."""
    status = 1
    try:
        _limit({**limits, "seconds": 2 * limits["seconds"]})
        if verdict := judged(job, namespace, Judge(channel, pupil)):
            os.write(told, json.dumps(verdict).encode())
        status = 0
    finally:
        os._exit(status)


def judged(job: dict, namespace: dict, judge: Judge) -> dict | None:
    """Let the answer be executed, and check it. None where the pupil's process has ended."""
    try:
        modules = {name: importlib.import_module(f"checks.{name}") for name in job["checks"]}
        given: dict[str, dict[str, Any]] = {module: {} for module, _ in job["given"]}
        for module, name in job["given"]:
            given[module][name] = getattr(modules[module], name)
        answer = judge.answer(job["answer"], job["name"], given)
        exec(compile(job["check"], "check", "exec"), {**namespace, **modules, job["name"]: answer})
    except Gone:
        return None
    except Nonsense as error:
        return _told(STOPPED, f"its process answered the check with something else than a value ({error})")
    except NotImplementedError:
        return _told(MISSING, "not answered yet: NotImplementedError")
    except AssertionError as error:
        return _told(FAILED, str(error), case_of(error, job["parameters"]))
    except BaseException as error:
        message = getattr(error, "told", f"{type(error).__name__}: {error}{place_in_answer(error)}")
        return _told(ERROR, message, case_of(error, job["parameters"]))
    return _told(PASSED, "")


def _told(verdict: str, message: str, case: Sequence[dict] = ()) -> dict:
    """Half a surrogate pair cannot be written."""
    message = message[:TEXT].encode(errors="backslashreplace").decode()
    return {"verdict": verdict, "message": message, "case": list(case)}


def _limit(limits: dict) -> None:
    """What the operating system holds this process to."""
    memory = Path("/proc/self/statm")
    used = int(memory.read_text().split()[0]) * resource.getpagesize() if memory.is_file() else 0
    wanted = {
        resource.RLIMIT_CPU: (limits["seconds"], limits["seconds"] + 1),  # a signal that has a name, and then the end
        resource.RLIMIT_AS: used + limits["memory_mb"] * MB,
        resource.RLIMIT_FSIZE: limits["file_mb"] * MB,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in wanted.items():
        resource.setrlimit(what, most if isinstance(most, tuple) else (most, most))


# ------------------------------------------------------------------------------------------------ the nursery


class Nursery:
    """A process that starts the answers' processes and ends them. It and they know the imports cells, and no more."""

    def __init__(self, namespaces: dict[str, dict], limits: dict, *, sandboxed: bool):
        self.channel, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self.channel.close()
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            _tend(theirs, namespaces, limits, sandboxed=sandboxed)
        theirs.close()

    def begin(self, setup: str, channel: socket.socket, printed: int) -> int:
        """Start a pupil with this end of its channel; its process number."""
        socket.send_fds(self.channel, [json.dumps({"begin": setup}).encode()], [channel.fileno(), printed])
        return self._reply()

    def end(self, pupil: int) -> int | None:
        """End a pupil and all that it has started. Its exit status, where it had ended by itself."""
        self.channel.sendall(json.dumps({"end": pupil}).encode())
        return self._reply()

    def _reply(self) -> Any:
        if not (text := self.channel.recv(2**12)):
            raise EOFError("the process that starts the answers has ended")
        return json.loads(text)


def _tend(channel: socket.socket, namespaces: dict[str, dict], limits: dict, *, sandboxed: bool) -> None:
    """The nursery's process. Never returns."""
    try:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)  # what a pupil leaves behind becomes this process's, which ends it
        while True:
            text, fds, *_ = socket.recv_fds(channel, 2**12, 2)
            if not text:
                return
            order = json.loads(text)
            if "begin" in order:
                pupil = os.fork()
                if pupil == 0:
                    _pupil(namespaces[order["begin"]], *fds, limits, sandboxed=sandboxed)
                for fd in fds:
                    os.close(fd)
                channel.sendall(json.dumps(pupil).encode())
            else:
                channel.sendall(json.dumps(_end(order["end"])).encode())
    finally:
        os._exit(0)


def _end(pupil: int) -> int | None:
    """Kill a pupil and its processes; its status where it did not need to be killed."""
    pid, status = os.waitpid(pupil, os.WNOHANG)
    if tells():
        end_descendants()
    else:
        _kill_group(pupil)
    return status if pid else None


def _kill_group(pupil: int) -> None:
    try:
        os.killpg(pupil, signal.SIGKILL)
        os.waitpid(pupil, 0)
    except (ProcessLookupError, ChildProcessError):
        return


# ------------------------------------------------------------------------------------------------ the pupil


def _pupil(namespace: dict, channel: int, printed: int, limits: dict, *, sandboxed: bool) -> None:
    """An answer's process. Never returns."""
    try:
        os.setsid()
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        sys.stdout = os.fdopen(1, "w", buffering=1, errors="backslashreplace", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
        os.dup2(channel, 3)
        os.closerange(4, 4096)
        _limit(limits)
        _limit_powers(limits, sandboxed=sandboxed)
        builtins.__import__ = _without_library(builtins.__import__, namespace)
        Pupil(socket.socket(fileno=3), lambda *job: execute_answer(*job, namespace)).serve()
        sys.stdout.flush()
    finally:
        os._exit(0)


def _limit_powers(limits: dict, *, sandboxed: bool) -> None:
    if sandboxed:  # elsewhere the user's other processes would count
        resource.setrlimit(resource.RLIMIT_NPROC, (limits["processes"],) * 2)
        if os.getuid() == 0:
            os.setgroups([])
            os.setresgid(UID, UID, UID)
            os.setresuid(UID, UID, UID)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    os.chdir(tempfile.mkdtemp())


def _without_library(real: Callable, namespace: dict) -> Callable:
    """`import` of an answer without the library, which holds what exercises ask for; the library itself may import."""

    def import_(name, where=None, *rest, **options):
        if name.split(".")[0] in LIBRARY and where is namespace:
            raise ImportError(f"an answer uses what the imports cell defines; it cannot import {name}")
        return real(name, where, *rest, **options)

    return import_


def execute_answer(source: str, name: str, given: dict[str, dict[str, Any]], namespace: dict[str, Any]) -> Any:
    """Execute a cell as a notebook does: `await` may stand outside a function. What it defines as `name`."""
    shell = Shell(namespace)
    namespace |= {"get_ipython": lambda: shell, "display": print}
    namespace |= {module: SimpleNamespace(**parts) for module, parts in given.items()}
    done = eval(compile(source, ANSWER, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), namespace)
    if inspect.iscoroutine(done):
        asyncio.run(done)
    if name not in namespace:
        raise NameError(f"the cell does not define {name}")
    return namespace[name]


class Shell:
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


if __name__ == "__main__":
    main()
