"""A data set into its folder: fetched, verified, unpacked beside its place, and moved there in one step.

Below the folder that VOSBOOK_DATA names, for a data set whose folder is called F:

    F/                 the data; in every folder that was unpacked, .vosbook.json lists its files
    F.downloads.json   size and SHA-256 of every file that was fetched, and whether somebody has verified it
    .downloads/F/      files on their way; a kill leaves them, and the next run goes on from there
    .F.lock            taken while a run works on F
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
from zlib_ng import zlib_ng

from vosbook.errors import InputError
from vosbook.fetch.archives import open_archive, plan, unpack
from vosbook.fetch.http import CHUNK, RESERVE, Patience, Progress, RemoteFile, Unreachable, download
from vosbook.fetch.layout import convert, shorten_lists
from vosbook.fetch.manifest import DIGITS, Archive, DataSet
from vosbook.video import output_file

RECEIPT = ".vosbook.json"
Note = Callable[[str], None]


def fetch(
    data_set: DataSet,
    out: str | Path,
    *,
    progress: Progress,
    note: Note,
    archives: str | Path | None = None,
    subset: int | None = None,
    patience: Patience = Patience(),  # noqa: B008 - frozen
) -> Path:
    """Bring a data set into `out`/FOLDER, as the readers want it, and return that folder.

    What is there already is left alone, so that a run that was broken off is taken up again. `archives` is a folder
    with files that the user has fetched; `subset` takes the first sequences by name. InputError says what is wrong and
    what to do; nothing that is there is ever replaced or removed.
    """
    out, archives = Path(out), None if archives is None else Path(archives)
    if archives is not None and not archives.is_dir():
        raise InputError(f"{archives} is not a folder: give the one that holds the files you fetched")
    wanted = _wanted(data_set, out, archives)
    out.mkdir(parents=True, exist_ok=True)
    with _lock(out / f".{data_set.folder}.lock", note):
        for leftover in out.glob(f".{data_set.folder}.partial-*"):
            shutil.rmtree(leftover)  # of a run that was killed
        for archive in wanted:
            _bring(
                data_set,
                archive,
                out,
                archives=archives,
                subset=subset,
                progress=progress,
                note=note,
                patience=patience,
            )
    return out / data_set.folder


def _wanted(data_set: DataSet, out: Path, archives: Path | None) -> list[Archive]:
    """The archives to bring. Of those that only the user can fetch, the ones that are there."""
    if not data_set.by_hand:
        return list(data_set.archives)
    found = [a for a in data_set.archives if archives is not None and (archives / a.name).is_file()]
    if not found:
        names = ", ".join(a.name for a in data_set.archives)
        where = "" if archives is None else f"{archives} holds none of its files: "
        raise InputError(
            f"{where}{data_set.title} needs an account; fetch {names}, or some of them, from {data_set.page} into a "
            f"folder DIR, then run `vosbook data {data_set.name} --archives DIR`"
        )
    return found


@contextmanager
def _lock(path: Path, note: Note) -> Iterator[None]:
    """One run at a time. The system lets go of the lock when its holder ends, however it ends."""
    lock = filelock.FileLock(path)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        note(f"{path.parent}: another run is at work on this data set; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _bring(data_set: DataSet, archive: Archive, out: Path, *, archives, subset, progress, note, patience) -> None:
    """Fetch one archive and put in place what is made of it, unless that is there."""
    target = archive.target(out / data_set.folder)
    if _is_there(target, archive, subset):
        note(f"{target} is there already")
        return
    record = Record(out / f"{data_set.folder}.downloads.json")
    given = None if archives is None else archives / archive.name
    if given is not None and given.is_file():
        path, about = given, record.examine(given, archive)
        if about["problem"]:
            raise InputError(f"{given} is not what it should be: {about['problem']}; fetch it again")
    elif subset is not None and _bring_parts(
        data_set, archive, target, out=out, subset=subset, progress=progress, note=note, patience=patience
    ):
        return
    else:
        path, about = _download(data_set, archive, out, record, progress=progress, patience=patience)
    record.add(archive, about, note)
    if archive.root is None:
        _place_file(path, archive, target)
    else:
        _place_folder(data_set, path, archive, target, out=out, subset=subset, progress=progress)
    if path != given:
        path.unlink()


def _bring_parts(data_set, archive: Archive, target: Path, *, out, subset, progress, note, patience) -> bool:
    """Fetch no more of a zip than a subset needs, and put that in place. False where no server gives parts of it."""
    for url in archive.urls if archive.root is not None and archive.name.endswith(".zip") else ():
        try:
            remote = RemoteFile(url, size=archive.size, patience=patience)
            _place_folder(data_set, remote, archive, target, out=out, subset=subset, progress=progress)
        except Unreachable:
            continue
        note(
            f"{archive.name}: only what the subset needs was fetched, so the whole file's checksum was not verified; "
            "each file agrees with the CRC-32 that the archive has for it"
        )
        return True
    return False


def _is_there(target: Path, archive: Archive, subset: int | None) -> bool:
    """Whether it need not be fetched. InputError where something else, or less, is in its place."""
    if archive.root is None:
        return target.is_file()
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    receipt = read_receipt(target)
    if receipt is None:
        raise InputError(
            f"{target} is there and was not put there by this command: look at it with --check, or move it away and "
            "fetch it anew"
        )
    if receipt["subset"] is None or (subset is not None and len(receipt["subset"]) >= subset):
        return True
    raise InputError(f"{target} holds {len(receipt['subset'])} sequences only: remove it, then fetch more of them")


def _download(data_set, archive, out, record, *, progress, patience) -> tuple[Path, dict[str, Any]]:
    """The file from the first address that gives it, and what it is."""
    by_hand = (
        f"by hand: see {data_set.page}, save {archive.name} in a folder DIR, then run `vosbook data {data_set.name} "
        "--archives DIR`"
    )
    if not archive.urls:
        raise InputError(f"{archive.name} has no address; {by_hand}")
    path = out / ".downloads" / data_set.folder / archive.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():  # a kill while it was unpacked
        about = record.examine(path, archive)
        if not about["problem"]:
            return path, about
        path.unlink()
    about = {}

    def check(file: Path) -> str | None:
        about.update(record.examine(file, archive))
        return about["problem"]

    size = archive.size
    try:
        about["url"] = download(archive.urls, path, progress=progress, size=size, check=check, patience=patience)
    except Unreachable as error:
        raise InputError(f"{error}; {by_hand}") from None
    return path, about


# -------------------------------------------------------------------------------------------- what has been fetched


class Record:
    """F.downloads.json: what every file was when it was first fetched."""

    def __init__(self, path: Path):
        self.path = path
        self.entries: dict[str, dict[str, Any]] = _read_json(path) or {}

    def examine(self, path: Path, archive: Archive) -> dict[str, Any]:
        """Size and SHA-256 of a file that claims to be `archive`; under "problem" what is wrong with it, or None."""
        size = path.stat().st_size
        if archive.size is not None and size != archive.size:
            return {"problem": f"it has {size} bytes, and should have {archive.size}"}
        found = digests(path)
        return {"size": size, "sha256": found["sha256"], "problem": self._disagreement(found, archive)}

    def _disagreement(self, found: dict[str, str], archive: Archive) -> str | None:
        if archive.checksum is not None:
            algorithm, _, digits = archive.checksum.partition(":")
            if not found[algorithm].startswith(digits):
                return f"its {algorithm} is {found[algorithm]}, and should be {digits}"
        known = self.entries.get(archive.name)
        if known is not None and found["sha256"] != known["sha256"]:
            return (
                f"its sha256 is {found['sha256']}, and was {known['sha256']} on {known['date']}; if the data set has a "
                f"new edition, remove the entry from {self.path}"
            )
        return None

    def add(self, archive: Archive, about: dict[str, Any], note: Note) -> None:
        """Write down what the file is, and say so where nobody has verified it."""
        if archive.name not in self.entries:
            self.entries[archive.name] = {
                "url": about.get("url"),
                "size": about["size"],
                "sha256": about["sha256"],
                "verified": archive.checksum_from,
                "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            }
            with output_file(self.path) as partial:
                partial.write_text(json.dumps(self.entries, indent=1) + "\n", encoding="utf-8")
        if archive.checksum is None:
            note(
                f"{archive.name}: nobody has verified its checksum; its sha256, {about['sha256']}, is recorded in "
                f"{self.path}, and a later file must agree with it"
            )


def digests(path: Path) -> dict[str, str]:
    """Hexadecimal checksums of a file, by algorithm, in one reading."""
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in DIGITS}
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            for one in sums.values():
                one.update(chunk)
    return {name: one.hexdigest() for name, one in sums.items()}


def _read_json(path: Path) -> Any:
    """Content of a file of ours; None where there is none. InputError where it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        raise InputError(f"{path} is damaged: remove it, and what it speaks of is taken as not verified") from None


def read_receipt(folder: Path) -> dict[str, Any] | None:
    """What was unpacked into a folder: `{"archive", "subset", "files": {path: [size, crc]}}`; None if not by us."""
    return _read_json(folder / RECEIPT)


# ------------------------------------------------------------------------------------------------- into its place


def _place_file(path: Path, archive: Archive, target: Path) -> None:
    """A file that needs no unpacking: copied, or converted, and named when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with output_file(target) as partial:
        if archive.convert is None:
            shutil.copyfile(path, partial)
        else:
            convert(path, partial, archive.convert)


def _place_folder(
    data_set, source: Path | RemoteFile, archive: Archive, target: Path, *, out, subset, progress
) -> None:
    """Unpack into a hidden folder beside the data set's own, then rename."""
    with open_archive(source) as opened:
        planned, items = plan(opened, archive, subset)
        total = sum(member.size for member in planned.values())
        _check_room(out, total, archive.name)
        partial = Path(tempfile.mkdtemp(prefix=f".{data_set.folder}.partial-", dir=out))
        try:
            partial.chmod(0o755)
            with progress(total=total, unit="B", unit_scale=True, desc=f"unpacking {archive.name}") as bar:
                files = unpack(opened, planned, partial, bar=bar)
            if subset is not None:
                files |= _described(shorten_lists(data_set.kind, partial, items), partial)
            receipt = {"archive": archive.name, "subset": None if subset is None else items, "files": files}
            (partial / RECEIPT).write_text(json.dumps(receipt) + "\n", encoding="utf-8")
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _described(files: Iterable[Path], folder: Path) -> dict[str, tuple[int, int]]:
    """Size and CRC-32 by path below `folder`, as `unpack` gives them."""
    contents = {str(file.relative_to(folder)): file.read_bytes() for file in files}
    return {name: (len(content), zlib_ng.crc32(content)) for name, content in contents.items()}


def _check_room(folder: Path, size: int, name: str) -> None:
    free = shutil.disk_usage(folder).free
    if size + RESERVE > free:
        raise InputError(
            f"{folder} has no room for what {name} holds: {size / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free, of "
            f"which {RESERVE / 1e9:.0f} GB are left alone; make room, or choose another folder with --out"
        )
