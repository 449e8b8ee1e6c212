"""The one writer of files and folders: they appear under their names only when they are complete.

Until then they are hidden beside, as `.NAME.partial-...`. `partial_file` and `partial_folder` do no more than that;
`output_file` and `output_folder` are for what a user named: they refuse what would be lost, and say what went wrong.
"""

import glob
import os
import platform
import re
import shutil
import tempfile
import zlib
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
    for orphan in leftovers(beside):
        if orphan.is_dir() and _is_of_a_dead_run(orphan, beside):
            shutil.rmtree(orphan, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{_hidden(beside)}{_this_run()}-", dir=beside.parent))
    try:
        partial.chmod(0o755)
        yield partial
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def leftovers(path: Path) -> list[Path]:
    """The hidden files and folders of `path` that are there: those of runs that were killed, and of one at work."""
    return sorted(path.parent.glob(f"{glob.escape(_hidden(path))}*"))


def visible(text: str) -> str:
    """A message in which hidden names, which other libraries take from what they are given, are those to come."""
    return re.sub(r"(^|[/\s'\"])\.([^/'\"\n]+?)\.partial-[^/\s'\"]*", r"\1\2", text)


def _hidden(path: Path) -> str:
    return f".{path.name}.partial-"


def _this_run() -> str:
    """This machine and process, as hidden folders are marked: another machine may write beside it on a shared disk."""
    return f"{zlib.crc32(platform.node().encode()):08x}-{os.getpid()}"


def _is_of_a_dead_run(partial: Path, path: Path) -> bool:
    """Whether a hidden folder of `path` is that of a process of this machine which is no longer there."""
    return _is_dead(partial.name.removeprefix(_hidden(path)))


def _is_dead(mark: str) -> bool:
    """Whether a run, marked as in `_this_run`, was one of this machine, and is no longer there."""
    found = re.match(r"([0-9a-f]{8})-(\d+)", mark)
    if found is None or found[1] != _this_run().partition("-")[0]:
        return False
    try:
        os.kill(int(found[2]), 0)  # asks only
    except ProcessLookupError:
        return True
    except OSError:  # another user's
        return False
    return False


# --------------------------------------------------------------------------------------------- what a user named


@contextmanager
def output_folder(path: str | Path, *, overwrite: bool | None = False) -> Iterator[Path]:
    """Yield a hidden folder beside `path`; it takes that name only when the block ends without an error.

    A kill or a full disk therefore never leaves a folder that looks whole; what a killed run left hidden is removed by
    the next. An existing folder that is not empty is refused; with `overwrite` it is replaced, but only if it holds
    nothing but indexed PNGs, as masks are and photographs are not. None: the caller has no such option, and the error
    names none.
    """
    path = Path(path).resolve()  # a link stays one
    _put_back_of_dead_runs(path)
    _check_output(path, overwrite)
    begun, old = False, None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial_folder(path) as partial:
            begun = True
            yield partial
            _check_output(path, overwrite)  # somebody may have written there in the meantime
            old = _put_aside(path)
    except OSError as error:
        if not begun:
            raise InputError(f"{path} cannot be made ({error.strerror}): choose another folder") from error
        raise InputError(f"{path} could not be written ({error.strerror or error}): nothing was kept") from error
    finally:
        if old is not None:
            _drop_or_put_back(old, path)


@contextmanager
def kept_folder(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """As `output_folder`, but what is written lies in PATH.partial, for all to see, and stays there after an error.

    The next call yields it again, or else what a killed run left hidden. InputError where a run is at work on it.
    """
    path, old = Path(path).resolve(), None
    kept = kept_of(path)
    _put_back_of_dead_runs(path)
    _check_output(path, overwrite)
    try:
        _take_over(path, kept)
        with _at_work(kept):
            yield kept
        _check_output(path, overwrite)
        old = _put_aside(path)
        kept.rename(path)
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"{path} could not be written ({why}): what was made is in {kept}") from error
    finally:
        if old is not None:
            _drop_or_put_back(old, path)


def kept_of(path: Path) -> Path:
    """Where `kept_folder` has what is not complete."""
    return path.with_name(f"{path.name}.partial")


def _take_over(path: Path, kept: Path) -> None:
    """Make the folder `kept`, of what a killed run left hidden where there is such."""
    dead = [folder for folder in leftovers(path) if folder.is_dir() and _is_of_a_dead_run(folder, path)]
    if dead and not kept.exists():
        max(dead, key=lambda folder: len(list(folder.iterdir()))).rename(kept)
    kept.mkdir(parents=True, exist_ok=True)


@contextmanager
def _at_work(folder: Path) -> Iterator[None]:
    """Mark the folder as this run's for the time of the block. InputError where it is another's that is there."""
    mark = folder / ".run"
    if mark.exists() and not _is_dead(other := mark.read_text()) and other != _this_run():
        raise InputError(f"another run is at work in {folder}: wait for it, or where there is none remove {mark}")
    mark.write_text(_this_run())
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


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
    """InputError where a file of this name could not be written, or would replace what is no file or is read-only."""
    path = Path(path)
    if path.exists() and not path.is_file():  # a folder, a device
        raise InputError(f"{path} is there and is no file: choose another name for the output")
    if not path.resolve().parent.is_dir():
        raise InputError(f"{path} cannot be written: its folder does not exist")
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"{path} is read-only: choose another name for the output")
    try:
        with tempfile.TemporaryFile(dir=path.resolve().parent):  # a folder may allow less than its permissions say
            pass
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose another folder") from error


def _check_output(path: Path, overwrite: bool | None) -> None:
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file: give a folder for the output")
    if not path.exists() or not any(path.iterdir()):
        return
    if not overwrite:
        option = "" if overwrite is None else ", or add --overwrite to replace it"
        raise InputError(f"{path} is not empty: choose another folder{option}")
    check_masks_only(path)


def check_masks_only(path: Path) -> None:
    """InputError where a folder holds anything but indexed PNGs, as masks are and photographs are not."""
    for entry in path.iterdir():
        if entry.is_dir() or not _is_indexed_png(entry):
            raise InputError(f"{path} holds {entry.name}, which is no mask, so it is kept: choose another folder")


def _is_indexed_png(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(26)
    return head[:8] == b"\x89PNG\r\n\x1a\n" and head[25:] == b"\x03"  # the header's colour type


def _put_aside(path: Path) -> Path | None:
    """Give an existing folder a hidden name, so that a kill at the next moment loses nothing; None: there is none."""
    if not path.exists():
        return None
    aside = path.with_name(f"{_hidden(path)}{_this_run()}-old")
    path.rename(aside)
    return aside


def _drop_or_put_back(old: Path, path: Path) -> None:
    """Remove what was put aside, or give it its name again where nothing has taken its place."""
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.rename(path)


def _put_back_of_dead_runs(path: Path) -> None:
    for old in leftovers(path):
        if old.name.endswith("-old") and _is_of_a_dead_run(old, path):
            _drop_or_put_back(old, path)
