"""Execute chapters through papermill, two at a time, and keep each one's outputs for as long as they are true.

An executed notebook carries in its metadata the key of what it depended on (`chapters.chapter_key`). It appears under
its name only when every cell has run, so that an interrupted build leaves nothing that counts as done.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import nbformat
from nbformat import NotebookNode

from pipeline.chapters import BOOK, KERNEL, chapter_key, read_chapter

DEFAULT_PROFILE = "smoke"
WORKERS = 2
CELL_SECONDS = 600  # a chapter's cell that takes longer hangs
GO_ON = "raises-exception"  # JupyterLab runs the cells after one with this tag although it failed
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def execute_all(
    chapters: list[Path], cache: Path, *, profile: str = DEFAULT_PROFILE, say: Callable[[str], None] = print
) -> dict[str, str]:
    """Bring `cache/NAME.ipynb` up to date for every chapter. Returns the report of each one that failed, by name."""
    cache.mkdir(parents=True, exist_ok=True)
    keys = {path: chapter_key(path, profile=profile) for path in chapters}
    stale = [path for path in chapters if cached_key(cache / f"{path.stem}.ipynb") != keys[path]]
    say(f"chapters: {len(chapters)}, to execute: {len(stale)} (profile {profile})")
    work = partial(_execute_apart, cache=cache, keys=keys, profile=profile, say=say)
    pool = ThreadPoolExecutor(WORKERS)
    try:
        reports = list(pool.map(work, stale))
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C must not begin the next chapter
    return {path.stem: report for path, report in zip(stale, reports) if report}


def cached_key(path: Path) -> str | None:
    """The key that an executed notebook carries; None where there is none."""
    if not path.is_file():
        return None
    return json.loads(path.read_text(encoding="utf-8"))["metadata"]["vosbook"]["key"]


def _execute_apart(
    chapter: Path, *, cache: Path, keys: dict[Path, str], profile: str, say: Callable[[str], None]
) -> str | None:
    """Execute one chapter in a process of its own. Returns None, or what went wrong."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "pipeline.execute", str(chapter), str(cache / f"{chapter.stem}.ipynb")]
    command += ["--profile", profile, "--key", keys[chapter]]
    done = subprocess.run(command, capture_output=True, text=True, env=_kernel_environment())
    verdict = "executed" if done.returncode == 0 else "FAILED"
    say(f"  {chapter.stem}: {verdict} in {time.perf_counter() - start:.0f} s")
    return None if done.returncode == 0 else done.stdout or done.stderr


def _kernel_environment() -> dict[str, str]:
    """One thread a chapter, since two run at once; and nothing of the reader's own IPython or matplotlib set-up."""
    own = {name: value for name, value in os.environ.items() if name not in {"MPLBACKEND", "PYTHONSTARTUP"}}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    path = os.pathsep.join(filter(None, [str(BOOK), own.get("PYTHONPATH")]))
    quiet = {"PYTHONHASHSEED": "0", "JUPYTER_PREFER_ENV_PATH": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return {**own, **threads, **quiet, "PYTHONPATH": path}


# ------------------------------------------------------------------------------------------ one chapter or run


class ChapterError(Exception):
    """A cell failed; the message says which, and how."""


def execute(
    chapter: Path,
    out: Path,
    *,
    profile: str,
    given: Mapping[str, str] | None = None,
    key: str = "",
    cell_seconds: int | None = None,
    stdout: TextIO | None = None,
) -> None:
    """Run a py:percent file through papermill in its book's folder. `out` appears only when it is complete.

    `given` are parameters beside the profile. `cell_seconds` limits each cell. What the cells print also goes to
    `stdout` while they run.
    """
    import papermill  # 1 s, and only here

    source = read_chapter(chapter)
    for cell in source.cells:  # a reader goes on after a check that failed; here nothing may fail
        cell.metadata["tags"] = [tag for tag in cell.metadata.get("tags", []) if tag != GO_ON]
    with TemporaryDirectory(prefix=f".{out.stem}.partial-", dir=out.parent) as folder:
        _own_ipython(Path(folder) / "ipython")
        plain, made = Path(folder) / "plain.ipynb", Path(folder) / out.name
        nbformat.write(source, plain)
        start, spent = time.perf_counter(), _spent_by_kernels()
        try:
            papermill.execute_notebook(
                str(plain),
                str(made),
                parameters=({} if profile == DEFAULT_PROFILE else {"profile": profile}) | dict(given or {}),
                cwd=str(BOOK if chapter.is_relative_to(BOOK) else chapter.parent),
                kernel_name=KERNEL["name"],
                progress_bar=False,
                execution_timeout=cell_seconds,
                stdout_file=stdout,
            )
        except papermill.PapermillExecutionError as error:
            raise ChapterError(_report(chapter, nbformat.read(made, as_version=4), error)) from None
        notebook = nbformat.read(made, as_version=4)
        seconds = {"seconds": time.perf_counter() - start, "processor_seconds": _spent_by_kernels() - spent}
        notebook.metadata["vosbook"] = _circumstances(profile, key, seconds)
        nbformat.write(notebook, made)
        made.replace(out)


def _own_ipython(folder: Path) -> None:
    """A reader's own start-up files must not change the book; and the kernel reports errors only."""
    profile = folder / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text("get_config().IPKernelApp.log_level = 40\n")
    os.environ["IPYTHONDIR"] = str(folder)


def _spent_by_kernels() -> float:
    """Seconds of the processor that kernels, which have ended, took: unlike the clock's, no other work adds to them."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _circumstances(profile: str, key: str, seconds: Mapping[str, float]) -> dict[str, object]:
    from vosbook import runs

    return {
        "key": key,
        "profile": profile,
        **{name: round(value, 1) for name, value in seconds.items()},
        "executed": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": runs.git_commit(),
        "environment": runs.environment(),
        "hardware": runs.hardware(),
    }


def _report(chapter: Path, notebook: NotebookNode, error: Exception) -> str:
    """Chapter, heading, cell and traceback of a failure."""
    cells = [cell for cell in notebook.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    place = next((i for i, c in enumerate(cells) if c.cell_type == "code" and c.source == error.source), 0)
    before = "\n".join(cell.source for cell in cells[:place] if cell.cell_type == "markdown")
    headings = re.findall(r"^#+ +(.+)$", before, re.MULTILINE)
    under = f', under "{headings[-1]}"' if headings else ""
    traceback = ANSI.sub("", "\n".join(error.traceback))
    return f"{chapter.name}: cell {place + 1} of {len(cells)}{under}\n\n{error.source}\n\n{traceback}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Execute one chapter or run.")
    parser.add_argument("chapter", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--profile", default=DEFAULT_PROFILE)
    parser.add_argument("--key", default="")
    args = parser.parse_args()
    try:
        execute(args.chapter, args.out, profile=args.profile, key=args.key, cell_seconds=CELL_SECONDS)
    except ChapterError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
