"""The one writer of files and folders: they appear under their names only when they are complete.

Until then they are hidden beside, as `.NAME.partial-...`. `partial_file` and `partial_folder` do no more than that;
`output_file` and `output_folder` are for what a user named: they refuse what would be lost, and say what went wrong.
"""

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vosbook.errors import InputError


@contextmanager
def partial_file(path: Path) -> Iterator[Path]:
    """Yield a hidden name beside `path`; what was written there is called `path` once the block ends without an error.

    A file of that name is replaced. OSError where the folder is absent, or nothing was written.
    """
    partial = path.with_name(f"{_hidden(path)}{os.getpid()}{path.suffix}")  # writers go by the ending
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def partial_folder(path: Path, *, beside: Path | None = None) -> Iterator[Path]:
    """Yield a hidden folder, which is called `path` once the block ends without an error.

    It lies beside `path`, or where that is a part of something larger, `beside` that. OSError where it cannot be made,
    or `path` is there by then.
    """
    beside = path if beside is None else beside
    partial = Path(tempfile.mkdtemp(prefix=_hidden(beside), dir=beside.parent))
    try:
        partial.chmod(0o755)
        yield partial
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def leftovers(path: Path) -> list[Path]:
    """The hidden files and folders of `path` that are there: those of runs that were killed, and of one at work."""
    return sorted(path.parent.glob(f"{glob.escape(_hidden(path))}*"))


def _hidden(path: Path) -> str:
    return f".{path.name}.partial-"


# --------------------------------------------------------------------------------------------- what a user named


@contextmanager
def output_folder(path: str | Path, *, overwrite: bool | None = False) -> Iterator[Path]:
    """Yield a hidden folder beside `path`; it takes that name only when the block ends without an error.

    A kill or a full disk therefore never leaves a folder that looks whole. An existing folder that is not empty is
    refused; with `overwrite` it is replaced, but only if it holds nothing but PNGs. None: the caller has no such
    option, and the error names none.
    """
    path = Path(path).resolve()  # a link stays one
    _check_output(path, overwrite)
    begun = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial_folder(path) as partial:
            begun = True
            yield partial
            _check_output(path, overwrite)  # somebody may have written there in the meantime
            if path.exists():
                shutil.rmtree(path)
    except OSError as error:
        if not begun:
            raise InputError(f"{path} cannot be made ({error.strerror}): choose another folder") from error
        raise InputError(f"{path} could not be written ({error.strerror or error}): nothing was kept") from error


@contextmanager
def output_file(path: str | Path) -> Iterator[Path]:
    """Yield the name of a hidden file beside `path`; it takes that name only when the block ends without an error.

    A file of that name is replaced. InputError where it cannot be written.
    """
    check_output_file(path)
    path = Path(path).resolve()  # a link stays one
    try:
        with partial_file(path) as partial:
            yield partial
    except OSError as error:
        raise InputError(f"{path} could not be written ({error.strerror or error}): nothing was kept") from error


def check_output_file(path: str | Path) -> None:
    """InputError where a file of this name would have no folder, or would replace what is no file."""
    path = Path(path)
    if path.exists() and not path.is_file():  # a folder, a device
        raise InputError(f"{path} is there and is no file: choose another name for the output")
    if not path.resolve().parent.is_dir():
        raise InputError(f"{path} cannot be written: its folder does not exist")


def _check_output(path: Path, overwrite: bool | None) -> None:
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file: give a folder for the output")
    if not path.exists() or not any(path.iterdir()):
        return
    if not overwrite:
        option = "" if overwrite is None else ", or add --overwrite to replace it"
        raise InputError(f"{path} is not empty: choose another folder{option}")
    for entry in path.iterdir():
        if entry.is_dir() or entry.suffix.lower() != ".png":
            raise InputError(f"{path} holds {entry.name}, which is no mask, so it is kept: choose another folder")
