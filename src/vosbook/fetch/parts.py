"""What a data set should hold, by the kind of data set: which images, in which folders, and how each is read."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from PIL import Image
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from vosbook.datasets.davis import read_names
from vosbook.datasets.youtube_objects import find_shots, read_object
from vosbook.datasets.youtube_vos import YouTubeVos, read_meta
from vosbook.errors import InputError
from vosbook.fetch.manifest import DataSet
from vosbook.fetch.record import digests, read_receipt
from vosbook.video.files import IMAGE_ENDINGS
from vosbook.video.masks import read_mask

Size = tuple[int, int]  # (H, W)


@dataclass
class Report:
    """What was found."""

    lines: list[str] = field(default_factory=list)  # what is there, and what lacks
    lacking: list[str] = field(default_factory=list)  # why the data set is not complete
    damaged: list[str] = field(default_factory=list)  # files that cannot be used, and why


@dataclass(frozen=True)
class Part:
    """The images of one kind in one sequence."""

    group: str  # "480p frames"
    sequence: str
    folder: Path
    size_of: Callable[[Path], Size]  # reads a whole file; InputError where it is damaged
    scope: str | None  # all images of a scope have one size; None: those of one name
    expected: frozenset[str] | None = None  # names without ending; None: as many as there are
    must: bool = True  # whether the data set is incomplete without it
    open: bool = False  # whether there may be more than what is expected
    endings: tuple[str, ...] = IMAGE_ENDINGS

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The images that are there, by name."""
        names = (name for name in _names(self.folder) if name.lower().endswith(self.endings) and name[0] != ".")
        return tuple(self.folder / name for name in names)

    @cached_property
    def there(self) -> frozenset[str]:
        """Their names without ending."""
        return frozenset(file.stem for file in self.files)

    @property
    def lacking(self) -> tuple[str, ...]:
        """The names of images that should be there. All of them ("all") where not even their number is known."""
        if self.expected is None:
            return () if self.there else ("all",)
        return tuple(sorted(self.expected - self.there))

    @property
    def strangers(self) -> tuple[str, ...]:
        """The names of images that do not belong here."""
        return () if self.expected is None or self.open else tuple(sorted(self.there - self.expected))

    @property
    def total(self) -> int:
        """How many images there should be."""
        return len(self.there) + len(self.lacking if self.expected else ()) - len(self.strangers)


# ----------------------------------------------------------------------------------------------- kinds of data sets


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
            scope, expected = f"{resolution}, {name}", _davis_names(frames / name, known)
            part = Part(f"{resolution} frames", name, frames / name, photograph_size, scope, expected, must=must)
            found += [part] if must else []
            yield part
            if (stems := _davis_masks(part, data_set.expect["masks"])) is not None:
                yield Part(f"{resolution} masks", name, masks / name, mask_size, scope, stems or None, must=must)
    total = data_set.expect.get("total")
    there = {"sequences": len(found), "frames": sum(len(part.files) for part in found)}
    if total is not None and subset is None and there != total:
        report.lacking.append(" and ".join(f"{total[key]} {key} ({there[key]} are there)" for key in total))


def _davis_names(folder: Path, known: Mapping[str, int]) -> frozenset[str] | None:
    """Frames are counted from 00000: up to the known length, else at least to the last that is there."""
    last = max((int(stem) for stem in _stems(folder) if re.fullmatch(r"[0-9]{5}", stem)), default=-1)
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
    images, masks = folder / split / "JPEGImages" / name, folder / split / "Annotations" / name
    expected = frames if split == "train" else None
    yield Part(f"{split} frames", name, images, photograph_size, f"{split}, {name}", frames, open=True)
    yield Part(f"{split} masks", name, masks, mask_size, f"{split}, {name}", expected, open=True)
    whole = f"{split}_all_frames"
    if (folder / whole).is_dir():
        images = folder / whole / "JPEGImages" / name
        yield Part(f"{whole} frames", name, images, photograph_size, f"{whole}, {name}", frames, open=True)


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
            expected = _numbered(known.get(sequence, 0)) or None
            yield Part(name, sequence, folder / name / sequence, mask_size, f"{name}, {sequence}", expected)


def _pascal_context(data_set: DataSet, folder: Path, report: Report) -> Iterator[Part]:
    """Labels, and a photograph of the same size for each. VOC has more photographs."""
    labels = frozenset(_stems(folder / "trainval", ".mat"))
    report.lines.append(f"labels: {len(labels)} of {data_set.expect['labels']}")
    if len(labels) != data_set.expect["labels"]:
        report.lacking.append(f"{data_set.expect['labels']} files of labels ({len(labels)} are there)")
    yield Part("labels", "trainval", folder / "trainval", label_size, None, endings=(".mat",))
    yield Part("photographs", "trainval", folder / "JPEGImages", photograph_size, None, labels or None, open=True)


def _youtube_objects(data_set: DataSet, folder: Path, report: Report) -> Iterator[Part]:
    """Frames of every shot, each with its mask."""
    shots = find_shots(folder).values()
    there = {shot.category for shot in shots}
    report.lacking += [category for category in data_set.expect["categories"] if category not in there]
    for shot in shots:
        name = str(shot.folder.relative_to(folder))
        frames = Part("frames", name, shot.images, photograph_size, name)
        yield frames
        yield Part("masks", name, shot.labels, object_size, name, frames.there or None)


def _files(data_set: DataSet, folder: Path, report: Report) -> Iterator[Part]:
    """Single files, known by their checksums. No images."""
    for archive in data_set.archives:
        path = archive.target(folder)
        if not path.is_file():
            report.lacking.append(archive.name)
            continue
        algorithm, _, digits = (archive.checksum or "").partition(":")
        if digits and not digests(path)[algorithm].startswith(digits):
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


# ------------------------------------------------------------------------------------------------------- one image


def photograph_size(file: Path) -> Size:
    """(H, W) of a photograph, all of whose data is read; at an eighth of its size, which takes a third of the time."""
    try:
        with Image.open(file) as image:
            width, height = image.size
            image.draft("RGB", (width // 8, height // 8))
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{file} is damaged or cut short ({error})") from None
    return height, width


def mask_size(file: Path) -> Size:
    """(H, W) of a mask of any kind that the book reads."""
    return read_mask(file).shape


def object_size(file: Path) -> Size:
    """(H, W) of a mask of Youtube-Objects."""
    return read_object(file).shape


def label_size(file: Path) -> Size:
    """(H, W) of PASCAL-Context's labels."""
    try:
        return loadmat(file)["LabelMap"].shape
    except (MatReadError, zlib.error, KeyError, ValueError, TypeError, OSError, NotImplementedError) as error:
        raise InputError(f"{file} is damaged or cut short ({' '.join(str(error).split())[:100]})") from None


# ---------------------------------------------------------------------------------------------------- what is there


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
