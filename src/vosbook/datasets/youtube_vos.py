"""The official folder layout of YouTube-VOS, one split at a time.

    train/meta.json    train/JPEGImages/SEQ/00000.jpg, 00005.jpg, ...    train/Annotations/SEQ/00000.png, 00005.png, ...

In valid/ the annotations hold, for every object, only the mask of the frame in which it first appears.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from vosbook.datasets.sequence import Sequence, VideoObject
from vosbook.errors import InputError
from vosbook.video import FrameFolder, MaskFolder


class YouTubeVos:
    """The sequences of `root`/`split`, each opened when it is asked for. InputError names what is missing."""

    def __init__(self, root: str | Path, split: str = "train"):
        self.folder = Path(root) / split
        self._videos = _read_meta(self.folder / "meta.json")
        self.names = tuple(sorted(self._videos))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> Sequence:
        """The sequence of this name. KeyError if meta.json does not list it."""
        objects = tuple(
            VideoObject(int(i), entry["frames"][0], entry["category"])
            for i, entry in sorted(self._videos[name]["objects"].items(), key=lambda item: int(item[0]))
        )
        frames = FrameFolder(self.folder / "JPEGImages" / name)
        return Sequence(name, frames, MaskFolder(self.folder / "Annotations" / name, size=frames.size), objects)

    def __iter__(self) -> Iterator[Sequence]:
        return (self[name] for name in self.names)


def _read_meta(path: Path) -> dict[str, dict]:
    if not path.is_file():
        raise InputError(f"{path} does not exist: give the folder that holds train/ and valid/")
    try:
        videos = json.loads(path.read_text(encoding="utf-8"))["videos"]
        for video in videos.values():
            for entry in video["objects"].values():
                _ = entry["category"], entry["frames"][0]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError, IndexError) as error:
        problem = type(error).__name__
        raise InputError(f"{path} is not YouTube-VOS's list of videos ({problem}): copy it again") from error
    return videos
