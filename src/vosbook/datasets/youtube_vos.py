"""The official folder layout of YouTube-VOS, 2018 and 2019, one split at a time.

    train/meta.json  train/JPEGImages/SEQ/00000.jpg, 00005.jpg, ...  train/Annotations/SEQ/00000.png, 00005.png, ...
    valid/, test/    the same, but Annotations hold, for every object, only the mask of the frame where it appears
    valid_all_frames/JPEGImages/SEQ/00000.jpg, 00001.jpg, ...        where unpacked

Videos have 30 frames a second, of which every 5th is annotated; names count all of them, and need not begin at 00000.
Both years have this layout; 2019 has more objects in `train` (6,459, not 5,945) and videos in `valid` (507, not 474).
`meta.json` is {"videos": {SEQ: {"objects": {"1": {"category": "dog", "frames": ["00000", "00005", ...]}}}}}. It names
an object's category, not whether that is a seen one: the seen categories are those of `train/meta.json`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from vosbook.datasets.sequence import Masks, Sequence, VideoObject
from vosbook.errors import InputError
from vosbook.video.frames import FrameFolder
from vosbook.video.labels import VOID
from vosbook.video.masks import MaskFolder

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class ListedObject:
    """What meta.json says of an object."""

    id: int  # 1..254
    category: str | None  # None where the file names none
    frames: tuple[str, ...]  # names, in order; not empty


class YouTubeVos:
    """The sequences of `root`/`split`, each opened when it is asked for.

    With `all_frames` their frames are those of `root`/`split`_all_frames, five times as many, and `Sequence.labels` is
    None between the annotated ones. InputError names what is missing, and what meta.json lists that is not there.
    """

    def __init__(self, root: str | Path, split: str = "train", *, all_frames: bool = False):
        self.folder = Path(root) / split
        self._images = (Path(root) / f"{split}_all_frames" if all_frames else self.folder) / "JPEGImages"
        self._listed = read_meta(self.folder / "meta.json")
        if all_frames and not self._images.is_dir():
            raise InputError(f"{self._images} is not a folder: unpack {split}_all_frames beside {split}")
        self.names = tuple(sorted(self._listed))
        self.categories = known_categories(self._listed)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> Sequence:
        """The sequence of this name. KeyError if meta.json does not list it."""
        listed = self._listed[name]
        frames = FrameFolder(self._images / name)
        masks = MaskFolder(self.folder / "Annotations" / name, size=frames.size)
        self._check_frames(name, frames.names)
        first = _first_frames(listed, masks)
        if missing := [o.id for o in listed if o.id not in first]:
            raise InputError(
                f"{self.folder / 'Annotations' / name} has no mask of object {missing[0]} in any frame that "
                f"{self.folder / 'meta.json'} lists for it: copy the folder again"
            )
        return Sequence(name, frames, masks, tuple(VideoObject(o.id, first[o.id], o.category) for o in listed))

    def __iter__(self) -> Iterator[Sequence]:
        return (self[name] for name in self.names)

    def _check_frames(self, name: str, there: tuple[str, ...]) -> None:
        for listed in self._listed[name]:
            if missing := sorted(set(listed.frames) - set(there)):
                raise InputError(
                    f"{self._images / name} has no frame {missing[0]}, which {self.folder / 'meta.json'} lists for "
                    f"object {listed.id}: copy the folder again"
                )


def open_sequence(root: str | Path, name: str, *, all_frames: bool = False) -> Sequence:
    """One video by its name, from the split that holds its masks. `all_frames`: see `YouTubeVos`.

    InputError names what is missing.
    """
    root = Path(root)
    for split in SPLITS:
        if (root / split / "Annotations" / name).is_dir():
            meta = root / split / "meta.json"
            videos = _split(root, split, all_frames, meta.stat().st_mtime_ns if meta.is_file() else 0)
            if name not in videos.names:
                raise InputError(f"{meta} does not list {name}, whose masks are there: copy it again")
            return videos[name]
    raise InputError(f"{root} has no Annotations/{name} in {', '.join(SPLITS)}: check the name, or unpack what lacks")


@lru_cache(maxsize=4)
def _split(root: Path, split: str, all_frames: bool, changed: int) -> YouTubeVos:
    """A split, whose meta.json, `changed` at that time, is read once: it takes a while, and videos are thousands."""
    return YouTubeVos(root, split, all_frames=all_frames)


def _first_frames(listed: tuple[ListedObject, ...], masks: Masks) -> dict[int, str]:
    """By object id, the first listed frame whose mask holds it.

    Not always the first that is listed: the official lists begin up to four frames early for some objects (six of them
    are named in pytracking's loader).
    """
    first: dict[int, str] = {}
    for frame in sorted({frame for o in listed for frame in o.frames}):
        waiting = [o.id for o in listed if o.id not in first and frame in o.frames]
        if waiting and frame in masks:
            labels = masks[frame]
            first |= {i: frame for i in waiting if (labels == i).any()}
    return first


# ------------------------------------------------------------------------------------------------------ meta.json


def read_meta(path: str | Path) -> dict[str, tuple[ListedObject, ...]]:
    """The objects of every video that a `meta.json` lists, by id. InputError where it is missing or says nonsense."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist: give the folder that holds train/ and valid/, as they are unpacked")
    try:
        videos = json.loads(path.read_text(encoding="utf-8"))["videos"]
        objects = {name: video["objects"] for name, video in videos.items()}
        return {name: _read_objects(entries, f"{path}, video {name}") for name, entries in objects.items()}
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = type(error).__name__
        raise InputError(f"{path} is not YouTube-VOS's list of videos ({problem}): copy it again") from error


def _read_objects(entries: Mapping[str, Mapping[str, Any]], where: str) -> tuple[ListedObject, ...]:
    """A video's objects. InputError begins with `where`."""
    objects = []
    for key, entry in entries.items():
        if not key.isdecimal() or not 0 < int(key) < VOID:
            raise InputError(f"{where} has an object {key!r}: an id is a number from 1 to 254, as in the masks")
        category, frames = entry.get("category"), entry["frames"]
        if category is not None and not (isinstance(category, str) and category.strip()):
            raise InputError(f"{where}, object {key}: the category is {category!r}, not a name: correct it")
        if not isinstance(frames, list) or not frames or not all(isinstance(frame, str) for frame in frames):
            raise InputError(f"{where}, object {key}: it has no list of frames: copy the file again")
        objects.append(ListedObject(int(key), category, tuple(sorted(frames))))
    return tuple(sorted(objects, key=lambda o: o.id))


def known_categories(videos: Mapping[str, tuple[ListedObject, ...]]) -> frozenset[str]:
    """All categories that the objects of `videos` have. Of `train` these are the seen ones."""
    return frozenset(o.category for objects in videos.values() for o in objects if o.category is not None)
