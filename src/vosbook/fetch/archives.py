"""Zip and tar archives: what is in them, known before a byte is written, and taken out without trusting them.

An archive comes from a server, or from a stranger. Names that lead out of the folder, links, devices, one name twice,
and sizes that cannot be true are refused before anything is written. Owners, modes and dates are not taken over.
"""

import gzip
import io
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from zlib_ng import zlib_ng

from vosbook.errors import InputError
from vosbook.fetch.http import RemoteFile
from vosbook.fetch.manifest import Archive

CHUNK = 1 << 20  # bytes
REMOTE_CHUNK = 1 << 22  # bytes; each is one request
MAX_RATIO = 200  # unpacked to packed bytes; images hardly shrink, label maps do
SMALL = 10**9  # bytes; what unpacks to less may have any ratio
MAX_FILES = 2 * 10**6
MAX_READ = 1 << 24  # bytes; more than a header needs, and than we read of a file at once
JUNK = re.compile(r"(^|/)(__MACOSX|\.DS_Store|\._[^/]*|Thumbs\.db)(/|$)")  # what desktops leave in archives
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError)


class BadArchive(InputError):
    """An archive that is damaged, another than the one meant, or not to be trusted."""


@dataclass(frozen=True)
class Member:
    """A regular file in an archive."""

    path: PurePosixPath  # relative, without ".."
    size: int  # bytes, unpacked
    entry: Any  # zipfile's or tarfile's own


@dataclass(frozen=True)
class OpenArchive:
    """An archive whose members have been looked at, all of them, and found harmless."""

    name: str  # where it lies
    members: tuple[Member, ...]  # files, in the archive's order
    open: Callable[[Any], IO[bytes]]  # by the member's entry


@contextmanager
def open_archive(source: Path | RemoteFile) -> Iterator[OpenArchive]:
    """Open a zip, tar or tar.gz. BadArchive where it is neither, damaged, or not to be trusted.

    A zip may lie on a server: then only what is read of it is fetched.
    """
    try:
        if isinstance(source, Path):
            name, size, stream = str(source), source.stat().st_size, source.open("rb")
        else:
            name, size, stream = source.url, source.size, io.BufferedReader(source, REMOTE_CHUNK)
        with stream as file:
            magic = file.read(2)
            file.seek(0)
            if magic == b"PK":
                with zipfile.ZipFile(file) as archive:
                    yield OpenArchive(name, _trusted(name, size, _zip_members(name, archive)), archive.open)
            else:
                plain = gzip.GzipFile(fileobj=file) if magic == b"\x1f\x8b" else file
                with tarfile.TarFile(fileobj=_SmallReads(plain)) as archive:
                    members = _trusted(name, size, _tar_members(name, archive))
                    yield OpenArchive(name, members, partial(_open_in_tar, archive))
    except tarfile.ReadError as error:
        raise BadArchive(f"{name} is no zip or tar archive, or is cut short ({error}): fetch it again") from None
    except DAMAGE as error:
        raise BadArchive(f"{name} is damaged or cut short ({error}): fetch it again") from None
    except (NotImplementedError, RuntimeError) as error:  # a method of compression; a password
        raise BadArchive(f"{name} cannot be unpacked ({error}): fetch it again") from None


class _SmallReads(io.BufferedIOBase):
    """A stream that refuses to be read in one piece: tarfile does that to long headers, which may claim any length."""

    def __init__(self, stream: io.BufferedIOBase):
        self._stream = stream

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_READ:  # below 0 is all that there is
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._stream.read(size)


def _open_in_tar(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(entry)
    if file is None:
        raise tarfile.ReadError(f"{entry.name} is no file")
    return file


def _zip_members(source: str, archive: zipfile.ZipFile) -> Iterator[Member]:
    for entry in archive.infolist():
        mode = entry.external_attr >> 16
        kind = stat.S_IFMT(mode) if entry.create_system == 3 else 0  # 3: made on Unix
        if entry.flag_bits & 0x1:
            raise BadArchive(f"{source} is encrypted ({entry.filename}): it is not what was published")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refusal(source, entry.orig_filename, "is a link or a device")
        inside = _inside(source, entry.orig_filename)
        if not entry.is_dir():
            yield Member(inside, entry.file_size, entry)


def _tar_members(source: str, archive: tarfile.TarFile) -> Iterator[Member]:
    for entry in archive:
        if not (entry.isreg() or entry.isdir()):
            raise _refusal(source, entry.name, "is a link or a device")
        if entry.sparse is not None:
            raise _refusal(source, entry.name, "is a sparse file")
        inside = _inside(source, entry.name)
        if entry.isreg():
            yield Member(inside, entry.size, entry)
    if archive.fileobj.tell() == archive.offset:  # no empty block was read: tarfile does not mind
        raise tarfile.ReadError("its end is missing")


def _inside(source: str, name: str) -> PurePosixPath:
    """The name as a path that stays below the folder. BadArchive for any other."""
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts or re.match(r"[A-Za-z]:", name):
        raise _refusal(source, name, "leads out of the folder")
    if "\\" in name or not name.isprintable() or len(name) > 1000:
        raise _refusal(source, name, "is a name that other systems may read differently")
    return inside


def _refusal(source: str, name: str, reason: str) -> BadArchive:
    return BadArchive(
        f"{source} is not to be trusted: {name[:80]!a} {reason}; nothing was unpacked, fetch it elsewhere"
    )


def _trusted(source: str, size: int, members: Iterator[Member]) -> tuple[Member, ...]:
    """All members, if their sizes together can be true and no name is there twice."""
    limit = max(SMALL, MAX_RATIO * size)
    found: dict[PurePosixPath, Member] = {}
    total = 0
    for member in members:  # a tar is unpacked as it is listed: stop early
        total += member.size
        if not member.path.parts:
            raise _refusal(source, "", "is no name")
        if total > limit or len(found) >= MAX_FILES:
            raise _refusal(source, str(member.path), f"is one of too many bytes for an archive of {size}")
        if found.setdefault(member.path, member) is not member:
            raise _refusal(source, str(member.path), "is there twice")
    folders = {parent for name in found for parent in name.parents}
    if both := folders & found.keys():
        raise _refusal(source, str(min(both)), "is a file and a folder")
    return tuple(found.values())


# ------------------------------------------------------------------------------------------------- what goes where


def plan(
    opened: OpenArchive, archive: Archive, subset: int | None
) -> tuple[dict[PurePosixPath, Member], list[str] | None]:
    """Which members are laid out and under which name, and the sequences of the subset (None: all are there).

    BadArchive where the archive holds something else than the manifest says.
    """
    root = _root(opened, archive.root)
    inside = {m.path.relative_to(root): m for m in opened.members if m.path.is_relative_to(root)}
    inside = {p: m for p, m in inside.items() if not JUNK.search(str(p)) and not _below(p, archive.skip)}
    items = sorted({item for p in inside if (item := item_of(p, archive.items))})
    wanted = {None, *items[:subset]}
    kept = {p: m for p, m in inside.items() if item_of(p, archive.items) in wanted}
    chosen = None if subset is None or subset >= len(items) else items[:subset]
    return {_moved(p, archive.move): m for p, m in kept.items()}, chosen


def _root(opened: OpenArchive, marker: str | None) -> PurePosixPath:
    """The highest folder that holds an entry called `marker`."""
    parents = {
        PurePosixPath(*m.path.parts[:i]) for m in opened.members for i, p in enumerate(m.path.parts) if p == marker
    }
    if not parents:
        raise BadArchive(f"{opened.name} holds no {marker}: it is another archive, or another edition of it")
    return min(parents, key=lambda folder: (len(folder.parts), folder))


def _below(path: PurePosixPath, folders: Collection[str]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def item_of(path: PurePosixPath, folders: Collection[str]) -> str | None:
    """The sequence that a file belongs to; None for lists and the like."""
    for folder in folders:
        if path.is_relative_to(folder) and len(path.relative_to(folder).parts) > 1:
            return path.relative_to(folder).parts[0]
    return None


def _moved(path: PurePosixPath, moves: Mapping[str, str]) -> PurePosixPath:
    for old, new in moves.items():
        if path.is_relative_to(old):
            return PurePosixPath(new) / path.relative_to(old)
    return path


# ------------------------------------------------------------------------------------------------------- unpacking


def unpack(
    opened: OpenArchive, planned: Mapping[PurePosixPath, Member], folder: Path, *, bar: Any
) -> dict[str, tuple[int, int]]:
    """Write the planned members below `folder`, a fresh one. Returns size and CRC-32 of each file by its path."""
    written = {}
    for path, member in planned.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(member.entry) as source, target.open("xb") as file:
            written[str(path)] = _copy(source, file, bar)
        if written[str(path)][0] != member.size:
            raise BadArchive(f"{opened.name} is damaged or cut short in {member.path}: fetch it again")
    return written


def _copy(source: IO[bytes], target: IO[bytes], bar: Any) -> tuple[int, int]:
    size = crc = 0
    while chunk := source.read(CHUNK):
        target.write(chunk)
        size, crc = size + len(chunk), zlib_ng.crc32(chunk, crc)
        bar.update(len(chunk))
    return size, crc
