"""The official folder layouts of DAVIS 2016 and 2017, as they are unpacked.

JPEGImages/480p/bear/00000.jpg      Annotations/480p/bear/00000.png      db_info.yml (attributes; may be absent)
ImageSets/480p/val.txt    2016: a line per frame, "/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png"
ImageSets/2017/val.txt    2017: a line per sequence, "bear"
ImageSets/my_list.txt     either, for lists of one's own
"""

from collections.abc import Iterator
from collections.abc import Sequence as Many
from pathlib import Path

import yaml

from vosbook.datasets.sequence import Sequence, VideoObject, taken
from vosbook.errors import InputError
from vosbook.video.frames import FrameFolder
from vosbook.video.labels import object_ids
from vosbook.video.masks import MaskFolder
from vosbook.words import some


class Davis:
    """The sequences of one list, each opened when it is asked for.

    `root` holds JPEGImages/, Annotations/ and ImageSets/; `split` is the list's name: "train", "val", or one of your
    own; `sequences` are those of it to take, all where it is None. InputError names a list that is missing, sequences
    that it does not list, and listed ones to take whose folders are missing.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        year: int = 2016,
        split: str = "val",
        resolution: str = "480p",
        sequences: Many[str] | None = None,
    ):
        if year not in (2016, 2017):
            raise ValueError(f"year must be 2016 or 2017, got {year}")
        self.root = Path(root)
        self.resolution = resolution
        path = _find_list(self.root, year, split, resolution)
        self.names = taken(read_names(path), sequences, path)
        self._check_folders(path)
        self._attributes = read_attributes(self.root)

    def _check_folders(self, path: Path) -> None:
        for kind in ("JPEGImages", "Annotations"):
            folder = self.root / kind / self.resolution
            if not folder.is_dir():
                raise InputError(f"{folder} is not a folder: JPEGImages and Annotations belong side by side")
            absent = [name for name in self.names if not (folder / name).is_dir()]
            if absent:
                raise InputError(
                    f"{folder} lacks {len(absent)} of the {len(self.names)} sequences to take from {path}: "
                    f"{some(absent)}; add them, or take those that are there"
                )

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> Sequence:
        """The sequence of this name. KeyError if it is not listed."""
        if name not in self.names:
            raise KeyError(name)
        return open_sequence(self.root, name, resolution=self.resolution, attributes=self._attributes.get(name, ()))

    def __iter__(self) -> Iterator[Sequence]:
        return (self[name] for name in self.names)


def open_sequence(
    root: str | Path, name: str, *, resolution: str = "480p", attributes: tuple[str, ...] = ()
) -> Sequence:
    """One sequence by its folders' name, listed or not. Its objects are the ids in the first frame's mask."""
    root = Path(root)
    frames = FrameFolder(root / "JPEGImages" / resolution / name)
    folder = root / "Annotations" / resolution / name
    masks = MaskFolder(folder, size=frames.size)
    first = frames.names[0]
    if first not in masks:
        raise InputError(f"{folder} has no mask {first}.png, so the objects are unknown: add it")
    objects = tuple(VideoObject(i, first) for i in object_ids(masks[first]))
    return Sequence(name, frames, masks, objects, attributes)


def _find_list(root: Path, year: int, split: str, resolution: str) -> Path:
    """A year's own list, else the user's."""
    official = root / "ImageSets" / ("2017" if year == 2017 else resolution) / f"{split}.txt"
    own = root / "ImageSets" / f"{split}.txt"
    for path in (official, own):
        if path.is_file():
            return path
    raise InputError(f"{official} does not exist, nor does {own}: check the data's folder and the split's name")


def read_names(path: str | Path) -> tuple[str, ...]:
    """Sequence names from a list of names, or of frames, in the order of first mention."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text file: give a list of sequences") from None
    fields = [line.split()[0] for line in lines if line.strip()]
    names = tuple(dict.fromkeys(Path(f).parent.name if "/" in f else f for f in fields))
    if not names:
        raise InputError(f"{path} lists no sequence: choose another split")
    return names


def read_attributes(root: str | Path) -> dict[str, tuple[str, ...]]:
    """Attribute tags by sequence, from db_info.yml; none where the file is absent."""
    path = Path(root) / "db_info.yml"
    if not path.is_file():
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {entry["name"]: tuple(entry["attributes"]) for entry in content["sequences"]}
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not DAVIS's list of sequences ({type(error).__name__}): copy it again") from error
