"""What lies in a data set's folder, against what should: every sequence, every frame, every mask.

Every image is decoded, every mask must be of its frames' size, and where we unpacked the files ourselves, every byte
must be as it was then. Nothing is written.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from zlib_ng import zlib_ng

from vosbook.datasets.davis import read_names
from vosbook.errors import InputError
from vosbook.fetch.http import Progress
from vosbook.fetch.manifest import DataSet
from vosbook.fetch.parts import PARTS, Part, Report, Size
from vosbook.fetch.record import RECEIPT, read_receipt
from vosbook.words import some

MOST = 8  # names of files in one line


def check(data_set: DataSet, folder: str | Path, *, progress: Progress) -> Report:
    """Look at all that a data set should hold. InputError where there is no such folder."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: fetch it with `vosbook data {data_set.name}`")
    report = Report()
    parts = list(PARTS[data_set.kind](data_set, folder, report))
    _look_for_files(data_set, folder, report)
    _describe(parts, report)
    receipts = _receipts(folder)
    _check_receipts(receipts, report)
    _decode(parts, receipts, report, progress)
    return report


def _look_for_files(data_set: DataSet, folder: Path, report: Report) -> None:
    """The lists, and single files that belong to a data set."""
    for name in data_set.expect.get("files", ()):
        if not (folder / name).is_file():
            report.lacking.append(name)
    for name, count in data_set.expect.get("lists", {}).items():
        found = len(read_names(folder / name)) if (folder / name).is_file() else 0
        report.lines.append(f"{name}: {found} of {count} sequences")
        if found != count:
            report.lacking.append(f"{name} with {count} sequences")


def _describe(parts: Collection[Part], report: Report) -> None:
    """A line for every group of images, and one for what it lacks."""
    groups: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        groups[part.group].append(part)
    for group, members in groups.items():
        whole = [part for part in members if not part.lacking]
        images = sum(len(part.files) for part in members)
        expected = sum(part.total for part in members)
        report.lines.append(
            f"{group}: {len(whole)} of {len(members)} sequences complete, {images} of {expected} images"
        )
        absent = [part.sequence for part in members if not part.files]
        if absent:
            report.lines.append(f"{group}: nothing of {some(absent, 100)}")
        for part in members:
            if part.strangers:
                report.damaged.append(f"{part.folder}: {some(part.strangers, MOST)} do not belong to the data set")
        broken = [part for part in members if part.files and part.lacking]
        for part in broken:
            report.lines.append(f"{group}: {part.sequence} lacks {some(part.lacking, MOST)}")
        must = [part for part in members if part.must and part.lacking]
        if must or broken:
            report.lacking.append(f"{group} of {some([part.sequence for part in must or broken], 3)}")


def _receipts(folder: Path) -> dict[Path, tuple[int, int]]:
    """Size and CRC-32 of every file that we unpacked, by its path."""
    places = [folder, *(place.parent for place in folder.glob(f"*/{RECEIPT}"))]
    places += [place.parent for place in folder.glob(f"*/*/{RECEIPT}")]
    known = {}
    for place in places:
        for name, (size, crc) in (read_receipt(place) or {"files": {}})["files"].items():
            known[place / name] = (size, crc)
    return known


def _check_receipts(receipts: Mapping[Path, tuple[int, int]], report: Report) -> None:
    """Files that we unpacked, images or not, must be there still."""
    for path in receipts:
        if not path.is_file():
            report.damaged.append(f"{path}: it was unpacked, and is gone")


def _decode(
    parts: Collection[Part], receipts: Mapping[Path, tuple[int, int]], report: Report, progress: Progress
) -> None:
    """Read every image. A sequence's masks must be of its frames' size."""
    jobs = [(part, file) for part in parts for file in part.files]
    sizes: dict[str, Counter[Size]] = defaultdict(Counter)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            read = pool.map(lambda job: _read(job[0], job[1], receipts), jobs)
            results = progress(read, total=len(jobs), desc="images")
            for (part, file), (size, problem) in zip(jobs, results, strict=True):
                if problem:
                    report.damaged.append(problem)
                else:
                    sizes[part.scope or file.stem][size] += 1
        except BaseException:  # Ctrl-C: the pool would finish all that waits
            pool.shutdown(cancel_futures=True)
            raise
    for scope, found in sizes.items():
        if len(found) > 1:
            shapes = ", ".join(f"{count} of {w}x{h}" for (h, w), count in found.most_common())
            report.damaged.append(f"{scope}: the images have several sizes ({shapes})")


def _read(part: Part, file: Path, receipts: Mapping[Path, tuple[int, int]]) -> tuple[Size | None, str | None]:
    """Size (H, W) of an image, or what is wrong with it."""
    try:
        if file in receipts:
            content = file.read_bytes()
            if (len(content), zlib_ng.crc32(content)) != tuple(receipts[file]):
                return None, f"{file}: it is not as it was unpacked"
        return part.size_of(file), None
    except InputError as error:
        return None, str(error)
    except OSError as error:
        return None, f"{file} cannot be read ({error.strerror or error})"
