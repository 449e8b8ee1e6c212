"""A data set into its folder: fetched, verified, unpacked beside its place, and moved there in one step.

Below the folder that VOSBOOK_DATA names, for a data set whose folder is called F:

    F/                 the data; in every folder that was unpacked, .vosbook.json lists its files
    F.downloads.json   size and SHA-256 of every file that was fetched, and whether somebody has verified it
    .downloads/F/      files on their way; a kill leaves them, and the next run goes on from there
    .F.lock            taken while a run works on F
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
from zlib_ng import zlib_ng

from vosbook.errors import InputError
from vosbook.fetch.archives import BadArchive, open_archive, plan, unpack
from vosbook.fetch.http import Patience, Progress, RemoteFile, Unreachable, check_room, download
from vosbook.fetch.layout import check_edition, convert, shorten_lists
from vosbook.fetch.manifest import Archive, DataSet
from vosbook.fetch.record import Record, read_receipt, write_receipt
from vosbook.output import leftovers, output_file, partial_folder

Note = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """What was asked for."""

    data_set: DataSet
    out: Path  # where data sets lie
    progress: Progress
    note: Note  # takes lines that the user should know
    archives: Path | None  # a folder with files that the user has fetched
    subset: int | None  # how many sequences; None: all
    patience: Patience

    @property
    def folder(self) -> Path:
        return self.out / self.data_set.folder

    def given(self, archive: Archive) -> Path | None:
        """The file as the user has fetched it."""
        path = None if self.archives is None else self.archives / archive.name
        return path if path is not None and path.is_file() else None

    def on_its_way(self, archive: Archive) -> Path:
        """Where a download is kept until it is unpacked."""
        return self.out / ".downloads" / self.data_set.folder / archive.name


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
    job = Job(data_set, out, progress, note, archives, subset, patience)
    wanted = _wanted(job)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with _lock(out / f".{data_set.folder}.lock", note):
            for leftover in leftovers(job.folder):
                shutil.rmtree(leftover)  # of a run that was killed
            for archive in wanted:
                _bring(job, archive)
    except OSError as error:
        where = error.filename or out
        raise InputError(
            f"{where} cannot be read or written ({error.strerror or error}): check permissions and room on the disk, "
            "then run it again to go on"
        ) from error
    return job.folder


def _wanted(job: Job) -> list[Archive]:
    """The archives to bring. Of those that only the user can fetch, the ones that are there."""
    data_set, archives = job.data_set, job.data_set.archives
    if job.archives is not None and not job.archives.is_dir():
        raise InputError(f"{job.archives} is not a folder: give the one that holds the files you fetched")
    if job.subset is not None and not any(archive.items for archive in archives):
        raise InputError(f"{data_set.title} has no sequences to choose from: leave --subset out")
    if not data_set.by_hand:
        return list(archives)
    found = [archive for archive in archives if job.given(archive)]
    if not found:
        where = "" if job.archives is None else f"{job.archives} holds none of its files: "
        raise InputError(
            f"{where}{data_set.title} needs an account; fetch {', '.join(a.name for a in archives)}, or some of them, "
            f"from {data_set.page} into a folder DIR, then run `vosbook data {data_set.name} --archives DIR`"
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


def _bring(job: Job, archive: Archive) -> None:
    """Fetch one archive and put in place what is made of it, unless that is there."""
    target = archive.target(job.folder)
    if _is_there(target, archive, job.subset):
        job.note(f"{target} is there already")
        return
    given = job.given(archive)
    if given is None and job.subset is not None and _bring_parts(job, archive, target):
        return
    record = Record(job.out / f"{job.data_set.folder}.downloads.json")
    path, about = _examined(given, archive, record) if given else _download(job, archive, record)
    try:
        (_place_file if archive.root is None else _place_folder)(job, path, archive, target)
    except BadArchive:
        if path != given:
            path.unlink()  # the next run fetches it anew
        raise
    record.add(archive, about, job.note)
    if path != given:
        path.unlink()


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


# ------------------------------------------------------------------------------------------- from the user, or a server


def _examined(given: Path, archive: Archive, record: Record) -> tuple[Path, dict[str, Any]]:
    about = record.examine(given, archive)
    if about["problem"]:
        raise InputError(f"{given} is not what it should be: {about['problem']}; fetch it again")
    return given, about


def _download(job: Job, archive: Archive, record: Record) -> tuple[Path, dict[str, Any]]:
    """The file from the first address that gives it, and what it is."""
    by_hand = (
        f"by hand: see {job.data_set.page}, save {archive.name} in a folder DIR, then run "
        f"`vosbook data {job.data_set.name} --archives DIR`"
    )
    if not archive.urls:
        raise InputError(f"{archive.name} has no address; {by_hand}")
    path = job.on_its_way(archive)
    path.parent.mkdir(parents=True, exist_ok=True)
    about: dict[str, Any] = {}

    def check(file: Path) -> str | None:
        about.update(record.examine(file, archive))
        return about["problem"]

    if path.is_file() and check(path) is None:  # a kill while it was unpacked
        return path, about
    size, patience = archive.size, job.patience
    try:
        about["url"] = download(archive.urls, path, progress=job.progress, size=size, check=check, patience=patience)
    except Unreachable as error:
        raise InputError(f"{error}; {by_hand}") from None
    return path, about


def _bring_parts(job: Job, archive: Archive, target: Path) -> bool:
    """Fetch no more of a zip than a subset needs, and put that in place. False where no server gives parts of it."""
    if not archive.items or not archive.name.endswith(".zip") or job.on_its_way(archive).is_file():
        return False
    for url in archive.urls:
        try:
            remote = RemoteFile(url, size=archive.size, patience=job.patience)
            _place_folder(job, remote, archive, target)
        except Unreachable:
            continue
        job.note(
            f"{archive.name}: only what the subset needs was fetched, so the whole file's checksum was not verified; "
            "each file agrees with the CRC-32 that the archive has for it"
        )
        return True
    return False


# ------------------------------------------------------------------------------------------------- into its place


def _place_file(job: Job, path: Path, archive: Archive, target: Path) -> None:
    """A file that needs no unpacking: copied, or converted, and named when it is whole."""
    check_room(job.out, path.stat().st_size, archive.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with output_file(target) as partial:
        if archive.convert is None:
            shutil.copyfile(path, partial)
        else:
            convert(path, partial, archive.convert)


def _place_folder(job: Job, source: Path | RemoteFile, archive: Archive, target: Path) -> None:
    """Unpack into a hidden folder beside the data set's own, then rename."""
    with open_archive(source) as opened:
        planned, subset = plan(opened, archive, job.subset)
        total = sum(member.size for member in planned.values())
        check_room(job.out, total, f"what {archive.name} holds")
        with (
            partial_folder(target, beside=job.folder) as partial,
            job.progress(total=total, unit="B", unit_scale=True, desc=f"unpacking {archive.name}") as bar,
        ):
            files = unpack(opened, planned, partial, bar=bar)
            check_edition(job.data_set, partial, archive.into)
            if subset is not None:
                files |= _described(shorten_lists(job.data_set.kind, partial, subset), partial)
            write_receipt(partial, archive=archive.name, subset=subset, files=files)
            target.parent.mkdir(parents=True, exist_ok=True)


def _described(files: Iterable[Path], folder: Path) -> dict[str, tuple[int, int]]:
    """Size and CRC-32 by path below `folder`, as `unpack` gives them."""
    contents = {str(file.relative_to(folder)): file.read_bytes() for file in files}
    return {name: (len(content), zlib_ng.crc32(content)) for name, content in contents.items()}
