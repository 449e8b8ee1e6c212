"""Files and folders that appear under their names only when they are complete."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vosbook.errors import InputError


@contextmanager
def output_folder(path: str | Path, *, overwrite: bool | None = False) -> Iterator[Path]:
    """Yield a hidden folder beside `path`; it takes that name only when the block ends without an error.

    A kill or a full disk therefore never leaves a folder that looks whole. An existing folder that is not empty is
    refused; with `overwrite` it is replaced, but only if it holds nothing but PNGs. None: the caller has no such
    option, and the error names none.
    """
    path = Path(path).resolve()  # a link stays one
    _check_output(path, overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.partial-", dir=path.parent))
    except OSError as error:
        raise InputError(f"{path} cannot be made ({error.strerror}): choose another folder") from error
    try:
        partial.chmod(0o755)
        yield partial
        _check_output(path, overwrite)  # somebody may have written there in the meantime
        if path.exists():
            shutil.rmtree(path)
        partial.rename(path)
    except OSError as error:
        raise InputError(f"{path} could not be written ({error.strerror or error}): nothing was kept") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def output_file(path: str | Path) -> Iterator[Path]:
    """Yield the name of a hidden file beside `path`; it takes that name only when the block ends without an error.

    A file of that name is replaced. InputError where it cannot be written.
    """
    check_output_file(path)
    path = Path(path).resolve()  # a link stays one
    partial = path.with_name(f".{path.stem}.partial-{os.getpid()}{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path} could not be written ({error.strerror or error}): nothing was kept") from error
    finally:
        partial.unlink(missing_ok=True)


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
