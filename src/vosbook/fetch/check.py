"""What lies in a data set's folder, against what should: every sequence, every frame, every mask.

Every image is decoded, every mask must be of its frames' size, and where we unpacked the files ourselves, every byte
must be as it was then. Nothing is written.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from PIL import Image
from zlib_ng import zlib_ng

from vosbook.datasets.davis import read_names
from vosbook.datasets.youtube_vos import YouTubeVos, read_meta
from vosbook.errors import InputError
from vosbook.fetch.http import Progress
from vosbook.fetch.manifest import DataSet
from vosbook.fetch.record import RECEIPT, digests, read_receipt
from vosbook.video import IMAGE_ENDINGS, read_mask

Size = tuple[int, int] | None  # (H, W)


@dataclass(frozen=True)
class Part:
    """The images of one kind in one sequence."""

    group: str  # "480p frames"
    sequence: str
    folder: Path
    is_mask: bool
    expected: frozenset[str] | None = None  # names without ending; None: as many as there are
    must: bool = True  # whether the data set is incomplete without it
    open: bool = False  # whether there may be more than what is expected

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The images that are there, by name."""
        names = _names(self.folder)
        return tuple(self.folder / name for name in names if name.lower().endswith(IMAGE_ENDINGS) and name[0] != ".")

    @cached_property
    def lacking(self) -> tuple[str, ...]:
        """The names of images that should be there. All of them ("all") where not even their number is known."""
        there = {file.stem for file in self.files}
        if self.expected is None:
            return () if there else ("all",)
        return tuple(sorted(self.expected - there))

    @property
    def total(self) -> int:
        """How many images there should be."""
        there = {file.stem for file in self.files}
        return len(there if self.expected is None else self.expected | there if self.open else self.expected)

    @cached_property
    def strangers(self) -> tuple[str, ...]:
        """The names of images that do not belong here."""
        if self.expected is None or self.open:
            return ()
        return tuple(sorted({file.stem for file in self.files} - self.expected))


@dataclass
class Report:
    """What was found."""

    lines: list[str] = field(default_factory=list)  # what is there, and what lacks
    lacking: list[str] = field(default_factory=list)  # why the data set is not complete
    damaged: list[str] = field(default_factory=list)  # files that cannot be used, and why


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


# ----------------------------------------------------------------------------------------- what should be there


def _davis(data_set: DataSet, folder: Path, report: Report) -> Iterator[Part]:
    """Frames and masks of every sequence that the manifest, the official lists, or a subset names, or that is there."""
    known = _known_lengths(data_set.expect.get("frames", {}))
    subset = _subset(folder)
    names = set(subset or known or _listed(data_set, folder))
    found = []
    for resolution in sorted({"480p"} | _subfolders(folder / "JPEGImages") | _subfolders(folder / "Annotations")):
        frames, masks = folder / "JPEGImages" / resolution, folder / "Annotations" / resolution
        for name in sorted(names | _subfolders(frames) | _subfolders(masks)):
            must = resolution == "480p" and name in names
            part = Part(f"{resolution} frames", name, frames / name, False, _davis_names(frames / name, known), must)
            found += [part] if must else []
            yield part
            if (stems := _davis_masks(part, data_set.expect["masks"])) is not None:
                yield Part(f"{resolution} masks", name, masks / name, True, stems or None, must)
    total = data_set.expect.get("total")
    there = {"sequences": len(found), "frames": sum(len(part.files) for part in found)}
    if total is not None and subset is None and there != total:
        report.lacking.append(" and ".join(f"{total[key]} {key} ({there[key]} are there)" for key in total))


def _davis_names(folder: Path, known: Mapping[str, int]) -> frozenset[str] | None:
    """Frames are counted from 00000: up to the known length, else at least to the last that is there."""
    last = max((int(stem) for stem in _stems(folder) if stem.isdecimal()), default=-1)
    return _numbered(known.get(folder.name, last + 1)) or None


def _davis_masks(frames: Part, which: str) -> frozenset[str] | None:
    """The masks that belong to the frames: all, the first, or none (None)."""
    stems = frames.expected or frozenset()
    return {"all": stems, "first": frozenset(sorted(stems)[:1]), "none": None}[which]


def _listed(data_set: DataSet, folder: Path) -> Iterator[str]:
    for name in data_set.expect["lists"]:
        if (folder / name).is_file():
            yield from read_names(folder / name)


def _youtube_vos(data_set: DataSet, folder: Path, report: Report) -> Iterator[Part]:
    """The videos of every split that is there, as its meta.json lists them."""
    for split, count in data_set.expect["videos"].items():
        if not (folder / split).is_dir():
            report.lines.append(f"{split}: not there")
            continue
        listed = read_meta(folder / split / "meta.json")
        found, wanted = (len(listed), sum(map(len, listed.values()))), (count, data_set.expect["objects"][split])
        report.lines.append(f"{split}: meta.json lists {found[0]} videos with {found[1]} objects")
        if _subset(folder / split) is None and found != wanted:
            report.lacking.append(f"{split}'s {wanted[0]} videos with {wanted[1]} objects")
        for name, objects in sorted(listed.items()):
            frames = frozenset(frame for o in objects for frame in o.frames)
            yield from _youtube_vos_video(folder, split, name, frames)
        if split != "train":
            report.damaged += _without_first_masks(folder, split)


def _youtube_vos_video(folder: Path, split: str, name: str, frames: frozenset[str]) -> Iterator[Part]:
    """Frames and masks of one video. All frames of `train` have masks; elsewhere only those where an object appears."""
    masks = frames if split == "train" else None
    yield Part(f"{split} frames", name, folder / split / "JPEGImages" / name, False, frames, open=True)
    yield Part(f"{split} masks", name, folder / split / "Annotations" / name, True, masks, open=True)
    if (folder / f"{split}_all_frames").is_dir():
        images = folder / f"{split}_all_frames" / "JPEGImages" / name
        yield Part(f"{split}_all_frames frames", name, images, False, frames, open=True)


def _without_first_masks(folder: Path, split: str) -> Iterator[str]:
    """Videos that the reader cannot open: an object has no mask in any of its frames."""
    videos = YouTubeVos(folder, split)
    for name in videos.names:
        try:
            videos[name]
        except InputError as error:
            yield str(error)


def _masks(data_set: DataSet, folder: Path, report: Report) -> Iterator[Part]:
    """Result masks: in every folder one for each frame."""
    for name in data_set.expect["folders"]:
        known = _known_lengths(data_set.expect["frames"])
        for sequence in _subset(folder / name) or known:
            yield Part(name, sequence, folder / name / sequence, True, _numbered(known.get(sequence, 0)) or None)


def _pascal_context(data_set: DataSet, folder: Path, report: Report) -> Iterator[Part]:
    """A photograph for every file of labels."""
    labels = frozenset(_stems(folder / "trainval", ".mat"))
    report.lines.append(f"labels: {len(labels)} of {data_set.expect['labels']}")
    if len(labels) != data_set.expect["labels"]:
        report.lacking.append(f"{data_set.expect['labels']} files of labels ({len(labels)} are there)")
    yield Part("photographs", "trainval", folder / "JPEGImages", False, labels or None, open=True)


def _youtube_objects(data_set: DataSet, folder: Path, report: Report) -> Iterator[Part]:
    """Frames and their masks, which are photographs too: category/data/NUMBER/shots/NUMBER/{images,labels}."""
    for category in data_set.expect["categories"]:
        shots = sorted((folder / category).glob("data/*/shots/*"))
        if not shots:
            report.lacking.append(category)
        for shot in shots:
            name = str(shot.relative_to(folder))
            frames = Part("frames", name, shot / "images", False)
            yield frames
            yield Part("masks", name, shot / "labels", False, frozenset(file.stem for file in frames.files) or None)


def _files(data_set: DataSet, folder: Path, report: Report) -> Iterator[Part]:
    """Single files, known by their checksums. No images."""
    for archive in data_set.archives:
        path = archive.target(folder)
        if not path.is_file():
            report.lacking.append(archive.name)
            continue
        algorithm, _, digits = archive.checksum.partition(":")
        if not digests(path)[algorithm].startswith(digits):
            report.damaged.append(f"{path}: its {algorithm} does not begin with {digits}")
        report.lines.append(f"{archive.name}: {path.stat().st_size} bytes")
    yield from ()


PARTS: dict[str, Callable[[DataSet, Path, Report], Iterable[Part]]] = {
    "davis": _davis,
    "youtube-vos": _youtube_vos,
    "masks": _masks,
    "pascal-context": _pascal_context,
    "youtube-objects": _youtube_objects,
    "files": _files,
}


def _known_lengths(splits: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    return {name: count for lengths in splits.values() for name, count in lengths.items()}


def _numbered(count: int) -> frozenset[str]:
    return frozenset(f"{t:05d}" for t in range(count))


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def _stems(folder: Path, *endings: str) -> list[str]:
    return [Path(name).stem for name in _names(folder) if name.lower().endswith(endings or IMAGE_ENDINGS)]


def _subfolders(folder: Path) -> set[str]:
    return {name for name in _names(folder) if name[0] != "." and (folder / name).is_dir()}


def _subset(folder: Path) -> list[str] | None:
    """The sequences that were asked for, where not all were."""
    return (read_receipt(folder) or {}).get("subset")


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


# --------------------------------------------------------------------------------------------- what is there


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
            report.lines.append(f"{group}: nothing of {', '.join(absent)}")
        for part in members:
            if part.strangers:
                report.damaged.append(f"{part.folder}: {_some(part.strangers)} do not belong to the data set")
        broken = [part for part in members if part.files and part.lacking]
        for part in broken:
            report.lines.append(f"{group}: {part.sequence} lacks {_some(part.lacking)}")
        must = [part for part in members if part.must and part.lacking]
        if must or broken:
            report.lacking.append(f"{len(must) or len(broken)} sequences of {group}")


def _some(names: Collection[str], most: int = 8) -> str:
    names = list(names)
    return f"{', '.join(names[:most])}{f' and {len(names) - most} more' if len(names) > most else ''}"


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
    sizes: dict[tuple[str, str], Counter[Size]] = defaultdict(Counter)  # by resolution or split, and sequence
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            results = progress(pool.map(lambda job: _read(*job, receipts), jobs), total=len(jobs), desc="images")
            for (part, _), (size, problem) in zip(jobs, results, strict=True):
                if problem:
                    report.damaged.append(problem)
                else:
                    sizes[part.group.split()[0], part.sequence][size] += 1
        except BaseException:  # Ctrl-C: the pool would finish all that waits
            pool.shutdown(cancel_futures=True)
            raise
    for (group, sequence), found in sizes.items():
        if len(found) > 1:
            shapes = ", ".join(f"{count} of {w}x{h}" for (h, w), count in found.most_common())
            report.damaged.append(f"{group}, {sequence}: the images have several sizes ({shapes})")


def _read(part: Part, file: Path, receipts: Mapping[Path, tuple[int, int]]) -> tuple[Size, str | None]:
    """Size (H, W) of an image, or what is wrong with it."""
    try:
        if file in receipts:
            content = file.read_bytes()
            if (len(content), zlib_ng.crc32(content)) != tuple(receipts[file]):
                return None, f"{file}: it is not as it was unpacked"
        return (read_mask(file).shape if part.is_mask else _frame_size(file)), None
    except InputError as error:
        return None, str(error)
    except OSError as error:
        return None, f"{file} cannot be read ({error.strerror or error})"


def _frame_size(file: Path) -> tuple[int, int]:
    """(H, W) of a photograph, all of whose data is read; at an eighth of its size, which takes a third of the time."""
    try:
        with Image.open(file) as image:
            width, height = image.size
            image.draft("RGB", (width // 8, height // 8))
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{file} is damaged or cut short ({error})") from None
    return height, width
